"""Files changed at random, always the same ones: each loads as before or gives one error, and nothing foreign runs.

The ordinary suite has a few of each kind; 2,000 in all are marked slow.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gsv_lab.checkpoint import load_component, save_component
from gsv_lab.checkpoint.native import read_header
from gsv_lab.errors import LabError
from gsv_lab.extensions.residual_correction import Residuals
from gsv_lab.inference.lab import Lab, load
from gsv_lab.inference.synthesizer import Prompt
from gsv_lab.inference.voice import Voice
from gsv_lab.released.importer import import_reference
from gsv_lab.system.config import build, load_experiment, override
from gsv_lab.system.registry import FOLDERS, modules
from gsv_lab.text import phonemize
from tiny import GPT, make_family

from .layouts import small_gpt, write
from .mangling import damaged, edited, packed, unpacked

CONTENT = Path(__file__).resolve().parents[2] / "configs" / "nano" / "content.yaml"
LONGEST = 2.0
"""Seconds of the processor for one case."""

FOREIGN = {"imaplib", "antigravity", "this", "gsv_lab.__main__"}
"""Modules that nothing but a name in a file would import; the parser itself refuses only some of them."""

Case = Callable[[Any], None]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny family and one honest file of each kind."""
    folder = tmp_path_factory.mktemp("mangled")
    lab = load(str(make_family(folder / "family")))
    synthesizer = lab.family.synthesizer
    phones = phonemize("Hello there.", "en")
    codes = torch.arange(9)
    hidden, latent = synthesizer.sovits.prior.hidden_dim, synthesizer.sovits.prior.latent_dim
    name = "sovits.flow.steps.0.out_proj.bias"
    changed = {name: synthesizer.state_dict()[name] + 0.1}
    Voice(
        name="me",
        parent=lab.version,
        parents=lab.recordings.fingerprints,
        speaker=torch.zeros(1, synthesizer.voice_dim, 1),
        prompt=Prompt(codes, phones, codes.clamp(max=len(phones) - 1)),
        changed=changed,
        consent="mine",
        settings={"source": "me.wav", "seconds": [[0.0, 3.5]]},
        residuals=Residuals(torch.randn(1, hidden, 5), torch.randn(1, latent, 5)),
    ).save(folder / "voice.safetensors")
    save_component(build(GPT), folder / "weights.safetensors", {"minutes": 3})
    write(folder / "released.pth", small_gpt())
    return folder


@pytest.fixture(scope="module")
def lab(place: Path) -> Lab:
    return load(str(place / "family"))


