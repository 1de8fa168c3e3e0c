"""Break it on purpose: the same text said clean and edited, and what became of codes, pitch, tract, phones and voice.

An intervention is a YAML file: which model and voice, which texts, which edits under which names, what to measure. The
edits are those of `gsv_lab.hooks`; a name among them stands for a recipe. This file reads such files and measures;
`interventions_report` writes. It takes a lab and does not know how one is loaded.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from gsv_lab.errors import ConfigError, HookError
from gsv_lab.evaluation.interventions_measures import MEASURES, Measures
from gsv_lab.hooks import Edit, Records, Table, compare, probe
from gsv_lab.hooks.edits import RECIPES as PRIOR_RECIPES
from gsv_lab.inference.utterance import Speech

RECIPES: dict[str, tuple[Edit, ...]] = {"reference_0": (), **PRIOR_RECIPES}
"""Named edits. `reference_0` to `reference_2` are the three hidden test modes of the reference prior: everything;
without what the text answers; without the content, which neither asks the text nor goes on."""


@dataclass(frozen=True)
class Intervention:
    """What an intervention file says.

    Args:
        name: of the experiment.
        texts: what to say.
        edits: name of a variant -> its edits.
        model: base model; empty for the default.
        voice: voice file; empty: see `reference`.
        reference: recording to clone; empty, without a voice: the shipped sample.
        reference_text: what is said in it.
        language: of the texts.
        seed: of everything random, the same for clean and edited.
        options: of `Lab.speak`, such as `temperature`.
        measures: names out of `MEASURES`.
        watch: globs of taps whose records are compared.
    """

    name: str
    texts: tuple[str, ...]
    edits: Mapping[str, tuple[Edit, ...]]
    model: str = ""
    voice: str = ""
    reference: str = ""
    reference_text: str = ""
    language: str = "auto"
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    measures: tuple[str, ...] = MEASURES
    watch: tuple[str, ...] = ()


def recipe(name: str) -> list[Edit]:
    """The edits of a named recipe.

    Raises:
        HookError: RECIPE_UNKNOWN, with the names there are.
    """
    if name not in RECIPES:
        raise HookError("RECIPE_UNKNOWN", f"There is no recipe '{name}'", " or ".join(RECIPES))
    return list(RECIPES[name])


def read_intervention(path: str | Path) -> Intervention:
    """Read and check an intervention file; paths in it are relative to it.

    Raises:
        ConfigError: CONFIG_MISSING, CONFIG_UNSAFE (no YAML), CONFIG_UNKNOWN_KEY (with the nearest), CONFIG_TYPE.
        HookError: RECIPE_UNKNOWN, EDIT_KIND, EDIT_VALUE.
    """
    path = Path(path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("CONFIG_MISSING", f"Cannot read {path}", "a YAML file in UTF-8") from error
    except yaml.YAMLError as error:
        raise ConfigError("CONFIG_UNSAFE", f"{path.name} is not plain YAML: {str(error).splitlines()[0]}") from error
    known = [entry.name for entry in fields(Intervention)]
    if not isinstance(content, dict):
        raise ConfigError("CONFIG_TYPE", f"{path.name} holds no mapping", f"keys such as {', '.join(known[:3])}")
    for key in content:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 1, 0.3) or known
            raise ConfigError("CONFIG_UNKNOWN_KEY", f"{path.name} has the key '{key}'", f"'{near[0]}' perhaps")
    given = {"name": path.stem, **content}
    for key in ("texts", "measures", "watch"):
        if key in given or key == "texts":
            given[key] = _strings(path, key, given.get(key))
    for key in ("voice", "reference"):
        if given.get(key):
            given[key] = str(path.parent / str(given[key]))
    unknown = [name for name in given.get("measures", ()) if name not in MEASURES]
    if unknown:
        raise ConfigError("CONFIG_TYPE", f"There is no measure '{unknown[0]}'", " or ".join(MEASURES))
    if not isinstance(given.get("options", {}), dict) or not isinstance(given.get("seed", 0), int):
        raise ConfigError("CONFIG_TYPE", f"options or seed of {path.name}", "a mapping and a whole number")
    return Intervention(**{**given, "edits": _variants(path, given.get("edits"))})


def _strings(path: Path, key: str, value: Any) -> tuple[str, ...]:
    value = [value] if isinstance(value, str) else value
    if not isinstance(value, list) or not value or not all(isinstance(item, str) and item.strip() for item in value):
        raise ConfigError("CONFIG_TYPE", f"{key} of {path.name} is {value!r}", "one or more strings")
    return tuple(value)


def _variants(path: Path, value: Any) -> dict[str, tuple[Edit, ...]]:
    variants = value if isinstance(value, dict) else {"edited": value}
    if not value or not all(isinstance(edits, list | str) for edits in variants.values()):
        problem = f"edits of {path.name} are {value!r}"
        raise ConfigError("CONFIG_TYPE", problem, "a list of edits and recipes, or a mapping of names to such lists")
    return {str(name): tuple(_edits(path, edits)) for name, edits in variants.items()}


def _edits(path: Path, rows: list[Any] | str) -> list[Edit]:
    found: list[Edit] = []
    for row in [rows] if isinstance(rows, str) else rows:
        if isinstance(row, str):
            found += recipe(row)
            continue
        try:
            source = row.get("source")
            row = {**row, "source": path.parent / source} if isinstance(source, str) else row
            found.append(Edit(**row))
        except HookError:
            raise
        except (TypeError, AttributeError, ValueError) as error:
            expected = "a mapping with kind, target and what the kind needs"
            raise HookError("EDIT_VALUE", f"{row!r} in {path.name} is no edit: {error}", expected) from error
    return found


@dataclass(frozen=True)
class Outcome:
    """What an intervention did.

    Args:
        intervention: what was asked for.
        clean: speech of each text without edits.
        edited: variant -> speech of each text.
        rows: one a variant and text, with every measure.
        taps: one a variant, text and watched tap: how far its records moved.
    """

    intervention: Intervention
    clean: tuple[Speech, ...]
    edited: Mapping[str, tuple[Speech, ...]]
    rows: Table
    taps: Table

    def summary(self) -> Table:
        """One row a variant: means over the texts."""
        found = []
        for variant in self.edited:
            mine = [row for row in self.rows if row["variant"] == variant]
            numbers = [key for key in mine[0] if key not in ("variant", "text")]
            means = {key: _mean([row[key] for row in mine]) for key in numbers}
            found.append({"variant": variant, "texts": len(mine), **means})
        return Table(found)


def _mean(values: Sequence[Any]) -> float | None:
    known = [value for value in values if value is not None and np.isfinite(value)]
    return round(float(np.mean(known)), 6) if known else None


def intervene(lab: Any, voice: Any, intervention: Intervention) -> Outcome:
    """Say every text clean and with every variant's edits, and measure the difference.

    Args:
        lab: the model.
        voice: who speaks.
        intervention: what to do.

    Raises:
        HookError: an edit or a watched tap does not fit the model; it is left clean. TextError, CheckpointError.
        ConfigError: PARAM_UNKNOWN, an option that `Lab.speak` does not have.
    """
    measures = Measures(lab, intervention.measures)
    clean = [_say(lab, voice, text, intervention, ()) for text in intervention.texts]
    edited: dict[str, tuple[Speech, ...]] = {}
    rows, taps = [], []
    for variant, edits in intervention.edits.items():
        made = [_say(lab, voice, text, intervention, edits) for text in intervention.texts]
        edited[variant] = tuple(speech for speech, _ in made)
        for number, (text, before, after) in enumerate(zip(intervention.texts, clean, made, strict=True)):
            rows.append({"variant": variant, "text": text, **measures(before[0], after[0])})
            if intervention.watch:
                table = compare(before[1], after[1]).table()
                taps += [{"variant": variant, "text": number, **row} for row in table]
    return Outcome(intervention, tuple(speech for speech, _ in clean), edited, Table(rows), Table(taps))


def _say(lab: Any, voice: Any, text: str, intervention: Intervention, edits: Sequence[Edit]) -> tuple[Speech, Records]:
    with probe(lab.synthesizer_for(voice), *intervention.watch, edits=list(edits)) as records:
        try:
            speech = lab.speak(text, voice, intervention.language, intervention.seed, **intervention.options)
        except TypeError as error:
            if "keyword argument" not in str(error):
                raise
            raise ConfigError("PARAM_UNKNOWN", f"options: {error}", "options of Lab.speak") from error
    return speech, records
