"""Files that lie about what they are: pickles, oversized headers, swapped parts, voices that do not fit."""

from __future__ import annotations

import json
import os
import pickle
import struct
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from gsv_lab.checkpoint import load_component
from gsv_lab.checkpoint.native import FORMAT
from gsv_lab.checkpoint.state_file import read_state
from gsv_lab.errors import LabError
from gsv_lab.inference.lab import load
from gsv_lab.inference.synthesizer import Prompt
from gsv_lab.inference.voice import Voice
from gsv_lab.released.importer import import_reference
from gsv_lab.text import phonemize
from tiny import make_family

from .hostile import code_of, weights
from .layouts import rewritten


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.place / "sprung"),)


def archive_of(path: Path, program: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", program)
    return path


def test_pickle(tmp_path: Path) -> None:
    """Bare, in an archive, by every protocol, under every name; as weights, voice, released file and companion."""
    path = tmp_path / "x.safetensors"
    for protocol in range(6):
        program = pickle.dumps(Trap(tmp_path), protocol)
        for harmful in (program, pickle.dumps({"weight": {}, "x": Trap(tmp_path)}, protocol)):
            path.write_bytes(harmful)
            assert code_of(lambda: load_component(path)) == "CKPT_FORMAT"
            assert code_of(lambda: Voice.load(path)) == "CKPT_FORMAT"
            assert code_of(lambda: read_state(path)) in ("CKPT_UNSAFE", "CKPT_FORMAT")
            archive_of(path, harmful)
            assert code_of(lambda: load_component(path)) == "CKPT_LEGACY"
            assert code_of(lambda: read_state(path)) == "CKPT_UNSAFE"
            assert code_of(lambda: import_reference([path], tmp_path / "o.safetensors")) == "CKPT_UNSAFE"
    assert [item.name for item in tmp_path.iterdir()] == ["x.safetensors"]


@pytest.mark.parametrize("name", ["builtins bytearray", "torch FloatTensor", "torch _utils", "_codecs encode"])
def test_pickle_that_asks_for_memory(name: str, tmp_path: Path) -> None:
    """torch's own list lets some names through that take an argument for a size."""
    program = b"\x80\x02c" + name.replace(" ", "\n").encode() + b"\nJ\xff\xff\xff\x7f\x85R."
    assert code_of(lambda: read_state(archive_of(tmp_path / "x.pth", program))) == "CKPT_UNSAFE"


@pytest.mark.parametrize("length", [2**62, 2**63, 2**64 - 1, 2**40, 16 * 2**20 + 1, 10**6])
def test_oversized_header(length: int, tmp_path: Path) -> None:
    path = weights(tmp_path / "w.safetensors", "gsv_lab.nn.flow.IdentityFlow")
    path.write_bytes(struct.pack("<Q", length) + path.read_bytes()[8:])
    assert code_of(lambda: load_component(path)) == "CKPT_CORRUPT"
    assert code_of(lambda: Voice.load(path)) == "CKPT_CORRUPT"


def test_header_that_lies_about_its_own_size_and_depth(tmp_path: Path) -> None:
    """A whole header of 17 MB, one of a list in a list, one of a shape of a million numbers."""
    path = tmp_path / "w.safetensors"
    entry = json.dumps({"format": FORMAT, "info": {}})
    for table in (
        {"__metadata__": {"gsv_lab": entry, "x": "y" * 17 * 2**20}},
        {"__metadata__": {"gsv_lab": '{"info": {"a": ' + "[" * 500 + "]" * 500 + "}}"}},
        {"__metadata__": {"gsv_lab": entry}, "a": {"dtype": "F32", "shape": [1] * 10**6, "data_offsets": [0, 4]}},
        {"__metadata__": {"gsv_lab": '{"format": 2, "info": {"a": NaN}}'}},
        {"__metadata__": {"gsv_lab": '{"format": ' + "9" * 5000 + "}"}},
    ):
        text = json.dumps(table).encode()
        path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(4))
        assert code_of(lambda: load_component(path)) == "CKPT_CORRUPT"


def test_swapped_parts(tmp_path: Path) -> None:
    """Each file of a family in the place of another is named with what it holds."""
    family = make_family(tmp_path / "family")
    for one, other, words in (
        ("semantic_gpt", "sovits", "holds a ExtendedSoVITS"),
        ("sovits", "content_encoder", "holds a PhoneContentEncoder"),
        ("content_encoder", "speaker_verifier", "holds a SpeakerVerifier"),
    ):
        path = family / f"{one}.safetensors"
        kept = path.read_bytes()
        path.write_bytes((family / f"{other}.safetensors").read_bytes())
        with pytest.raises(LabError, match=words) as caught:
            load(str(family))
        assert caught.value.code == "CKPT_FORMAT"
        path.write_bytes(kept)
    load(str(family))


