"""Ranges stand at the arguments: words, bounds, and every place where a number can hide."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gsv_lab.errors import ConfigError
from gsv_lab.system.config import build, load_experiment
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
from gsv_lab.training.stages import STAGES, load_stage

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


FOLDER = Path(__file__).resolve().parents[2] / "configs"
CONFIGS = sorted(path for path in FOLDER.glob("[nsv]*/*.yaml") if path.parent.name != "speech")  # those train nothing
FREE = {"guided_layer", "worst_fit"}
"""Arguments that any number suits: -1 is the last layer or none, and an alignment's fit is a logarithm."""


def numbers(node: Any, path: str = "") -> Iterator[tuple[str, str, Any]]:
    """Class, argument and value of every number in a resolved configuration, those in lists and tables too."""
    if isinstance(node, dict) and "class_path" in node:
        for key, value in node["init_args"].items():
            plain = value if isinstance(value, (list, dict)) else [value]
            leaves = plain.values() if isinstance(plain, dict) else plain
            if any(isinstance(leaf, (int, float)) and not isinstance(leaf, bool) for leaf in leaves):
                yield node["class_path"], key, value
        yield from numbers(node["init_args"])
    elif isinstance(node, (dict, list)):
        for value in node.values() if isinstance(node, dict) else node:
            yield from numbers(value)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_number_of_a_shipped_configuration_has_a_range(config: Path) -> None:
    """A value that no range allows, minus infinity, is refused in the place of each of them, by its name."""
    known = {stage.name for stage in STAGES}
    stage = config.parent.name == "nano" and config.stem in known  # some of them lie over another
    experiment = load_stage(config.parent, config.stem, []) if stage else load_experiment([config])
    found = {(path, key): value for part in ("task", "data") for path, key, value in numbers(experiment[part])}
    assert found
    for (path, key), value in found.items():
        broken = {"class_path": path, "init_args": {key: replaced(value)}}
        if key in FREE:
            check_ranges(broken, Any, "it")
            continue
        with pytest.raises(ConfigError, match=rf"^it\.init_args\.{key}.* is -inf\. Expected a number"):
            check_ranges(broken, Any, "it")


def replaced(value: Any) -> Any:
    """The same shape with minus infinity in the place of every number."""
    if isinstance(value, dict):
        return {key: replaced(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [replaced(inner) for inner in value]
    return -math.inf


def test_the_schedule_that_the_released_configuration_names() -> None:
    """`decay` is a number of steps in one schedule and a factor in the other; each has its own range."""
    config = CONFIGS[0].parents[1] / "v2" / "gpt.yaml"
    over = "task.init_args.schedule={class_path: gsv_lab.training.schedules.WarmUpCosine, init_args: {decay: 40000}}"
    schedule = build(load_experiment([config], [over])["task"]["init_args"]["schedule"])
    assert (schedule.decay, schedule.rate(0), schedule.rate(40000)) == (40000, 1e-5, 1e-4)
    for wrong in ("WarmUpCosine, init_args: {decay: 0}", "EpochDecay, init_args: {decay: 2}"):
        over = f"task.init_args.schedule={{class_path: gsv_lab.training.schedules.{wrong}}}"
        with pytest.raises(ConfigError, match="schedule.init_args.decay is"):
            load_experiment([config], [over])


def test_whole_numbers_beyond_floating_point() -> None:
    """They are compared and not converted, which would overflow."""
    assert Range(0).holds(10**400) and not Range(0, 5).holds(10**400) and not Range(0).holds(-(10**400))
