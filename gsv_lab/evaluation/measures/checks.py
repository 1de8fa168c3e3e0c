"""What a measure must be and give, said in one sentence where it is otherwise: measures come from outside, too.

Letters: T samples at 16 kHz.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from gsv_lab.errors import ConfigError, DataError, LabError
from gsv_lab.evaluation.measures import NEEDS, Found, Job, Measure

_GIVES = "a mapping from names to numbers, texts, lists and mappings, or None"


def check_measures(measures: Sequence[Measure]) -> None:
    """Refuse what is no measure, before any clip is read.

    Raises:
        ConfigError: `MEASURE_INVALID`; `MEASURE_DUPLICATE`, two of one name and evaluator; `MEASURE_NONE`.
    """
    if not measures:
        raise ConfigError("MEASURE_NONE", "There is nothing to measure with", "at least one measure", "Install [eval]")
    for measure in measures:
        called = type(measure).__name__
        if isinstance(measure, type) or not isinstance(measure, Measure):
            problem = f"{measure.__name__ if isinstance(measure, type) else called} is no measure"
            raise _invalid(problem, "an object that is called, with name, evaluator, identity and needs")
        for text in (measure.name, measure.evaluator, measure.identity):
            if not isinstance(text, str) or not text.strip():
                raise _invalid(f"The measure {called} has the name, evaluator or identity {text!r}", "a text each")
        if isinstance(measure.needs, str) or not set(NEEDS).issuperset(measure.needs):
            expected = f"a tuple out of {', '.join(NEEDS)}, such as ({NEEDS[0]!r},)"
            raise _invalid(f"The measure {measure.name!r} has the needs {measure.needs!r}", expected)
    (name, evaluator), count = Counter((one.name, one.evaluator) for one in measures).most_common(1)[0]
    if count > 1:
        problem = f"{count} measures are called {name!r} by {evaluator!r}"
        raise ConfigError("MEASURE_DUPLICATE", problem, "a name or an evaluator of its own each", "Rename one")


def found_by(measure: Measure, wave: np.ndarray, job: Job) -> dict[str, Any] | None:
    """What a measure finds in a wave (T,), as JSON can hold it; numbers that are not finite are left out.

    Raises:
        LabError: `MEASURE_FAILED`, the measure raised an error that is none of the kit's.
        DataError: `MEASURE_VALUE`, it gave something else than `Found`.
    """
    try:
        found = measure(wave, job)
    except LabError:
        raise
    except Exception as error:  # of code that the kit does not know
        problem = f"The measure {measure.name!r} by {measure.evaluator!r} fails at {job.item.name!r}"
        why = f"{type(error).__name__}: {error}"
        raise LabError("MEASURE_FAILED", f"{problem} ({why})", "", "Correct it; what was measured is kept") from error
    try:
        kept = None if found is None else plain(found)
        json.dumps(kept, allow_nan=False)
    except (TypeError, ValueError, AttributeError) as error:
        problem = f"The measure {measure.name!r} by {measure.evaluator!r} gives {type(found).__name__} ({error})"
        raise DataError("MEASURE_VALUE", problem, _GIVES, "Correct it; what was measured is kept") from error
    return kept


def plain(found: Found) -> dict[str, Any]:
    """What was found as JSON can hold it; numbers that are not finite are left out, since they are no result.

    Raises:
        TypeError: no mapping, or a name that is no text.
    """
    if not isinstance(found, Mapping) or not all(isinstance(name, str) and name for name in found):
        raise TypeError("names must be texts")
    kept = {}
    for name, value in found.items():
        single = isinstance(value, (np.ndarray, torch.Tensor)) and not value.shape
        number = value.item() if single or isinstance(value, np.generic) else value
        if isinstance(number, bool):
            number = float(number)
        if not isinstance(number, (int, float)) or math.isfinite(number):
            kept[name] = number
    return kept


def _invalid(problem: str, expected: str) -> ConfigError:
    return ConfigError("MEASURE_INVALID", problem, expected, "See docs/evaluation.md")
