"""The leakage matrix on a tiny untrained model, and the clips it stands on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import tiny
from gsv_lab.checkpoint import save_component
from gsv_lab.cli import main
from gsv_lab.corpora.readers import read
from gsv_lab.corpora.synthetic import SyntheticCorpus
from gsv_lab.errors import CheckpointError, DataError
from gsv_lab.evaluation.acoustic import SYNTHETIC_RUNS, Acoustic, ContentEvaluator, acoustic
from gsv_lab.evaluation.measures import own
from gsv_lab.evaluation.probes.leakage import DEFAULT_TAPS, default_taps, extract, frames_of, gather, leakage
from gsv_lab.evaluation.probes.material import SpokenClip, recorded_clips, synthetic_clips
from gsv_lab.hooks import Record, watched
from gsv_lab.inference.lab import load
from gsv_lab.system.config import build

from .makers import write_list


@pytest.fixture(scope="module")
def model() -> Acoustic:
    torch.manual_seed(0)
    encoder = build(tiny.CONTENT).eval()
    return Acoustic(encoder, build(tiny.SOVITS).eval(), ContentEvaluator(encoder))


@pytest.fixture(scope="module")
def clips() -> list[SpokenClip]:
    return synthetic_clips(SyntheticCorpus(n_speakers=3, n_clips=9, seed=2, n_syllables=(4, 5)))


def test_every_default_tap_fires_and_has_frames(model: Acoustic, clips: list[SpokenClip]) -> None:
    taps = default_taps(model)
    records = extract(model, clips[:2])
    assert not watched() and set(records[0]) == set(taps)
    for tap in taps:
        found = gather(tap, records, clips[:2])
        assert len(found.x) == len(found.phone) == len(found.kind) and found.x.dtype == np.float64
        assert set(found.phone) <= {name for clip in clips[:2] for name in clip.phones} and set(found.clip) == {0, 1}
    codes = gather("quantizer.codes", records, clips[:2]).x
    assert set(np.unique(codes)) == {0.0, 1.0} and (codes.sum(1) == 1).all()
    voice = gather("speaker_encoder.speaker", records, clips[:2])
    assert len(np.unique(voice.x.round(6), axis=0)) == 2  # one vector a clip, repeated


def test_the_text_has_a_row_in_either_kind_of_prior(model: Acoustic, clips: list[SpokenClip]) -> None:
    """What attention answers, or the phone that a frame is given; no default tap is of neither."""
    aligned = build({**tiny.SOVITS, "init_args": {**tiny.SOVITS["init_args"], "prior": tiny.ALIGNED_PRIOR}}).eval()
    given = Acoustic(model.content_encoder, aligned, model.evaluator)
    attending, led = set(default_taps(model)), set(default_taps(given))
    assert attending - led == {"prior.cross_attention.answer"} and led - attending == {"prior.own_phone"}
    assert attending | led == set(DEFAULT_TAPS)
    frames = gather("prior.own_phone", extract(given, clips[:1]), clips[:1])
    assert len(frames.x) == len(frames.phone) > 10


def test_silence_belongs_to_the_pause_that_stands_there(clips: list[SpokenClip]) -> None:
    """Three phones a quarter of a second long with as much silence around them; ids with and without pauses."""
    edges = np.arange(7) / 4
    sounds = {"phones": ("a", "b", "c"), "start": edges[1::2], "end": edges[2::2]}
    paused = replace(clips[0], **sounds, ids=(9, 1, 9, 2, 9, 3, 9), positions=np.array([1, 3, 5]))
    assert paused.phone_index(8, 4.0).tolist() == [0, 1, 2, 3, 4, 5, 6, 6]
    plain = replace(clips[0], **sounds, ids=(1, 2, 3), positions=np.arange(3))
    assert plain.phone_index(8, 4.0).tolist() == [0, 0, 0, 1, 1, 2, 2, 2]


def test_labels_are_those_of_the_frames(clips: list[SpokenClip]) -> None:
    clip = clips[0]
    times = (clip.start + clip.end) / 2
    assert tuple(clip.names(times)) == clip.phones and clip.names(np.array([0.01]))[0] == ""
    assert clip.phone_index(3, rate=1 / clip.seconds)[0] <= len(clip.ids) - 1
    assert (np.diff(clip.phone_index(40)) >= 0).all()
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
    assert len(clip.phones) == len(clip.positions) == len(clip.labels) and max(clip.positions) < len(clip.ids)
    assert (clip.end >= clip.start).all() and clip.text is not None
    with pytest.raises(DataError, match="fewer than two speakers"):
        recorded_clips(lab, corpus, longest=0.5)


def test_a_test_list_serves_as_well_and_a_language_can_be_chosen(tmp_path: Path) -> None:
    from tiny_family import write_corpus

    lab = load(str(tiny.make_family(tmp_path / "family")))
    corpus = write_corpus(tmp_path / "corpus")
    every = [row for row in read(corpus) if row.text]
    speakers = {row.speaker: [r for r in every if r.speaker == row.speaker] for row in every}
    rows = [
        (name, own[0].language, str(own[0].path.relative_to(tmp_path)), own[0].text,
         str(clip.path.relative_to(tmp_path)), clip.text, "1.0")
        for name, own in speakers.items() for clip in own[1:] if clip.language == own[0].language
    ]  # fmt: skip
    listed = recorded_clips(lab, write_list(tmp_path, rows), speakers=2, clips=2)
    assert len(listed) == 4 and {clip.speaker for clip in listed} <= {*speakers}
    assert all(clip.language in ("en", "zh") for clip in listed)
    with pytest.raises(DataError, match="fewer than two speakers"):
        recorded_clips(lab, write_list(tmp_path, [row for row in rows if row[1] == "en"]), language="zh")


def test_a_lab_is_evaluated_by_its_evaluation_recognisers(tmp_path: Path) -> None:
    """By those of the shipped family where it has none, never by the network that made its codes."""
    from tiny_family import write_corpus

    folder = tiny.make_family(tmp_path / "family")
    corpus = write_corpus(tmp_path / "corpus")
    alone = acoustic(load(str(folder)))
    assert alone.evaluator.identity == own.recognisers(load())[1]
    recogniser = build(tiny.RECOGNISERS["en"])
    torch.nn.init.zeros_(recogniser.classify.weight)
    torch.nn.init.constant_(recogniser.classify.bias, -20.0)
    torch.nn.init.constant_(recogniser.classify.bias[3:4], 20.0)  # finds one phone all the time
    save_component(recogniser, folder / "recogniser_en.safetensors")
    lab = load(str(folder))
    subject = acoustic(lab)
    assert subject.evaluator.identity.partition(";")[0] != alone.evaluator.identity.partition(";")[0]
    clip = recorded_clips(lab, corpus, speakers=2, clips=2, language="en")[0]
    found = recogniser.phone_names[2]
    assert subject.evaluator.errors(clip.wave, clip) == len(clip.phones) - (found in clip.phones)
    made_up = synthetic_clips(SyntheticCorpus(2, 2, seed=3, n_syllables=(3, 3)))[0]
    with pytest.raises(DataError, match="in no language"):
        subject.evaluator.errors(made_up.wave, made_up)


@pytest.mark.parametrize("source", ["speech", "synthetic"])
def test_the_command(source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Speakers swapped and probed, from a recorded corpus or from runs on the synthetic one, to a page."""
    from tiny_family import write_corpus

    folder = tiny.make_family(tmp_path / "family")
    if source == "speech":
        given = ["--model", str(folder), "--speech", str(write_corpus(tmp_path / "corpus"))]
    else:
        for run, spec, name in zip(
            SYNTHETIC_RUNS, (tiny.CONTENT, tiny.SOVITS, tiny.CONTENT), ("content_encoder", "sovits", "content_encoder"),
            strict=True,
        ):  # fmt: skip
            weights = tmp_path / "runs" / run / "weights"
            weights.mkdir(parents=True)
            save_component(build(spec), weights / f"{name}.safetensors")
        given = ["--synthetic", str(tmp_path / "runs")]
    out = tmp_path / "out"
    assert main(["disentangle", *given, "--speakers", "2", "--clips", "2", "--output", str(out)]) == 0
    page = (out / "result.md").read_text("utf-8")
    assert "tract length, share of the way" in page and "![leakage.png](leakage.png)" in page
    assert ("at best" in page) == (source == "synthetic") and ("phones recognised by" in page) == (source == "speech")
    kept = json.loads((out / "result.json").read_text("utf-8"))
    assert len(kept["probes"]) == 3 * (len(DEFAULT_TAPS) - 1) and len(kept["pairs"]) == 2
    assert (out / "leakage.png").stat().st_size > 10_000 and not watched()
    assert "result.md" in capsys.readouterr().out
