"""The released models that the kit knows: files, sizes, licences, and which of them are on this disk.

Sizes are those of half-precision files unless a note says otherwise; a few are from memory and marked "about". The file
opens and downloads nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class KnownFile(NamedTuple):
    """One file or folder: the models that need it, its path below the weights folder, what it is, MB, licence."""

    models: tuple[str, ...]
    path: str
    role: str
    megabytes: int
    licence: str
    about: bool = False

    @property
    def size(self) -> str:
        """The size for people."""
        return f"{'about ' if self.about else ''}{self.megabytes} MB"


_ALL = ("v1", "v2", "v2Pro", "v2ProPlus")
_PRO = ("v2Pro", "v2ProPlus")
_V2 = "gsv-v2final-pretrained"
_UNKNOWN = "see its page"

KNOWN = (
    KnownFile(("v1",), "s1bert25hz-2kh-longer-epoch=68e-step=50232.ckpt", "semantic_gpt", 155, "MIT"),
    KnownFile(("v1",), "s2G488k.pth", "sovits", 106, "MIT"),
    KnownFile(("v1",), "s2D488k.pth", "discriminators", 94, "MIT"),
    KnownFile(("v2",), f"{_V2}/s1bert25hz-5kh-longer-epoch=12-step=369668.ckpt", "semantic_gpt", 155, "MIT"),
    KnownFile(("v2",), f"{_V2}/s2G2333k.pth", "sovits", 106, "MIT"),
    KnownFile(("v2",), f"{_V2}/s2D2333k.pth", "discriminators", 94, "MIT"),
    KnownFile(_PRO, "s1v3.ckpt", "semantic_gpt", 155, "MIT"),
    KnownFile(("v2Pro",), "v2Pro/s2Gv2Pro.pth", "sovits", 162, "MIT"),
    KnownFile(("v2Pro",), "v2Pro/s2Dv2Pro.pth", "discriminators", 126, "MIT"),
    KnownFile(("v2ProPlus",), "v2Pro/s2Gv2ProPlus.pth", "sovits", 200, "MIT"),
    KnownFile(("v2ProPlus",), "v2Pro/s2Dv2ProPlus.pth", "discriminators", 126, "MIT"),
    KnownFile(_PRO, "sv/pretrained_eres2netv2w24s4ep4.ckpt", "speaker_verification", 108, _UNKNOWN, True),
    KnownFile(_ALL, "chinese-hubert-base", "content_encoder", 190, _UNKNOWN, True),
    KnownFile(_ALL, "chinese-roberta-wwm-ext-large", "context_encoder", 650, _UNKNOWN, True),
)


def bytes_present(folder: Path, file: KnownFile) -> int | None:
    """Bytes of a file or of all files of a folder below `folder`; None if it is absent."""
    path = folder / file.path
    if path.is_dir():
        return sum(item.stat().st_size for item in path.rglob("*") if item.is_file())
    return path.stat().st_size if path.is_file() else None
