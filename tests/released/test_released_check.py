"""`gsv-lab released check`: whole folders, and every kind of file that is not well, each in its row."""

from __future__ import annotations

import json
import pickle
import shutil
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from gsv_lab import audio
from gsv_lab.checkpoint.restricted import Released, read_released, released_bytes
from gsv_lab.cli import main
from gsv_lab.errors import DataError
from gsv_lab.released.catalogue import KNOWN, HubFile
from gsv_lab.released.check import PAGE, REPORT, check
from gsv_lab.released.check_files import check_file
from gsv_lab.released.importer import import_reference
from released_files import gpt_spec, place, sovits_spec, write_companions, write_gpt, write_sovits

TEXT = "今天很好。"


class Attack:
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, ...]]:
        return print, ("run",)


class Done(NamedTuple):
    code: int
    report: dict[str, Any]
    page: str

    def row(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = next(row for row in self.report["files"] if row["path"] == name)
        return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pair of v2Pro under loose names, and its companions where the released ones would lie."""
    made = tmp_path_factory.mktemp("owner")
    write_gpt(made / "g-e15.ckpt", gpt_spec())
    write_sovits(made / "s_e8.pth", sovits_spec(), "05")
    if sys.modules.get("transformers", True) is not None:
        pytest.importorskip("transformers", reason="transformers is in the extra [released]")
        write_companions(made)
    return made


@pytest.fixture
def own(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy to break."""
    monkeypatch.setattr("gsv_lab.released.loading.UNBOUNDED", 2.0)  # random networks do not know when to stop
    monkeypatch.setenv("GSV_LAB_CACHE", str(tmp_path / "cache"))
    return Path(shutil.copytree(folder, tmp_path / "secret_place" / "models"))


def run(folder: Path, *options: str) -> Done:
    output = folder.parent / "out"
    code = main(["released", "check", str(folder), "--output", str(output), "--text", TEXT, *options])
    report = json.loads((output / REPORT).read_text(encoding="utf-8"))
    return Done(code, report, (output / PAGE).read_text(encoding="utf-8"))


def rewritten(path: Path, change: Callable[[dict[str, Any]], None], target: str = "") -> Path:
    """A released file with other content, in place or under another name."""
    released = read_released(path)
    content = OrderedDict(released.content)
    content["weight"] = OrderedDict(released.weight)
    change(content)
    path = path.with_name(target or path.name)
    path.write_bytes(released_bytes(Released(released.code, content)))
    return path


def test_all_is_well(own: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Files, companions, a sentence, versions; nothing of the machine but its kind, nothing written into the folder."""
    monkeypatch.setenv("A_SECRET", "value-of-a-variable")
    before = sorted(own.rglob("*"))
    done = run(own)
    assert done.code == 0 and done.report["problems"] == [] and "All is well" in done.page
    assert "s_e8.pth: fine sovits of v2Pro" in capsys.readouterr().out and sorted(own.rglob("*")) == before
    row = done.row("s_e8.pth")
    assert (row["role"], row["family"], row["precision"], row["state"]) == ("sovits", "v2Pro", "float16", "fine")
    assert row["bytes"] == (own / "s_e8.pth").stat().st_size and len(row["sha256"]) == 64
    assert row["decided"][0] == "first two bytes 05, which stand for v2Pro" and "732 phones" in row["decided"]
    assert "a layer for verification vectors" in row["decided"] and row["catalogue"] == "not in the catalogue"
    assert done.row("g-e15.ckpt")["family"] == "v2"
    assert {one["role"]: (one["place"], one["state"]) for one in done.report["companions"]} == dict.fromkeys(
        ("content_encoder", "context_encoder", "speaker_verification"), ("folder", "fine")
    )
    (speech,) = done.report["speech"]
    wave = audio.read(own.parent / "out" / speech["file"])
    assert speech["finite"] and speech["peak"] > 0 and speech["real_time_factor"] > 0
    assert abs(wave.seconds - speech["seconds"]) < 0.01 and wave.sample_rate == 32000
    assert done.report["versions"]["torch"] == torch.__version__ and "gsv_lab" in done.report["versions"]
    text = json.dumps(done.report) + done.page
    for secret in ("secret_place", str(Path.home()), "value-of-a-variable", str(own.parent)):
        assert secret not in text


def test_what_is_wrong_with_single_files(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One row for each; the rest goes on and the sentence is still spoken."""
    raw = (own / "s_e8.pth").read_bytes()
    damaged = bytearray(raw)
    damaged[len(raw) // 2] ^= 255
    (own / "damaged.pth").write_bytes(damaged)
    (own / "cut.pth").write_bytes(raw[: len(raw) // 2])
    (own / "bare.pth").write_bytes(pickle.dumps(Attack()))
    with zipfile.ZipFile(own / "attack.pth", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"weight": Attack()}, protocol=2))
    (own / "text.pth").write_text("no weights", encoding="utf-8")
    (own / "sub").mkdir()
    v3 = rewritten(own / "s_e8.pth", lambda c: c["weight"].update({"cfm.x": torch.ones(2)}), "v3.pth")
    shutil.move(v3, own / "sub")
    rewritten(own / "s_e8.pth", lambda c: c.update(weight={"a.b": torch.ones(2)}), "foreign.pth")
    torch.save({"callbacks": {}, "epoch": 1}, own / "state.ckpt")
    rewritten(own / "s_e8.pth", lambda c: c["weight"].pop("flow.flows.2.pre.weight"), "missing.pth")
    rewritten(own / "g-e15.ckpt", lambda c: c["weight"].pop("model.bert_proj.bias"), "missing.ckpt")
    rewritten(own / "s_e8.pth", lambda c: c["weight"].update({"enc_p.extra": torch.ones(2)}), "more.pth")
    rewritten(own / "s_e8.pth", lambda c: c["weight"].update({"enc_p.proj.bias": torch.ones(3)}), "shape.pth")
    nan = torch.full((16,), torch.nan)
    rewritten(own / "s_e8.pth", lambda c: c["weight"].update({"enc_p.proj.bias": nan}), "nan.pth")
    monkeypatch.setattr("builtins.print", lambda *a, **k: None if a != ("run",) else pytest.fail("code of a file ran"))
    done = run(own)
    states = {row["path"]: row["state"] for row in done.report["files"] if "/" not in row["path"]}
    fine = {"g-e15.ckpt", "s_e8.pth"}
    faulty = {"damaged", "cut", "bare", "attack", "text", "missing", "more", "shape", "nan"}
    named = {f"{name}.pth" for name in faulty} | {"missing.ckpt"}
    assert {name for name, state in states.items() if state == "faulty"} == named
    assert {name for name, state in states.items() if state == "fine"} == fine
    assert states["foreign.pth"] == states["state.ckpt"] == "unknown"
    for name, code in (
        ("damaged.pth", "CKPT_CORRUPT"), ("cut.pth", "CKPT_CORRUPT"), ("bare.pth", "CKPT_UNSAFE"),
        ("attack.pth", "CKPT_UNSAFE"), ("text.pth", "CKPT_FORMAT"), ("nan.pth", "CKPT_NONFINITE"),
    ):  # fmt: skip
        assert code in done.row(name)["error"], name
    old = done.row("sub/v3.pth")
    assert (old["state"], old["family"]) == ("not run here", "v3 or v4")
    assert done.row("missing.pth")["missing"] == ["flow.flows.2.pre.weight"]
    assert "missing: bert_proj.bias" in done.row("missing.ckpt")["error"]
    assert done.row("more.pth")["unexpected"] == ["enc_p.extra"]
    assert done.row("shape.pth")["reshaped"] == ["enc_p.proj.bias (3,) for (16,)"]
    assert done.code == 2 and len(done.report["problems"]) == 10
    assert [one["state"] for one in done.report["speech"]] == ["fine"]
    assert all(f"{name}.pth" in done.page for name in faulty)


def test_an_absent_and_a_broken_companion(own: Path) -> None:
    """What is absent is named; what cannot be loaded, too; neither stops the report."""
    place(own, "speaker_verification").unlink()
    (place(own, "context_encoder") / "config.json").write_text("{", encoding="utf-8")
    done = run(own)
    found = {one["role"]: (one["place"], one["state"]) for one in done.report["companions"]}
    assert found["speaker_verification"][0] == "absent" and found["context_encoder"] == ("folder", "faulty")
    (speech,) = done.report["speech"]
    assert speech["state"] == "not run here" and "eres2net" in speech["error"]
    assert done.code == 2 and len(done.report["problems"]) == 2
    assert "secret_place" not in json.dumps(done.report)


def test_without_the_extra(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are checked all the same; the report says what could not be tried, and that is no fault of the files."""
    monkeypatch.setitem(sys.modules, "transformers", None)
    done = run(own)
    states = {one["role"]: one["state"] for one in done.report["companions"]}
    assert states["content_encoder"] == states["context_encoder"] == "not run here"
    assert states["speaker_verification"] == "fine" and done.row("s_e8.pth")["state"] == "fine"
    (speech,) = done.report["speech"]
    assert speech["state"] == "not run here" and "EXTRA_MISSING" in speech["error"]
    assert done.code == 0


def test_the_catalogue_tells_released_files_from_others(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By checksum under any name; a file of a released name with another content is named as a problem."""
    from gsv_lab.released import check_files
    from gsv_lab.released.download import sha256

    known = next(entry for entry in KNOWN if entry.path == "s1v3.ckpt")
    right = HubFile("s1v3.ckpt", 1, sha256(own / "g-e15.ckpt"))
    monkeypatch.setattr(check_files, "KNOWN", (known._replace(parts=(right,)), *[e for e in KNOWN if e != known]))
    assert "the checksum is right" in check_file(own / "g-e15.ckpt", own).catalogue
    (own / "v2Pro").mkdir()
    shutil.copy(own / "s_e8.pth", own / "v2Pro" / "s2Gv2Pro.pth")
    row = check_file(own / "v2Pro" / "s2Gv2Pro.pth", own)
    assert row.state == "faulty" and row.family == "v2Pro" and "162303657 bytes" in row.catalogue


def test_files_of_the_kit(own: Path) -> None:
    """Imported files are checked like released ones; a folder of them speaks."""
    pair = [own / "g-e15.ckpt", own / "s_e8.pth"]
    import_reference(pair, own / "mine.safetensors")
    for path in pair:
        path.unlink()
    done = run(own)
    assert done.row("mine.sovits.safetensors")["family"] == "v2Pro" and done.code == 0
    assert done.report["speech"][0]["sovits"] == "mine.sovits.safetensors"
    raw = (own / "mine.sovits.safetensors").read_bytes()
    (own / "mine.sovits.safetensors").write_bytes(raw[:-10])
    done = run(own)
    assert done.code == 2 and "CKPT_CORRUPT" in done.row("mine.sovits.safetensors")["error"]
    assert done.report["speech"] == []


def test_no_folder_and_no_files(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(DataError, match="no weight file"):
            check(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()
