"""Which files a released family needs, where they lie, and how they become a `Family`.

Two ways lead here. A name (`v2Pro`) takes the files that `gsv-lab weights get` puts into the weights folder, and
imports them there once. A folder, or one imported file in it, takes the pair that `gsv-lab weights import` wrote.
Companions are looked for beside the pair, then in the weights folder. One error names all that is absent.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from gsv_lab.checkpoint import load_component, read_header
from gsv_lab.checkpoint.native import load_into
from gsv_lab.checkpoint.state_file import read_state
from gsv_lab.errors import CheckpointError
from gsv_lab.inference.family import Family, known_families
from gsv_lab.nn.interfaces import ContentEncoder, SemanticGPTRole
from gsv_lab.nn.sampling import Sampling
from gsv_lab.nn.sovits import SoVITS
from gsv_lab.released.catalogue import MODELS, KnownFile, needed, weights_folder
from gsv_lab.released.companions import load_bert, load_hubert, transformers
from gsv_lab.released.eres2net import ERes2NetV2
from gsv_lab.released.importer import import_reference
from gsv_lab.released.reference_family import family_of
from gsv_lab.released.synthesizer import PROMPT_SILENCE, ReleasedSynthesizer, released_reference

PAIR = ("semantic_gpt", "sovits")
TEACHERS = "discriminators"
"""Role of what goes on teaching a SoVITS when a voice is tuned; where they are absent it is tuned without."""
CLASSES = {"SemanticGPT": "semantic_gpt", "SoVITS": "sovits"}
CLASSES |= dict.fromkeys(("MultiPeriodDiscriminator", "CombinedDiscriminator"), TEACHERS)
NOISE_SCALE, PAUSE = 0.5, 0.3
"""Defaults of the released tools: factor on the prior's deviation, seconds between sentences."""

UNBOUNDED = 1500.0
"""Codes for a phone: the released models stop at 1500 codes, however long the text is."""


class Files(NamedTuple):
    """What was found: the family's name, the file or folder of each role, and the known files that are absent."""

    family: str
    paths: dict[str, Path]
    absent: tuple[KnownFile, ...]


def load_released(name: str) -> Family:
    """A released family by name, by the folder of its imported pair, or by one file of the pair.

    Raises:
        CheckpointError: CKPT_MISSING with every absent file, its size and the command; those of import and loading.
        LabError: EXTRA_MISSING.
    """
    files = by_name(name) if name in MODELS else by_path(Path(name))
    essential = [file for file in files.absent if file.role != "speaker_verification"]
    if essential:
        raise CheckpointError("CKPT_MISSING", *missing_files(files))
    return family_from(files)


def family_from(files: Files) -> Family:
    """A family from the files of all roles, of which the verification network may be absent.

    Raises:
        CheckpointError: those of import and loading. ConfigError: files that do not belong together. LabError:
            EXTRA_MISSING.
    """
    transformers()
    sovits_file = imported_file(files.paths["sovits"])
    gpt_file = imported_file(files.paths["semantic_gpt"])
    absent = ""
    if files.absent:
        absent = " ".join(part.rstrip(".") + "." for part in missing_files(files))
    synthesizer = ReleasedSynthesizer(
        load_hubert(files.paths["content_encoder"]),
        load_component(gpt_file, SemanticGPTRole),
        load_component(sovits_file, SoVITS),
        load_bert(files.paths["context_encoder"]),
        load_verifier(files.paths.get("speaker_verification")),
        _recogniser(),
        absent,
    )
    return Family(
        version=files.family,
        folder=files.paths["sovits"].parent,
        synthesizer=synthesizer.eval(),
        sampling=Sampling(),
        noise_scale=NOISE_SCALE,
        max_codes_per_phone=UNBOUNDED,
        card={"version": files.family, "files": {role: path.name for role, path in files.paths.items()}},
        select_reference=released_reference,
        prompt_silence=PROMPT_SILENCE,
        min_codes_per_phone=0.0,
        pause=PAUSE,
        released=True,
        files={"semantic_gpt": gpt_file, "sovits": sovits_file} | _teachers(files),
    )


def _teachers(files: Files) -> dict[str, Path]:
    path = files.paths.get(TEACHERS)
    return {} if path is None else {TEACHERS: imported_file(path)}


def by_name(family: str) -> Files:
    """Files of a family in the weights folder, released or already imported."""
    return find(family, {known.role for known in needed(family)} | {TEACHERS})


def find(family: str, roles: Collection[str], folder: Path | None = None) -> Files:
    """Files of some roles of a family, released or already imported: those in a folder, else in the weights folder.

    Discriminators are never counted as absent.
    """
    own = {} if folder is None else _imported_for(family, roles, folder)
    found, absent = {}, []
    for known in needed(family, training=True):
        if known.role not in roles:
            continue
        path = own.get(known.role) or _search(known, folder)
        if path is not None:
            found[known.role] = path
        elif known.role != TEACHERS:
            absent.append(known)
    return Files(family, found, tuple(absent))


def by_path(place: Path) -> Files:
    """The imported pair of a folder, or the pair that one file belongs to, and the companions of its family.

    Raises:
        CheckpointError: CKPT_MISSING, there is no pair; CKPT_AMBIGUOUS, there are several.
    """
    folder = place if place.is_dir() else place.parent
    candidates = _candidates(place)
    pair = {role: _only(candidates[role], role, place) for role in PAIR if role in candidates}
    if len(pair) < len(PAIR):
        lacking = " and ".join(role for role in PAIR if role not in pair)
        raise CheckpointError(
            "CKPT_MISSING", f"{place} has no imported weights of {lacking}", "both files of a model",
            "Run: gsv-lab weights import GPT.ckpt SOVITS.pth --output FOLDER/NAME.safetensors",
        )  # fmt: skip
    # Which family discriminators are of does not show; those beside a pair are its own.
    pair |= {role: paths[0] for role, paths in candidates.items() if role == TEACHERS and len(paths) == 1}
    family = _family(pair["sovits"])
    rest = find(family, {known.role for known in needed(family)} - set(pair), folder)
    return rest._replace(paths={**pair, **rest.paths})


