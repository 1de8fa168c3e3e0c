"""The folder of a fine-tuning: what tells runs apart, and whose folder is taken or refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gsv_lab.corpora.voice_clips import read_clips
from gsv_lab.errors import LabError
from gsv_lab.inference.lab import Lab, load
from gsv_lab.training.finetuning.run_folder import RunFolder
from gsv_lab.training.finetuning.settings import Settings
from small_voices import OFTEN, write_clips
from tiny import VERIFIER, make_family


@pytest.fixture
def family(lab: Lab) -> Path:
    return lab.family.folder


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    return write_clips(tmp_path / "me")


def folder(lab: Lab, clips: Path, run: Path | None = None, max_seconds: float = 60.0, **settings: Any) -> RunFolder:
    found = read_clips(clips, max_seconds)
    experiments = Settings(**settings).experiments(lab.family, found.transcribed)
    return RunFolder(lab.family, lab.recordings.fingerprints, experiments, found, run)


def over(path: Path, text: str) -> dict[str, Any]:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return {"configs": [path]}


RATE = "task: {init_args: {learning_rate: 0.0002}}"
SAME: dict[str, Callable[[Path], dict[str, Any]]] = {
    "a file that says what is said anyway": lambda place: over(place / "a.yaml", RATE),
    "the same by an option": lambda place: {"learning_rate": 2e-4},
    "how often is logged, saved and validated": lambda place: {
        "overrides": ["trainer.log_every=3", "trainer.save_every_minutes=1", "trainer.validate_every=7"]
    },
    "the name": lambda place: over(place / "a.yaml", "name: other"),
    "a size that nobody reads": lambda place: over(place / "a.yaml", "sizes: {more: 3}"),
    "another device": lambda place: {"overrides": ["trainer.device=cuda:1"]},
    "minutes that batches overrule": lambda place: {"overrides": ["trainer.minutes=3"]},
    "seconds that all clips fit into": lambda place: {"max_seconds": 11.0},
}
OTHER: dict[str, Callable[[Path], dict[str, Any]]] = {
    "rate": lambda place: {"learning_rate": 1e-3},
    "steps": lambda place: {"steps": 3},
    "minutes": lambda place: {"minutes": 3.0},
    "seed": lambda place: {"seed": 3},
    "method": lambda place: {"method": "lora"},
    "blocks": lambda place: {"method": "last:2"},
    "stage": lambda place: {"stage": "both"},
    "what a file says": lambda place: over(place / "a.yaml", "task: {init_args: {warm_up: 3}}"),
    "an override": lambda place: {"overrides": ["data.init_args.windows=3"]},
    "checkpoints": lambda place: {"overrides": ["trainer.checkpoint_every=30"]},
    "the average": lambda place: {"overrides": ["trainer.average_decay=0.5"]},
    "precision": lambda place: {"overrides": ["trainer.precision=bf16"]},
    "seconds": lambda place: {"max_seconds": 8.0},
}


@pytest.mark.filterwarnings("ignore:.*changes nothing")
def test_runs_differ_by_their_settings(lab: Lab, clips: Path, tmp_path: Path) -> None:
    plain = folder(lab, clips).key
    for what, settings in SAME.items():
        assert folder(lab, clips, **settings(tmp_path / "x")).key == plain, what
    keys = {what: folder(lab, clips, **settings(tmp_path / "x")).key for what, settings in OTHER.items()}
    assert len({plain, *keys.values()}) == 1 + len(keys), keys
    one, two = over(tmp_path / "x" / "a.yaml", "seed: 5"), over(tmp_path / "y" / "b.yaml", "# the same\nseed: 5")
    assert folder(lab, clips, **one).key == folder(lab, clips, **two).key != plain


def test_runs_differ_by_what_their_clips_hold(lab: Lab, clips: Path, tmp_path: Path) -> None:
    """Not by names, containers, folders, the speaker's name, or clips that cannot be used."""
    plain = folder(lab, clips).key
    rows = (clips / "list.txt").read_text(encoding="utf-8")
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for number in range(4):
        (moved / f"other{number}.wav").write_bytes((clips / f"c{number}.wav").read_bytes())
    (moved / "list.txt").write_text(rows.replace("c", "other", 4).replace("|me|", "|you|"), encoding="utf-8")
    changes = {
        "text": rows.replace("home", "out", 1),
        "language": rows.replace("|en|", "|auto|", 1),
        "order": "".join(sorted(rows.splitlines(keepends=True), reverse=True)),
        "fewer": rows.partition("\n")[2],
        "no text": "".join(f"{line.rpartition('|')[0]}|\n" for line in rows.splitlines()),
    }
    names = "".join(f"other{n}.wav|you|en|we walk home now\n" for n in range(4))
    (moved / "list.txt").write_text(names, encoding="utf-8")
    assert folder(lab, moved).key == plain
    (moved / "list.txt").write_text(f"{names}gone.wav|you|en|x\n", encoding="utf-8")
    with pytest.warns(UserWarning, match="left out: gone.wav"):
        assert folder(lab, moved).key == plain
    keys = {}
    for what, text in changes.items():
        (clips / "list.txt").write_text(text, encoding="utf-8")
        keys[what] = folder(lab, clips).key
    (clips / "list.txt").write_text(rows, encoding="utf-8")
    content = (clips / "c2.wav").read_bytes()
    (clips / "c2.wav").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    keys["one sample"] = folder(lab, clips).key
    assert len({plain, *keys.values()}) == 1 + len(keys), keys


