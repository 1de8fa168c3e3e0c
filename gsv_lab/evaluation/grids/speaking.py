"""Ablations of what acts in synthesis alone: nothing is trained, texts are spoken again and measured.

The base is a file like `configs/speech/nano.yaml`: a model, texts, recordings whose voices speak them, entries of its
`model.json` that are replaced (null takes one away), and options of `Lab.speak`.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gsv_lab import audio
from gsv_lab.errors import ConfigError
from gsv_lab.evaluation.acoustic import LabEvaluator
from gsv_lab.evaluation.grids.items import Item
from gsv_lab.evaluation.interventions.measures import clip_of
from gsv_lab.evaluation.lists import SAMPLE_RATE
from gsv_lab.evaluation.measures.own import speaker_verifier
from gsv_lab.inference.lab import load
from gsv_lab.inference.loading import locate, read_card
from gsv_lab.inference.utterance import Speech
from gsv_lab.system.examples import shipped_sample
from gsv_lab.system.files import check_folder_name, make_folder, save_bytes
from gsv_lab.system.overlay import nested, overlay
from gsv_lab.system.schema import misfit
from gsv_lab.system.yaml_text import check_text, read_text

CARD = "model.json"


@dataclass(frozen=True)
class SpeechSettings:
    """What is spoken.

    Args:
        name: of the base.
        model: as `gsv_lab.load` takes it: a version with a `model.json`, or a folder.
        texts: one clip each, for every recording.
        recordings: of the voices; the shipped sample where there are none.
        language: of the texts.
        card: entries of the `model.json` that are replaced; None takes one away.
        options: of `Lab.speak`.
    """

    name: str
    model: str
    texts: list[str]
    recordings: list[str] = field(default_factory=list)
    language: str = "auto"
    card: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


def speech_tables(tables: Mapping[str, Any], source: str, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """The settings of a base, checked.

    Args:
        tables: plain tables.
        source: where they stand, for errors.
        overrides: `key.sub_key=value`.

    Raises:
        ConfigError: CONFIG_TYPE, an entry is unknown, absent or of another kind; CONFIG_PATH, of the name.
    """
    merged: Any = dict(tables)
    for item in overrides:
        key, _, text = item.partition("=")
        check_text(text, key)
        merged = overlay(merged, nested(key, read_text(text, key)))
    problem = misfit(merged, SpeechSettings, source)
    if not problem and not merged["texts"]:
        problem = f"{source} has no texts"
    if problem:
        raise ConfigError("CONFIG_TYPE", problem, "settings such as those of configs/speech/nano.yaml")
    check_folder_name(merged["name"], "name")
    return {**SpeechSettings(**merged).__dict__}


def recordings_of(settings: Mapping[str, Any]) -> list[Path]:
    """Recordings whose voices speak."""
    return [Path(path) for path in settings["recordings"]] or [shipped_sample()]


def spoken_items(settings: Mapping[str, Any], seed: int, folder: Path) -> list[Item]:
    """Speak every text in every voice, and measure: `phone_error` (share of phones that the kit's recogniser of the
    language misses), `similarity` (cosine of the own speaker verifier with the recording), `seconds`.

    Args:
        settings: resolved.
        seed: of the speech.
        folder: where the changed model is put together.

    Raises:
        ConfigError: PARAM_UNKNOWN and others of `Lab.speak`. CheckpointError: those of `load`. AudioError, TextError.
    """
    lab: Any = load(str(changed_model(settings, folder / "model")))
    evaluator, verifier = LabEvaluator(lab), speaker_verifier(lab)
    found: list[Item] = []
    for recording in recordings_of(settings):
        voice = lab.clone(recording)
        target = None
        if verifier is not None:
            target = verifier.embed(audio.read(recording, SAMPLE_RATE).samples.numpy())
        for number, text in enumerate(settings["texts"]):
            speech = lab.speak(text, voice, settings["language"], seed, **settings["options"])
            values = dict(_measured(speech, evaluator))
            if verifier is not None and target is not None:
                values["similarity"] = float(np.dot(target, verifier.embed(_at(speech))))
            name = f"{recording.stem}_{number:03d}"
            found += [Item(name, recording.stem, measure, value) for measure, value in values.items()]
    return found


def changed_model(settings: Mapping[str, Any], folder: Path) -> Path:
    """A folder with the weights of the model, as links, and its `model.json` with the entries that are replaced."""
    source = locate(settings["model"])
    make_folder(folder)
    for path in source.iterdir():
        place = folder / path.name
        if path.name != CARD and not place.exists():
            try:
                os.symlink(path.resolve(), place)
            except OSError:  # where links are a privilege
                shutil.copy(path, place)
    card = read_card(source) | settings["card"]
    card = {key: value for key, value in card.items() if value is not None}
    save_bytes(folder / CARD, json.dumps(card, indent=1).encode())
    return folder


def _measured(speech: Speech, evaluator: LabEvaluator) -> Iterator[tuple[str, float]]:
    yield "seconds", speech.seconds
    clip = clip_of(speech)
    if clip.language in evaluator.recognisers:
        yield "phone_error", evaluator.errors(speech.wave, clip) / len(clip.phones)


def _at(speech: Speech) -> np.ndarray:
    """The wave of a speech at the rate of the verifier."""
    wave: np.ndarray = audio.resample(speech.wave, speech.sample_rate, SAMPLE_RATE).numpy()
    return wave