@pytest.fixture(scope="module")
def lab_and_voice(tmp_path_factory: pytest.TempPathFactory) -> Any:
    lab = load(str(make_family(tmp_path_factory.mktemp("lab"))))
    synthesizer = lab.family.synthesizer
    voice = Voice(
        name="v",
        parent=lab.version,
        parents=lab.recordings.fingerprints,
        speaker=torch.zeros(1, synthesizer.voice_dim, 1),
        prompt=Prompt(torch.tensor([1, 2, 3]), None),
    )
    lab.speak("We walk.", voice)
    return lab, voice


def change(voice: Voice, row: str) -> Voice:
    codes, name = voice.prompt.codes, "sovits.flow.steps.0.out_proj.bias"
    changes: dict[str, dict[str, Any]] = {
        "width": {"speaker": torch.zeros(1, 15, 1)},
        "codes": {"prompt": Prompt(codes + 18, None)},
        "negative codes": {"prompt": Prompt(codes - 2, None)},
        "unknown tensor": {"changed": {"sovits.nowhere": torch.zeros(4)}},
        "shape of a tensor": {"changed": {name: torch.zeros(5)}},
        "empty parents": {"parents": {}},
        "a parent less": {"parents": dict(list(voice.parents.items())[:2])},
    }
    return replace(voice, **changes[row])


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("width", "CKPT_SHAPE"),
        ("codes", "CKPT_RANGE"),
        ("negative codes", "CKPT_RANGE"),
        ("unknown tensor", "CKPT_KEYS"),
        ("shape of a tensor", "CKPT_SHAPE"),
        ("empty parents", "CKPT_PARENT_MISMATCH"),
        ("a parent less", "CKPT_PARENT_MISMATCH"),
    ],
)
def test_voices_that_do_not_fit(row: str, code: str, lab_and_voice: Any) -> None:
    lab, voice = lab_and_voice
    assert code_of(lambda: lab.speak("We walk.", change(voice, row))) == code


