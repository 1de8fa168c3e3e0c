"""Claims that are settled by counting: parameters, bytes of files, shares. Exact, without weights or a machine.

The networks are those of `configs/v2`, the released size that the documents speak of; they are built without storage
(torch's device `meta`), so that 129 million parameters cost nothing.
"""

from __future__ import annotations

import copy
import math
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from gsv_lab.evaluation.claims.measured import Measured, measure
from gsv_lab.inference.adapters import DOWN, UP, weight_shape
from gsv_lab.inference.family import known_families
from gsv_lab.inference.synthesizer import Prompt
from gsv_lab.inference.voice import Voice
from gsv_lab.nn.semantic_gpt import SemanticGPT
from gsv_lab.nn.sovits import SoVITS
from gsv_lab.system.config import build, load_experiment
from gsv_lab.system.folders import private_folder
from gsv_lab.text import phonemize
from gsv_lab.training.finetuning.methods import LoRA, SpeakerTuning, Tunable, tunable_gpt, tunable_sovits
from gsv_lab.training.finetuning.shares import learning
from gsv_lab.training.finetuning.tasks import FixedSpeaker

if TYPE_CHECKING:
    from gsv_lab.evaluation.claims.material import Material

FAMILY = "v2"
SUBJECT = f"the released size, counted from configs/{FAMILY}"
HALF = 2
"""Bytes of a number in the released files."""
MEGA = 1e6
PROMPT_CODES, PROMPT_TEXT = 150, "She said it was a good day, and that the boats would come home before the rain."
"""Of a reference of 6 s, such as every voice file holds."""


@cache
def networks() -> tuple[SemanticGPT, SoVITS]:
    """SemanticGPT and SoVITS of the released size, without storage."""
    with torch.device("meta"):
        return build(_arguments("gpt")["semantic_gpt"]), build(_arguments("sovits")["sovits"])


@cache
def _arguments(stage: str) -> dict[str, Any]:
    """Arguments of the task of a stage, as the configuration says."""
    found: dict[str, Any] = load_experiment([Path(f"configs/{FAMILY}/{stage}.yaml")])["task"]["init_args"]
    return found


def _tunable() -> tuple[Tunable, Tunable]:
    """What fine-tuning may move in a copy of them: of SemanticGPT and, with transcripts, of SoVITS."""
    gpt, sovits = copy.deepcopy(networks())
    with torch.device("meta"):
        sovits.speaker_encoder = FixedSpeaker(sovits.speaker_encoder)
    return tunable_gpt(gpt), tunable_sovits(sovits, transcribed=True)


def _count(network: nn.Module) -> int:
    return sum(value.numel() for value in network.parameters())


def _bytes(network: nn.Module) -> int:
    """Of its file in half precision: parameters and what else it keeps."""
    return HALF * sum(value.numel() for value in network.state_dict().values())


def _exact(value: float, note: str = "", **details: float) -> Measured:
    named = {name.replace("_", " "): number for name, number in details.items()}
    return Measured(value, subject=SUBJECT, exact=True, note=note, details=named)


@measure("gpt_parameters")
def gpt_parameters(_: Material) -> Measured:
    """Parameters of SemanticGPT."""
    return _exact(_count(networks()[0]))


@measure("phone_count")
def phone_count(_: Material) -> Measured:
    """Symbols that SemanticGPT reads."""
    return _exact(_arguments("gpt")["semantic_gpt"]["init_args"]["n_phones"])


@measure("sample_rate")
def sample_rate(_: Material) -> Measured:
    """Hz of what is spoken."""
    return _exact(_arguments("sovits")["sovits"]["init_args"]["frontend"]["init_args"]["sample_rate"])


@measure("speaker_width")
def speaker_width(_: Material) -> Measured:
    """Channels of a speaker vector."""
    return _exact(networks()[1].speaker_encoder.speaker_dim)


@measure("hop_length")
def hop_length(_: Material) -> Measured:
    """Samples that the vocoder makes of a frame: the product of its upsampling."""
    rates = _arguments("sovits")["sovits"]["init_args"]["vocoder"]["init_args"]["upsample_rates"]
    return _exact(math.prod(rates))


