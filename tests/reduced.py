"""The released configurations at reduced width, and what to train them on.

The overlays leave every habit of a family as it is. Clips are short pieces of the shipped sample, the companions are
tiny and random.
"""

from __future__ import annotations

import copy
import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch
import yaml

from gsv_lab import audio
from gsv_lab.checkpoint import load_component, read_header
from gsv_lab.checkpoint.native import save_tensors
from gsv_lab.corpora.released_store import make_store
from gsv_lab.released.companions import load_hubert
from gsv_lab.released.importer import import_reference
from gsv_lab.system.config import load_experiment
from released_files import (
    KERNELS,
    LATENT,
    N_CODES,
    SPEAKER,
    VERIFIED,
    WIDTH,
    place,
    write_discriminators,
    write_gpt,
    write_sovits,
)

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
SCALE = {"channels": [4, 4, 8, 8, 8, 8], "groups": [1, 4, 4, 4, 4, 1]}
FAMILIES = ("v1", "v2", "v2Pro", "v2ProPlus")
CODE = {"v1": "PK", "v2": "PK", "v2Pro": "05", "v2ProPlus": "06"}
CLIPS = ((0.15, 1.15, "en", "Good morning"), (4.6, 5.9, "zh", "今天很好我们"), (11.8, 12.9, "en", "We usually finish"))
"""Start and end in the shipped sample (s), language, and a text of a likely length; the last one is held out."""


def reduced_gpt() -> dict[str, Any]:
    """Overlay for the first stage of every family."""
    sizes = {"n_codes": N_CODES, "context_dim": WIDTH, "dim": 16, "n_heads": 2, "n_layers": 2, "ffn_dim": 32}
    return {"task": {"init_args": {"semantic_gpt": {"init_args": sizes}}}}


def reduced_sovits(family: str) -> dict[str, Any]:
    """Overlay for the second stage of a family."""
    style = {"init_args": {"width": 16}}
    if "Pro" in family:
        style = {"init_args": {"base": style, "verification_dim": VERIFIED}}
    # Where the two widths differ, the text encoder gets the speaker through a layer of its own, as in the Pro families.
    attention = 12 if "Pro" in family else SPEAKER
    vocoder = {"width": 48, "upsample_kernels": [20, *KERNELS[1:]]} if family == "v2ProPlus" else {"width": 32}
    parts = {
        "quantizer": {"init_args": {"n_codes": N_CODES}},
        "speaker_encoder": style,
        "prior": {"init_args": {"width": 16, "filter_width": 16, "layers": [1, 1, 1], "attention_width": attention}},
        "posterior": {"init_args": {"width": 16, "layers": 2}},
        "flow": {"init_args": {"width": 16, "layers": 1}},
        "vocoder": {"init_args": vocoder},
    }
    periods = [2, 3, 5, 7, 11] + [17, 23] * ("Pro" in family)
    found: list[dict[str, Any]] = [_discriminator("ScaleDiscriminator", SCALE)]
    found += [_discriminator("PeriodDiscriminator", {"period": period, "channels": [4, 8]}) for period in periods]
    arguments = {
        "sovits": {"init_args": parts},
        "discriminators": _discriminator("CombinedDiscriminator", {"discriminators": found}),
    }
    return {"sizes": {"content": WIDTH, "latent": LATENT, "speaker": SPEAKER}, "task": {"init_args": arguments}}


def _discriminator(name: str, sizes: dict[str, Any]) -> dict[str, Any]:
    return {"class_path": f"gsv_lab.nn.discriminators.{name}", "init_args": sizes}


def reduced(family: str, stage: str, *overrides: str) -> dict[str, Any]:
    """The experiment of a family and stage (`gpt`, `sovits`) with its overlay; a copy, for the caller to change."""
    return copy.deepcopy(_loaded(family, stage, overrides))


