"""The walk of CONTRIBUTING.md, block by block: parts of one's own in YAML, on the command line and in a notebook."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
import torch

from gsv_lab.checkpoint import read_header
from gsv_lab.system.config import load_experiment
from source import ROOT

PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
WALK = PAGE[PAGE.index("## How to exchange a part") : PAGE.index("## Changing something")]
SMALL = [
    "data.init_args.corpus.init_args.n_speakers=6",
    "data.init_args.corpus.init_args.n_clips=24",
    "trainer.validate_every=2",
]
"""A corpus that is made in a moment; the page's own budget of 100 batches becomes two."""


def block(language: str, number: int = 0) -> str:
    """A fenced block of the walk."""
    return re.findall(rf"^```{language}\n(.*?)^```$", WALK, re.S | re.M)[number]


@pytest.fixture()
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the files that the walk asks for, beside the project's configurations."""
    (tmp_path / "my_parts.py").write_text(block("python"), encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(block("yaml"), encoding="utf-8")
    (tmp_path / "configs").symlink_to(ROOT / "configs", target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GSV_LAB_CACHE", str(tmp_path / "cache"))
    yield tmp_path
    sys.modules.pop("my_parts", None)


def test_the_commands_train_the_parts(files: Path, run_cli: Callable[..., CompletedProcess[str]]) -> None:
    for line in block("sh").strip().splitlines():
        words = shlex.split(line.replace("trainer.max_batches=100", "trainer.max_batches=2"))
        assert words.pop(0) == "gsv-lab"
        done = run_cli(*words, *SMALL)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "without the loss 'guide'" in done.stdout + done.stderr
    assert "has no loss f0 or voicing:" in done.stdout + done.stderr
    header = read_header(files / "cache" / "runs" / "my-parts" / "weights" / "sovits.safetensors")
    named = str(header["spec"])
    for name in ("SampleTable", "CodesAlone", "MeanSpectrum"):
        assert f"my_parts.{name}" in named
    assert "my_parts.py" not in str(header) and str(files) not in str(header)


def test_the_cell_trains_the_same_parts(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gsv_lab.training.fit import fit

    monkeypatch.syspath_prepend(str(files))
    content = load_experiment(["configs/synthetic/content.yaml"], ["trainer.max_batches=2", *SMALL])
    fit(content, files / "cache" / "runs" / content["name"])
    names: dict[str, Any] = {}
    small = ", ".join(f'"{setting}"' for setting in SMALL)
    cell = block("python", 1).replace('["trainer.max_batches=100"]', f'["trainer.max_batches=2", {small}]')
    exec(compile(cell, "CONTRIBUTING.md", "exec"), names)
    sovits = names["sovits"].eval()
    assert type(names["task"].sovits.prior) is type(sovits.prior)
    assert type(sovits.prior).__name__ == "CodesAlone"
    wave = torch.randn(1, 1, 16000) * 0.1
    with torch.no_grad():
        voice = sovits.voice([sovits.frontend.reference(wave)])
        made = sovits.decode(torch.zeros(1, 25, dtype=torch.int64), torch.ones(1, 4, dtype=torch.int64), voice)
    assert made.vocoded.wave.shape == (1, 1, 16000) and bool(made.vocoded.wave.abs().max() > 0)
