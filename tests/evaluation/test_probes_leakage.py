"""The leakage matrix on a tiny untrained model, and the clips it stands on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import tiny
from gsv_lab.config import build
from gsv_lab.corpora.synthetic import SyntheticCorpus
from gsv_lab.errors import CheckpointError, DataError
from gsv_lab.evaluation.probes_leakage import DEFAULT_TAPS, frames_of, gather, leakage, listen
from gsv_lab.evaluation.probes_material import Acoustic, SpokenClip, acoustic, recorded_clips, synthetic_clips
from gsv_lab.hooks import Record, watched
from gsv_lab.lab import load
from gsv_lab.nn.pitch import PitchedLogMel


@pytest.fixture(scope="module")
def model() -> Acoustic:
    torch.manual_seed(0)
    return Acoustic(build(tiny.CONTENT).eval(), build(tiny.SOVITS).eval(), PitchedLogMel(16000))


@pytest.fixture(scope="module")
def clips() -> list[SpokenClip]:
    return synthetic_clips(SyntheticCorpus(n_speakers=3, n_clips=9, seed=2, n_syllables=(4, 5)))


def test_every_default_tap_fires_and_has_frames(model: Acoustic, clips: list[SpokenClip]) -> None:
    records = listen(model, clips[:2])
    assert not watched()
    for tap in DEFAULT_TAPS:
        found = gather(tap, records, clips[:2])
        assert len(found.x) == len(found.phone) == len(found.kind) and found.x.dtype == np.float64
        assert set(found.phone) <= {name for clip in clips[:2] for name in clip.phones} and set(found.clip) == {0, 1}
    codes = gather("quantizer.codes", records, clips[:2]).x
    assert set(np.unique(codes)) == {0.0, 1.0} and (codes.sum(1) == 1).all()
    voice = gather("speaker_encoder.speaker", records, clips[:2])
    assert len(np.unique(voice.x.round(6), axis=0)) == 2  # one vector a clip, repeated


def test_labels_are_those_of_the_frames(clips: list[SpokenClip]) -> None:
    clip = clips[0]
    times = (clip.start + clip.end) / 2
    assert tuple(clip.names(times)) == clip.phones and clip.names(np.array([0.01]))[0] == ""
    assert clip.places(3, rate=1 / clip.seconds)[0] <= len(clip.ids) - 1
    assert (np.diff(clip.places(40)) >= 0).all()
    voiced = np.isfinite(clip.log_f0(times))
    assert voiced.any() and not voiced.all()


def test_matrix_of_an_untrained_model(model: Acoustic, clips: list[SpokenClip]) -> None:
    said: list[str] = []
    taps = ("content_encoder.mel", "speaker_encoder.speaker")
    found = leakage(model, clips, taps, say=said.append, draws=30, folds=3)
    assert said == list(taps) and found.clips == (9, 3) and len(found.table()) == 6
    by = {(p.tap, p.factor): p for p in found.probes}
    # Three voices differ in every frame of a mel; a vector that is the same all through a clip tells no phone.
    assert by["content_encoder.mel", "speaker"].score.value > by["content_encoder.mel", "speaker"].chance + 0.15
    assert by["content_encoder.mel", "phone"].score.value > by["speaker_encoder.speaker", "phone"].score.value + 0.1
    assert {u.factor for u in found.uncertainty} == {"phone", "speaker", "f0"}
    texts = [text.get_text() for text in found.figure("who").axes[0].texts]
    assert len(texts) == 6 and all("control" in text for text in texts)


def test_taps_that_cannot_be_probed(model: Acoustic, clips: list[SpokenClip]) -> None:
    wave = Record("vocoder.wave", ("batch", "channel", "sample"), [torch.zeros(1, 1, 100)], 16000.0)
    with pytest.raises(DataError, match="16000 numbers a second"):
        frames_of(wave)
    with pytest.raises(CheckpointError, match="no model"):
        acoustic(3)
    with pytest.raises(CheckpointError, match="No file"):
        acoustic("nowhere")


def test_recorded_clips_need_speakers_and_texts(tmp_path: Path) -> None:
    lab = load(str(tiny.make_family(tmp_path / "family")))
    from tiny_family import write_corpus

    corpus = write_corpus(tmp_path / "corpus")
    found = recorded_clips(lab, corpus, speakers=2, clips=2)
    assert len(found) == 4 and len({clip.speaker for clip in found}) == 2
    clip = found[0]
    assert len(clip.phones) == len(clip.at) == len(clip.labels) and max(clip.at) < len(clip.ids)
    assert (clip.end >= clip.start).all() and clip.text is not None
    with pytest.raises(DataError, match="fewer than two speakers"):
        recorded_clips(lab, corpus, longest=0.5)
