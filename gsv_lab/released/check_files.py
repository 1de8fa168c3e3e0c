"""What one weight file is and whether all of it is there: for owners of released files, and for the reports they send.

Nothing in a file is run. Whatever is wrong with one is said in its row, and never ends the check of the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from gsv_lab.checkpoint.native import load_tensors, read_header
from gsv_lab.checkpoint.restricted import CODES, Released, read_released
from gsv_lab.checkpoint.specs import network_of
from gsv_lab.errors import CheckpointError, LabError
from gsv_lab.released import reference_keys, reference_keys_gpt
from gsv_lab.released.catalogue import KNOWN, HubFile, KnownFile
from gsv_lab.released.download import sha256
from gsv_lab.released.importer import old_name
from gsv_lab.released.reference_family import Resolved, family_of, resolve_file
from gsv_lab.released.stored_config import setting

SUFFIXES = (".pth", ".ckpt", ".safetensors")
FINE, NOT_RUN, UNKNOWN, FAULTY = "fine", "not run here", "unknown", "faulty"
"""States of a file: usable; of the families v3 or v4; of no network that the kit knows; damaged, dangerous, incomplete
or another one than its name says."""

COMPANIONS = ("content_encoder", "context_encoder", "speaker_verification")
"""Roles of the networks that the released families lean on."""

OLD_FAMILIES = "is of the families v3 or v4"
NO_WEIGHTS = "in place of weights"


@dataclass
class FileReport:
    """One file: where it is (below the checked folder), what it is, and what is wrong with it.

    `decided` says what the family was seen from. `missing`, `unexpected` and `reshaped` are tensors, in the file's own
    names, held against the network that the file's own sizes describe.
    """

    path: str
    bytes: int
    state: str = FINE
    sha256: str = ""
    catalogue: str = "not in the catalogue"
    role: str = ""
    family: str = ""
    decided: list[str] = field(default_factory=list)
    precision: str = ""
    tensors: int = 0
    numbers: int = 0
    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    reshaped: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    error: str = ""

    def fault(self, text: str) -> None:
        """Note what is wrong."""
        self.state = FAULTY
        self.error = f"{self.error} {text}".strip()


def weight_files(folder: Path) -> Iterator[Path]:
    """Weight files below a folder, and further files of the catalogue, in alphabetical order; no hidden ones."""
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in inside.parts)
        if not hidden and path.is_file() and (path.suffix in SUFFIXES or known_as(inside)):
            yield path


def known_as(inside: Path) -> tuple[KnownFile, HubFile] | None:
    """What the catalogue knows under the name of a file, wherever the file lies."""
    name = inside.as_posix()
    for known in KNOWN:
        for part in known.parts:
            alone = Path(part.path).name if len(known.parts) == 1 else "/".join(Path(part.path).parts[-2:])
            if name == part.path or name == alone or name.endswith(f"/{alone}"):
                return known, part
    return None


def check_file(path: Path, folder: Path) -> FileReport:
    """Look at one file; see `FileReport`. Raises nothing."""
    inside = path.relative_to(folder)
    report = FileReport(inside.as_posix(), 0)
    try:
        report.bytes = path.stat().st_size
        known = known_as(inside)
        _compare_with_catalogue(report, path, known)
        report.role = _companion_of(inside)
        if report.role:
            pass  # opened with all of its folder, where companions are loaded
        elif path.suffix == ".safetensors":
            _native(report, path)
        else:
            _released(report, path)
    except LabError as error:
        report.fault(f"{error} [{error.code}]")
    # Somebody else's file can be anything; a fault of ours in reading it belongs into the report, too.
    except Exception as error:
        report.fault(f"Unexpected {type(error).__name__}: {str(error)[:200]}")
    if report.missing or report.unexpected or report.reshaped:
        counts = {"missing": report.missing, "unexpected": report.unexpected, "of another shape": report.reshaped}
        report.fault("; ".join(f"{len(names)} tensors are {what}" for what, names in counts.items() if names))
    return report


def _companion_of(inside: Path) -> str:
    """Role of the companion that a file is, or in whose folder it lies; empty for other files."""
    for known in KNOWN:
        if known.role in COMPANIONS and Path(known.path).name in inside.parts:
            return known.role
    return ""


def _compare_with_catalogue(report: FileReport, path: Path, known: tuple[KnownFile, HubFile] | None) -> None:
    """Hash the file, and say which released file it is, or that it is none of its name."""
    report.sha256 = sha256(path)
    for entry in KNOWN:
        for part in entry.parts:
            if part.sha256 == report.sha256:
                report.catalogue = f"{part.path} of {', '.join(entry.models)}: the checksum is right"
                return
    if known is not None:
        entry, part = known
        report.catalogue = f"named as {part.path}, but another file: {part.bytes} bytes, SHA-256 {part.sha256} is known"
        if entry.role not in COMPANIONS:  # of which there are other copies in use, saved anew by their owners
            report.fault("It is not the released file of this name.")


def _released(report: FileReport, path: Path) -> None:
    """A file in the released layout."""
    try:
        released = read_released(path)
    except CheckpointError as error:
        if NO_WEIGHTS not in str(error):
            raise
        report.state = UNKNOWN
        report.notes.append(f"{error} It may be the state of a training.")
        return
    state = {old_name(key): value for key, value in released.weight.items()}
    _count(report, state)
    gpt = any(key.removeprefix(reference_keys_gpt.PREFIX).startswith("ar_text_embedding.") for key in state)
    ours = reference_keys_gpt.to_our_key if gpt else reference_keys.to_our_key
    understood = {key: value for key, value in state.items() if ours(key) is not None}
    if not understood and not any(key.startswith("cfm.") for key in state):
        report.state = UNKNOWN
        report.notes.append(f"its tensors are those of no network that the kit knows: {', '.join(list(state)[:3])}")
        return
    report.unexpected = sorted(state.keys() - understood.keys() - _foreign(state).keys())
    config = released.content.get("config")
    try:
        resolved = resolve_file({**understood, **_foreign(state)}, config, released.code, path.name)
    except CheckpointError as error:
        if OLD_FAMILIES not in str(error):
            raise
        report.state, report.family, report.role, report.unexpected = NOT_RUN, "v3 or v4", "sovits", []
        report.decided = ["tensors of flow matching, or of an adapter (LoRA)"]
        return
    report.role, report.family = resolved.role, resolved.family
    report.notes += resolved.notes
    report.decided = _evidence(resolved.role, state, released)
    _compare(report, understood, resolved, path.name)
    if resolved.role == "sovits" and resolved.spec["init_args"]["posterior"] is None:
        report.notes.append("it has no posterior: it speaks, and can be trained further with --partial only")


def _foreign(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors by which files of other families are known."""
    return {key: value for key, value in state.items() if key.startswith("cfm.") or "lora" in key}