def test_runs_differ_by_their_base(family: Path, lab: Lab, clips: Path, tmp_path: Path) -> None:
    """By every network that takes part, discriminators included; not by those that evaluate."""
    plain = folder(lab, clips).key
    other = make_family(tmp_path / "other", seed=1)
    keys = {}
    for part in ("content_encoder", "semantic_gpt", "sovits", "discriminators", "speaker_verifier"):
        mixed = Path(shutil.copytree(family, tmp_path / part))
        shutil.copy(other / f"{part}.safetensors", mixed)
        keys[part] = folder(load(str(mixed)), clips).key
    assert keys.pop("speaker_verifier") == plain and VERIFIER
    mixed = Path(shutil.copytree(family, tmp_path / "fewer"))
    (mixed / "discriminators.safetensors").unlink()
    keys["no discriminators"] = folder(load(str(mixed)), clips).key
    pauses = Lab(replace(lab.family, pauses=True))
    keys["pauses"] = folder(pauses, clips).key
    assert len({plain, *keys.values()}) == 1 + len(keys), keys


def begun(place: RunFolder, stage: str = "sovits") -> None:
    """As if a training had begun."""
    place.begin()
    (place.folder / stage).mkdir(exist_ok=True)


def test_a_folder_of_its_own_is_closed_to_others(
    lab: Lab, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GSV_LAB_CACHE", str(tmp_path / "cache"))
    place = folder(lab, clips)
    place.begin()
    assert place.folder == tmp_path / "cache" / "runs" / f"finetune-{place.key}"
    assert place.folder.stat().st_mode & 0o077 == 0


def test_another_runs_folder_is_refused_with_what_differs(lab: Lab, clips: Path, tmp_path: Path) -> None:
    """Once something was trained in it; a call that was refused before may be mended."""
    folder(lab, clips, tmp_path / "run").begin()
    place = folder(lab, clips, tmp_path / "run", overrides=OFTEN)
    begun(place)
    folder(lab, clips, tmp_path / "run", overrides=[*OFTEN, "trainer.log_every=9"]).begin()
    before = (tmp_path / "run" / "finetune.json").read_bytes()
    cases: dict[str, dict[str, Any]] = {
        "sovits.trainer.precision was 32 and is bf16": {"overrides": [*OFTEN, "trainer.precision=bf16"]},
        "sovits.task.init_args.learning_rate was 0.0002 and is 0.1": {"learning_rate": 0.1, "overrides": OFTEN},
        "method.class_path was .*FullTuning and is .*LoRA": {"method": "lora", "overrides": OFTEN},
        "clips was": {"max_seconds": 8.0, "overrides": OFTEN},
    }
    for words, settings in cases.items():
        with pytest.raises(LabError, match=words) as caught:
            folder(lab, clips, tmp_path / "run", **settings).begin()
        assert caught.value.code == "RESUME_INCOMPATIBLE" and "--run-folder" in str(caught.value)
    assert (tmp_path / "run" / "finetune.json").read_bytes() == before


def test_other_trainings_and_damaged_cards_are_refused(lab: Lab, clips: Path, tmp_path: Path) -> None:
    place = folder(lab, clips, tmp_path / "run")
    (tmp_path / "run" / "gpt").mkdir(parents=True)
    with pytest.raises(LabError, match="holds another training: gpt") as caught:
        place.begin()
    assert caught.value.code == "OUTPUT_EXISTS"
    begun(folder(lab, clips, tmp_path / "mine"))
    card = tmp_path / "mine" / "finetune.json"
    whole = json.loads(card.read_bytes())
    damaged = [b"", b"{", b"[]", b'"x"', b"\xff", json.dumps({**whole, "of": 3}).encode()]
    damaged += [json.dumps({**whole, "finished": value}).encode() for value in (3, ["a"], {"sovits": "a"})]
    damaged += [json.dumps({key: value for key, value in whole.items() if key != "finished"}).encode()]
    for content in damaged:
        card.write_bytes(content)
        with pytest.raises(LabError, match="is damaged") as caught:
            folder(lab, clips, tmp_path / "mine").begin()
        assert caught.value.code == "RESUME_INCOMPATIBLE" and "\n" not in str(caught.value)
        assert card.read_bytes() == content


def test_a_folder_that_cannot_be_written(lab: Lab, clips: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LabError) as caught:
        folder(lab, clips, tmp_path / "file" / "run").begin()
    assert caught.value.code == "SAVE_FAILED"