@pytest.fixture
def nothing_foreign(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Names are imported from the list only, and what the nastiest classes would do is done by nobody."""
    real = importlib.import_module

    def watched(name: str, package: str | None = None) -> Any:
        known = name in sys.modules or name in modules(FOLDERS) or not name.startswith("gsv_lab")
        assert known and name not in FOREIGN, f"{name} was imported"
        return real(name, package)

    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("foreign code was run")

    monkeypatch.setattr(importlib, "import_module", watched)
    monkeypatch.setattr(os, "system", never)
    monkeypatch.setattr(subprocess.Popen, "__init__", never)
    yield
    assert not FOREIGN & set(sys.modules)


def voice_case(place: Path, lab: Lab) -> Case:
    """A voice in bytes, in its tensors and in its header; where it loads, it speaks."""
    honest = (place / "voice.safetensors").read_bytes()
    path = place / "case.safetensors"

    def case(draw: Any) -> None:
        path.write_bytes(mangled(honest, draw))
        voice = Voice.load(path)
        lab.speak("Hi.", voice, candidates=1)

    return case


def weights_case(place: Path, lab: Lab) -> Case:
    """Weights in bytes and in their header."""
    honest = [(place / name).read_bytes() for name in ("weights.safetensors", "family/sovits.safetensors")]
    path = place / "case.safetensors"

    def case(draw: Any) -> None:
        path.write_bytes(mangled(draw(st.sampled_from(honest)), draw))
        load_component(path)
        read_header(path)

    return case


def mangled(honest: bytes, draw: Any) -> bytes:
    """A file of the kit's own, damaged: its bytes, the table in front, or the entry of the kit in it."""
    kind = draw(st.sampled_from(("bytes", "tensors", "table", "entry", "entry", "entry", "sealed")))
    if kind == "bytes":
        return damaged(honest, draw)
    table, entry, tensors = unpacked(honest)
    if kind == "table":
        del table["__metadata__"]
        return packed({**edited(table, draw), "__metadata__": {}}, entry, tensors)
    if kind != "sealed":  # what lies behind the checksum is met too
        entry.pop("checksum", None)
    if kind == "tensors":
        changed = bytearray(tensors)
        for _ in range(draw(st.integers(1, 4))):
            changed[draw(st.integers(0, len(changed) - 1))] = draw(st.integers(0, 255))
        return packed(table, entry, bytes(changed))
    return packed(table, edited(entry, draw), tensors)


def card_case(place: Path, lab: Lab) -> Case:
    """`model.json` as text and as a tree, in a folder with honest weights."""
    honest = json.loads((place / "family" / "model.json").read_text(encoding="utf-8"))
    folder = place / "card"
    folder.mkdir(exist_ok=True)
    for path in (place / "family").glob("*.safetensors"):
        if not (folder / path.name).exists():
            (folder / path.name).symlink_to(path)

    def case(draw: Any) -> None:
        if draw(st.integers(0, 3)) == 0:
            text = damaged(json.dumps(honest).encode(), draw)
        else:
            text = json.dumps(edited(honest, draw)).encode()
        (folder / "model.json").write_bytes(text)
        load(str(folder))

    return case


def configuration_case(place: Path, lab: Lab) -> Case:
    """A configuration as text, as a tree, and as settings over a resolved one."""
    honest = yaml.safe_load(CONTENT.read_text(encoding="utf-8"))
    resolved = load_experiment([CONTENT])
    path = place / "case.yaml"

    def case(draw: Any) -> None:
        kind = draw(st.sampled_from(("bytes", "tree", "tree", "override", "resolved", "resolved")))
        if kind == "resolved":
            override(edited(resolved, draw), [f"{draw(st.sampled_from(SETTINGS))}={draw(st.sampled_from(TEXTS))}"])
        elif kind == "override":
            load_experiment([CONTENT], [f"{draw(st.sampled_from(SETTINGS))}={draw(st.sampled_from(TEXTS))}"])
        else:
            text = damaged(CONTENT.read_bytes(), draw) if kind == "bytes" else dumped(edited(honest, draw))
            path.write_bytes(text)
            load_experiment([path])

    return case


def dumped(tree: Any) -> bytes:
    return yaml.safe_dump(tree).encode("utf-8", "surrogatepass")


SETTINGS = (
    "name", "seed", "task", "task.class_path", "task.init_args.learning_rate", "task.init_args.content_encoder",
    "task.init_args.content_encoder.class_path", "task.init_args.content_encoder.init_args.width", "data.class_path",
    "data.init_args.store", "data.init_args.corpora", "trainer", "trainer.minutes", "sizes.store", "config", "help", "",
    "task.init_args", "task.help", "data.init_args.train+", "trainer.precision", "a.b.c", "name.x",
)  # fmt: skip
TEXTS = (
    "", "null", "3", "-1", "1e400", "9" * 5000, "[a, b]", "{a: b}", "{class_path: imaplib.IMAP4}",
    "imaplib.IMAP4",
    "gsv_lab.__main__.main", "gsv_lab.corpora.content_data.ContentData", "${oc.env:HOME}", "${sizes.store}", "${seed}",
    "${task}", "../../x", "!!python/name:os.system", "!!binary aGk=", "!!set {a}", "!!int x", "&a [*a]", "'", "[" * 50,
    "\x00", "\ud800", "no", "010", "? [a]", "<<: 3", "{<<: 3}", "2026-01-01", "x" * 5000, "%", "@", "- a", "a: b: c",
)  # fmt: skip


def released_case(place: Path, lab: Lab) -> Case:
    """A released file in bytes, and imported."""
    honest = (place / "released.pth").read_bytes()
    path = place / "case.pth"

    def case(draw: Any) -> None:
        path.write_bytes(damaged(honest, draw))
        import_reference([path], place / "imported.safetensors")

    return case


KINDS = {
    "voices": (voice_case, 30),
    "weights": (weights_case, 30),
    "cards": (card_case, 20),
    "configurations": (configuration_case, 12),
    "released": (released_case, 12),
}
"""Kind -> maker of its cases, and how many the ordinary suite has."""


def run(place: Path, lab: Lab, kind: str, count: int) -> tuple[int, int, float]:
    """Try cases; how many loaded, how many were refused, and the longest time of one."""
    case = KINDS[kind][0](place, lab)
    found = [0, 0]
    times = [0.0]

    @settings(
        max_examples=count, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(st.data())
    def one(data: Any) -> None:
        began = time.process_time()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                case(data.draw)
            found[0] += 1
        except LabError as error:
            found[1] += 1
            text = str(error)
            assert re.fullmatch("[A-Z]+(_[A-Z]+)+", error.code) and text.isprintable() and len(text) < 1500, text
        times.append(time.process_time() - began)
        assert times[-1] < LONGEST

    one()
    return found[0], found[1], max(times)


@pytest.mark.usefixtures("nothing_foreign")
@pytest.mark.parametrize("kind", KINDS)
def test_some_mangled_files(kind: str, place: Path, lab: Lab) -> None:
    _, refused, _ = run(place, lab, kind, KINDS[kind][1])
    assert refused > KINDS[kind][1] // 3


def test_what_quotes_a_whole_file_is_cut() -> None:
    text = str(LabError("CKPT_CORRUPT", f"a.safetensors: invalid {'x' * 5000} at line 1", "a whole file"))
    assert len(text) < 1500 and text.startswith("a.safetensors: invalid x")
    assert text.endswith("x at line 1. Expected a whole file.")


@pytest.mark.slow
@pytest.mark.usefixtures("nothing_foreign")
@pytest.mark.parametrize("kind", KINDS)
def test_many_mangled_files(kind: str, place: Path, lab: Lab) -> None:
    loaded, refused, longest = run(place, lab, kind, 400)
    print(f"{kind}: {loaded} loaded, {refused} refused, longest {longest:.2f} s")
    assert loaded + refused >= 400 and refused > 150
