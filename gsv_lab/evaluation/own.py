"""Measures with the kit's own networks: evaluation recognisers for phones, and a verifier where no better one is there.

The evaluation recognisers share nothing with the synthesis. Where a family ships without them, the content encoder
stands in, which also made the codes and so forgives their faults; the verifier is small. Reports say which it was.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

import numpy as np
import torch

from gsv_lab.audio import resample
from gsv_lab.audio.alignment import greedy, phone_errors
from gsv_lab.checkpoint import fingerprint, load_component
from gsv_lab.evaluation.intelligibility import EVALUATION, PhoneJudge
from gsv_lab.evaluation.lists import LANGUAGES, SAMPLE_RATE
from gsv_lab.evaluation.similarity import NetworkEmbedder
from gsv_lab.inference.utterance import Speech
from gsv_lab.nn.interfaces import Recogniser
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


@lru_cache(maxsize=4)
def _judge(path: str) -> PhoneJudge:
    network = cast(Recogniser, load_component(path))
    return PhoneJudge(network, f"{EVALUATION} {fingerprint(network.state_dict())[:8]}")


def recognisers(lab: Any) -> tuple[dict[str, Callable[[np.ndarray], list[str]]], str]:
    """Phone recognisers by language, and what they are: the evaluation recognisers that ship with the lab's base model.

    A recogniser takes a wave (T,) at 16 kHz. The weights' fingerprint is part of the name, so that results by other
    weights are never mixed with these.
    """

    def heard(wave: np.ndarray) -> list[str]:
        return own_phones(lab, resample(torch.from_numpy(np.array(wave)), SAMPLE_RATE, lab.sample_rate))

    found: dict[str, Callable[[np.ndarray], list[str]]] = {}
    names = []
    for language in LANGUAGES:
        path = lab.family.extra(f"judge_{language}")
        judge = None if path is None else _judge(str(path))
        found[language] = judge or heard
        names.append(f"{language}: {judge.identity if judge else f'{lab.version} {OWN_RECOGNISER}'}")
    return found, "; ".join(names)


def own_phones(lab: Any, wave: Any) -> list[str]:
    """Phones that the content encoder hears in a wave (T,) at the lab's rate, in the folded alphabet."""
    log_probs = lab.family.synthesizer.phone_scores(torch.as_tensor(wave))
    return [CTC_SYMBOLS[label] for label in greedy(log_probs).ids.tolist()]


def own_phone_errors(lab: Any, speech: Speech) -> float:
    """Share of a speech's phones that the content encoder hears otherwise; above 1 if much is inserted."""
    assert speech.phones is not None
    expected = [CTC_SYMBOLS[label] for label in speech.phones.folded()[0]]
    return phone_errors(expected, own_phones(lab, speech.wave)) / max(1, len(expected))
