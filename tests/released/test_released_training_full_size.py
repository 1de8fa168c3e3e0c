"""Both stages of v2 at full width, five batches each, from random start weights in the released layout.

    pytest tests/released/test_released_training_full_size.py -m slow -s

Takes minutes, 5 GB of disk and several GB of memory, so it is marked slow. It prints
the rows of docs/results.md.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from gsv_lab import audio
from gsv_lab.corpora.released_store import make_store
from gsv_lab.released.exporter import export_reference
from gsv_lab.released.importer import import_reference
from gsv_lab.system.config import load_experiment
from released_files import CHARACTERS, place, write_discriminators, write_gpt, write_sovits

CONFIGS = Path(__file__).resolve().parents[2] / "configs" / "v2"
MOST_MEMORY = 12e9
BATCHES = 5


def write_shallow_companions(folder: Path) -> None:
    """HuBERT and BERT of full width with few layers: what they give has the real sizes, and their own cost is no
    part of a training.
    """
    from transformers import BertConfig, BertModel, HubertConfig, HubertModel

    HubertModel(HubertConfig(num_hidden_layers=1)).save_pretrained(place(folder, "content_encoder", "v2"))
    bert = place(folder, "context_encoder", "v2")
    sizes = {"hidden_size": 1024, "num_hidden_layers": 4, "num_attention_heads": 16, "intermediate_size": 64}
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *CHARACTERS]
    BertModel(BertConfig(vocab_size=len(tokens), **sizes)).save_pretrained(bert)
    (bert / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> tuple[Path, dict[str, Path]]:
    """The store of the shipped sample's five sentences, and the imported start weights by role."""
    pytest.importorskip("transformers", reason="transformers is in the extra [released]")
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("full")
    write_shallow_companions(folder)
    (folder / "raw").mkdir()
    gpt, both = (load_experiment([CONFIGS / f"{stage}.yaml"])["task"]["init_args"] for stage in ("gpt", "sovits"))
    paths = [
        write_gpt(folder / "raw" / "g.ckpt", gpt["semantic_gpt"]),
        write_sovits(folder / "raw" / "s.pth", both["sovits"]),
        write_discriminators(folder / "raw" / "d.pth", both["discriminators"]),
    ]
    start = {one.role: one.output for one in import_reference(paths, folder / "start.safetensors")}
    wave, lines = audio.read(sample, 32000).samples, []
    for number, one in enumerate(json.loads(sample.with_suffix(".json").read_text(encoding="utf-8"))["sentences"]):
        audio.write(folder / f"{number}.wav", wave[int(one["start"] * 32000) : int(one["end"] * 32000)], 32000)
        lines.append(f"{number}.wav|sample|en|{one['text']}")
    (folder / "clips.list").write_text("\n".join(lines) + "\n", encoding="utf-8")
    made = make_store(folder / "clips.list", "v2", folder / "store", folder)
    assert (made.clips, made.held_out) == (5, 1)
    return made.folder, start


@pytest.mark.slow
@pytest.mark.parametrize(("stage", "roles"), [("gpt", ("semantic_gpt",)), ("sovits", ("sovits", "discriminators"))])
def test_five_batches(
    stage: str, roles: tuple[str, ...], ground: tuple[Path, dict[str, Path]], root: Path, tmp_path: Path
) -> None:
    """A process of its own, so that its memory is the training's; its weights come out in the released layout."""
    store, start = ground
    files = json.dumps([str(start[role]) for role in roles])
    command: list[Any] = [sys.executable, root / "tests" / "offline.py", "fit", "--config", CONFIGS / f"{stage}.yaml"]
    command += ["--output", tmp_path / "run", f"sizes.store={store}", f"start_from={files}"]
    command += [f"trainer.max_batches={BATCHES}", "trainer.log_every=1", "data.init_args.batch_seconds=32"]
    begun = time.perf_counter()
    child = subprocess.Popen([str(word) for word in command], env={**os.environ, "PYTHONPATH": str(root)})
    _, status, used = os.wait4(child.pid, 0)
    taken, peak = time.perf_counter() - begun, used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    assert os.waitstatus_to_exitcode(status) == 0
    budget = torch.load(tmp_path / "run" / "state.ckpt", weights_only=True)["callbacks"]["Budget"]
    assert budget["batches"] == BATCHES
    computed = used.ru_utime + used.ru_stime
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, torch {torch.__version__}"
    print(
        f"\n| v2, {stage}, {BATCHES} batches of 4 clips of 4 to 7 s | {budget['seconds'] / BATCHES:.1f} s a batch, "
        f"{taken:.0f} s in all, {computed:.0f} s of them computing | {peak / 1e9:.1f} GB | {machine} |"
    )
    assert peak < MOST_MEMORY
    for role in roles:
        exported = export_reference(tmp_path / "run" / "weights" / f"{role}.safetensors", tmp_path / f"{role}.pth")
        (again,) = import_reference([exported], tmp_path / f"{role}.safetensors")
        assert again.role == role and not again.notes
