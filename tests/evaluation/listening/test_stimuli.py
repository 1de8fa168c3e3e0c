"""What is heard: equal levels, edges and bandwidths; anchors that keep the recommendations; marks that stay."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from scipy.signal import freqz

from gsv_lab import audio
from gsv_lab.audio.measures import band_limit
from gsv_lab.errors import AudioError, ConfigError
from gsv_lab.evaluation.listening.anchors import (
    LOW_PASS_HZ,
    LOW_PASS_STOP_HZ,
    MNRU_DB,
    filter_taps,
    low_anchor,
    low_pass,
    noisy_anchor,
    with_tones,
)
from gsv_lab.evaluation.listening.clips import read_clips
from gsv_lab.evaluation.listening.design import Source
from gsv_lab.evaluation.listening.stimuli import EDGE_SECONDS, LEVEL_DBFS, Stimuli, common_band
from listening_clips import RATE, folder_of_clips, voice


@pytest.fixture(scope="module")
def stimuli(tmp_path_factory: pytest.TempPathFactory) -> Stimuli:
    clips = read_clips(folder_of_clips(tmp_path_factory.mktemp("clips"), items=2))
    return Stimuli(clips, "natural", ("natural",))


def loud(samples: torch.Tensor) -> tuple[int, int]:
    """First and last sample that belong to the speech."""
    found = (samples.abs() > 0.01 * samples.abs().max()).nonzero()
    return int(found[0]), int(found[-1])


def test_levels_and_edges_are_equal(stimuli: Stimuli) -> None:
    assert stimuli.rate == RATE and stimuli.level == LEVEL_DBFS
    for system in ("natural", "ours", "theirs", "lp35", "mnru"):
        for item in ("item0", "item1"):
            samples = stimuli.sound(Source(item, system))
            first, last = loud(samples)
            assert audio.rms_dbfs(samples[first : last + 1]) == pytest.approx(LEVEL_DBFS, abs=0.6)
            assert first / RATE == pytest.approx(EDGE_SECONDS, abs=0.06)
            assert (len(samples) - 1 - last) / RATE == pytest.approx(EDGE_SECONDS, abs=0.06)


def test_a_peak_brings_all_down_by_as_much_and_a_click_is_refused(tmp_path: Path) -> None:
    folder = folder_of_clips(tmp_path / "clips", items=1, systems=("natural", "ours"))
    wave = voice(3)
    spiky = wave.copy()
    spiky[3000] = 2.2 * np.sqrt(np.mean(wave**2)) * 10 ** ((-LEVEL_DBFS - 1) / 20)
    soundfile.write(folder / "ours" / "item0.wav", spiky / np.abs(spiky).max(), RATE)
    made = Stimuli(read_clips(folder), "natural", ("natural",))
    assert LEVEL_DBFS - 6 < made.level < LEVEL_DBFS - 3
    first, last = loud(made.sound(Source("item0", "natural")))
    level = audio.rms_dbfs(made.sound(Source("item0", "natural"))[first:last])
    assert level == pytest.approx(made.level, abs=0.6)
    assert made.sound(Source("item0", "ours")).abs().max() <= 10 ** (-1 / 20) + 1e-6
    spiky[3000] *= 3
    soundfile.write(folder / "ours" / "item0.wav", spiky / np.abs(spiky).max(), RATE)
    with pytest.raises(AudioError, match="item0 of ours") as caught:
        Stimuli(read_clips(folder), "natural", ("natural",))
    assert caught.value.code == "LISTEN_LEVEL"


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """One system at 48 kHz, one whose 16 kHz files hold nothing above 3.4 kHz."""
    folder = folder_of_clips(tmp_path / "clips", items=1, systems=("natural",), rate=48000)
    (folder / "ours").mkdir()
    dull = low_pass(torch.from_numpy(voice(10).astype(np.float32)), RATE, 3000, 3400).numpy()
    soundfile.write(folder / "ours" / "item0.wav", dull, RATE, subtype="PCM_24")
    return folder


def test_bandwidths_are_brought_to_the_lowest_or_refused(mixed: Path) -> None:
    with pytest.warns(UserWarning, match="brought to the lowest"):
        made = Stimuli(read_clips(mixed), "natural", ("natural",))
    assert made.rate == RATE and 3000 < made.band < 3600
    for system in ("natural", "ours", "mnru"):
        assert band_limit(made.sound(Source("item0", system)), RATE) <= made.band + 100
    with pytest.raises(AudioError, match="ours reaches .* Hz and item0 of natural reaches") as caught:
        Stimuli(read_clips(mixed), "natural", ("natural",), "refuse")
    assert caught.value.code == "LISTEN_BANDWIDTH"
    with pytest.raises(AudioError, match="low pass of 3500 Hz changes nothing"):
        made.sound(Source("item0", "lp35"))
    with pytest.raises(ConfigError, match="lowest or refuse"):
        Stimuli(read_clips(mixed), "natural", ("natural",), "both")


def test_a_clip_without_fricatives_is_no_narrower_system() -> None:
    bands = {("a", "p"): 20000.0, ("b", "p"): 13000.0, ("a", "q"): 19000.0, ("b", "q"): 18500.0}
    assert common_band(bands, "refuse") == 19000
    with pytest.raises(AudioError, match="b of q reaches 3400 Hz"):
        common_band(bands | {("b", "q"): 3400.0}, "refuse")


@pytest.mark.parametrize("rate", [16000, 24000, 44100, 48000])
def test_the_low_anchor_keeps_the_recommendation(rate: int) -> None:
    frequencies = np.linspace(50, rate / 2 - 1, 4000)
    _, response = freqz(filter_taps(rate, LOW_PASS_HZ, LOW_PASS_STOP_HZ), worN=frequencies, fs=rate)
    level = 20 * np.log10(np.abs(response) + 1e-12)
    assert np.abs(level[frequencies <= 3500]).max() < 0.1
    assert level[frequencies >= 4000].max() < -25 and level[frequencies >= 4500].max() < -50
    impulse = torch.zeros(2 * rate // 10)
    impulse[rate // 10] = 1
    assert int(low_anchor(impulse, rate, rate / 2).argmax()) == rate // 10, "no delay"


def test_the_modulated_noise_has_its_ratio() -> None:
    speech = torch.from_numpy(voice(1, seconds=4.0).astype(np.float32))
    noise = noisy_anchor(speech, 1) - speech
    ratio = 10 * torch.log10(speech.square().sum() / noise.square().sum())
    assert float(ratio) == pytest.approx(MNRU_DB, abs=0.2)
    quiet = speech.abs() < 1e-4
    assert noise[quiet].abs().max() < 1e-3, "it follows the speech"
    assert torch.equal(noisy_anchor(speech, 1), noisy_anchor(speech, 1))
    assert not torch.equal(noisy_anchor(speech, 1), noisy_anchor(speech, 2))


@pytest.mark.parametrize("count", [1, 4, 7])
def test_tones_can_be_counted(count: int) -> None:
    speech = torch.from_numpy(voice(1, seconds=2.0).astype(np.float32))
    samples = with_tones(speech, RATE, count)
    tail = samples[len(speech) // 2 :]
    frames = tail[: len(tail) // 160 * 160].view(-1, 160).square().mean(dim=1) > 1e-4 * samples.square().max()
    assert int((frames[1:] & ~frames[:-1]).sum()) == count
    spectrum = torch.fft.rfft(tail).abs()
    assert float(spectrum.argmax()) * RATE / len(tail) == pytest.approx(1000, abs=5)


def test_synthetic_stimuli_keep_a_mark_that_says_nothing_else(stimuli: Stimuli, tmp_path: Path) -> None:
    for system, synthetic in (("natural", False), ("ours", True), ("lp35", False)):
        path = tmp_path / "s.flac"
        path.write_bytes(stimuli.encoded(Source("item0", system), ".flac")[0])
        mark = audio.read_mark(path)
        assert (mark is not None) == synthetic
        assert mark is None or "ours" not in mark.to_json()


def test_a_marked_clip_is_no_recording_and_silence_no_clip(tmp_path: Path) -> None:
    folder = folder_of_clips(tmp_path / "clips", items=1, systems=("natural", "ours"))
    wave = torch.from_numpy(voice(1).astype(np.float32))
    audio.write(folder / "natural" / "item0.wav", wave, RATE, audio.Mark("nano", "anna"))
    with pytest.raises(AudioError, match="carries the mark of synthetic speech"):
        Stimuli(read_clips(folder), "natural", ("natural",))
    audio.write(folder / "natural" / "item0.wav", torch.zeros(RATE), RATE)
    with pytest.raises(AudioError, match="nothing to hear in 'item0.wav'"):
        Stimuli(read_clips(folder), "natural", ("natural",))
    (folder / "natural" / "item0.wav").write_bytes(b"no sound")
    with pytest.raises(AudioError, match="item0.wav"):
        Stimuli(read_clips(folder), "natural", ("natural",))


def test_noise_that_is_no_speech_can_be_rated(tmp_path: Path) -> None:
    folder = folder_of_clips(tmp_path / "clips", items=1, systems=("natural", "ours"))
    noise = np.random.default_rng(0).normal(0, 0.05, RATE)
    soundfile.write(folder / "ours" / "item0.wav", noise, RATE)
    made = Stimuli(read_clips(folder), "natural", ("natural",))
    assert made.sound(Source("item0", "ours")).numel() / RATE == pytest.approx(1.4, abs=0.01)
