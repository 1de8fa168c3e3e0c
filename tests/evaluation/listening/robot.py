"""Answers that were drawn, and truths, from which answers and results follow on two ways."""

from __future__ import annotations

from random import Random
from typing import Any

from gsv_lab.evaluation.listening.files import Key, Test, TestPage
from gsv_lab.evaluation.listening.simulated import Answer


def any_answer(test: Test, seed: int = 0) -> Answer:
    """Answers that were drawn."""
    rng = Random(seed)
    return lambda page, name: rng.choice(test.scale) if test.scale else rng.randrange(101)


class Truth:
    """What one rater thinks of every clip, on the scale of the design; answers follow from it by the key alone.

    Args:
        key: of the test.
        seed: of the rater.
    """

    def __init__(self, key: Key, seed: int) -> None:
        self.key, self.rng = key, Random(seed)
        design = key.test.design
        most = 100 if design.startswith("mushra") else 5
        self.opinion = {
            (item, system): self.rng.randint(1, most)
            for item in sorted({entry.item for entry in key.stimuli.values()})
            for system in (*key.content["order"], "lp35", "mnru")
        }

    def above(self, item: str, second: str, first: str) -> int:
        """How much better a clip is than another, -3 to 3."""
        return max(-3, min(3, self.opinion[item, second] - self.opinion[item, first]))

    def answer(self, page: TestPage, name: str) -> Any:
        """The answer to a question, from what is heard on the page."""
        clips = [self.key.stimuli[clip.stimulus] for clip in page.clips]
        design = self.key.test.design
        if design.startswith("mushra"):
            rated = self.key.stimuli[name]
            return self.opinion[rated.item, rated.system]
        if design in ("acr", "smos"):
            return self.opinion[clips[-1].item, clips[-1].system]
        first, second = (clip.system for clip in clips[:2])
        if design == "abx":
            # Hears a difference where opinions differ, and says "first" where they do not.
            same = self.opinion[clips[0].item, first] == self.opinion[clips[0].item, second]
            return "first" if same or clips[2].system == first else "second"
        above = self.above(clips[0].item, second, first)
        if design == "ccr":
            return above
        return {-1: "first", 0: "none", 1: "second"}[(above > 0) - (above < 0)]
