"""The measures of notebook 10 on sounds whose answer is known, its material, its word results and its explorer."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from gsv_lab import audio
from gsv_lab.errors import LabError
from gsv_lab.evaluation.measures import Job, cepstral, quality, similarity
from gsv_lab.evaluation.measures.prosody import dtw
from gsv_lab.evaluation.statistics import intervals
from gsv_lab.inference.lab import Lab
from gsv_lab.system.files import csv_of
from gsv_lab.teaching.exercises import judging, measuring, metrics, word_results
from gsv_lab.teaching.exercises.material import shipped_sample
from gsv_lab.teaching.widgets.metrics import ABSENT, WAITING, MetricExplorer

RATE = metrics.RATE


@pytest.fixture(scope="module")
def wave() -> torch.Tensor:
    """Two seconds of the shipped sample."""
    return shipped_sample().wave[2000 : 2000 + 2 * RATE]


class Loudness:
    """A stand-in for a verifier: the levels of three thirds of the band."""

    name = identity = "levels"
    seconds = 6.0

    def embed(self, wave: np.ndarray) -> np.ndarray:
        parts = np.array_split(np.abs(np.fft.rfft(wave)), 3)
        return similarity.unit(np.array([np.linalg.norm(part) for part in parts]))


def test_copies_differ_by_what_was_asked_for_and_nothing_else(wave: torch.Tensor) -> None:
    assert torch.equal(metrics.changed(wave), wave)
    late = metrics.changed(wave, delay=20.0)
    assert late.shape == wave.shape and torch.equal(late[320:], wave[:-320]) and not late[:320].any()
    torch.testing.assert_close(metrics.changed(wave, gain=-20.0), wave / 10)
    noisy = metrics.changed(wave, noise=10.0)
    assert 10 * math.log10(wave.square().mean() / (noisy - wave).square().mean()) == pytest.approx(10, abs=0.1)
    assert torch.equal(noisy, metrics.changed(wave, noise=10.0))
    spectrum = torch.fft.rfft(metrics.changed(wave, band=2.0)).abs()
    edge = round(2000 * wave.numel() / RATE)
    assert spectrum[edge + 2 :].max() < 1e-3 * spectrum.max() and spectrum[:edge].max() == spectrum.max()
    assert torch.equal(metrics.changed(wave, seconds=0.5), wave[: RATE // 2])


def test_a_copy_may_be_shorter_or_longer_than_its_original(wave: torch.Tensor) -> None:
    perfect = {"SSIM": 1.0, "SI-SNR": 100.0, "MCD": 0.0}
    short = metrics.measured(wave[:RATE], wave, wave, Loudness())
    assert {name: short[name] for name in perfect} == pytest.approx(perfect)
    long = metrics.measured(torch.cat([wave, wave]), wave, wave, Loudness())
    assert long["SI-SNR"] == pytest.approx(100) and long["MCD"] > 1  # the path has to go to the end of both


def test_structural_similarity_sees_places(wave: torch.Tensor) -> None:
    image = metrics.mel_image(wave)
    assert image.shape == (80, 200) and metrics.ssim(image, image) == pytest.approx(1)
    assert metrics.ssim(image, metrics.mel_image(metrics.changed(wave, delay=80))) < 0.6
    flat = torch.full((80, 50), -30.0)
    # Only the middles differ: eq. 13 leaves its first factor.
    other, small = flat + 10, 0.8**2
    assert metrics.ssim(flat, other) == pytest.approx((2 * 30 * 20 + small) / (30**2 + 20**2 + small))


def test_mel_cepstral_distortion_of_a_known_filter(wave: torch.Tensor) -> None:
    cepstra = metrics.cepstra(wave)
    assert cepstra.shape == (200, 14)
    np.testing.assert_allclose(cepstra[:, 1:], cepstral.mel_cepstra(wave.numpy()))
    louder = metrics.cepstra(2 * wave)
    assert np.median(louder[:, 0] - cepstra[:, 0]) == pytest.approx(2 * math.log(2), abs=1e-3)
    straight = np.repeat(np.arange(200)[:, None], 2, axis=1)
    assert metrics.distortion(cepstra, cepstra, straight) == 0 and metrics.mcd(wave, wave) == 0
    assert metrics.mcd(wave, 0.5 * wave) < 0.1  # a gain moves c0 only, but for the floor
    # A ripple of 1 dB over the mel axis has a root mean square of 1 / sqrt(2) dB, and so has its distortion.
    moved = cepstra.copy()
    moved[:, 3] += math.log(10) / 20
    assert metrics.distortion(cepstra, moved, straight) == pytest.approx(1 / math.sqrt(2))
    late = metrics.changed(wave, delay=50)
    theirs = cepstral.distortion(cepstra[:, 1:], metrics.cepstra(late)[:, 1:])
    assert metrics.mcd(wave, late) == pytest.approx(theirs) and theirs < 0.5 < metrics.distortion(
        cepstra, metrics.cepstra(late), straight
    )


def test_the_path_is_the_one_of_the_evaluation() -> None:
    cost = np.random.default_rng(2).uniform(0.1, 1, (30, 40))
    mine, theirs = np.array(metrics.cheapest_path(metrics.summed(cost))), dtw(cost)
    assert mine.tolist() == theirs.tolist()
    assert metrics.summed(cost)[-1, -1] == pytest.approx(cost[tuple(mine.T)].sum())


def test_intervals_are_those_of_the_evaluation() -> None:
    random = np.random.default_rng(3)
    values, speaker = random.normal(size=20), np.array([*"aaaaaabbbcccccddddee"])
    wanted = intervals.interval(values, speaker.tolist())
    assert metrics.interval(values, speaker) == pytest.approx((wanted.low, wanted.high))
    names = [f"clip{number}" for number in range(20)]
    first, second = dict(zip(names, values, strict=True)), dict(zip(names[2:], random.normal(size=18), strict=True))
    found = metrics.advantage(first, second, dict(zip(names, speaker, strict=True)))
    common = intervals.difference([second[n] for n in names[2:]], values[2:].tolist(), speaker[2:].tolist())
    assert found == pytest.approx((common.value, common.low, common.high))


def test_the_sample_at_several_speeds_stands_in_for_voices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GSV_LAB_SPEECH", raising=False)
    voices = judging.voice_clips()
    assert "sample" in voices.source and len(voices.clips) == 20
    assert {len(clip.wave) for clip in voices.clips} == {6 * RATE}
    assert {clip.speaker for clip in voices.clips if clip.path} == {"speed 1"}


def _speech(folder: Path, speakers: str, seconds: float) -> None:
    rows = []
    for number, speaker in enumerate(speakers):
        tone = torch.sin(torch.arange(round(seconds * RATE)) * (0.05 + 0.01 * number))
        audio.write(folder / f"{number}.wav", 0.3 * tone, RATE)
        rows.append(f"{number}.wav|{speaker}|en|hello there")
    header = "path|speaker|language|text"
    (folder / "metadata.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")


def test_a_corpus_of_the_reader_is_judged_where_it_has_voices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GSV_LAB_SPEECH", str(tmp_path))
    _speech(tmp_path, "aabbbc", 6.5)
    found = judging.voice_clips()
    assert [clip.speaker for clip in found.clips] == [*"aabbb"] and "5 recordings of 2 speakers" in found.source
    assert found.clips[0].path == tmp_path / "0.wav"
    for speakers, seconds in (("aaaa", 6.5), ("aabb", 5.0)):
        _speech(tmp_path, speakers, seconds)
        assert "no two speakers" in judging.voice_clips().source
    (tmp_path / "metadata.csv").write_text("what|is\nthis\n", encoding="utf-8")
    assert "GSV_LAB_SPEECH does not serve here (DATA_ROW)" in judging.voice_clips().source


def test_pairs_are_of_one_voice_or_of_two() -> None:
    random = np.random.default_rng(0)
    clips = [judging.VoiceClip(name, random.normal(size=RATE).astype(np.float32)) for name in "aabbc"]
    found = judging.cosines(Loudness(), clips, 0.5)
    assert len(found.same) == 2 and len(found.different) == 8 and 0 <= found.rate <= 1


def test_the_clone_stands_between_others_and_the_recording(wave: torch.Tensor, lab: Lab) -> None:
    pair = judging.beside(lab, shipped_sample())
    sample = shipped_sample().wave
    size = pair.natural.numel()
    assert torch.equal(pair.natural, sample[:size]) and torch.equal(pair.reference, sample[size:])
    assert pair.mark == shipped_sample().mark and pair.made.wave.numel()
    clips = [judging.VoiceClip("me", wave.numpy(), pair.path), judging.VoiceClip("other", -wave.numpy())]
    asked: list[tuple[float, float, float]] = []
    rows = judging.standing(pair, clips, Loudness(), lambda *scores: asked.append(scores) or 0.0)  # type: ignore[func-returns-value]
    (_, floor, ceiling) = asked[0]
    size = min(len(x) for x in (pair.natural, pair.reference, pair.made.wave))
    own = Loudness().embed(pair.reference[: min(size, 6 * RATE)].numpy())
    assert floor == pytest.approx(
        float(own @ Loudness().embed(wave.numpy()[:size]))
    )  # the speaker's own clip is left out
    assert ceiling == rows[2]["cosine with the reference, %.1f s each" % (min(size, 6 * RATE) / RATE)]


def test_systems_differ_on_the_same_clips_and_hardly_between_voices() -> None:
    sample = shipped_sample().wave.numpy()
    clips = [judging.VoiceClip("abc"[n // 2], sample[n * 2 * RATE : (n + 1) * 2 * RATE]) for n in range(6)]
    found = judging.copied(clips)
    assert set(found.values) == {"A", "B", "C"} and found.values["A"].shape == (6,)
    rows = judging.intervals(found, metrics.interval)
    assert [*rows][:2] == ["A, by speakers", "A, by clips"] and "B − A, by speakers" in rows
    value, low, high = rows["B − A, by clips"]
    off = found.values["B"] - found.values["A"]
    assert value == pytest.approx(off.mean()) and low < value < high
    labels = [label.get_text() for label in judging.intervals_figure(found, metrics.interval).axes[0].get_yticklabels()]
    assert f"B − A, by clips: {value:.2f} [{low:.2f}, {high:.2f}]" in labels and len(labels) == 10


def test_word_results_are_complete_and_as_they_were_counted() -> None:
    rows = word_results.load_words()
    assert csv_of(word_results.WordRow, rows) == (word_results.RESULTS / word_results.FILE).read_bytes()
    for name in word_results.RECOGNISERS:
        assert len(word_results.counts(rows, word_results.SAMPLE, name)[0]) == 5
        assert len(word_results.counts(rows, word_results.MADE, name)[0]) == 15
    for row in rows:
        assert row.units == len(row.expected.split()) and abs(len(row.recognised.split()) - row.units) <= row.errors
        assert (row.errors == 0) == (row.expected == row.recognised)
    table = word_results.by_recogniser(rows, lambda *columns: columns[1].sum())
    words = {row["nano retains"] for row in table}
    assert len(words) == 1  # each recogniser heard the same words
    assert [row["counted in"] for row in word_results.mandarin(rows)] == ["characters", "syllables without tone"]
    assert [row["who"] for row in word_results.written(rows, "en1")][1:] == [
        f"{n}, words" for n in word_results.RECOGNISERS
    ]
    assert word_results.written(rows, "zh1") and word_results.written(rows, "nothing") == []


def test_ears_of_this_machine_are_asked_where_it_has_some(
    wave: torch.Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GSV_LAB_WHISPER", raising=False)
    assert "not set up" in word_results.own_ears(wave)
    monkeypatch.setenv("GSV_LAB_WHISPER", str(tmp_path))
    assert "CKPT_MISSING" in word_results.own_ears(wave)


def test_the_explorer_measures_what_it_plays(wave: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    explorer = MetricExplorer(wave, wave.flip(0), Loudness())
    page = explorer.view.children[-1].value
    assert page.count("<audio") == 1 and "<audio" in explorer.view.children[1].value
    assert page.count(WAITING) == 4 and "<b>100.00</b>" in page
    assert set(explorer.ranges()) == {"delay", "gain", "noise", "band", "seconds"}
    explorer.set(delay=20.0)
    late = explorer.values({"delay": 20.0})
    assert f"<b>{late['SI-SNR']:.2f}</b>" in explorer.output.value and explorer.output.value != page
    assert measuring.fooled.card("SI-SNR", {"delay": 20}, explorer).passed
    assert "agree" in measuring.fooled.card("MCD", {"delay": 20}, explorer).message
    assert "agree" in measuring.fooled.card("SI-SNR", {"noise": 0}, explorer).message
    assert measuring.fooled.card("MCD", {"gain": -20}, explorer).passed
    explorer.set(delay=0.0, seconds=1.0)
    assert explorer.values({"seconds": 1.0})["SSIM"] == pytest.approx(1)

    def absent(*_: object) -> None:
        raise LabError("EXTRA_MISSING", "no such package", "the extra")

    monkeypatch.setattr(similarity.GE2E, "__init__", absent)
    monkeypatch.setattr(quality.Dnsmos, "__init__", absent)
    explorer.set(others=True)
    assert explorer.output.value.count(ABSENT) == 4 and WAITING not in explorer.output.value


def test_the_explorer_asks_judges_that_are_installed(wave: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    class Judge:
        def embed(self, wave: np.ndarray) -> np.ndarray:
            return np.array([0.6, 0.8])

        def __call__(self, wave: np.ndarray, job: Job) -> dict[str, float]:
            assert job.recording.samples.numel() == len(wave)
            return {"dnsmos": 2.5}

    monkeypatch.setattr("gsv_lab.teaching.widgets.metrics.GE2E", Judge)
    monkeypatch.setattr("gsv_lab.teaching.widgets.metrics.Dnsmos", Judge)
    explorer = MetricExplorer(wave, wave, Loudness())
    explorer.set(others=True)
    assert "<b>1.00</b>" in explorer.output.value and explorer.output.value.count("2.50") == 2
