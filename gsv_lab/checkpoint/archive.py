"""Archives as `torch.save` writes them, read without running anything that stands in them.

Such a file is a zip archive around a pickle, and a pickle is a program. torch's weights-only reader runs it; before,
every name in it is compared with a short list (torch's own is longer, and some of its names make memory of any size),
and nothing may be compressed or fail its checksum. What is claimed is seen on the device without memory (`meta`) first.
"""

from __future__ import annotations

import io
import pickletools
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gsv_lab.errors import CheckpointError
from gsv_lab.system.files import read_file, why_unreadable

CODES = {"00": "v1", "01": "v2", "02": "v3", "03": "v3", "04": "v4", "05": "v2Pro", "06": "v2ProPlus"}
"""First two bytes of some released files, and the family that they stand for; `PK`, as archives begin, for none."""

LARGEST, LARGEST_PICKLE = 8 * 2**30, 16 * 2**20
EXPECTED = "an archive as torch.save writes it"

_LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_KINDS = ("Half", "BFloat16", "Float", "Double", "Long", "Int", "Short", "Char", "Byte", "Bool")
_NAMES = {f"torch.{kind}Storage" for kind in _KINDS} | {
    "collections.OrderedDict",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_parameter",
}


def read_archive(
    path: str | Path,
    tensors_of: Callable[[Any], Mapping[str, Tensor]],
    stubs: Mapping[str, type] | None = None,
) -> tuple[str, Any]:
    """Everything in a checked archive, and the two bytes that the file began with.

    Args:
        path: the file.
        tensors_of: the table of tensors in the content; raises if the content is not what it should be.
        stubs: classes that may stand in it beside tensors, by the name that it has for them.

    Raises:
        CheckpointError: CKPT_MISSING; CKPT_FORMAT, no file of that layout; CKPT_UNSAFE, it names foreign code;
            CKPT_LEGACY, torch's format before archives; CKPT_CORRUPT, damaged or cut off; CKPT_TOO_LARGE, it claims
            more than it has; CKPT_NONFINITE, a weight is NaN or infinite; those of `tensors_of`.
    """
    path, stubs = Path(path), stubs or {}
    data, code = _mended(path)
    try:
        _check(data, path.name, _NAMES | stubs.keys())
        _check_sizes(tensors_of(_load(data, stubs, "meta")), len(data), path.name)
        content = _load(data, stubs, "cpu")
    except CheckpointError:
        raise
    # The readers of archives and pickles fail in any way on bytes that are neither; to people it means the same.
    except Exception as error:
        why = (str(error).splitlines() or [""])[0][:120]
        problem = f"{path.name} is damaged or cut off ({type(error).__name__}: {why})"
        raise CheckpointError("CKPT_CORRUPT", problem, "a whole file") from error
    for key, value in tensors_of(content).items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise CheckpointError("CKPT_NONFINITE", f"'{key}' in {path.name} holds NaN or infinity", "finite weights")
    return code, content


def _mended(path: Path) -> tuple[bytearray, str]:
    """The file with the first bytes of an archive, and those that it had."""
    try:
        head = read_file(path, LARGEST, first=len(_LEGACY))
        _check_head(path.name, head)
        data = bytearray(read_file(path, LARGEST))
    except OSError as error:
        problem = f"No file {path} ({why_unreadable(error)})"
        raise CheckpointError("CKPT_MISSING", problem, "a .pth or .ckpt file") from error
    data[:2] = b"PK"
    return data, head[:2].decode("latin-1")


def _check_head(name: str, head: bytes) -> None:
    """Refuse what is no archive, before all of it is read."""
    if head == _LEGACY:
        advice = "Load it in a torch that you trust it with, and write it again with torch.save"
        raise CheckpointError("CKPT_LEGACY", f"{name} is older than torch's archives", EXPECTED, advice)
    if head[:1] == b"\x80":
        raise CheckpointError("CKPT_UNSAFE", f"{name} is a bare pickle, which can run code", EXPECTED)
    if head[:2].decode("latin-1") not in ("PK", *CODES) or head[2:4] != b"\x03\x04":
        raise CheckpointError("CKPT_FORMAT", f"{name} is no released weight file", EXPECTED)


def _check(data: bytearray, name: str, allowed: set[str]) -> None:
    """Compression, sizes, checksums, and the names in the pickle, whose instructions are read and not carried out."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        items = archive.infolist()
        claimed = sum(item.file_size for item in items)
        if claimed > len(data) or any(item.compress_type != zipfile.ZIP_STORED for item in items):
            raise CheckpointError("CKPT_TOO_LARGE", f"{name} unpacks to {claimed} bytes", EXPECTED)
        tables = [item for item in items if item.filename.endswith("/data.pkl")]
        if len(tables) != 1 or tables[0].file_size > LARGEST_PICKLE:
            raise CheckpointError("CKPT_FORMAT", f"{name} is an archive without weights", "one data.pkl in it")
        for code, argument, _ in pickletools.genops(archive.read(tables[0])):
            named = str(argument).replace(" ", ".") if code.name == "GLOBAL" else code.name
            if code.name in ("GLOBAL", "STACK_GLOBAL", "INST") and named not in allowed:
                problem = f"{name} would import or call '{named[:80]}'; nothing of it was run"
                raise CheckpointError("CKPT_UNSAFE", problem, "tensors and settings")
        damaged = archive.testzip()
    if damaged:
        raise CheckpointError("CKPT_CORRUPT", f"{damaged} in {name} fails its checksum", "a whole file")


def _load(data: bytearray, stubs: Mapping[str, type], device: str) -> Any:
    with torch.serialization.safe_globals([(stub, name) for name, stub in stubs.items()]):
        return torch.load(io.BytesIO(data), map_location=device, weights_only=True, mmap=False)


def _check_sizes(weights: Mapping[Any, Any], size: int, name: str) -> None:
    """Refuse what is no table of tensors, and tensors of more bytes than the file has."""
    for key, value in weights.items():
        if not isinstance(key, str) or not key.isprintable() or not isinstance(value, Tensor) or value.is_complex():
            raise CheckpointError("CKPT_FORMAT", f"{ascii(key)[:60]} in {name} is no tensor", "real tensors by name")
        size -= value.numel() * value.element_size()
        if size < 0:
            problem = f"'{key[:60]}' in {name} claims {value.numel()} elements"
            raise CheckpointError("CKPT_TOO_LARGE", problem, "what the file holds")
