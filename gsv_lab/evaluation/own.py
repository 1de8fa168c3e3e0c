"""Measures with the kit's own networks, for installations without the evaluation extra.

They are the weaker judges: the recogniser is the network that also made the codes, and the verifier is small. Reports
say so.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch

from gsv_lab.align import greedy, phone_errors
from gsv_lab.checkpoint import load_component
from gsv_lab.evaluation.similarity import NetworkEmbedder
from gsv_lab.models.speech import Speech
from gsv_lab.text import CTC_SYMBOLS

OWN_RECOGNISER = "content encoder (the network that also made the codes)"


@lru_cache(maxsize=2)
def _verifier(path: str) -> NetworkEmbedder:
    network = load_component(path)

    def embed(wave: Any) -> Any:
        with torch.no_grad():
            return network(torch.as_tensor(wave).reshape(1, 1, -1))[0]

    return NetworkEmbedder(embed, "own verifier")


def verifier(lab: Any) -> NetworkEmbedder:
    """The speaker verifier that ships with the lab's base model."""
    return _verifier(str(lab.family.folder / "verifier.safetensors"))


def own_phones(lab: Any, wave: Any) -> list[str]:
    """Phones that the content encoder hears in a wave (T,) at the lab's rate, in the folded alphabet."""
    log_probs = lab.family.synthesizer.phone_scores(torch.as_tensor(wave))
    return [CTC_SYMBOLS[label] for label in greedy(log_probs).ids.tolist()]


def own_phone_errors(lab: Any, speech: Speech) -> float:
    """Share of a speech's phones that the content encoder hears otherwise; above 1 if much is inserted."""
    assert speech.phones is not None
    expected = [CTC_SYMBOLS[label] for label in speech.phones.folded()[0]]
    return phone_errors(expected, own_phones(lab, speech.wave)) / max(1, len(expected))
