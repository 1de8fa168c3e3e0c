"""The candidates of a fine-tuning are heard and compared: from checkpoints to a choice.

The work is bounded by the seconds of speech that are made, since making speech takes nearly all of the time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from tqdm.auto import tqdm

from gsv_lab.text import Phones
from gsv_lab.training.finetuning.candidates import Candidate, Recorded, held_out_losses
from gsv_lab.training.verdict.rule import HELD_OUT, Choice, choose
from gsv_lab.training.verdict.speaking import Listener, Said, Text, speak_all, texts_to_speak

SEEDS = (0, 1)
MOST_SPOKEN = 600.0
"""Seconds of speech that are made at most, about."""
SECONDS_A_PHONE = 0.09
"""About; for the estimate of how long a text will be."""
MOST_STEPS = 5
"""Tuned candidates that speak."""


class Judged(NamedTuple):
    """What was found: the `choice`, the `losses` of every candidate on held-out speech (S,), all that was `said`, the
    `texts`, and what natural held-out clips measure (`natural`, one mapping a clip).
    """

    choice: Choice
    losses: dict[int, np.ndarray]
    said: list[Said]
    texts: list[Text]
    natural: list[dict[str, float]]


def judge(
    recorded: Recorded,
    found: Sequence[Candidate],
    stages: Sequence[str],
    terms: Sequence[Phones] = (),
    seeds: Sequence[int] = SEEDS,
    progress_bar: bool = True,
) -> Judged:
    """Choose among candidates, the untuned one first among them.

    Args:
        recorded: the recordings.
        found: candidates in the order of their steps.
        stages: that were trained.
        terms: that are spoken beside the other texts.
        seeds: of the utterances.
        progress_bar: show one.
    """
    losses = {one.step: held_out_losses(recorded, one, stages) for one in found}
    listener = Listener(recorded)
    texts = [*texts_to_speak(recorded), *(Text(phones, term=True) for phones in terms)]
    spoken = worth_hearing(losses, affordable(texts, len(seeds)))
    chosen = [one for one in found if one.step in spoken]
    with tqdm(total=len(chosen) * len(texts) * len(seeds), desc="verdict", disable=not progress_bar) as bar:
        said = speak_all(recorded, listener, chosen, texts, seeds, bar.update)
    return Judged(choose(table_of(said, losses, texts), losses), losses, said, texts, listener.natural)


def affordable(texts: Sequence[Text], seeds: int) -> int:
    """How many tuned candidates may speak all texts beside the untuned one: from 1 to `MOST_STEPS`."""
    seconds = sum(len(text.phones) for text in texts) * SECONDS_A_PHONE * seeds
    return min(MOST_STEPS, max(1, int(MOST_SPOKEN / seconds) - 1))


def worth_hearing(losses: Mapping[int, np.ndarray], most: int) -> set[int]:
    """Steps that speak: the untuned one, those that foretell held-out speech best, and the last one."""
    tuned = [step for step in losses if step]
    best = sorted(tuned, key=lambda step: float(losses[step].mean()))
    if len(best) > most:
        best = [*best[: max(1, most - 1)], max(tuned)]
    return {0, *best}


def table_of(
    said: Sequence[Said], losses: Mapping[int, np.ndarray], texts: Sequence[Text]
) -> dict[int, dict[str, np.ndarray]]:
    """Step -> measure -> one value a text, the mean over seeds; and one a second for the held-out losses.

    `forgetting` is the phone error on texts that have nothing to do with the recordings, `terms` that on the terms.
    """
    foreign = [number for number, text in enumerate(texts) if text.own]
    terms = [number for number, text in enumerate(texts) if text.term]
    gathered: dict[int, dict[str, dict[int, list[float]]]] = {}
    for one in said:
        for name, value in one.measures.items():
            gathered.setdefault(one.step, {}).setdefault(name, {}).setdefault(one.text, []).append(value)
    table = {}
    for step, measures in gathered.items():
        means = {name: np.array([np.mean(by_text[n]) for n in sorted(by_text)]) for name, by_text in measures.items()}
        if "phone_error" in means:
            means["forgetting"] = means["phone_error"][foreign]
            means |= {"terms": means["phone_error"][terms]} if terms else {}
        table[step] = {HELD_OUT: losses[step], **means}
    return table
