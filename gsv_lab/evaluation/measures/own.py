"""Evaluation with the kit's own networks: phone recognisers, and a speaker verifier where no better one is there.

The evaluation recognisers share nothing with the synthesis, so those of the newest shipped family judge families that
have none. The verifier is small. Reports say which it was.
Letters: T samples.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from torch import Tensor

from gsv_lab.audio.alignment import phone_errors
from gsv_lab.checkpoint import fingerprint, load_component
from gsv_lab.evaluation.lists import LANGUAGES
from gsv_lab.evaluation.measures.recognisers import EVALUATION, PhoneTranscriber, Transcribe
from gsv_lab.evaluation.measures.similarity import NetworkEmbedder
from gsv_lab.extensions.phone_recogniser import PhoneRecogniser
from gsv_lab.inference.family import known_families
from gsv_lab.inference.utterance import Speech
from gsv_lab.text import CTC_SYMBOLS

OWN_RECOGNISER = "content encoder (the network that also made the codes)"


def speaker_verifier(lab: Any) -> NetworkEmbedder | None:
    """The speaker verifier that ships with the lab's base model; None where it has none."""
    path = lab.family.extra("speaker_verifier")
    return None if path is None else _speaker_verifier(str(path))


@lru_cache(maxsize=2)
def _speaker_verifier(path: str) -> NetworkEmbedder:
    return NetworkEmbedder(load_component(path), "own verifier")


def recognisers(lab: Any) -> tuple[dict[str, Transcribe], str]:
    """Phone recognisers by language, and what they are: those of the lab's base model, else of the newest shipped one.

    The weights' fingerprint is part of the name, so that results by other weights are never mixed with these.
    """
    found: dict[str, Transcribe] = {}
    names = []
    for language in LANGUAGES:
        name = f"recogniser_{language}"
        shipped = [folder / f"{name}.safetensors" for folder in known_families().values()]
        path = lab.family.extra(name) or next((file for file in reversed(shipped) if file.is_file()), None)
        if path is not None:
            transcriber = _transcriber(str(path))
            found[language] = transcriber
            names.append(f"{language}: {transcriber.identity}")
    return found, "; ".join(names)


@lru_cache(maxsize=4)
def _transcriber(path: str) -> PhoneTranscriber:
    network = load_component(path, PhoneRecogniser)
    return PhoneTranscriber(network, f"{EVALUATION} {fingerprint(network.state_dict())[:8]}")


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
