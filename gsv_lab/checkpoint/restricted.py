"""Reading and writing the released `.pth` and `.ckpt` files without running anything that stands in them.

Such a file is a zip archive around a pickle, and a pickle is a program. Three walls stand before it: the archive is
checked (nothing compressed, nothing that claims more bytes than the file has), every name that the pickle would import
is compared with a short list, and torch's own weights-only reader runs last, first without memory (`meta`) to see what
sizes are claimed. The one class of the project that wrote the files, `utils.HParams`, is met by a stub of attributes.
Some files carry a two-digit code in place of the archive's first two bytes; it is mended in memory.
"""

from __future__ import annotations

import io
import pickletools
import sys
import threading
import types
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gsv_lab.errors import CheckpointError

CODES = {"00": "v1", "01": "v2", "02": "v3", "03": "v3", "04": "v4", "05": "v2Pro", "06": "v2ProPlus"}
"""First two bytes of a file, and the family that they stand for; `PK` stands for none."""

LARGEST_FILE = 4 * 2**30
LARGEST_PICKLE = 64 * 2**20
LARGEST_ELEMENTS = 10**9
LARGEST_PARTS = 100_000

_ZIP = b"PK"
_LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""How torch's files began before they were archives."""

_NAMES = {
    "collections OrderedDict",
    "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_parameter",
    "utils HParams",
    *(f"torch {kind}Storage" for kind in ("Half", "BFloat16", "Float", "Double", "Long", "Int", "Short", "Char")),
    *(f"torch {kind}Storage" for kind in ("Byte", "Bool")),
}
"""All that a pickle may name."""

_FORBIDDEN = {"STACK_GLOBAL", "INST", "OBJ", "EXT1", "EXT2", "EXT4", "NEWOBJ_EX"}
"""Instructions that torch's writer never emits and that could name something by a detour."""

_LOCK = threading.Lock()


class HParams:
    """Stands for the class of the stored configuration: attributes in their order, and no behaviour."""

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
            raise TypeError("a configuration is a table of names")
        self.__dict__.update(state)


HParams.__module__, HParams.__qualname__ = "utils", "HParams"


class Released(NamedTuple):
    """A file as it was: its first two bytes, the whole dictionary, and where in it the tensors are.

    Exports and base files have them under `weight`; states of a training (`G_*.pth`, `D_*.pth`) under `model`.
    """

    code: str
    content: dict[str, Any]
    key: str = "weight"

    @property
    def weight(self) -> dict[str, Tensor]:
        """Tensors by name."""
        return self.content[self.key]


def read_released(path: str | Path) -> Released:
    """Read a checked file; tensors keep their types.

    Raises:
        CheckpointError: as `read_archive`; CKPT_FORMAT, no weights in it.
    """
    name = Path(path).name
    code, content = read_archive(path, lambda content: content[_place(content, name)])
    return Released(code, content, _place(content, name))


def _place(content: Any, name: str) -> str:
    """Under which key the tensors are."""
    found = [key for key in ("weight", "model") if isinstance(content, dict) and isinstance(content.get(key), dict)]
    if not found:
        keys = ", ".join(sorted(map(str, content))[:4]) if isinstance(content, dict) else type(content).__name__
        raise CheckpointError(
            "CKPT_FORMAT", f"{name} holds {keys[:80] or 'nothing'} in place of weights", "weight, config and info"
        )
    return found[0]


def read_archive(path: str | Path, tensors_of: Callable[[Any], Mapping[str, Tensor]]) -> tuple[str, Any]:
    """Everything in a checked archive of torch, and the two bytes that the file began with.

    Args:
        path: the file.
        tensors_of: the table of tensors in the content. It is asked first, of tensors without memory, and raises if
            the content is not what it should be.

    Raises:
        CheckpointError: CKPT_MISSING; CKPT_FORMAT, no file of that layout; CKPT_UNSAFE, it names foreign code;
            CKPT_LEGACY, torch's format before archives; CKPT_CORRUPT, damaged or cut off; CKPT_TOO_LARGE, it claims
            more than it has or than is allowed; CKPT_NONFINITE, a weight is NaN or infinite; those of `tensors_of`.
    """
    path = Path(path)
    data, code = _bytes(path)
    _check_archive(data, path.name)
    _check_sizes(tensors_of(_load(data, path.name, "meta")), len(data), path.name)
    content = _load(data, path.name, "cpu")
    for key, value in tensors_of(content).items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise CheckpointError("CKPT_NONFINITE", f"'{key}' in {path.name} holds NaN or infinity", "finite weights")
    return code, content


def released_bytes(released: Released) -> bytes:
    """The inverse of `read_released`: a file that the project that wrote the original reads."""
    buffer = io.BytesIO()
    with _module_of_stub():
        torch.save(released.content, buffer)
    return released.code.encode("ascii") + buffer.getvalue()[len(_ZIP) :]


