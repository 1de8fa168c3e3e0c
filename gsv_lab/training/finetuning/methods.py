"""What of a base model fine-tuning may move.

A method is handed networks and says which of their tensors learn; everything else stays as it is. Parts are found by
their roles (`gsv_lab.nn.interfaces`), so that exchanged ones are tuned as well.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import Tensor, nn

from gsv_lab.errors import ConfigError
from gsv_lab.hooks.tap import Component
from gsv_lab.inference.adapters import DOWN, UP, Adaptable, can_adapt, fold_weight_norm, weight_shape
from gsv_lab.nn.interfaces import Prior, SemanticGPTRole
from gsv_lab.nn.sovits import SoVITS
from gsv_lab.system.extras import require
from gsv_lab.system.ranges import ClosedUnitInterval, PositiveFloat, PositiveInt
from gsv_lab.system.registry import Configurable

ADAPTER = "voice"
"""Name of the adapter while it learns."""

CONDITIONED = ("prior", "flow", "vocoder")
"""Parts of SoVITS that get a speaker vector and may be tuned. The posterior stays as it is, and so does the pitch
predictor, which a minute of speech only teaches its own melodies.
"""


class Tunable(NamedTuple):
    """Networks that a voice may have of its own.

    `network` is a SoVITS or a SemanticGPT; `modules` those parts of it that carry a voice, by the word of their roles;
    `reading` those of the modules that read text; `conditioned` the parts that get a speaker vector, each with the
    width that it declares for it; `attention` from content to phones, where the prior has one and transcripts are
    known; `always` what every method moves.
    """

    network: nn.Module
    modules: Sequence[nn.Module]
    reading: Sequence[nn.Module]
    conditioned: Sequence[tuple[nn.Module, int]]
    attention: Sequence[nn.Module] = ()
    always: Sequence[nn.Module] = ()

    def speaker_layers(self) -> list[nn.Module]:
        """Layers that read as many channels as a speaker vector has, in the parts that get one."""
        found: list[nn.Module] = []
        for part, width in self.conditioned:
            layers = [layer for layer in part.modules() if isinstance(layer, Adaptable)]
            found += [layer for layer in layers if width and weight_shape(layer)[1] == width]
        return found


def tunable_sovits(sovits: SoVITS, transcribed: bool) -> Tunable:
    """A SoVITS whose speaker encoder holds the vector of one voice; `transcribed`: whether texts are known."""
    prior = sovits.prior
    reading, attention = (prior.joint_modules(), attending(prior)) if transcribed else ([], [])
    still = [] if prior.tuned_modules() else [prior]
    parts: list[Any] = [part for name, part in sovits.parts().items() if name in CONDITIONED and part not in still]
    conditioned = [(part, int(part.speaker_dim)) for part in parts]
    modules = sovits.tuned_modules(transcribed)
    return Tunable(sovits, modules, reading, conditioned, attention, always=[sovits.speaker_encoder])


def tunable_gpt(semantic_gpt: SemanticGPTRole) -> Tunable:
    """A SemanticGPT."""
    everything = [semantic_gpt]
    return Tunable(semantic_gpt, everything, everything, [(semantic_gpt, int(semantic_gpt.speaker_dim))])


def attending(prior: Prior) -> list[nn.Module]:
    """The part of a prior whose attention goes from content to phones, if it has one."""
    tap = prior.alignment()
    parts = [part for part in prior.modules() if isinstance(part, Component)]
    return [part for part in parts if tap is not None and any(own is tap for own in part.taps().values())]


class Moved(NamedTuple):
    """Tensors by their names in the network: `changed` ones, and low-rank `adapters` (`gsv_lab.inference.adapters`)."""

    changed: dict[str, Tensor]
    adapters: dict[str, Tensor]


class Method(Configurable, ABC):
    """Which tensors learn."""

    def apply(self, tunable: Tunable) -> None:
        """Let the chosen tensors of a network learn, and no others.

        Raises:
            ConfigError: CONFIG_INCONSISTENT, there is nothing of this kind; CONFIG_RANGE.
        """
        tunable.network.requires_grad_(False)
        self.choose(tunable)
        for module in tunable.always:
            module.requires_grad_(True)
        if not any(value.requires_grad for value in tunable.network.parameters()):
            raise self.nothing(tunable)

    @abstractmethod
    def choose(self, tunable: Tunable) -> None:
        """Free tensors of a network in which nothing learns."""

    def nothing(self, tunable: Tunable) -> ConfigError:
        """The error that there is nothing of this kind in a network."""
        problem = f"{type(self).__name__} finds nothing in this {type(tunable.network).__name__} that may learn"
        return ConfigError(
            "CONFIG_INCONSISTENT", problem, "another method", "Or take another stage, or clips with texts"
        )

    def moved(self, network: nn.Module) -> Moved:
        """What of a network learns, as a voice keeps it."""
        return Moved({name: value.detach() for name, value in network.named_parameters() if value.requires_grad}, {})


class FullTuning(Method):
    """All tensors of the parts that carry a voice: speaker vector, flow and vocoder; where there are transcripts also
    what the prior says may be tuned. Of SemanticGPT everything.
    """

    def choose(self, tunable: Tunable) -> None:
        """See `Method`."""
        for module in tunable.modules:
            module.requires_grad_(True)


class SpeakerTuning(Method):
    """The speaker vector, and the layers that bring it into the parts: those that read as many channels as it has.

    These are the style fusion layers of a decoder, 5 % of the weights of nano's SoVITS.
    """

    def choose(self, tunable: Tunable) -> None:
        """See `Method`."""
        for layer in tunable.speaker_layers():
            layer.requires_grad_(True)


class LastBlocks(Method):
    """The last blocks of every stack in what reads text: SemanticGPT, or of the prior what comes after content and text
    are joined. Beside them the speaker vector.

    Args:
        blocks: of each stack.
    """

    def __init__(self, blocks: PositiveInt = 1) -> None:
        self.blocks = blocks

    def choose(self, tunable: Tunable) -> None:
        """See `Method`.

        Raises:
            ConfigError: CONFIG_INCONSISTENT, nothing that reads text has a stack of blocks.
        """
        if not any(isinstance(part, nn.ModuleList) for module in tunable.reading for part in module.modules()):
            raise self.nothing(tunable)
        for module in tunable.reading:
            stacks = [stack for stack in module.modules() if isinstance(stack, nn.ModuleList)]
            inner = {id(below) for stack in stacks for block in stack for below in block.modules()}
            for stack in stacks:
                if id(stack) not in inner:
                    for block in list(stack)[-self.blocks :]:
                        block.requires_grad_(True)


class LoRA(Method):
    """Low-rank updates of the linear layers and convolutions in the parts that carry a voice, of the layers that bring
    the speaker vector into other parts, and of the attention from content to phones.

    W' = W + (alpha / r) B A, with B zero at the start. Layers no wider than the rank stay as they are, and so do
    transposed and grouped convolutions. Weight norm is folded into the weights first.
    Source: Hu et al. 2021, arXiv:2106.09685, section 4.1; the layers are those of the library peft.

    Args:
        rank: r.
        alpha: its quotient with the rank is the factor on the update.
        dropout: share of a layer's inputs that the update does not see in training.
    """

    def __init__(self, rank: PositiveInt = 8, alpha: PositiveFloat = 16.0, dropout: ClosedUnitInterval = 0.0) -> None:
        self.rank, self.alpha, self.dropout = rank, alpha, dropout

    def choose(self, tunable: Tunable) -> None:
        """See `Method`.

        Raises:
            LabError: EXTRA_MISSING, peft is not installed.
        """
        peft = require("peft", "lora")
        names = self.layers(tunable)
        fold_weight_norm(tunable.network, names)
        # Names are compared whole: peft takes a list for endings of names.
        pattern = "|".join(re.escape(name) for name in names)
        settings = peft.LoraConfig(
            r=self.rank, lora_alpha=self.alpha, lora_dropout=self.dropout, target_modules=pattern, bias="none"
        )
        peft.inject_adapter_in_model(settings, tunable.network, adapter_name=ADAPTER)
        for name in names:
            layer = tunable.network.get_submodule(f"{name}.base_layer")
            if isinstance(layer, nn.Conv1d):
                # Peft forgets it, and A would read other samples than W.
                down: Any = tunable.network.get_submodule(f"{name}{DOWN}.{ADAPTER}")
                down.dilation = layer.dilation

    def layers(self, tunable: Tunable) -> list[str]:
        """Names of the layers that get an update.

        Raises:
            ConfigError: CONFIG_RANGE, no layer is wider than the rank.
        """
        modules = [*tunable.modules, *tunable.attention, *tunable.speaker_layers()]
        chosen = {id(layer) for module in modules for layer in module.modules()}
        found, widest = [], 0
        for name, layer in tunable.network.named_modules():
            if id(layer) not in chosen or not can_adapt(layer):
                continue
            width = min(weight_shape(layer)[:2])
            widest = max(widest, width)
            if width > self.rank:
                found.append(name)
        if not found:
            problem = f"rank is {self.rank}, and the widest layer that can have an update has {widest} channels"
            raise ConfigError("CONFIG_RANGE", problem, f"a rank from 1 to {max(1, widest - 1)}")
        return found

    def moved(self, network: nn.Module) -> Moved:
        """See `Method`; the factor alpha / r is multiplied into B. Layers whose B is still zero have no update."""
        adapters, changed = {}, {}
        down, up = f"{DOWN}.{ADAPTER}.weight", f"{UP}.{ADAPTER}.weight"
        found = super().moved(network).changed
        for name, value in found.items():
            stem = name.removesuffix(down).removesuffix(up)
            if stem == name:
                changed[name] = value
            elif name.endswith(up) and value.any():
                adapters[stem + DOWN] = found[stem + down]
                adapters[stem + UP] = value * (self.alpha / self.rank)
        return Moved(changed, adapters)
