"""Ranges stand at the arguments: words, bounds, and every place where a number can hide."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from gsv_lab.errors import ConfigError
from gsv_lab.system.config_checks import check_ranges
from gsv_lab.system.ranges import (
    ClosedUnitInterval,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Range,
)
from gsv_lab.system.registry import register

if TYPE_CHECKING:
    from nowhere import Unknown


@dataclass
class Settings:
    """A table of its own."""

    minutes: PositiveFloat = 1.0


@register
class Part:
    """A part with a number in every kind of place."""

    def __init__(
        self,
        width: PositiveInt,
        layers: tuple[NonNegativeInt, PositiveInt] = (0, 1),
        rates: list[PositiveInt] | None = None,
        dilations: Sequence[Sequence[PositiveInt]] = ((1,),),
        share: ClosedUnitInterval | None = None,
        boost: Mapping[str, NonNegativeFloat] | None = None,
        settings: Settings | None = None,
        inner: Any = None,
        free: float = 0.0,
    ) -> None:
        self.width = width


@register
class Unreadable:
    """A part whose annotations only a type checker can read."""

    def __init__(self, width: PositiveInt, other: Unknown | None = None) -> None:
        self.width = width


def spec(**arguments: Any) -> dict[str, Any]:
    """A specification of the part."""
    return {"class_path": f"{Part.__module__}.Part", "init_args": {"width": 4, **arguments}}


GOOD = [
    {"layers": [0, 1]},
    {"rates": [1, 2]},
    {"rates": None},
    {"dilations": [[1, 3], [1]]},
    {"share": 0},
    {"share": 1.0},
    {"boost": {"zh F": 0}},
    {"settings": {"minutes": 0.1}},
    {"free": -math.inf},
    {"inner": [spec()]},
]
BAD = [
    ({"width": 0}, "width is 0. Expected a number above 0."),
    ({"width": math.inf}, "width is inf"),
    ({"layers": [-1, 1]}, "layers is -1. Expected a number from 0 on."),
    ({"layers": [0, 0]}, "layers is 0. Expected a number above 0."),
    ({"rates": [3, 0]}, "rates is 0"),
    ({"dilations": [[1], [2, -2]]}, "dilations is -2"),
    ({"share": 1.01}, "share is 1.01. Expected a number from 0 to 1."),
    ({"share": math.nan}, "share is nan"),
    ({"boost": {"zh F": -1.0}}, "boost.zh F is -1.0"),
    ({"settings": {"minutes": 0}}, "settings.minutes is 0"),
    ({"inner": spec(width=-1)}, "inner.init_args.width is -1"),
    ({"inner": {"deep": [spec(), spec(share=-1)]}}, "inner.deep.init_args.share is -1"),
]


@pytest.mark.parametrize("arguments", GOOD, ids=str)
def test_what_fits(arguments: dict[str, Any]) -> None:
    check_ranges(spec(**arguments), Any, "task")


@pytest.mark.parametrize(("arguments", "words"), BAD, ids=[words for _, words in BAD])
def test_what_does_not(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_ranges(spec(**arguments), Any, "task")
    assert caught.value.code == "CONFIG_RANGE"
    assert str(caught.value).startswith(f"task.init_args.{words}")


def test_annotations_that_cannot_be_read_check_nothing() -> None:
    check_ranges({"class_path": f"{Unreadable.__module__}.Unreadable", "init_args": {"width": -1}}, Any, "task")


def test_a_range_in_words() -> None:
    assert str(Range(0)) == "a number from 0 on"
    assert str(Range(0, above=True)) == "a number above 0"
    assert str(Range(0, 1)) == "a number from 0 to 1"
    assert str(Range(0, 0.5, above=True)) == "a number above 0 to 0.5"


def test_types_of_arguments_need_no_library() -> None:
    code = "import sys, gsv_lab.system.ranges; print({'jsonargparse', 'yaml', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
