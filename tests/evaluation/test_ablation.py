"""Head grids: on an attention in which one head carries everything, that head is found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

import tiny
from gsv_lab.corpora.synthetic import SyntheticCorpus
from gsv_lab.errors import DataError, HookError
from gsv_lab.evaluation.ablation import SpokenMeasure, gpt_measure, head_grid, prior_measure
from gsv_lab.evaluation.acoustic import Acoustic, ContentEvaluator, acoustic
from gsv_lab.evaluation.probes.material import recorded_clips, synthetic_clips
from gsv_lab.hooks import mean, probe, watched, zero
from gsv_lab.inference.lab import Lab, load
from gsv_lab.nn.gpt_layer import SelfAttention


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return load(str(tiny.make_family(tmp_path_factory.mktemp("family"))))


def lonely() -> tuple[SelfAttention, torch.Tensor]:
    """Four heads of which only the third reaches the output."""
    torch.manual_seed(0)
    part = SelfAttention(16, 4).eval()
    with torch.no_grad():
        part.output.weight[:, :8] = 0
        part.output.weight[:, 12:] = 0
    return part, torch.randn(5, 6, 16)


def test_the_head_that_matters_is_found() -> None:
    part, x = lonely()

    def measure() -> Mapping[str, Sequence[float]]:
        with torch.no_grad():
            return {"size": part(x).square().mean((1, 2)).tolist(), "one": [1.0] * 5}

    said: list[str] = []
    grid = head_grid(part, "mix", measure, say=said.append)
    taps, heads, change = grid.matrix("size")
    assert taps == ["mix"] == said and heads == [0, 1, 2, 3] and not watched()
    np.testing.assert_allclose(change[0, [0, 1, 3]], 0.0, atol=1e-9)
    assert change[0, 2] == pytest.approx(-grid.clean["size"], rel=0.05)
    assert grid.rows[2]["size_low"] <= change[0, 2] <= grid.rows[2]["size_high"] < 0
    assert head_grid(part, "pattern", measure).matrix("size")[2][0, 2] == pytest.approx(change[0, 2], rel=1e-4)
    frozen = head_grid(part, "mix", measure, edit=mean).matrix("size")[2]
    assert change[0, 2] < frozen[0, 2] < 0  # its mean over time is left
    texts = {text.get_text() for text in grid.figure("one").axes[0].texts}
    assert texts == {"+0"}
    with pytest.raises(HookError, match="'loss' was not measured"):
        grid.matrix("loss")


def test_intervals_are_over_speakers_where_there_are_several() -> None:
    """The paired t test of speaker means, by SciPy; over clips where nobody says who speaks, or one speaks."""
    part, _ = lonely()
    x = torch.randn(6, 5, 16) * torch.linspace(0.5, 2, 6)[:, None, None]
    speakers = ("ann", "ann", "bob", "bob", "bob", "cid")

    def measure() -> Mapping[str, Sequence[float]]:
        with torch.no_grad():
            return {"size": part(x).square().mean((1, 2)).tolist()}

    with torch.no_grad(), probe(part, edits=[zero("mix", head=2)]):
        without = np.array(measure()["size"])
    change = without - np.array(measure()["size"])
    means = [change[[name == one for name in speakers]].mean() for one in ("ann", "bob", "cid")]
    for given, unit, values in ((SpokenMeasure(measure, speakers), "speaker", means), (measure, "clip", change)):
        grid = head_grid(part, "mix", given)
        wanted = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
        row = grid.rows[2]
        assert grid.unit == unit and (row["size_low"], row["size_high"]) == pytest.approx(wanted, rel=1e-4)
        assert row["size"] == pytest.approx(np.mean(values), rel=1e-4)
    assert head_grid(part, "mix", SpokenMeasure(measure, ("me",) * 6)).unit == "clip"


def test_taps_without_heads_are_refused(lab: Lab) -> None:
    whole = lab.family.synthesizer
    subject = Acoustic(whole.content_encoder, whole.sovits, ContentEvaluator(whole.content_encoder))
    clips = synthetic_clips(SyntheticCorpus(2, 2, seed=3, n_syllables=(3, 3)))
    with pytest.raises(HookError, match="has no heads"):
        head_grid(subject, "prior.mean", prior_measure(subject, clips))
    with pytest.raises(HookError, match="No tap matches"):
        head_grid(subject, "prior.nothing", prior_measure(subject, clips))
    with pytest.raises(DataError, match="has no text"):
        gpt_measure(lab, clips)


def test_prior_and_gpt_measures_on_a_family(lab: Lab, tmp_path: Path) -> None:
    from tiny_family import write_corpus

    clips = recorded_clips(lab, write_corpus(tmp_path / "corpus"), speakers=2, clips=2)
    found = gpt_measure(lab, clips)()
    assert len(found["loss"]) == 4 and all(0 <= value <= 1 for value in found["accuracy"])
    # An untrained network knows nothing: about the logarithm of 21 classes.
    assert np.mean(found["loss"]) == pytest.approx(np.log(21), abs=1.5)
    grid = head_grid(lab, "semantic_gpt.layers.*.attention.mix", gpt_measure(lab, clips))
    taps, heads, change = grid.matrix("loss")
    assert len(taps) == 2 and len(heads) == 2 and np.abs(change).min() > 0 and grid.unit == "speaker"
    grid = head_grid(lab, "prior.cross_attention.pattern", prior_measure(acoustic(lab), clips[:2]))
    assert set(grid.clean) == {"mel", "phone_error"} and np.abs(grid.matrix("mel")[2]).min() > 0
