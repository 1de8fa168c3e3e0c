"""Voice activity, slices, quality and the best reference: on signals with known answers, and on real speech."""

from __future__ import annotations

import math

import pytest
import torch

from gsv_lab import audio
from gsv_lab.audio.measures import (
    band_limit,
    clipped_share,
    quality,
    quiet_share,
    require_speech,
    signal_to_noise,
    spoken,
)
from gsv_lab.audio.noise import denoise
from gsv_lab.audio.reference import best_reference, reference
from gsv_lab.audio.slices import slice_speech, speech_seconds
from gsv_lab.audio.voice_activity import Span, _hysteresis, speech_probability, speech_spans
from gsv_lab.errors import AudioError

RATE = 16_000


def noise(seconds: float, level: float, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(round(seconds * RATE), generator=generator) * 10 ** (level / 20)


def spans_of(*seconds: tuple[float, float]) -> list[Span]:
    return [Span(round(a * RATE), round(b * RATE)) for a, b in seconds]


# Slices: spans in, spans out; the samples only matter where a long span is split.


def test_short_neighbours_are_joined_and_singles_kept():
    spans = spans_of((1, 2.5), (2.9, 4.4), (9, 10.2), (15, 15.3), (20, 26), (26.3, 31))
    got = [(a / RATE, b / RATE) for a, b in slice_speech(torch.zeros(40 * RATE), RATE, spans)]
    want = [(0.85, 4.55), (8.85, 10.35), (19.85, 26.15), (26.15, 31.15)]
    assert got == [pytest.approx(pair, abs=0.01) for pair in want]


def test_margins_never_pass_the_middle_of_a_gap_or_the_ends():
    got = slice_speech(torch.zeros(9 * RATE), RATE, spans_of((0.05, 4), (4.1, 8.95)))
    assert got == spans_of((0, 4.05), (4.05, 9))


def test_long_span_is_cut_at_its_quietest_moment():
    samples = noise(16, -20)
    samples[round(8.7 * RATE) : round(8.8 * RATE)] *= 0.01
    got = slice_speech(samples, RATE, spans_of((0, 16)))
    assert len(got) == 2 and got[0].end / RATE == pytest.approx(8.75, abs=0.06)


@pytest.mark.parametrize("length", [10.5, 25, 61, 300])
def test_slices_of_endless_speech_stay_within_bounds(length):
    got = slice_speech(noise(length, -20), RATE, spans_of((0, length)))
    assert all(2.8 <= span.length / RATE <= 10 for span in got)
    assert sum(span.length for span in got) == pytest.approx(length * RATE, rel=0.01)


def test_seconds_of_speech_count_short_pauses():
    spans = spans_of((0, 1), (1.4, 2), (4, 5))
    assert speech_seconds(spans, RATE) == pytest.approx(3.0)
    assert speech_seconds([], RATE) == 0


def test_two_thresholds_and_patience():
    values = [0.1, 0.6, 0.4, 0.2, 0.4, 0.1, 0.1, 0.1, 0.4, 0.9]
    assert _hysteresis(values, 0.5, 0.35, 3) == [(1, 5), (9, 10)]


# Quality: each measure against a signal made to have it.


@pytest.mark.parametrize("ratio", [5.0, 15.0, 25.0, 35.0])
def test_noise_estimate(ratio):
    bursts = torch.cat([torch.cat((noise(1, -20, n), torch.zeros(RATE))) for n in range(5)])
    got = signal_to_noise(bursts + noise(10, -20 - ratio, 99), RATE)
    assert got == pytest.approx(ratio, abs=2.0)


def test_noise_estimate_does_not_trust_digital_silence():
    bursts = torch.cat([torch.cat((noise(1, -20, n), noise(0.5, -40, n), torch.zeros(RATE))) for n in range(5)])
    assert signal_to_noise(bursts, RATE) == pytest.approx(20, abs=3)


def sine(level: float, hertz: float = 220.0, seconds: float = 2.0) -> torch.Tensor:
    return level * torch.sin(2 * math.pi * hertz * torch.arange(round(seconds * RATE)) / RATE)


def test_clipping_counts_flat_tops_even_when_turned_down():
    assert clipped_share(sine(0.9)) < 0.01
    clipped = sine(2.0).clamp(-1, 1)
    share = float((clipped.abs() == 1).float().mean())
    assert clipped_share(clipped) == pytest.approx(share, rel=0.05)
    assert clipped_share(clipped * 0.3) == pytest.approx(share, rel=0.05)
    assert clipped_share(torch.zeros(1000)) == 0


def test_full_scale_on_alternating_sides_is_no_flat_top():
    loud = torch.tensor([1.0, -1.0, 1.0, 1.0, -1.0, -1.0]).repeat(100)
    assert clipped_share(loud) == 0
    assert clipped_share(loud.abs()) == 1


@pytest.mark.parametrize("edge", [3400, 6000, None])
def test_band(edge):
    wave = noise(4, -20)
    if edge:
        spectrum = torch.fft.rfft(wave)
        spectrum[torch.arange(spectrum.numel()) * RATE / wave.numel() > edge] = 0
        wave = torch.fft.irfft(spectrum, n=wave.numel())
    assert band_limit(wave, RATE) == pytest.approx(edge or 8000, abs=250)


def test_quality_of_the_whole_with_warnings_and_offset():
    wave = torch.cat((noise(2, -20), torch.zeros(2 * RATE))) + 0.05
    got = quality(wave, RATE, spans_of((0, 2)), phones=["a", "b", "a", "x"], inventory=["a", "b", "c", "d"])
    assert got.silence == pytest.approx(0.5) and got.dc_offset == pytest.approx(0.05, abs=0.001)
    assert got.phone_coverage == 0.5
    assert got.peak == pytest.approx(audio.peak_dbfs(wave))
    assert quality(torch.zeros(RATE), RATE, []).to_dict()["level"] is None


@pytest.mark.parametrize(
    ("code", "wave", "spans"),
    [
        ("AUDIO_SILENT", torch.zeros(10 * RATE), []),
        ("AUDIO_SILENT", torch.cat((noise(0.4, -20), torch.zeros(10 * RATE))), spans_of((0, 0.4))),
        ("AUDIO_CLIPPED", (noise(10, -3) * 2).clamp(-1, 1), spans_of((0, 10))),
        ("REF_LENGTH", noise(10, -20), spans_of((1, 3.9))),
        ("REF_LENGTH", noise(10, -20), []),
    ],
)
def test_unusable_material(code, wave, spans):
    with pytest.raises(AudioError) as caught:
        require_speech("x.wav", wave, RATE, spans)
    assert caught.value.code == code and "x.wav" in str(caught.value)


def test_three_seconds_in_a_minute_of_silence_are_enough():
    wave = torch.cat((noise(3.1, -20), torch.zeros(100 * RATE)))
    assert quiet_share(wave, RATE) > 0.95
    require_speech("x.wav", wave, RATE, spans_of((0, 3.1)))


def test_denoise_lowers_steady_noise_and_keeps_the_tone():
    tone = torch.cat((torch.zeros(RATE), sine(0.2, 800), torch.zeros(RATE)))
    noisy = tone + noise(4, -40)
    got = denoise(noisy, RATE)
    assert got.shape == noisy.shape
    assert audio.rms_dbfs(got[: RATE // 2]) < audio.rms_dbfs(noisy[: RATE // 2]) - 9
    middle = slice(round(1.2 * RATE), round(2.8 * RATE))
    assert audio.rms_dbfs((got - tone)[middle]) < audio.rms_dbfs(tone[middle]) - 15


def test_denoise_of_silence_is_silence():
    assert denoise(torch.zeros(2 * RATE), RATE).abs().max() == 0


# Real speech.


def test_speech_is_found_and_noise_is_not(reading):
    samples, rate, _, places = reading
    spans = speech_spans(samples, rate)
    inside = torch.zeros(samples.numel(), dtype=torch.bool)
    for start, end in places:
        inside[round(start * rate) : round(end * rate)] = True
    found = spoken(spans, samples.numel())
    assert float(found[inside].float().mean()) > 0.85
    assert float(found[~inside].float().mean()) < 0.1
    assert speech_spans(noise(10, -20), RATE) == []
    assert speech_spans(sine(0.3, 440, 5), RATE) == []
    assert speech_spans(torch.zeros(RATE), RATE) == []


def test_quiet_speech_is_found_too(reading):
    samples, rate, _, _ = reading
    part = samples[: 10 * rate]
    assert speech_spans(part * 0.01, rate) == speech_spans(part, rate)


def test_lanes_give_what_one_pass_gives(reading):
    samples, rate, _, _ = reading
    wave = audio.resample(samples, rate, RATE)
    together = speech_probability(wave)
    import gsv_lab.audio.voice_activity as detector

    lane, detector._LANE = detector._LANE, 10**6
    try:
        alone = speech_probability(wave)
    finally:
        detector._LANE = lane
    assert together.shape == alone.shape and wave.numel() > 20 * RATE
    assert float(((together > 0.5) != (alone > 0.5)).float().mean()) < 0.02


def test_the_package_that_sets_thread_counts_is_not_imported():
    import sys

    speech_probability(torch.zeros(RATE))
    assert "silero_vad" not in sys.modules


def test_best_reference_of_a_long_recording(reading, tmp_path):
    samples, rate, _, places = reading
    bad = samples.clone()
    first_end = round(places[1][1] * rate)  # the first two clips get noise; the choice must lie behind them
    bad[:first_end] += torch.randn(first_end, generator=torch.Generator().manual_seed(0)) * 0.05
    path = audio.write(tmp_path / "long.wav", bad, rate)
    (span,), why, complete = best_reference(audio.read(path))
    assert not complete
    assert 3 <= span.length / rate <= 10
    assert span.start / rate > places[1][1] - 0.2
    assert "long.wav" in why and f"{span.start / rate:.2f}" in why
    clip = reference(path, RATE)
    assert clip.sample_rate == RATE and 3 <= clip.end - clip.start <= 10
    assert any(warning.startswith("REF_LONG") for warning in clip.warnings)
    assert clip.samples.numel() == pytest.approx((clip.end - clip.start) * RATE, abs=40)


def test_short_clip_is_taken_whole_and_levelled(shared):
    clip = reference(shared / "speech/vctk_mini/p226/p226_005.flac", RATE)
    assert clip.why == "" and clip.start == 0 and clip.quality.band_hz > 8000
    spans = speech_spans(clip.samples, RATE)
    level, peak = audio.rms_dbfs(clip.samples, spoken(spans, clip.samples.numel())), audio.peak_dbfs(clip.samples)
    assert level == pytest.approx(-18, abs=1) or peak == pytest.approx(-1, abs=0.3)


def test_telephone_warning_on_real_speech(shared, tmp_path):
    path = shared / "speech/vctk_mini/p226/p226_005.flac"
    wide = audio.read(path, 8000)
    narrow = audio.write(tmp_path / "phone.wav", audio.resample(wide.samples, 8000, 48_000), 48_000)
    assert any(warning.startswith("AUDIO_BANDLIMITED") for warning in reference(narrow).warnings)
    assert not any(warning.startswith("AUDIO_BANDLIMITED") for warning in reference(path).warnings)


def test_noisy_warning_on_real_speech(shared, tmp_path):
    speech = audio.read(shared / "speech/vctk_mini/p226/p226_005.flac", RATE).samples
    level = audio.rms_dbfs(speech)
    hiss = noise(speech.numel() / RATE + 1, level - 3)[: speech.numel()]
    noisy = audio.write(tmp_path / "noisy.wav", speech + hiss, RATE)
    assert any(warning.startswith("AUDIO_NOISY") for warning in reference(noisy).warnings)


def test_under_three_seconds_of_speech(shared, tmp_path):
    speech = audio.read(shared / "speech/vctk_mini/p226/p226_005.flac", RATE).samples
    start = speech_spans(speech, RATE)[0].start
    short = torch.cat((speech[start : start + round(2.8 * RATE)], torch.zeros(4 * RATE)))
    with pytest.raises(AudioError) as caught:
        reference(audio.write(tmp_path / "short.wav", short, RATE))
    assert caught.value.code == "REF_LENGTH" and "s of speech" in str(caught.value)


def test_halting_speech_far_apart():
    wave = noise(120, -20)
    apart = [span for n in range(13) for span in spans_of((n * 9, n * 9 + 0.9))]
    with pytest.raises(AudioError, match="scattered") as caught:
        best_reference(audio.Recording(wave, RATE, RATE), apart)
    assert caught.value.code == "REF_LENGTH"
    closer = [span for n in range(40) for span in spans_of((n * 2.2, n * 2.2 + 0.9))]
    (span,), why, complete = best_reference(audio.Recording(wave, RATE, RATE), closer)
    assert 7 < span.length / RATE <= 10 and why and not complete
