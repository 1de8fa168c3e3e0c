"""A whole v2Pro at full size with random numbers: released files, import, speech, export, equal tensors.

    pytest tests/released/test_released_full_size.py -m slow -s

Takes minutes, 4 GB of disk and up to 6 GB of memory, so it is marked slow. It prints
the table of docs/results.md.
"""

from __future__ import annotations

import os
import platform
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from gsv_lab import audio
from gsv_lab.checkpoint.restricted import read_released
from gsv_lab.inference.lab import Lab
from gsv_lab.inference.loading import load_family
from gsv_lab.released.eres2net import ERes2NetV2
from gsv_lab.released.exporter import export_reference
from gsv_lab.released.importer import import_reference
from gsv_lab.system.config import load_experiment
from released_files import CHARACTERS, place, write_gpt, write_sovits

TEXT = "今天天气很好。"
CONFIGS = Path(__file__).resolve().parents[2] / "configs" / "v2Pro"
MOST_MEMORY = 6e9


class Table:
    """Rows as they come."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, str]] = []

    @contextmanager
    def row(self, name: str) -> Iterator[list[str]]:
        notes: list[str] = []
        start = time.perf_counter()
        yield notes
        self.rows.append((name, f"{time.perf_counter() - start:.0f} s", "; ".join(notes)))

    def __str__(self) -> str:
        rows = [("step", "time", "result"), ("---", "---", "---"), *self.rows]
        return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def peak_memory() -> float:
    """Bytes, the largest that this process has had."""
    resource = pytest.importorskip("resource")
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(most) if sys.platform == "darwin" else most * 1024.0


def write_full_companions(folder: Path) -> int:
    """HuBERT base, BERT large and ERes2NetV2 in half precision; how many numbers they have."""
    from transformers import BertConfig, BertModel, HubertConfig, HubertModel

    large = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096}
    count = 0
    for role, make in (
        ("content_encoder", lambda: HubertModel(HubertConfig())),
        ("context_encoder", lambda: BertModel(BertConfig(vocab_size=21128, **large))),
    ):
        model = make()
        count += sum(value.numel() for value in model.parameters())
        model.half().save_pretrained(place(folder, role))
        del model
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *CHARACTERS]
    (place(folder, "context_encoder") / "vocab.txt").write_text("\n".join(tokens), encoding="utf-8")
    verifier = place(folder, "speaker_verification")
    verifier.parent.mkdir(parents=True, exist_ok=True)
    network = ERes2NetV2()
    state = network.state_dict()
    torch.save({key: value.half() if value.is_floating_point() else value for key, value in state.items()}, verifier)
    return count + sum(value.numel() for value in network.parameters())


def spec(stage: str, name: str) -> Any:
    return load_experiment([CONFIGS / f"{stage}.yaml"])["task"]["init_args"][name]


@pytest.mark.slow
def test_full_size_v2pro(tmp_path: Path, sample: Path) -> None:
    pytest.importorskip("transformers", reason="transformers is in the extra [released]")
    table = Table()
    files = {"semantic_gpt": tmp_path / "raw" / "g-e1.ckpt", "sovits": tmp_path / "raw" / "s_e1_s1.pth"}
    torch.manual_seed(0)
    with table.row("write random files in the released layout") as notes:
        write_gpt(files["semantic_gpt"], spec("gpt", "semantic_gpt"))
        write_sovits(files["sovits"], spec("sovits", "sovits"), "05")
        notes += [f"{path.suffix} {path.stat().st_size / 1e6:.0f} MB" for path in files.values()]
    with table.row("write random companions") as notes:
        notes.append(f"{write_full_companions(tmp_path) / 1e6:.0f} M numbers")
    with table.row("import") as notes:
        reports = import_reference(list(files.values()), tmp_path / "full.safetensors")
        notes += [f"{one.role} of {one.family}, {one.tensors} tensors, {one.parameters:,} numbers" for one in reports]
        assert [one.tensors for one in reports] == [295, 781]
    with table.row("load with companions") as notes:
        family = load_family(str(tmp_path))
        notes.append(family.version)
        # Random networks know no end; this many codes a phone are as much as anybody says.
        lab = Lab(replace(family, max_codes_per_phone=2.0))
    clip = audio.write(tmp_path / "clip.wav", audio.read(sample, 32000).samples[: 4 * 32000], 32000)
    with table.row("clone from 4 s with text") as notes, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        voice = lab.clone(clip, text="She said it was a good day.")
        notes.append(f"speaker vector {tuple(voice.speaker.shape)}, {len(voice.prompt.codes)} prompt codes")
    with table.row(f"speak {TEXT}") as notes:
        speech = lab.speak(TEXT, voice)
        notes.append(f"{len(speech.codes)} codes, {speech.seconds:.2f} s at {speech.sample_rate} Hz")
        assert torch.isfinite(speech.wave).all() and float(speech.wave.std()) > 0
        assert speech.wave.numel() == len(speech.codes) * 1280
    del lab, family
    for one in reports:
        with table.row(f"export {one.role}, compare") as notes:
            back = export_reference(one.output, tmp_path / f"back{one.source.suffix}")
            first, second = read_released(one.source), read_released(back)
            old, new = first.content["weight"], second.content["weight"]
            assert list(old) == list(new) and first.code == second.code
            equal = sum(old[key].dtype == new[key].dtype and torch.equal(old[key], new[key]) for key in old)
            notes.append(f"{equal} of {len(old)} tensors equal in every bit, first bytes {second.code!r}")
            assert equal == len(old)
            del first, second, old, new
    peak = peak_memory()
    table.rows.append(("peak memory of the whole", "", f"{peak / 1e9:.1f} GB"))
    print(f"\n{os.cpu_count()} cores, {platform.system()} {platform.machine()}, torch {torch.__version__}\n\n{table}")
    assert peak < MOST_MEMORY