@pytest.fixture(scope="module")
def voice_file(lab_and_voice: Any, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A voice with all that one can have."""
    lab, voice = lab_and_voice
    phones = phonemize("Hello there.", "en")
    name = "sovits.flow.steps.0.out_proj.bias"
    changed = {name: lab.family.synthesizer.state_dict()[name] + 0.5}
    prompt = Prompt(torch.arange(9), phones, torch.arange(9).clamp(max=len(phones) - 1))
    path = tmp_path_factory.mktemp("voice") / "v.safetensors"
    replace(voice, prompt=prompt, changed=changed, settings={"source": "me.wav"}).save(path)
    return path.read_bytes()


def entry_of(table: dict[str, Any]) -> dict[str, Any]:
    return json.loads(table["__metadata__"]["gsv_lab"])


EDITS: dict[str, tuple[str, Any]] = {
    "no name": ("CKPT_CORRUPT", lambda e: e.pop("name")),
    "a number for a name": ("CKPT_CORRUPT", lambda e: e.update(name=3)),
    "parents in a list": ("CKPT_CORRUPT", lambda e: e.update(parents=["sovits"])),
    "parents that are numbers": ("CKPT_CORRUPT", lambda e: e.update(parents={"sovits": 3})),
    "no parents": ("CKPT_CORRUPT", lambda e: e.update(parents={})),
    "an entry more": ("CKPT_CORRUPT", lambda e: e.update(run="rm")),
    "phones in a text": ("CKPT_CORRUPT", lambda e: e.update(phones="AH0")),
    "a phone that is none": ("CKPT_CORRUPT", lambda e: e["phones"]["symbols"].__setitem__(0, "QQ")),
    "phones and words": ("CKPT_CORRUPT", lambda e: e["phones"]["word2phones"].append(1)),
    "a negative word": ("CKPT_CORRUPT", lambda e: e["phones"]["word2phones"].extend([1, -1])),
    "settings in a text": ("CKPT_CORRUPT", lambda e: e.update(settings="me.wav")),
    "consent of no kind": ("CKPT_CORRUPT", lambda e: e.update(consent=None)),
    "another kind": ("CKPT_FORMAT", lambda e: e.update(kind="weights")),
}


@pytest.mark.parametrize("row", EDITS)
def test_edited_voices(row: str, voice_file: bytes, tmp_path: Path) -> None:
    """With the checksum an edit is seen as such; without one, as in older files, the schema says what is wrong."""
    code, edit = EDITS[row]
    path = tmp_path / "v.safetensors"
    for sealed in (True, False):
        path.write_bytes(voice_file)

        def change_entry(table: dict[str, Any], sealed: bool = sealed) -> None:
            entry = entry_of(table)
            edit(entry)
            if not sealed:
                del entry["checksum"]
            table["__metadata__"]["gsv_lab"] = json.dumps(entry)

        rewritten(path, change_entry)
        wanted = "CKPT_TAMPERED" if sealed and code != "CKPT_FORMAT" else code
        assert code_of(lambda: Voice.load(path)) == wanted


def test_a_voice_is_sealed(voice_file: bytes, tmp_path: Path) -> None:
    """One bit of a tensor, one letter of the consent; without its checksum the file is an older one and loads."""
    path = tmp_path / "v.safetensors"
    path.write_bytes(voice_file)
    kept = Voice.load(path)
    flipped = bytearray(voice_file)
    flipped[-1] ^= 1
    path.write_bytes(flipped)
    assert code_of(lambda: Voice.load(path)) == "CKPT_TAMPERED"
    path.write_bytes(voice_file.replace(b"me.wav", b"he.wav"))
    assert code_of(lambda: Voice.load(path)) == "CKPT_TAMPERED"
    path.write_bytes(voice_file)

    def unseal(table: dict[str, Any]) -> None:
        entry = entry_of(table)
        assert len(entry.pop("checksum")) == 64
        table["__metadata__"]["gsv_lab"] = json.dumps(entry)

    assert Voice.load(rewritten(path, unseal)).settings == kept.settings


def unsealed(path: Path, data: bytes, change: Any) -> Path:
    path.write_bytes(data)

    def edit(table: dict[str, Any]) -> None:
        entry = entry_of(table)
        del entry["checksum"]
        table["__metadata__"]["gsv_lab"] = json.dumps(entry)
        change(table)

    return rewritten(path, edit)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda t: t.update({"voice.other": t.pop("voice.codes")}), "CKPT_KEYS"),
        (lambda t: t.update({"other": t.pop("voice.phone_index")}), "CKPT_KEYS"),
        (lambda t: t["voice.speaker"].update(shape=t["voice.speaker"]["shape"][1:]), "CKPT_SHAPE"),
        (lambda t: t["voice.codes"].update(dtype="F64"), "CKPT_SHAPE"),
        (lambda t: t["voice.codes"].update(shape=[3, 3]), "CKPT_SHAPE"),
        (lambda t: t["voice.codes"].update(dtype="C64"), "CKPT_CORRUPT"),
    ],
)
def test_tensors_of_no_voice(change: Any, code: str, voice_file: bytes, tmp_path: Path) -> None:
    path = unsealed(tmp_path / "v.safetensors", voice_file, change)
    assert code_of(lambda: Voice.load(path)) == code


CARDS: dict[str, Any] = {
    "no table": [],
    "no version": lambda c: c.pop("version"),
    "a text for a number": lambda c: c.update(noise_scale="0.3"),
    "true for a number": lambda c: c.update(noise_scale=True),
    "infinity": lambda c: c.update(noise_scale=float("inf")),
    "below its range": lambda c: c.update(max_codes_per_phone=0),
    "sampling of no kind": lambda c: c.update(sampling=3),
    "sampling out of its range": lambda c: c["sampling"].update(temperature=-1),
    "an unknown entry of sampling": lambda c: c["sampling"].update(heat=1),
    "no candidates": lambda c: c.update(candidates=0),
    "an unknown entry": lambda c: c.update(weights="../../x"),
    "a postfilter more": lambda c: c["postfilters"].update(other={}),
    "a postfilter's argument": lambda c: c["postfilters"]["latent"].update(gian=1),
    "a postfilter's reach": lambda c: c["postfilters"]["formants"].update(reach=-4),
    "a correction's argument": lambda c: c["residual_correction"].update(sharpness="sharp"),
    "cut off": b'{"version": "tiny-1", "sampl',
    "no text": b"\xff\xfe",
    "empty": b"",
    "deep": b"[" * 100_000,
    "large": b" " * (2**20 + 1),
}


@pytest.mark.parametrize("row", CARDS)
def test_cards(row: str, tmp_path: Path) -> None:
    folder = make_family(tmp_path / "family")
    path = folder / "model.json"
    change = CARDS[row]
    if callable(change):
        card = json.loads(path.read_text(encoding="utf-8"))
        change(card)
        path.write_text(json.dumps(card), encoding="utf-8")
    else:
        path.write_bytes(change if isinstance(change, bytes) else json.dumps(change).encode())
    assert code_of(lambda: load(str(folder))) == "CKPT_CORRUPT"