@measure("pair_megabytes")
def pair_megabytes(_: Material) -> Measured:
    """MB of SemanticGPT and SoVITS in half precision, posterior and codebook with them."""
    sizes = [_bytes(network) for network in networks()]
    bits = 8 * 100 * MEGA / sum(_count(network) for network in networks())
    note = (
        f"In half precision. One byte a parameter would make half of it; 100 MB leave {bits:.1f} bits a parameter. "
        f"All weights of {_nano()}, which ships here, take {_nano_bytes() / MEGA:.1f} MB."
    )
    return _exact(sum(sizes) / MEGA, note, SemanticGPT=sizes[0] / MEGA, SoVITS=sizes[1] / MEGA)


@measure("delta_megabytes")
def delta_megabytes(_: Material) -> Measured:
    """MB of a voice file with low-rank updates of both networks, rank 8."""
    adapters = _updates()
    numbers = sum(value.numel() for value in adapters.values())
    note = f"{numbers:,} numbers of updates of rank {LoRA().rank} in both networks, in a file with a prompt of 6 s."
    return _exact(_delta_bytes(adapters) / MEGA, note, numbers=numbers)


@measure("delta_saving")
def delta_saving(_: Material) -> Measured:
    """Per cent of the bytes that such a file saves against the whole pair."""
    delta, whole = _delta_bytes(_updates()), sum(_bytes(network) for network in networks())
    return _exact(100 * (1 - delta / whole), "", pair_MB=whole / MEGA, voice_file_MB=delta / MEGA)


@measure("speaker_share")
def speaker_share(_: Material) -> Measured:
    """Per cent of SoVITS that the method `speaker` moves: the vector and the layers that bring it in."""
    gpt, sovits = networks()
    tunable = _tunable()[1]
    SpeakerTuning().apply(tunable)
    moved, encoder = learning(tunable.network), _count(sovits.speaker_encoder)
    whole, both = _count(sovits), _count(sovits) + _count(gpt)
    layers = moved - tunable.network.get_parameter("speaker_encoder.vector").numel()
    return _exact(
        100 * moved / whole,
        "Of SoVITS, with a vector in place of the speaker encoder. It is another one where the encoder learns, too, or "
        "where both networks count.",
        with_the_speaker_encoder=100 * (layers + encoder) / whole,
        of_both_networks=100 * moved / both,
        with_the_speaker_encoder_of_both_networks=100 * (layers + encoder) / both,
    )


def _updates() -> dict[str, Tensor]:
    """Low-rank updates of every layer that LoRA chooses, all of them zero: only their shapes count."""
    found = {}
    for prefix, tunable in zip(("semantic_gpt", "sovits"), _tunable(), strict=True):
        for name in LoRA().layers(tunable):
            out, inner, *kernel = weight_shape(cast(Any, tunable.network.get_submodule(name)))
            found[f"{prefix}.{name}{DOWN}"] = torch.zeros(LoRA().rank, inner, *kernel)
            found[f"{prefix}.{name}{UP}"] = torch.zeros(out, LoRA().rank, *([1] * len(kernel)))
    return found


def _delta_bytes(adapters: dict[str, Tensor]) -> int:
    """Of a voice file with these updates, as the kit writes it."""
    prompt = Prompt(torch.zeros(PROMPT_CODES, dtype=torch.int64), phonemize(PROMPT_TEXT, "en"))
    speaker = torch.zeros(1, networks()[1].speaker_encoder.speaker_dim, 1)
    created = "2000-01-01T00:00:00+00:00"
    voice = Voice("voice", FAMILY, {"sovits": "0" * 16}, speaker, prompt, adapters=adapters, created=created)
    with private_folder() as folder:
        return voice.save(folder / "voice.safetensors").stat().st_size


def _nano() -> str:
    """Name of the newest shipped family."""
    return list(known_families())[-1]


def _nano_bytes() -> int:
    folder = known_families()[_nano()]
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))
