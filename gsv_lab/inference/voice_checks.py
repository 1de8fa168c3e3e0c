"""What a voice file may hold, and what base networks can take of a voice.

Letters: G voice width, F25 codes, P phones, H width of the prior's hidden frames, C latent width, N frames.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import Tensor

from gsv_lab.errors import CheckpointError
from gsv_lab.extensions.residual_correction import Residuals
from gsv_lab.inference.synthesizer import Prompt, Synthesizer
from gsv_lab.system.schema import misfit
from gsv_lab.text import Phones

CHANGED, ADAPTERS = "changed.", "adapters."
"""Beginnings of the names of tensors that fine-tuning has moved, and of its low-rank updates."""

SHAPES: dict[str, tuple[int | None, ...]] = {
    "voice.speaker": (1, None, 1),
    "voice.codes": (None,),
    "voice.phone_index": (None,),
    "residuals.hidden": (1, None, None),
    "residuals.weights": (1, None, None),
}
"""Tensors beside those, and their shapes; None stands for any size."""

WHOLE = {"voice.codes", "voice.phone_index"}
"""Tensors of whole numbers."""

NEEDED = {"voice.speaker", "voice.codes"}


@dataclass(frozen=True)
class TunedClip:
    """A clip that a voice was tuned on; hashes as in `gsv_lab.corpora.clip_lists`.

    Args:
        utterance: stem of the file that was recorded.
        corpus: name of the folder that this file lay in.
        hash: of the clip.
        source: of the recording that `prepare` cut the clip from; empty where the clip is the recording.
    """

    utterance: str
    corpus: str
    hash: str
    source: str = ""


@dataclass(frozen=True)
class VoiceHeader:
    """Entries in the header of a voice file; see `Voice`. Older files lack those that have a default here."""

    format: int
    kind: Literal["voice"]
    name: str
    parent: str
    parents: dict[str, str]
    phones: Phones | None
    consent: str
    settings: dict[str, Any]
    created: str
    lexicon: dict[str, str] = field(default_factory=dict)
    tuned_on: list[TunedClip] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    checksum: str = ""


def check_header(header: Mapping[str, Any], source: str) -> None:
    """Refuse a header whose entries are not those of `VoiceHeader`.

    Raises:
        CheckpointError: CKPT_CORRUPT.
    """
    problem = misfit(header, VoiceHeader, "the header")
    if not problem and not header["parents"]:
        problem = "the header names no weights that the voice was made for"
    if not problem and header["phones"] is not None:
        try:
            Phones.from_dict(header["phones"])
        except ValueError as error:
            problem = f"its phones contradict each other: {error}"
    if problem:
        raise CheckpointError("CKPT_CORRUPT", f"{source} lacks a part of a voice: {problem}", "a whole file")


def check_tensors(tensors: Mapping[str, Tensor], source: str) -> None:
    """Refuse tensors that are not those of a voice.

    Raises:
        CheckpointError: CKPT_KEYS, CKPT_SHAPE, CKPT_RANGE.
    """
    own = {name for name in tensors if not name.startswith((CHANGED, ADAPTERS))}
    lacking, unknown = sorted(NEEDED - own), sorted(own - SHAPES.keys())
    if len(own & {"residuals.hidden", "residuals.weights"}) == 1:
        lacking.append("residuals, both of them")
    if lacking or unknown:
        problem = f"{source} lacks {lacking[:3]} and has {unknown[:3]}"
        raise CheckpointError("CKPT_KEYS", problem, "the tensors of a voice", "Take the original file")
    for name in sorted(own):
        shape, wanted = tuple(tensors[name].shape), SHAPES[name]
        if len(shape) != len(wanted) or any(size not in (None, real) for size, real in zip(wanted, shape, strict=True)):
            expected = str(wanted).replace("None", "n")
            raise CheckpointError("CKPT_SHAPE", f"'{name}' in {source} has the shape {shape}", expected)
        if tensors[name].is_floating_point() == (name in WHOLE):
            kind = "whole numbers" if name in WHOLE else "numbers in floating point"
            raise CheckpointError("CKPT_SHAPE", f"'{name}' in {source} holds {tensors[name].dtype}", kind)
    for name in sorted(own & WHOLE):
        check_numbers(tensors[name], None, f"'{name}' in {source}")


def check_numbers(numbers: Tensor, count: int | None, what: str) -> None:
    """Refuse numbers below 0, or from `count` on.

    Raises:
        CheckpointError: CKPT_RANGE.
    """
    if not numbers.numel():
        return
    least, most = int(numbers.min()), int(numbers.max())
    if least < 0 or (count is not None and most >= count):
        expected = "numbers from 0 on" if count is None else f"numbers from 0 to {count - 1}"
        raise CheckpointError("CKPT_RANGE", f"{what} holds {least if least < 0 else most}", expected)


def check_fit(
    base: Synthesizer,
    speaker: Tensor,
    prompt: Prompt,
    residuals: Residuals | None,
    changed: Mapping[str, Tensor],
    voice: str,
) -> None:
    """Refuse a voice that base networks cannot take, whatever weights it says that it was made for.

    Args:
        base: the networks.
        speaker: (1, G, 1).
        prompt: codes and phones of the reference.
        residuals: what was learnt of the recordings.
        changed: fine-tuned tensors.
        voice: its name, for errors.

    Raises:
        CheckpointError: CKPT_SHAPE, CKPT_KEYS, CKPT_RANGE.
    """
    if tuple(speaker.shape) != (1, base.voice_dim, 1):
        problem = f"{voice} has a vector of the shape {tuple(speaker.shape)}"
        raise CheckpointError("CKPT_SHAPE", problem, f"(1, {base.voice_dim}, 1)")
    check_numbers(prompt.codes, base.sovits.quantizer.n_codes, f"The prompt of {voice}")
    if prompt.phones is not None:
        _check_phones(base, prompt, prompt.phones, voice)
    if residuals is not None and base.residual_correction is not None:
        widths = (base.sovits.prior.hidden_dim, base.sovits.prior.latent_dim)
        found = (residuals.hidden.shape[1], residuals.weights.shape[1])
        if found != widths or residuals.hidden.shape[2] != residuals.weights.shape[2]:
            shapes = f"{tuple(residuals.hidden.shape)} and {tuple(residuals.weights.shape)}"
            expected = f"(1, {widths[0]}, N) and (1, {widths[1]}, N)"
            raise CheckpointError("CKPT_SHAPE", f"{voice} has residuals of the shapes {shapes}", expected)
    if changed:
        _check_changed(base.state_dict(), changed, voice)


def _check_phones(base: Synthesizer, prompt: Prompt, phones: Phones, voice: str) -> None:
    largest = max(phones.ids, default=0)
    if largest >= base.semantic_gpt.n_phones:
        expected = f"numbers from 0 to {base.semantic_gpt.n_phones - 1}"
        raise CheckpointError("CKPT_RANGE", f"The prompt of {voice} has the phone {largest}", expected)
    if prompt.phone_index is None:
        return
    if prompt.phone_index.numel() != prompt.codes.numel():
        problem = f"The prompt of {voice} has {prompt.codes.numel()} codes and {prompt.phone_index.numel()} places"
        raise CheckpointError("CKPT_SHAPE", problem, "one for each code")
    check_numbers(prompt.phone_index, len(phones), f"The phone index of {voice}")


def _check_changed(base: Mapping[str, Tensor], changed: Mapping[str, Tensor], voice: str) -> None:
    unknown = sorted(changed.keys() - base.keys())
    if unknown:
        raise CheckpointError(
            "CKPT_KEYS", f"{voice} changes {unknown[:3]}, which the base does not have", "its tensors"
        )
    wrong = [name for name, value in changed.items() if value.shape != base[name].shape]
    if wrong:
        shapes = "; ".join(f"{n}: {tuple(changed[n].shape)} for {tuple(base[n].shape)}" for n in wrong[:3])
        raise CheckpointError("CKPT_SHAPE", f"{voice} changes {shapes}", "the shapes of the base")
