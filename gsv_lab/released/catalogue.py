"""The released models that the kit knows: files, sizes, checksums, licences, and which of them are on this disk.

All come from one repository of the Hugging Face hub, at one revision, and lie below the weights folder under the same
names. An entry is what one role of a model needs: a file, or a folder of files. Other modules ask `needed` what a model
takes, `weights_folder` where that lies, `bytes_present` what is there. Checksums and sizes are those that
several users of that revision published; no file was at hand to compute them from. Opens and downloads nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from gsv_lab.system.environment import cache_dir

REPOSITORY = "lj1995/GPT-SoVITS"
REVISION = "336b2ec4e8d4ac74740798dd40af44e74659ecaf"
MODELS = ("v1", "v2", "v2Pro", "v2ProPlus")
TRAINING_ONLY = ("discriminators",)
"""Roles that nobody needs who only wants to speak."""


class HubFile(NamedTuple):
    """A file of the repository: name there and below the weights folder, bytes, SHA-256 of its content.

    `exact` is False where the bytes are an estimate from the number of parameters.
    """

    path: str
    bytes: int
    sha256: str
    exact: bool = True


class KnownFile(NamedTuple):
    """What one role needs: the models that need it, file or folder below the weights folder, role, licence, parts."""

    models: tuple[str, ...]
    path: str
    role: str
    licence: str
    parts: tuple[HubFile, ...]

    @property
    def bytes(self) -> int:
        """Bytes of all parts."""
        return sum(part.bytes for part in self.parts)

    @property
    def size(self) -> str:
        """The size for people."""
        return f"about {round(self.bytes / 1e6)} MB"


def _one(models: str, path: str, role: str, size: int, sha256: str, exact: bool = True) -> KnownFile:
    licence = "Apache-2.0" if role == "speaker_verification" else "MIT"
    return KnownFile(tuple(models.split()), path, role, licence, (HubFile(path, size, sha256, exact),))


def _folder(path: str, role: str, licence: str, *parts: tuple[str, int, str]) -> KnownFile:
    return KnownFile(MODELS, path, role, licence, tuple(HubFile(f"{path}/{n}", size, sha) for n, size, sha in parts))


_V2, _PRO = "gsv-v2final-pretrained", "v2Pro v2ProPlus"

KNOWN = (
    _one("v1", "s1bert25hz-2kh-longer-epoch=68e-step=50232.ckpt", "semantic_gpt", 155_000_000,
         "b1c1e17e9c99547a89388f72048cd6e1b41b5a18b170e86a46dfde0324d63eb1", exact=False),
    _one("v1", "s2G488k.pth", "sovits", 106_000_000,
         "020a014e1e01e550e510f2f61fae5e5f5b6aab40f15c22f1f12f724df507e835", exact=False),
    _one("v1", "s2D488k.pth", "discriminators", 94_000_000,
         "fc579c1db3c1e21b721001cf99d7a584214280df19b002e200b630a34fa06eb8", exact=False),
    _one("v2", f"{_V2}/s1bert25hz-5kh-longer-epoch=12-step=369668.ckpt", "semantic_gpt", 155_315_150,
         "732f94e63b148066e24c7f9d2637f3374083e637635f07fbdb695dee20ddbe1f"),
    _one("v2", f"{_V2}/s2G2333k.pth", "sovits", 106_035_259,
         "924fdccaa3c574bf139c25c9759aa1ed3b3f99e19a7c529ee996c2bc17663695"),
    _one("v2", f"{_V2}/s2D2333k.pth", "discriminators", 94_000_000,
         "8ae7fe8dd8c8f2e718de359e00edac88b0c71ab2fd10b07ad4cc45070eb8a836", exact=False),
    _one(_PRO, "s1v3.ckpt", "semantic_gpt", 155_284_856,
         "87133414860ea14ff6620c483a3db5ed07b44be42e2c3fcdad65523a729a745a"),
    _one("v2Pro", "v2Pro/s2Gv2Pro.pth", "sovits", 162_303_657,
         "0f8ead815234365edf045c6d86370ed6e4f440e8195be77ff0ea72684ad406a5"),
    _one("v2Pro", "v2Pro/s2Dv2Pro.pth", "discriminators", 126_000_000,
         "257a7f36ae49e9ff08790d2cd3d398592530852caba810197f8606e884a52c54", exact=False),
    _one("v2ProPlus", "v2Pro/s2Gv2ProPlus.pth", "sovits", 200_125_741,
         "d42a22bbbf65fb2bbdd45ad6a66841156977db45c7aabe0a6992ff378d9c7d3b"),
    _one("v2ProPlus", "v2Pro/s2Dv2ProPlus.pth", "discriminators", 126_432_639,
         "635cd84bf6f7f9b8d41c88c7106f81d782c794c61f931845214ea037b0c5bef2"),
    _one(_PRO, "sv/pretrained_eres2netv2w24s4ep4.ckpt", "speaker_verification", 107_528_697,
         "4f5a0bf73c61eb41b174e1bb54e7ee3c83233892be8e0af1f187024e8e581a35"),
    _folder("chinese-hubert-base", "content_encoder", "MIT",
            ("config.json", 1_449, "c3e5060a1277e0f078cc6be9da4528a605dba6ece93018981fe2c820e5c7b103"),
            ("preprocessor_config.json", 212, "dcd684124d06722947939d41ea6ae58dbf10968c60a11a29f23ddc602c64a29b"),
            ("pytorch_model.bin", 188_811_417, "24164f129c66499d1346e2aa55f183250c223161ec2770c0da3d3b08cf432d3c")),
    _folder("chinese-roberta-wwm-ext-large", "context_encoder", "Apache-2.0",
            ("config.json", 963, "3d57de2fd7e80d0e5c8ff194f0bbb6baa10df7e43fc262a0cc71298a78b0a3e5"),
            ("tokenizer.json", 268_962, "173796956820ea27bd14f76bf28162607ff4254807e2948253eb5b46f5bb643b"),
            ("pytorch_model.bin", 651_225_145, "e53a693acc59ace251d143d068096ae0d7b79e4b1b503fa84c9dcf576448c1d8")),
)  # fmt: skip
"""Everything, in the order in which it is listed."""


def weights_folder() -> Path:
    """Where `gsv-lab weights get` puts released files, unless another folder is given; it may not exist yet."""
    return cache_dir() / "weights"


def needed(model: str, training: bool = False) -> tuple[KnownFile, ...]:
    """Entries that a model takes to speak, and with `training` those for going on with its training.

    One of each role; none for a name that is not in `MODELS`.
    """
    return tuple(f for f in KNOWN if model in f.models and (training or f.role not in TRAINING_ONLY))


def bytes_present(folder: Path, file: KnownFile) -> int | None:
    """Bytes of an entry's file, or of all files of its folder, below `folder`; None if it is absent."""
    path = folder / file.path
    if path.is_dir():
        return sum(item.stat().st_size for item in path.rglob("*") if item.is_file())
    return path.stat().st_size if path.is_file() else None
