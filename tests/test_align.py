"""The aligner against times that are known: made-up probabilities, then a small recogniser on synthetic speech."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torchaudio
from torch import Tensor, nn

from gsv_lab.audio.alignment import (
    MIN_SILENCE,
    Alignment,
    align,
    align_batch,
    frame_level,
    greedy,
    phone_errors,
    word_timings,
)
from gsv_lab.corpora.synthetic import PHONES, SAMPLE_RATE, SyntheticClip, SyntheticCorpus
from gsv_lab.errors import DataError, LabError, TextError

LABELS = len(PHONES) + 1


def certain(labels: list[int], confidence: float = 0.9, size: int = 6) -> Tensor:
    """Log-probabilities that favour the given label in every frame."""
    probs = torch.full((len(labels), size), (1 - confidence) / (size - 1))
    probs[range(len(labels)), labels] = confidence
    return probs.log()


def noisy_truth(clip: SyntheticClip, seed: int) -> Tensor:
    """Log-probabilities from the true labels, with noise."""
    labels = torch.from_numpy(clip.labels(50.0))
    scores = 10.0 * nn.functional.one_hot(labels, LABELS).float()
    return (scores + 1.5 * torch.randn(scores.shape, generator=torch.Generator().manual_seed(seed))).log_softmax(dim=1)


def silences(found: Alignment) -> np.ndarray:
    """Start and end in seconds of the stretches, long enough for a pause, that no sounding phone owns."""
    sounding = (found.ids >= 0) & (found.end > found.start)
    gaps = np.stack([np.append(0.0, found.end[sounding]), np.append(found.start[sounding], found.duration)], axis=1)
    return gaps[gaps[:, 1] - gaps[:, 0] >= MIN_SILENCE - 1e-9]


def test_finds_runs_exactly() -> None:
    found = align(certain([1, 1, 2, 2, 2, 3]), [1, 2, 3], rate=50.0)
    np.testing.assert_allclose(found.start, [0.0, 0.04, 0.10])
    np.testing.assert_allclose(found.end, [0.04, 0.10, 0.12])
    assert found.from_transcript and found.duration == pytest.approx(0.12)
    np.testing.assert_array_equal(found.labels(), [1, 1, 2, 2, 2, 3])


def test_short_gaps_are_shared_and_long_ones_stay() -> None:
    short = align(certain([1, 0, 0, 0, 0, 2]), [1, 2], blank_damping=0.0)
    np.testing.assert_allclose(short.end[0], 0.06)
    np.testing.assert_allclose(short.start[1], 0.06)
    long = align(certain([1] + [0] * 20 + [2]), [1, 2], blank_damping=0.0)
    np.testing.assert_allclose(silences(long), [[3 / 50, 19 / 50]])


def test_damping_lets_a_phone_keep_its_frames() -> None:
    """A long vowel with one spike, its other frames two nats below the blank, then a pause."""
    probs = torch.full((40, 6), 1e-4)
    probs[:, 0] = 0.85
    probs[5:25, 1] = 0.85 * np.exp(-2.0)
    probs[14, 1], probs[14, 0] = 0.9, 0.05
    table = probs.log()
    spike = align(table, [1], blank_damping=0.0)
    whole = align(table, [1], blank_damping=4.0)
    assert spike.durations[0] < 0.2 < whole.durations[0] <= 0.6
    inside = whole.positions()[5:25]
    assert (inside == 0).all()


def test_level_decides_what_is_silence() -> None:
    table = certain([1] * 5 + [0] * 20 + [2] * 5)
    level = np.full(30, -20.0)
    loud = align(table, [1, 2], level=level, blank_damping=0.0)
    assert len(silences(loud)) == 0
    level[8:25] = -70.0
    quiet = align(table, [1, 2], level=level, blank_damping=0.0)
    np.testing.assert_allclose(silences(quiet), [[8 / 50, 25 / 50]])


def test_a_phone_gives_back_the_pause_it_was_stretched_over() -> None:
    table = certain([1] * 5 + [0] * 20 + [2] * 5, confidence=0.4)  # blank only 1.2 nats ahead, damped by 4
    level = np.array([-20.0] * 5 + [-75.0] * 20 + [-20.0] * 5)
    assert len(silences(align(table, [1, 2]))) == 0
    np.testing.assert_allclose(silences(align(table, [1, 2], level=level)), [[0.1, 0.5]])


def test_equal_neighbours_stay_two_phones() -> None:
    found = align(certain([1, 1, 0, 1, 1]), [1, 1])
    assert (found.durations > 0).all() and found.end[0] == found.start[1]


def test_phones_without_sound_take_the_pause() -> None:
    table = certain([1] * 5 + [0] * 20 + [2] * 5)
    found = align(table, [None, 1, None, None, 2, None], blank_damping=0.0)
    assert found.ids.tolist() == [-1, 1, -1, -1, 2, -1]
    assert (found.start[1:] >= found.end[:-1] - 1e-9).all()
    assert found.durations[2] == pytest.approx(0.32) and found.durations[3] == 0 and found.durations[5] == 0
    assert np.isnan(found.score[2]) and np.isfinite(found.quality)
    assert set(found.labels().tolist()) == {0, 1, 2}
    np.testing.assert_allclose(silences(found), [[found.start[2], found.end[2]]])


def test_word_timings() -> None:
    found = align(certain([1, 1, 2, 2, 2, 3]), [1, 2, 3])
    np.testing.assert_allclose(word_timings(found, [2, 0, 1, 0]), [[0, 0.1], [0.1, 0.1], [0.1, 0.12], [0.12, 0.12]])
    with pytest.raises(ValueError, match="4 phones, the alignment has 3"):
        word_timings(found, [4])


def test_positions_at_another_rate() -> None:
    found = align(certain([1, 1, 2, 2, 2, 3]), [1, 2, 3])
    np.testing.assert_array_equal(found.positions(), [0, 0, 1, 1, 1, 2])
    np.testing.assert_array_equal(found.positions(rate=25.0), [0, 1, 2])
    np.testing.assert_array_equal(found.positions(frames=8)[6:], [-1, -1])


def test_damping_below_the_reach_of_noise_still_orders_phones() -> None:
    table = torch.randn(60, 6, generator=torch.Generator().manual_seed(0)).log_softmax(dim=1)
    found = align(table, [1, 2, 3, 4, 5, 1, 1])
    assert (found.end >= found.start).all() and (found.start[1:] >= found.end[:-1] - 1e-9).all()
    assert found.start[0] >= 0 and found.end[-1] <= found.duration + 1e-9
    assert (found.score <= 0).all()


@pytest.mark.parametrize(
    ("ids", "error", "words"),
    [
        ([1] * 4, DataError, "ALIGN_IMPLAUSIBLE"),  # four equal phones need three blanks between them
        ([1, 2, 3, 4, 5, 1, 2], DataError, "ALIGN_IMPLAUSIBLE"),
        ([], TextError, "TEXT_EMPTY"),
        ([None, None], TextError, "TEXT_EMPTY"),
    ],
)
def test_bad_transcripts_have_a_code(ids: list[int | None], error: type[LabError], words: str) -> None:
    with pytest.raises(error) as caught:
        align(certain([1, 1, 2, 2, 2, 3]), ids)
    assert caught.value.code == words


def test_wrong_use_is_a_value_error() -> None:
    table = certain([1, 2, 3])
    for ids in ([0], [6], [-1]):
        with pytest.raises(ValueError, match="labels must lie in 0 to 5"):
            align(table, ids)
    with pytest.raises(ValueError, match="NaN"):
        align(table * float("nan"), [1])
    with pytest.raises(ValueError, match=r"\(frames, labels\)"):
        align(table[None], [1])
    with pytest.raises(ValueError, match="2 frames, the probabilities 3"):
        align(table, [1], level=np.zeros(2))


def test_a_batch_equals_its_clips_and_survives_a_bad_one() -> None:
    tables = [certain([1, 1, 2, 3]), certain([2, 2, 2, 4, 4, 0]), certain([1, 1])]
    padded = nn.utils.rnn.pad_sequence(tables, batch_first=True)
    ids = [[1, 2, 3], [2, 4], [1, 2, 3]]
    found = align_batch(padded, ids, [4, 6, 2])
    for one, table, phones in zip(found[:2], tables[:2], ids[:2], strict=True):
        alone = align(table, phones)
        assert isinstance(one, Alignment)
        np.testing.assert_array_equal(one.start, alone.start)
        np.testing.assert_array_equal(one.score, alone.score)
    assert isinstance(found[2], LabError) and found[2].code == "ALIGN_IMPLAUSIBLE"
    with pytest.raises(ValueError, match="equally many"):
        align_batch(padded, ids[:2])


def test_greedy_is_marked_and_reads_back() -> None:
    found = greedy(certain([0, 1, 1, 0, 1, 2, 2, 0]))
    assert found.ids.tolist() == [1, 1, 2] and not found.from_transcript
    nothing = greedy(certain([0, 0, 0]))
    assert len(nothing) == 0 and np.isnan(nothing.quality) and nothing.positions().tolist() == [-1, -1, -1]


@pytest.mark.parametrize(
    ("reference", "hypothesis", "errors"),
    [
        (["AA", "B"], ["AA", "P", "B"], 1),
        ("kitten", "sitting", 3),
        ([], [5, 5], 2),
        ([1, 2, 3], [], 3),
        ([1, 2, 3, 4], [2, 3, 4, 1], 2),
        ([7], [7], 0),
    ],
)
def test_errors_of_known_cases(reference: list[Any], hypothesis: list[Any], errors: int) -> None:
    assert phone_errors(reference, hypothesis) == phone_errors(hypothesis, reference) == errors


def test_frame_level_in_decibels() -> None:
    wave = np.concatenate([np.full(320, 0.5), np.zeros(320), np.full(160, 0.05)])
    np.testing.assert_allclose(frame_level(wave, 16000, 50.0), [-6.02, -100.0, -26.02], atol=0.01)
    assert len(frame_level(wave, 16000, 50.0, frames=5)) == 5


def test_true_labels_with_noise_give_true_times() -> None:
    errors: list[np.ndarray] = []
    for i, clip in enumerate(SyntheticCorpus(4, 12, seed=3)):
        table = noisy_truth(clip, i)
        found = align(table, clip.ids, level=frame_level(clip.wave, SAMPLE_RATE, 50.0, len(table)))
        errors += [found.start - clip.start, found.end - clip.end]
    error = np.abs(np.concatenate(errors))
    # Frames last 20 ms, so a perfect aligner is off by 5 ms in the median.
    assert np.median(error) < 0.008 and np.quantile(error, 0.95) < 0.05


def test_quality_tells_a_wrong_transcript() -> None:
    clips = list(SyntheticCorpus(2, 6, seed=4))
    for i, clip in enumerate(clips):
        table = noisy_truth(clip, i)
        right = align(table, clip.ids)
        wrong = align(table, clips[(i + 1) % len(clips)].ids[: len(clip.ids)])
        assert right.quality > -1.5 > -2.0 > wrong.quality
        assert len(right.doubtful()) < len(wrong.doubtful())


class Recogniser(nn.Module):
    """40 log-mels at 100 Hz -> CTC at 50 Hz; frame f stands for the middle of f / 50 to (f + 1) / 50 s."""

    def __init__(self, width: int = 96) -> None:
        super().__init__()
        self.mel = torchaudio.transforms.MelSpectrogram(SAMPLE_RATE, 512, hop_length=160, n_mels=40, center=False)
        layers: list[nn.Module] = []
        for inputs, kernel, stride in ((40, 4, 2), (width, 5, 1), (width, 5, 1)):
            layers += [nn.Conv1d(inputs, width, kernel, stride, (kernel - 1) // 2), nn.ReLU(), nn.BatchNorm1d(width)]
        self.net = nn.Sequential(*layers, nn.Conv1d(width, LABELS, 1))

    def features(self, wave: np.ndarray) -> Tensor:
        samples = nn.functional.pad(torch.as_tensor(wave), (176, 176))
        mel = (self.mel(samples) + 1e-4).log()
        return (mel - mel.mean(dim=1, keepdim=True)) / 3

    def forward(self, mel: Tensor) -> Tensor:
        return self.net(mel).log_softmax(dim=1).transpose(1, 2)

    @torch.no_grad()
    def read(self, wave: np.ndarray) -> Tensor:
        return self(self.features(wave)[None])[0]


def evenly(ids: list[int], frames: int) -> Tensor:
    """Frame labels for a flat start: 160 ms of silence at both ends, the phones equally long between them."""
    inner = torch.tensor(ids)[torch.arange(frames - 16) * len(ids) // (frames - 16)]
    return nn.functional.pad(inner, (8, 8))


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    """Trained for seconds on 96 clips of 12 made-up speakers, with phone strings and no times.

    The first steps learn labels laid out evenly: from nothing, CTC says "blank" for half of this budget.
    """
    torch.manual_seed(0)
    clips = list(SyntheticCorpus(12, 96, seed=1))
    net = Recogniser()
    mels = [net.features(clip.wave).T for clip in clips]
    sizes = [len(mel) // 2 for mel in mels]
    optimizer = torch.optim.AdamW(net.parameters(), 4e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=90)
    for step in range(90):
        chosen = torch.randperm(len(clips))[:12].tolist()
        out = net(nn.utils.rnn.pad_sequence([mels[i] for i in chosen], batch_first=True).transpose(1, 2))
        ids, frames = [clips[i].ids for i in chosen], [sizes[i] for i in chosen]
        if step < 20:
            even = [evenly(x, n) for x, n in zip(ids, frames, strict=True)]
            targets = nn.utils.rnn.pad_sequence(even, batch_first=True, padding_value=-100)
            loss = nn.functional.nll_loss(out.transpose(1, 2)[..., : targets.shape[1]], targets)
        else:
            labels = torch.tensor(sum(ids, []))
            loss = nn.functional.ctc_loss(out.transpose(0, 1), labels, frames, [len(x) for x in ids])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return net.eval()


def test_median_boundary_error_of_a_recogniser_on_unheard_speakers(recogniser: Recogniser) -> None:
    errors, agree, wrong, total = [], [], 0, 0
    for clip in SyntheticCorpus(6, 24, seed=2):
        table = recogniser.read(clip.wave)
        found = align(table, clip.ids, level=frame_level(clip.wave, SAMPLE_RATE, 50.0, len(table)))
        errors += [found.start - clip.start, found.end - clip.end]
        agree.append(np.mean(found.labels(len(table)) == clip.labels(50.0, len(table))))
        wrong, total = wrong + phone_errors(clip.ids, greedy(table).ids.tolist()), total + len(clip.ids)
    error = np.concatenate(errors)
    # Measured with two seeds: median 10 to 11 ms, bias 6 to 8 ms, ninth decile 31 ms; one frame lasts 20 ms.
    assert np.median(np.abs(error)) < 0.015
    assert np.abs(np.median(error)) < 0.012
    assert np.quantile(np.abs(error), 0.9) < 0.045
    assert np.mean(agree) > 0.8
    assert wrong / total < 0.25


def test_two_tempos_of_a_clip_agree(recogniser: Recogniser) -> None:
    slow = 1.15
    window = torch.hann_window(512)
    differences = []
    for clip in SyntheticCorpus(6, 8, seed=5):
        spec = torch.stft(torch.from_numpy(clip.wave), 512, 128, window=window, return_complex=True)
        advance = torch.linspace(0, torch.pi * 128, 257)[:, None]
        stretched = torchaudio.functional.phase_vocoder(spec, 1 / slow, advance)
        wave = torch.istft(stretched, 512, 128, window=window).numpy()
        first, second = align(recogniser.read(clip.wave), clip.ids), align(recogniser.read(wave), clip.ids)
        differences.append(second.start / slow - first.start)
    assert np.median(np.abs(np.concatenate(differences))) < 0.020
