"""The synthetic corpus: what it says about itself can be measured in the sound."""

from __future__ import annotations

import numpy as np
import pytest

from gsv_lab.corpora.synthetic import FRAME_RATE, PHONES, SAMPLE_RATE, Speaker, SyntheticClip, SyntheticCorpus


def measured_pitch(wave: np.ndarray, at: float) -> float:
    """F0 in Hz around a time, from the best autocorrelation lag between 70 and 400 Hz."""
    middle = int(at * SAMPLE_RATE)
    piece = wave[middle - 480 : middle + 480].astype(np.float64) * np.hanning(960)
    correlation = np.fft.irfft(np.abs(np.fft.rfft(piece, 2048)) ** 2)[:480]
    envelope = np.fft.irfft(np.abs(np.fft.rfft(np.hanning(960), 2048)) ** 2)[:480]
    ratio = correlation / envelope / (correlation[0] / envelope[0])
    shortest = SAMPLE_RATE // 400
    lags = np.arange(shortest, SAMPLE_RATE // 70)
    # The first lag that is nearly as good as the best: later ones are multiples of the period.
    good = lags[ratio[lags] > 0.9 * ratio[lags].max()]
    top = good[0]
    while ratio[top + 1] > ratio[top]:
        top += 1
    return SAMPLE_RATE / top


def spectrum(clip: SyntheticClip, phone: str) -> np.ndarray:
    """Mean power spectrum (257,) over the middles of one phone."""
    pieces = []
    for name, start, end in zip(clip.phones, clip.start, clip.end, strict=True):
        if name == phone:
            middle = int((start + end) / 2 * SAMPLE_RATE)
            pieces.append(np.abs(np.fft.rfft(clip.wave[middle - 256 : middle + 256] * np.hanning(512))) ** 2)
    return np.mean(pieces, axis=0)


def test_same_seed_same_samples_in_any_order() -> None:
    corpus, again = SyntheticCorpus(3, 5, seed=7), SyntheticCorpus(3, 5, seed=7)
    backwards = [again[i] for i in reversed(range(5))][::-1]
    for a, b in zip(corpus, backwards, strict=True):
        np.testing.assert_array_equal(a.wave, b.wave)
        assert a.phones == b.phones and a.name == b.name
    assert not np.array_equal(SyntheticCorpus(3, 5, seed=8)[0].wave[:1000], corpus[0].wave[:1000])


def test_clips_have_the_promised_shapes() -> None:
    corpus = SyntheticCorpus(4, 10, seed=0)
    assert len(corpus) == 10 and len(corpus.speakers) == 4
    for clip in corpus:
        assert clip.wave.dtype == np.float32 and clip.wave.ndim == 1 and np.abs(clip.wave).max() < 1
        assert set(clip.phones) <= set(PHONES) and len(clip.phones) == len(clip.start) == len(clip.end) == len(clip.ids)
        assert (clip.end > clip.start).all() and (clip.start[1:] >= clip.end[:-1] - 1e-9).all()
        assert clip.start[0] > 0.1 and clip.end[-1] < len(clip.wave) / SAMPLE_RATE
        assert len(clip.f0) == len(clip.prosody) == len(clip.wave) * FRAME_RATE / SAMPLE_RATE
        assert all(a != b for a, b in zip(clip.phones, clip.phones[1:], strict=False))
    with pytest.raises(IndexError):
        corpus[10]
    with pytest.raises(ValueError, match="need speakers"):
        SyntheticCorpus(0, 1)


def test_labels_follow_the_times() -> None:
    clip = SyntheticCorpus(2, 2, seed=1)[1]
    labels = clip.labels(50.0)
    assert len(labels) == len(clip.wave) // 320
    for i in range(len(labels)):
        time = (i + 0.5) / 50
        inside = [k for k, (a, b) in enumerate(zip(clip.start, clip.end, strict=True)) if a <= time < b]
        assert labels[i] == (clip.ids[inside[0]] if inside else 0)


def test_speaker_factors_are_independent_and_spread() -> None:
    speakers = SyntheticCorpus(64, 1, seed=0).speakers
    factors = np.array([[np.log(s.pitch), s.tract, s.breath] for s in speakers])
    correlation = np.corrcoef(factors.T)
    assert np.abs(correlation[np.triu_indices(3, 1)]).max() < 0.3
    assert min(s.pitch for s in speakers) < 105 and max(s.pitch for s in speakers) > 210
    assert min(s.tract for s in speakers) < 0.85 and max(s.tract for s in speakers) > 1.08


def test_the_measured_pitch_is_the_stated_one() -> None:
    for clip in SyntheticCorpus(6, 6, seed=2):
        errors = []
        for phone, start, end in zip(clip.phones, clip.start, clip.end, strict=True):
            if phone in ("AA", "EH", "AE", "AH", "ER", "IY", "UW", "AO"):
                middle = (start + end) / 2
                errors.append(abs(12 * np.log2(measured_pitch(clip.wave, middle) / clip.f0[int(middle * FRAME_RATE)])))
        assert np.median(errors) < 0.5, "semitones"


def test_unvoiced_frames_are_marked() -> None:
    clip = SyntheticCorpus(1, 1, seed=0)[0]
    assert (clip.f0[: int(0.1 * FRAME_RATE)] == 0).all() and 0.3 < (clip.f0 > 0).mean() < 0.9
    voiced = clip.f0 > 0
    np.testing.assert_allclose(12 * np.log2(clip.f0[voiced] / clip.speaker.pitch), clip.prosody[voiced], atol=1e-9)


def test_formants_move_with_the_tract_and_not_with_the_pitch() -> None:
    """A tract 20 % shorter stretches the spectrum of a vowel by 1.25; found as the best shift on a log axis."""
    corpus = SyntheticCorpus(1, 12, seed=3)
    number = next(i for i in range(12) if "EH" in corpus.script(i).phones)
    log_axis = np.exp(np.linspace(np.log(400), np.log(4500), 240))

    def envelope(speaker: Speaker) -> np.ndarray:
        power = spectrum(corpus.render(number, speaker), "EH")
        cepstrum = np.fft.irfft(np.log(power + 1e-9))
        cepstrum[26:-25] = 0  # keeps the envelope, drops the harmonics
        return np.interp(log_axis, np.linspace(0, 8000, 257), np.fft.rfft(cepstrum).real)

    def shift(a: np.ndarray, b: np.ndarray) -> float:
        steps = np.arange(-40, 41)
        inner = slice(40, 200)
        fit = [np.corrcoef(np.roll(a, int(s))[inner], b[inner])[0, 1] for s in steps]
        return float(np.exp(steps[int(np.argmax(fit))] * np.log(log_axis[1] / log_axis[0])))

    base = envelope(Speaker("base", 110.0, 1.0, 0.2))
    assert shift(base, envelope(Speaker("short", 110.0, 0.8, 0.2))) == pytest.approx(1.25, abs=0.06)
    assert shift(base, envelope(Speaker("high", 150.0, 1.0, 0.2))) == pytest.approx(1.0, abs=0.06)


def test_breath_trades_harmonics_for_noise() -> None:
    """Above 1500 Hz a clear voice repeats itself from period to period, a breathy one does not."""
    corpus = SyntheticCorpus(1, 6, seed=4)

    def periodicity(breath: float) -> float:
        found = []
        for number in range(6):
            clip = corpus.render(number, Speaker("x", 120.0, 1.0, breath))
            spec = np.fft.rfft(clip.wave.astype(np.float64))
            spec[: int(1500 * len(clip.wave) / SAMPLE_RATE)] = 0
            high = np.fft.irfft(spec, len(clip.wave))
            for phone, start, end in zip(clip.phones, clip.start, clip.end, strict=True):
                if phone in ("EH", "AE", "IY"):
                    middle = int((start + end) / 2 * SAMPLE_RATE)
                    lag = round(SAMPLE_RATE / clip.f0[middle // 160])
                    here = high[middle - 200 : middle + 200]
                    later = [high[middle - 200 + k : middle + 200 + k] for k in range(lag - 4, lag + 5)]
                    found.append(max(np.corrcoef(here, other)[0, 1] for other in later))
        return float(np.median(found))

    clear, half, breathy = periodicity(0.0), periodicity(0.35), periodicity(0.7)
    assert clear > half > breathy and clear > 0.8 and breathy < 0.5


def test_parallel_clips_share_everything_but_the_voice() -> None:
    corpus = SyntheticCorpus(5, 3, seed=5)
    one, other = corpus.render(2, 0), corpus.render(2, 3)
    assert one.phones == other.phones and one.speaker != other.speaker
    np.testing.assert_array_equal(one.start, other.start)
    np.testing.assert_array_equal(one.prosody, other.prosody)
    assert not np.allclose(one.wave, other.wave)


def test_fricatives_are_noise_in_their_band() -> None:
    corpus = SyntheticCorpus(1, 40, seed=6)
    voice = Speaker("plain", 120.0, 1.0, 0.0)
    frequency = np.linspace(0, 8000, 257)
    for phone, low, high in (("S", 5000, 7200), ("SH", 2500, 4200)):
        number = next(i for i in range(40) if phone in corpus.script(i).phones)
        power = spectrum(corpus.render(number, voice), phone)
        assert low < (frequency * power).sum() / power.sum() < high