def _bytes(path: Path) -> tuple[bytearray, str]:
    """The file with its first bytes mended, and what they were."""
    if not path.is_file():
        raise CheckpointError("CKPT_MISSING", f"No file {path}", "a released .pth or .ckpt file")
    if path.stat().st_size > LARGEST_FILE:
        raise CheckpointError("CKPT_TOO_LARGE", f"{path.name} has {path.stat().st_size} bytes", f"<= {LARGEST_FILE}")
    try:
        data = bytearray(path.read_bytes())
    except OSError as error:
        raise CheckpointError("CKPT_MISSING", f"Cannot read {path}: {error.strerror}", "a readable file") from error
    if data.startswith(_LEGACY):
        raise CheckpointError(
            "CKPT_LEGACY", f"{path.name} is in the format that torch wrote before 2020", "an archive",
            "Load it in a torch that you trust it with, and write it again with torch.save",
        )  # fmt: skip
    if data[:1] == b"\x80":
        raise CheckpointError(
            "CKPT_UNSAFE", f"{path.name} is a bare pickle, which can run code", "an archive as torch.save writes it"
        )
    code = data[:2].decode("latin-1")
    if data[:4] != b"PK\x03\x04" and not (code in CODES and data[2:4] == b"\x03\x04"):
        raise CheckpointError(
            "CKPT_FORMAT", f"{path.name} is no released weight file", "an archive as torch.save writes it"
        )
    data[:2] = _ZIP
    return data, code


def _check_archive(data: bytearray, name: str) -> None:
    """Sizes, compression, checksums, and the names in the pickle; reads no tensor."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            items = archive.infolist()
            claimed = sum(item.file_size for item in items)
            if claimed > len(data) or any(item.compress_type != zipfile.ZIP_STORED for item in items):
                raise CheckpointError(
                    "CKPT_TOO_LARGE", f"{name} has {len(data)} bytes and unpacks to {claimed}", "a plain archive"
                )
            pickles = [item for item in items if item.filename.split("/")[-1].endswith(".pkl")]
            if len(pickles) != 1 or not pickles[0].filename.endswith("/data.pkl"):
                raise CheckpointError("CKPT_FORMAT", f"{name} is an archive without weights", "one data.pkl in it")
            if pickles[0].file_size > LARGEST_PICKLE:
                raise CheckpointError("CKPT_TOO_LARGE", f"{name} has a table of {pickles[0].file_size} bytes")
            _check_names(archive.read(pickles[0]), name)
            damaged = archive.testzip()
    except CheckpointError:
        raise
    # The readers of archives and pickles fail in many ways on bytes that are neither.
    except Exception as error:
        raise _corrupt(name, error) from error
    if damaged:
        raise CheckpointError("CKPT_CORRUPT", f"{damaged} in {name} fails its checksum", "a whole file")


def _check_names(program: bytes, name: str) -> None:
    """Read the pickle's instructions without carrying them out."""
    for code, argument, _ in pickletools.genops(program):
        foreign = code.name == "GLOBAL" and argument not in _NAMES
        if foreign or code.name in _FORBIDDEN:
            what = str(argument).replace(" ", ".")[:80] if code.name == "GLOBAL" else code.name
            raise CheckpointError(
                "CKPT_UNSAFE", f"{name} would import or call {what!r}; nothing of it was run", "tensors and settings"
            )


def _load(data: bytearray, name: str, device: str) -> Any:
    try:
        with torch.serialization.safe_globals([(HParams, "utils.HParams")]), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(io.BytesIO(data), map_location=device, weights_only=True, mmap=False)
    # A damaged table can make the reader fail in any way; all of them mean the same to the person.
    except Exception as error:
        raise _corrupt(name, error) from error


def _check_sizes(weights: Mapping[Any, Any], size: int, name: str) -> None:
    """Refuse claimed sizes before memory is taken for them; `weights` lie on the meta device."""
    if len(weights) > LARGEST_PARTS:
        raise CheckpointError("CKPT_TOO_LARGE", f"{name} has {len(weights)} tensors", f"at most {LARGEST_PARTS}")
    total = 0
    for key, value in weights.items():
        readable = isinstance(key, str) and key.isprintable()
        if not readable or not isinstance(value, Tensor) or value.is_complex() or value.is_sparse:
            raise CheckpointError("CKPT_FORMAT", f"{ascii(key)[:60]} in {name} is no tensor", "real tensors by name")
        total += value.numel() * value.element_size()
        if value.numel() > LARGEST_ELEMENTS or total > size:
            raise CheckpointError(
                "CKPT_TOO_LARGE", f"'{key[:60]}' in {name} claims {value.numel()} elements", "what the file holds"
            )


def _corrupt(name: str, error: Exception) -> CheckpointError:
    why = (str(error).splitlines() or [""])[0][:120]
    kind = type(error).__name__
    return CheckpointError("CKPT_CORRUPT", f"{name} is damaged or cut off ({kind}: {why})", "a whole file")


@contextmanager
def _module_of_stub() -> Iterator[None]:
    """While pickling, the name `utils` leads to the stub: a pickle notes a class by the module it is found in."""
    stand_in = types.ModuleType("utils")
    stand_in.HParams = HParams  # type: ignore[attr-defined]
    with _LOCK:
        before = sys.modules.get("utils")
        sys.modules["utils"] = stand_in
        try:
            yield
        finally:
            if before is None:
                del sys.modules["utils"]
            else:
                sys.modules["utils"] = before
