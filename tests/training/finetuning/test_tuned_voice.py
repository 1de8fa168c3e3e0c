"""The voice of a fine-tuning: which state it takes, what it holds, and that a finished run is not trained again."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from gsv_lab.checkpoint.native import load_tensors
from gsv_lab.corpora.clip_lists import clip_hash
from gsv_lab.corpora.voice_clips import read_clips
from gsv_lab.corpora.voice_store import voice_store
from gsv_lab.inference.lab import Lab, load
from gsv_lab.inference.voice import Voice
from gsv_lab.training.finetuning import candidates, run
from gsv_lab.training.finetuning.candidates import Candidate, Recorded, held_out_loss
from gsv_lab.training.finetuning.methods import FullTuning
from gsv_lab.training.finetuning.tasks import TunedSoVITSTask
from small_voices import differing, tuned, write_clips
from tiny import SOVITS, make_family

pytestmark = pytest.mark.usefixtures("quick")


@pytest.mark.parametrize(
    ("losses", "best"),
    [([3.0, 2.0, 1.0], 4), ([3.0, 1.0, 2.0], 2), ([1.0, 2.0, 3.0], 0), ([1.0, 1.0, 1.0], 0)],
)
def test_the_best_state_by_held_out_loss_is_kept(
    losses: list[float], best: int, lab: Lab, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first loss is that of the untuned networks; a voice that stays untuned says so."""
    of_step = dict(zip((0, 2, 4), losses, strict=True))
    monkeypatch.setattr(candidates, "held_out_loss", lambda recorded, candidate, stages: of_step[candidate.step])
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        voice = tuned(lab, clips, tmp_path / "run")
    assert voice.settings["steps"] == best and voice.settings["held_out_loss"] == min(losses)
    assert voice.tuned == (best > 0)
    said = [str(one.message) for one in seen if "FINETUNE_UNCHANGED" in str(one.message)]
    assert len(said) == (best == 0) and all("none of 4 steps" in line for line in said)
    if best:
        written = load_tensors(tmp_path / "run" / "sovits" / "checkpoints" / f"{best:06d}" / "sovits.safetensors")
        assert all(torch.equal(value, written[f"changed.{name}"]) for name, value in voice.changed.items())


def test_held_out_losses_tell_states_apart(lab: Lab, clips: Path, tmp_path: Path) -> None:
    """Of each stage by itself, and over the seconds of both; noise in the weights makes them worse."""
    found = read_clips(clips, 60.0)
    store = voice_store(lab.family, found.clips, tmp_path / "store")
    recorded = Recorded(lab.family, lab.recordings, store, True)
    torch.manual_seed(0)
    spoilt = {}
    for name, value in lab.family.synthesizer.state_dict().items():
        if value.is_floating_point() and value.numel() > 1 and "quantizer" not in name:
            spoilt[name] = value + value.std() * torch.randn_like(value)
    losses = {}
    for stages in (("sovits",), ("gpt",), ("sovits", "gpt")):
        states = (Candidate(0, recorded.speaker), Candidate(1, recorded.speaker, spoilt))
        losses[stages] = [held_out_loss(recorded, one, stages) for one in states]
        assert losses[stages][0] < losses[stages][1]
        assert losses[stages] == [held_out_loss(recorded, one, stages) for one in states]
    assert losses["sovits", "gpt"][0] == pytest.approx((losses[("sovits",)][0] + losses[("gpt",)][0]) / 2, abs=1e-3)


