"""Evaluation with the kit's own networks: phone recognisers, and a speaker verifier where no better one is there.

The evaluation recognisers share nothing with the synthesis, so those of the newest shipped family judge families that
have none. The verifier is small. Identities say which weights it was; networks load when they hear their first clip.
Letters: T samples, E width of a vector.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gsv_lab.audio.alignment import phone_errors
from gsv_lab.checkpoint import file_fingerprint, load_component
from gsv_lab.evaluation.lists import LANGUAGES
from gsv_lab.evaluation.measures.recognisers import EVALUATION, PhoneTranscriber
from gsv_lab.evaluation.measures.similarity import NetworkEmbedder
from gsv_lab.extensions.phone_recogniser import PhoneRecogniser
from gsv_lab.inference.family import shipped_network
from gsv_lab.inference.utterance import Speech
from gsv_lab.text import CTC_SYMBOLS

OWN_RECOGNISER = "content encoder (the network that also made the codes)"
VERIFIER = "speaker_verifier"


def speaker_verifier(lab: Any = None) -> NetworkEmbedder | None:
    """The speaker verifier of a lab's base model, without one that of the newest shipped; None where it has none."""
    path = shipped_network(VERIFIER) if lab is None else lab.family.extra(VERIFIER)
    return None if path is None else _speaker_verifier(path, file_fingerprint(path))


def speaker_embedding(lab: Any) -> Callable[[Tensor], Tensor] | None:
    """A wave (T,) to its vector (E,) by that verifier; None where the base model has none."""
    verifier = speaker_verifier(lab)
    return None if verifier is None else lambda wave: torch.from_numpy(verifier.embed(wave.numpy()))


@lru_cache(maxsize=2)
def _speaker_verifier(path: Path, weights: str) -> NetworkEmbedder:
    return NetworkEmbedder(partial(load_component, path), VERIFIER, f"own verifier {weights[:8]}")


def recognisers(lab: Any = None) -> tuple[dict[str, PhoneTranscriber], str]:
    """Phone recognisers by language, and what they are: those of the lab's base model, else of the newest shipped one.

    The weights' fingerprint is part of the identity, so that results by other weights are never mixed with these.
    """
    found = {}
    for language in LANGUAGES:
        name = f"recogniser_{language}"
        own = None if lab is None else lab.family.extra(name)
        path = own or shipped_network(name)
        if path is not None:
            found[language] = _transcriber(path, name, file_fingerprint(path))
    return found, "; ".join(f"{language}: {one.identity}" for language, one in found.items())


@lru_cache(maxsize=4)
def _transcriber(path: Path, name: str, weights: str) -> PhoneTranscriber:
    return PhoneTranscriber(partial(load_component, path, PhoneRecogniser), name, f"{EVALUATION} {weights[:8]}")


def recognised_phones(lab: Any, wave: Tensor, language: str = "") -> list[str]:
    """Phones that the content encoder recognises in a wave (T,) at the lab's rate, in the folded alphabet."""
    return list(lab.recordings.recognised(wave, language))


def own_phone_errors(lab: Any, speech: Speech) -> float:
    """Share of a speech's phones that the content encoder recognises otherwise; above 1 if much is inserted."""
    assert speech.phones is not None
    labels, _ = speech.phones.folded()
    expected = [CTC_SYMBOLS[label] for label in labels]
    errors = phone_errors(expected, recognised_phones(lab, speech.wave))
    return errors / max(1, len(expected))