@cache
def _loaded(family: str, stage: str, overrides: tuple[str, ...]) -> dict[str, Any]:
    overlay = reduced_gpt() if stage == "gpt" else reduced_sovits(family)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "reduced.yaml"
        path.write_text(yaml.safe_dump(overlay), encoding="utf-8")
        return load_experiment([CONFIGS / family / f"{stage}.yaml", path], overrides)


def write_clips(folder: Path, sample: Path) -> Path:
    """Three short clips and their list."""
    folder.mkdir(parents=True, exist_ok=True)
    wave, lines = audio.read(sample, 32000).samples, []
    for number, (start, end, language, text) in enumerate(CLIPS):
        audio.write(folder / f"{number}.wav", wave[int(start * 32000) : int(end * 32000)], 32000)
        lines.append(f"{number}.wav|somebody|{language}|{text}")
    path = folder / "clips.list"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_start(folder: Path, family: str, gpt: dict[str, Any], sovits: dict[str, Any]) -> dict[str, Path]:
    """Random networks in released files, imported: the file of each role.

    Args:
        folder: made if it is not there.
        family: whose first two bytes the files have.
        gpt, sovits: experiments of both stages.
    """
    folder.mkdir(parents=True, exist_ok=True)
    both = sovits["task"]["init_args"]
    paths = [
        write_gpt(folder / "g.ckpt", gpt["task"]["init_args"]["semantic_gpt"]),
        write_sovits(folder / "s.pth", both["sovits"], CODE[family]),
        write_discriminators(folder / "d.pth", both["discriminators"]),
    ]
    return {one.role: one.output for one in import_reference(paths, folder / "start.safetensors")}


class Ground(NamedTuple):
    """What a family trains on: experiments of both stages, a finished store, start weights by role, a folder."""

    family: str
    experiments: dict[str, dict[str, Any]]
    store: Path
    start: dict[str, Path]
    folder: Path

    def experiment(self, stage: str, batches: int, **trainer: Any) -> dict[str, Any]:
        """A stage's experiment on this ground, from the start weights."""
        made = copy.deepcopy(self.experiments[stage])
        made["data"]["init_args"]["store"] = str(self.store)
        roles = ("semantic_gpt",) if stage == "gpt" else ("sovits", "discriminators")
        made["start_from"] = [str(self.start[role]) for role in roles]
        made["trainer"] |= {"max_batches": batches, **trainer}
        return made


def write_ground(folder: Path, family: str, material: Path, *overrides: str) -> Ground:
    """A family's ground.

    Args:
        folder: where to.
        family: of whom.
        material: a folder with companions, and `clips/clips.list`.
        overrides: for the second stage.
    """
    folder.mkdir(parents=True, exist_ok=True)
    experiments = {
        "gpt": reduced(family, "gpt"),
        "sovits": reduced(family, "sovits", *overrides),
    }
    start = write_start(folder / "start", family, experiments["gpt"], experiments["sovits"])
    companions = shutil.copytree(material, folder / "companions")
    spread_codebook(start["sovits"], companions, material / "clips")
    shutil.copy(start["sovits"], companions)
    store = make_store(material / "clips" / "clips.list", family, folder / "store", companions)
    return Ground(family, experiments, store.folder, start, folder)


@torch.no_grad()
def spread_codebook(file: Path, companions: Path, clips: Path) -> None:
    """Put content vectors of the clips into the codebook of a SoVITS: random ones would all be of one code."""
    sovits: Any = load_component(file)
    hubert = load_hubert(place(companions, "content_encoder"))
    vectors = []
    for path in sorted(clips.glob("*.wav")):
        content = hubert(audio.read(path, hubert.sample_rate).samples[None, None]).content
        vectors.append(sovits.quantizer.project_in(content)[0].T)
    found = torch.cat(vectors)
    picked = torch.linspace(0, len(found) - 1, N_CODES).round().long()
    # Half precision, as in the file that the network came from.
    sovits.quantizer.books[0].table.copy_(found[picked].half())
    header = {key: value for key, value in read_header(file).items() if key not in ("tensors", "format", "versions")}
    save_tensors(sovits.state_dict(), file, header)