def test_a_finished_run_is_not_trained_again(
    lab: Lab, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is asked of the voice besides; where its checkpoints are gone, it is."""
    first = tuned(lab, clips, tmp_path / "run")
    card = (tmp_path / "run" / "finetune.json").read_bytes()
    calls: list[str] = []
    fit = run.fit
    monkeypatch.setattr(run, "fit", lambda *given, **how: calls.append(given[1].name) or fit(*given, **how))
    said: list[str] = []
    again = tuned(lab, clips, tmp_path / "run", name="other", consent="she did", say=said.append)
    assert calls == [] and differing(again, first) == [] and (again.name, again.consent) == ("other", "she did")
    assert said == ["4 clips, 10.0 s", f"the run {tmp_path / 'run'} is finished already; nothing is trained"]
    assert (tmp_path / "run" / "finetune.json").read_bytes() == card
    (tmp_path / "run" / "sovits" / "checkpoints" / "000004" / "sovits.safetensors").unlink()
    assert differing(tuned(lab, clips, tmp_path / "run"), first) == [] and calls == ["sovits"]
    assert len([*(tmp_path / "run" / "sovits" / "events").glob("events*")]) == 1


def test_no_more_seconds_are_used_than_asked_for(lab: Lab, tmp_path: Path) -> None:
    clips = write_clips(tmp_path / "me", (2.0, 5.5, 3.0, 4.0))
    voice = tuned(lab, clips, tmp_path / "run", steps=1, max_seconds=8.0)
    assert voice.settings["seconds"] == 7.5 and len(voice.tuned_on) == 2
    assert len(voice.prompt.codes) == pytest.approx(5.5 * 25, abs=2)  # that of the clip nearest to six seconds
    assert voice.residuals is not None and voice.residuals.hidden.shape[-1] == pytest.approx(7.5 * 50, abs=4)


def test_what_tuned_a_voice_comes_along(lab: Lab, clips: Path, sample: Path, tmp_path: Path) -> None:
    """In its file, and into a voice that is cloned with its networks; little of the file is that."""
    rows = (clips / "list.txt").read_text(encoding="utf-8")
    mine = write_clips(tmp_path / "me")
    (mine / "list.txt").write_text(f"gone.wav|me|en|one\n{rows}", encoding="utf-8")
    with pytest.warns(UserWarning, match="left out: gone.wav: AUDIO_MISSING"):
        voice = tuned(lab, mine, tmp_path / "run", steps=1, learning_rate=0.01)
    assert [clip.utterance for clip in voice.tuned_on] == ["c0", "c1", "c2", "c3"]
    assert [clip.hash for clip in voice.tuned_on] == [clip_hash(mine / f"c{n}.wav") for n in range(4)]
    assert {clip.corpus for clip in voice.tuned_on} == {"me"}
    assert voice.settings["method"] == "full" and voice.settings["learning_rate"] == {"sovits": 0.01}
    path = voice.save(tmp_path / "v.safetensors")
    assert Voice.load(path).tuned_on == voice.tuned_on
    plain = replace(voice, tuned_on=()).save(tmp_path / "w.safetensors")
    assert path.stat().st_size - plain.stat().st_size < 4 * 150
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert lab.clone(sample, tuned=Voice.load(path)).tuned_on == voice.tuned_on
        assert not lab.clone(sample).tuned_on
    (left,) = json.loads((tmp_path / "run" / "finetune.json").read_text(encoding="utf-8"))["left_out"]
    assert left["path"] == "gone.wav" and left["reason"].startswith("AUDIO_MISSING: ")


def test_half_of_the_waves_are_made_as_in_synthesis(tmp_path: Path) -> None:
    """Whatever the base was trained with; the base itself stays as it is."""
    sovits = {**SOVITS, "init_args": {**SOVITS["init_args"], "from_prior": 0.0}}
    family = load(str(make_family(tmp_path / "family", sovits=sovits))).family
    task = TunedSoVITSTask(family, FullTuning(), transcribed=False)  # type: ignore[arg-type]
    assert task.sovits.from_prior == 0.5
    base: Any = family.synthesizer.sovits
    assert base.from_prior == 0.0
    free = {name.partition(".")[0] for name, value in task.sovits.named_parameters() if value.requires_grad}
    assert free == {"speaker_encoder", "flow", "vocoder"}
