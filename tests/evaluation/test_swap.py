"""Swaps of speaker vectors, measured on a made-up model, which is therefore known: it renders what it is asked for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from gsv_lab.corpora.synthetic import Speaker, SyntheticCorpus
from gsv_lab.errors import DataError
from gsv_lab.evaluation.probes.material import SpokenClip, spoken
from gsv_lab.evaluation.swaps.ceiling import Rendering
from gsv_lab.evaluation.swaps.measures import frequencies, pitch_shift, share_of_way, tract_shift, voiceprint
from gsv_lab.evaluation.swaps.swap import swap_speakers

CORPUS = SyntheticCorpus(n_speakers=3, n_clips=6, seed=9, n_syllables=(6, 7))


class Evaluator:
    """Finds one error in what a voice says itself, three in what another does; recordings have one."""

    identity = "by hand"

    def __init__(self) -> None:
        self.own: list[Tensor] = []

    def errors(self, wave: Tensor, clip: SpokenClip) -> int:
        return 1 if wave is clip.wave or any(wave is own for own in self.own) else 3


class Renderer(Rendering):
    """The corpus itself, which lets its evaluator know what was spoken with the clip's own vector."""

    def __init__(self, share: float) -> None:
        super().__init__(CORPUS, Evaluator(), share)

    def speak(
        self, codes: Tensor, clip: SpokenClip, speaker: Tensor, noise_scale: float = 0.0, seed: int = 0
    ) -> Tensor:
        wave = super().speak(codes, clip, speaker, noise_scale, seed)
        self.evaluator.own += [wave] if torch.equal(self.voice([clip.wave]), speaker) else []
        return wave


@pytest.fixture(scope="module")
def clips() -> list[SpokenClip]:
    return [spoken(clip) for clip in CORPUS]


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_share_of_the_way_is_the_one_that_was_gone(share: float) -> None:
    model = Renderer(share)
    found = swap_speakers(model, model.clips, draws=100)
    assert found.pitch.value == pytest.approx(share, abs=0.05)
    assert found.tract.value == pytest.approx(share, abs=0.12)
    assert len(found.pairs) == 6 and found.pitch.low <= found.pitch.value <= found.pitch.high


def test_the_measure_itself_loses_next_to_nothing() -> None:
    """A model without mistakes: what is missing from 1 is the ruler's error."""
    corpus = SyntheticCorpus(n_speakers=4, n_clips=8, seed=99, n_syllables=(6, 8))
    model = Rendering(corpus, Evaluator())
    found = swap_speakers(model, model.clips, draws=50)
    assert found.pitch.value == pytest.approx(1.0, abs=0.05)
    assert found.tract.value == pytest.approx(1.0, abs=0.05)
    way, moved = ([row[f"tract_{what}"] for row in found.pairs] for what in ("way", "moved"))
    assert np.corrcoef(way, moved)[0, 1] > 0.98


def test_phone_errors_are_counted_with_own_and_other_vector() -> None:
    model = Renderer(1.0)
    found = swap_speakers(model, model.clips, pairs=[("synthetic_00", "synthetic_01")], draws=50)
    phones = sum(len(clip.labels) for clip in model.clips if clip.speaker == "synthetic_00")
    assert found.error_before.value == pytest.approx(2 / phones)
    assert found.error_after.value == pytest.approx(6 / phones)
    assert found.error_rise.value == pytest.approx(100 * 4 / phones)
    assert [row["measure"] for row in found.table()][-1] == "phone error, rise in points"
    beside = found.table(found)
    assert all(row["at best"] == row["value"] for row in beside) and len(beside) == 6
    axes = found.figure("swap").axes
    assert len(axes) == 2 and "of the way" in axes[0].get_title(loc="left")


def test_measured_shifts_are_true() -> None:
    """Against the factors of the corpus, also where the two voices say different things."""
    base = Speaker("base", 120.0, 0.95, 0.3)
    for other in (Speaker("a", 180.0, 0.95, 0.3), Speaker("b", 120.0, 1.08, 0.3), Speaker("c", 200.0, 0.85, 0.6)):
        for scripts in ((0, 1, 2), (3, 4, 5)):
            prints = []
            for voice, numbers in ((base, (0, 1, 2)), (other, scripts)):
                made = [spoken(CORPUS.render(number, voice)) for number in numbers]
                prints.append(voiceprint((clip.wave, clip) for clip in made))
            same = scripts == (0, 1, 2)
            assert pitch_shift(*prints) == pytest.approx(np.log(other.pitch / 120), abs=0.02 if same else 0.12)
            assert tract_shift(*prints) == pytest.approx(np.log(other.tract / 0.95), abs=0.025)


def test_silence_has_no_voice(clips: list[SpokenClip]) -> None:
    none = voiceprint([(torch.zeros(16000), clips[0])])
    assert np.isnan(none.log_f0) and not none.envelopes
    assert np.isnan(tract_shift(none, voiceprint([(clips[0].wave, clips[0])])))
    assert (np.diff(np.log(frequencies())) > 0).all()


def test_a_pair_without_a_measure_counts_nothing() -> None:
    moved, whole = share_of_way([1.0, float("nan"), 2.0], [2.0, 5.0, 4.0])
    assert moved.sum() / whole.sum() == pytest.approx(0.5) and moved[1] == whole[1] == 0


def test_too_few_clips_and_unknown_names(clips: list[SpokenClip]) -> None:
    model = Renderer(1.0)
    with pytest.raises(DataError, match="too few to swap"):
        swap_speakers(model, clips[:1])
    with pytest.raises(DataError, match="No clip is by nobody") as caught:
        swap_speakers(model, model.clips, pairs=[("synthetic_00", "nobody")])
    assert caught.value.code == "SWAP_PAIR"
