"""Which source files a training rests on."""

from __future__ import annotations

from pathlib import Path

import pytest

from gsv_lab.evaluation.grids import sources
from gsv_lab.evaluation.grids.sources import code_digest, source_digests


def test_what_a_class_imports_counts_and_pictures_do_not() -> None:
    found = source_digests(["gsv_lab.nn.flow"])
    assert {"gsv_lab.nn.flow", "gsv_lab.nn.interfaces", "gsv_lab.hooks.tap", "gsv_lab.system.registry"} <= set(found)
    assert not [name for name in found if name.startswith(("gsv_lab.figures", "gsv_lab.training", "gsv_lab.cli"))]
    training = source_digests(["gsv_lab.training.sovits_task"])
    assert "gsv_lab.training.stepping" in training and "gsv_lab.corpora.sovits_data" in training
    assert not [name for name in training if name.startswith("gsv_lab.figures")]
    assert source_digests(["gsv_lab.nn.nothing", "torch"]) == {}


def test_code_counts_and_prose_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "gsv_lab"
    (package / "inner").mkdir(parents=True)
    files = {
        "__init__.py": "",
        "a.py": "from gsv_lab import b\nfrom .inner import c\n\n\ndef f():\n    from gsv_lab.d import late\n",
        "b.py": '"""B."""\nx = 1\n',
        "d.py": "late = 1\n",
        "e.py": "other = 1\n",
        "inner/__init__.py": "",
        "inner/c.py": (
            "from typing import TYPE_CHECKING\nfrom ..b import x\nif TYPE_CHECKING:\n    from gsv_lab import e\n"
        ),
    }
    for name, text in files.items():
        (package / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(sources, "PACKAGE", package)
    before = source_digests(["gsv_lab.a"])
    assert {*before} == {"gsv_lab", *(f"gsv_lab.{name}" for name in ("a", "b", "d", "inner", "inner.c"))}
    (package / "b.py").write_text('"""Another word."""\nx = 1  # one\n', encoding="utf-8")
    assert source_digests(["gsv_lab.a"]) == before
    (package / "b.py").write_text('"""B."""\nx = 2\n', encoding="utf-8")
    after = source_digests(["gsv_lab.a"])
    assert {name for name in after if after[name] != before[name]} == {"gsv_lab.b"}
    assert code_digest("x = 1  # one\n") == code_digest("x = 1\n") != code_digest("x = 2\n")