def load_verifier(path: Path | None) -> ERes2NetV2 | None:
    """The speaker-verification network from its released file; None without one."""
    if path is None:
        return None
    state = read_state(path)
    try:
        network = ERes2NetV2(**verifier_sizes(state))
    except (KeyError, ZeroDivisionError) as error:
        raise CheckpointError("CKPT_KEYS", f"{path.name} lacks the tensor {error}", "an ERes2NetV2") from error
    load_into(network, state, path.name)
    return network.eval()


def verifier_sizes(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """Arguments of `ERes2NetV2` that fit a weight file's tensors.

    Raises:
        KeyError: a tensor that shows a size is missing.
    """
    planes, last = state["conv1.weight"].shape[0], state["layer4.0.convs.0.weight"].shape[0]
    leaving = state["layer1.0.conv3.weight"].shape[0]
    fused = state["fuse34.local_att.3.weight"].shape[0]
    blocks = [len({key.split(".")[1] for key in state if key.startswith(f"layer{n}.")}) for n in (1, 2, 3, 4)]
    return {
        "planes": planes,
        "blocks": blocks,
        "base_width": -(-last * 64 // (8 * planes)),
        "scale": len({key for key in state if key.startswith("layer1.0.convs.")}),
        "expansion": leaving // planes,
        "n_mels": state["seg_1.weight"].shape[1] // (2 * fused) * 8,
        "dim": state["seg_1.weight"].shape[0],
    }


def _here(path: Path) -> bool:
    """A file, or a folder as `transformers` writes it, wholly there."""
    weights = ("model.safetensors", "pytorch_model.bin", "model.safetensors.index.json")
    return path.is_file() or ((path / "config.json").is_file() and any((path / name).is_file() for name in weights))


def _search(known: KnownFile, folder: Path | None) -> Path | None:
    """Where a known file lies: in a folder, there also without its sub-folders, else in the weights folder."""
    places = [weights_folder() / known.path]
    if folder is not None:
        places = [folder / known.path, folder / Path(known.path).name, *places]
    return next((path for path in places if _here(path) or _twin(path).is_file()), None)


def _imported_for(family: str, roles: Collection[str], folder: Path) -> dict[str, Path]:
    """Imported weights of some roles of a family in a folder, under whatever names.

    Raises:
        CheckpointError: CKPT_AMBIGUOUS, there are several of one role.
    """
    found = {}
    for role, paths in _candidates(folder).items():
        fitting = [path for path in paths if _family(path) == family]
        if fitting and role in roles:
            found[role] = _only(fitting, role, folder)
    return found


def _candidates(place: Path) -> dict[str, list[Path]]:
    """Imported files by role; of a single file those that share its name up to the role."""
    paths = sorted(place.glob("*.safetensors")) if place.is_dir() else sorted(place.parent.glob("*.safetensors"))
    found: dict[str, list[Path]] = {}
    for path in paths:
        role = CLASSES.get(_class_of(path))
        if role and (place.is_dir() or path == place or _stem(path) == _stem(place)):
            found.setdefault(role, []).append(path)
    return found


def _family(path: Path) -> str:
    """The family of a SoVITS or SemanticGPT file, imported or trained here."""
    return family_of({name: shape for name, (_, shape) in read_header(path)["tensors"].items()})


def _class_of(path: Path) -> str:
    try:
        return str((read_header(path).get("spec") or {}).get("class_path", "")).rpartition(".")[2]
    except CheckpointError:
        return ""  # a companion's weights, or a file of somebody else


def _stem(path: Path) -> str:
    return path.name.split(".")[0]


def _only(paths: Sequence[Path], role: str, place: Path) -> Path:
    if len(paths) > 1:
        names = ", ".join(path.name for path in paths[:4])
        raise CheckpointError(
            "CKPT_AMBIGUOUS",
            f"{place} has several files of {role}: {names}",
            "one",
            "Name the file instead of its folder",
        )
    return paths[0]


def _twin(path: Path) -> Path:
    return path.with_name(f"{path.name}.safetensors")


def imported_file(path: Path) -> Path:
    """The kit's own file for a released one, made beside it where it is absent or older."""
    twin = _twin(path)
    if path.suffix == ".safetensors":
        return path
    if not twin.is_file() or (path.is_file() and path.stat().st_mtime > twin.stat().st_mtime):
        import_reference([path], twin)
    return twin


def _recogniser() -> ContentEncoder | None:
    """Nano's content encoder, the only part here that recognises phones."""
    shipped = [folder / "content_encoder.safetensors" for folder in known_families().values()]
    return load_component(shipped[-1], ContentEncoder) if shipped and shipped[-1].is_file() else None


def missing_files(files: Files) -> tuple[str, str, str]:
    """What an error says of the files that are absent: which and how large, where they are expected, the command."""
    listed = ", ".join(f"{file.path} ({file.size})" for file in files.absent)
    return (
        f"{files.family} lacks {len(files.absent)} of its files: {listed}",
        f"them below {weights_folder()}",
        f"Run: gsv-lab weights get {files.family}",
    )