def _compare(report: FileReport, state: Mapping[str, Tensor], resolved: Resolved, name: str) -> None:
    """Hold a file's tensors against those of the network that its sizes describe."""
    gpt = resolved.role == "semantic_gpt"
    keys = reference_keys_gpt if gpt else reference_keys
    if gpt:
        ours = {str(reference_keys_gpt.to_our_key(key)): tuple(value.shape) for key, value in state.items()}
    else:
        ours = {key: tuple(value.shape) for key, value in reference_keys.from_reference(state).items()}
    expected = _shapes(network_of(resolved.spec, name, len(ours)))
    report.missing = sorted(str(keys.to_reference_key(key)) for key in expected.keys() - ours.keys())
    report.unexpected += sorted(str(keys.to_reference_key(key)) for key in ours.keys() - expected.keys())
    for key in sorted(expected.keys() & ours.keys()):
        if expected[key] != ours[key]:
            report.reshaped.append(f"{keys.to_reference_key(key)} {ours[key]} for {expected[key]}")


def _evidence(role: str, state: Mapping[str, Tensor], released: Released) -> list[str]:
    """From what the family of a file is seen."""
    meaning = f", which stand for {CODES[released.code]}" if released.code in CODES else ", which say nothing"
    found = [f"first two bytes {released.code}{meaning}"]
    for key, value in state.items():
        name = key.removeprefix(reference_keys_gpt.PREFIX)
        if name in ("enc_p.text_embedding.weight", "ar_text_embedding.word_embeddings.weight"):
            found.append(f"{value.shape[0]} phones")
        elif name == "dec.conv_pre.weight":
            found.append(f"vocoder of width {value.shape[0]}")
        elif name == "sv_emb.weight":
            found.append("a layer for verification vectors")
    if role == "discriminators":
        found.append(f"{len({key.split('.')[1] for key in state})} discriminators")
    version = setting(released.content.get("config"), "model.version")
    return [*found, f"the configuration says {str(version)[:40]}"] if version is not None else found


def _native(report: FileReport, path: Path) -> None:
    """A file of the kit's own."""
    header = read_header(path)
    tensors = load_tensors(path, dtype=None)
    _count(report, tensors)
    shapes = {name: tuple(value.shape) for name, value in tensors.items()}
    spec = header.get("spec")
    if not isinstance(spec, dict):
        report.state = UNKNOWN
        report.notes.append("it names no network")
        return
    report.role = str(spec.get("class_path", "")).rpartition(".")[2]
    report.family = family_of(shapes)
    info = header.get("info") or {}
    report.decided = [f"written by the kit, from {info.get('source') or info.get('experiment') or 'an unnamed source'}"]
    expected = _shapes(network_of(spec, path.name, len(shapes)))
    report.missing, report.unexpected = sorted(expected.keys() - shapes.keys()), sorted(shapes.keys() - expected.keys())
    common = expected.keys() & shapes.keys()
    wrong = sorted(name for name in common if expected[name] != shapes[name])
    report.reshaped = [f"{name} {shapes[name]} for {expected[name]}" for name in wrong]


def _count(report: FileReport, tensors: Mapping[str, Any]) -> None:
    kinds = {str(value.dtype).removeprefix("torch.") for value in tensors.values()}
    report.precision = ", ".join(sorted(kinds))
    report.tensors, report.numbers = len(tensors), sum(value.numel() for value in tensors.values())


def _shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every tensor of a network."""
    return {name: tuple(value.shape) for name, value in network.state_dict().items()}
