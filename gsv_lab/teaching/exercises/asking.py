"""What notebook 11 asks with: clips of three conditions, listening tests of them, a simulated panel that answers.

Everything that it writes lies in one folder; tests that are there already are used again, with the votes in them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from gsv_lab import audio
from gsv_lab.audio.measures import spoken
from gsv_lab.errors import AudioError
from gsv_lab.evaluation import listening
from gsv_lab.evaluation.listening.clips import Clips
from gsv_lab.evaluation.listening.files import KEY, STIMULI, STORE, Key, read_key, read_test
from gsv_lab.evaluation.listening.simulated import ANCHOR_MEANS, SimulatedPanel, answer_all
from gsv_lab.evaluation.listening.stimuli import measure
from gsv_lab.evaluation.listening.store import Store
from gsv_lab.evaluation.ratings.run import analyse
from gsv_lab.evaluation.ratings.settings import Settings
from gsv_lab.hooks import Table
from gsv_lab.inference.lab import Lab
from gsv_lab.system.files import make_folder, read_file, save_bytes
from gsv_lab.system.folders import private_folder
from gsv_lab.teaching.exercises.excerpt import Excerpt, excerpts
from gsv_lab.teaching.exercises.material import FoundSpeech, shipped_sample
from gsv_lab.teaching.exercises.sounds import Sound
from gsv_lab.teaching.exercises.voices import recordings_beside

RATE = 16000
SENTENCES, RATERS, PLACES = 4, 24, 12
MEANS = {"recording": 4.5, "copy_synthesis": 3.9, "zero_shot": 3.1}
"""Systems, and what the simulated panel thinks of each on average, from 1 to 5."""
CARELESS = 5
"""Number of the simulated rater who gives any answer."""
DESIGNS = {"ACR": "acr", "MUSHRA": "mushra", "ABX": "abx"}


class MadeClips(NamedTuple):
    """Sentences by every system.

    `folder` of one folder a system; `sounds` system -> sentence -> Sound; whether the recording is `natural`; one
    sentence on its `source`.
    """

    folder: Path
    sounds: dict[str, dict[str, Sound]]
    natural: bool
    source: str


def conditions(lab: Lab, recording: FoundSpeech, place: str | Path) -> MadeClips:
    """Sentences as they were recorded, copied by posterior and vocoder, and spoken zero-shot; written as waves.

    The voice is cloned from the last sentence, which is not among the clips where there are more than two.

    Raises:
        LabError: `SAVE_FAILED`; those of `excerpts` and `Lab.clone`.
    """
    parts = excerpts(lab, recording, SENTENCES + 1)
    known = [recording, *recordings_beside(recording), shipped_sample()]
    marks = [next(speech.mark for speech in known if part.source.endswith(speech.source)) for part in parts]
    voice = _voice(lab, parts, marks[-1])
    items = parts[:-1] if len(parts) > 2 else parts
    sounds: dict[str, dict[str, Sound]] = {name: {} for name in MEANS}
    for number, part in enumerate(items, 1):
        text, language = part.phones.text, part.phones.language
        made = {
            "copy_synthesis": lab.copy_synthesis(part.wave),
            "zero_shot": lab.speak(text, voice, language, candidates=1),
        }
        name = f"sentence{number}"
        sounds["recording"][name] = Sound(part.wave, RATE, marks[number - 1])
        for system, speech in made.items():
            sounds[system][name] = Sound(speech.wave, speech.sample_rate, speech.mark)
    folder = Path(place) / "clips"
    for system, clips in sounds.items():
        make_folder(folder / system)
        for name, sound in clips.items():
            audio.write(folder / system / f"{name}.wav", sound.wave, sound.sample_rate, sound.mark)
    # The sample is a synthesizer's, whatever its file says.
    natural = not any(marks) and not parts[0].source.endswith(shipped_sample().source)
    return MadeClips(folder, sounds, natural, parts[0].source)


def _voice(lab: Lab, parts: Sequence[Excerpt], mark: audio.Mark | None) -> Any:
    """Of the last sentences, at least 4 s of them."""
    reference = parts[-1].wave
    for part in reversed(parts[:-1]):
        if reference.numel() < 4 * RATE:
            reference = torch.cat([part.wave, reference])
    with private_folder() as folder:
        return lab.clone(audio.write(folder / "reference.wav", reference, RATE, mark))


def first(clips: MadeClips) -> dict[str, Sound]:
    """The first sentence by every system, for players."""
    return {system: next(iter(sounds.values())) for system, sounds in clips.sounds.items()}


def tests(clips: MadeClips, place: str | Path) -> dict[str, Path]:
    """The folder of a listening test of each of `DESIGNS`; one that is there for the same clips is used again.

    Raises:
        AudioError: a clip in which there is nothing to hear; those of `gsv_lab.evaluation.listening.make`.
    """
    paths = {(item, system): clips.folder / system / f"{item}.wav"
             for system, sounds in clips.sounds.items() for item in sounds}  # fmt: skip
    digest = hashlib.sha256()
    for sounds in clips.sounds.values():
        for sound in sounds.values():
            digest.update(np.asarray(sound.wave).tobytes())
    folders = {name: Path(place) / f"{design}_{digest.hexdigest()[:8]}" for name, design in DESIGNS.items()}
    for name, folder in folders.items():
        if not folder.exists():
            _make(paths, folder, DESIGNS[name], ("recording",) if clips.natural else ())
    return folders


def _make(paths: Clips, folder: Path, design: str, natural: tuple[str, ...]) -> None:
    more: dict[str, dict[str, Any]] = {"acr": {"gold": 1, "traps": 1, "blocks": 1}, "abx": {"against": "recording"}}
    decided = listening.Decisions(primary_contrast=("copy_synthesis", "zero_shot"))
    options = {"reference": "recording", "natural": natural, **more.get(design, {})}
    try:
        listening.make(paths, folder, design, PLACES, 11, listening.Options(**options), decided)
    except AudioError as error:
        if error.code != "LISTEN_BANDWIDTH":
            raise
        # Clips of a telephone's band are not told from their low anchor.
        options["anchors"] = ("mnru",)
        listening.make(paths, folder, design, PLACES, 11, listening.Options(**options), decided)


def levels(clips: MadeClips, folder: Path) -> Table:
    """Level of the speech in the first sentence of every system, in dBFS, as it was made and as the test plays it."""
    key = read_key(folder / KEY)
    rows = []
    for system, sounds in clips.sounds.items():
        item = next(iter(sounds))
        paths = {"made": clips.folder / system / f"{item}.wav", "in the test": stimuli(folder, key, system)[item]}
        rows.append({"system": system} | {f"{name} (dBFS)": f"{_level(path):.1f}" for name, path in paths.items()})
    return Table(rows)


def _level(path: Path) -> float:
    found = measure(path)
    speech = found.samples[spoken(found.spans, found.samples.numel())]
    return 10 * float(speech.double().square().mean().clamp(min=1e-12).log10())


def stimuli(folder: Path, key: Key, system: str) -> dict[str, Path]:
    """The sounds of a system in a test, by item: those that are rated."""
    files = key.test.content["stimuli"]
    return {entry.item: folder / STIMULI / files[name]["file"]
            for name, entry in key.stimuli.items() if (entry.system, entry.form) == (system, "clip")}  # fmt: skip


def anchors_heard(folder: Path) -> dict[str, Sound]:
    """The first sentence in a test: its reference, and the anchors that were made of it."""
    key = read_key(folder / KEY)
    found = {}
    for system in ("recording", *key.content["anchors"]):
        path = min(stimuli(folder, key, system).items())[1]
        heard = audio.read(path)
        found[system] = Sound(heard.samples, heard.sample_rate, audio.read_mark(path))
    return found


def simulate(folders: Mapping[str, Path]) -> Table:
    """Let `RATERS` simulated raters answer every test, through the store that panels write; who has done so is there.

    Raises:
        LabError: `IN_USE`, `SAVE_FAILED`.
    """
    rows = []
    for name, folder in folders.items():
        store = Store(folder / STORE, read_test(folder))
        noted = folder / "simulated.json"
        there = store.raters()
        before = json.loads(read_file(noted)) if noted.is_file() else []
        numbers = [rater for rater in before if rater in there]  # others asked to be forgotten
        if not numbers:
            panel = SimulatedPanel(read_key(folder / KEY), MEANS, careless=[CARELESS], seed=11)
            numbers = answer_all(store, [panel.rater(number) for number in range(RATERS)])
            save_bytes(noted, json.dumps(numbers).encode())
        row = {"test": name, "simulated raters": len(numbers), "others": len(store.raters()) - len(numbers)}
        rows.append(row | {"pages answered": _pages(store)})
        store.close()
    return Table(rows)


def results(folders: Mapping[str, Path]) -> Table:
    """What `gsv-lab ratings` says of ACR, screened by gold items and traps, and of MUSHRA: means, two-way intervals."""
    ratings = {
        "ACR": Settings("acr", gold="gold", trap="trap", draws=50),
        "MUSHRA": Settings("mushra", draws=50),
    }
    found = {name: analyse([folders[name] / STORE], asked, folders[name] / KEY) for name, asked in ratings.items()}
    rows = []
    for system in sorted(found["MUSHRA"]["systems"], key=lambda name: -found["MUSHRA"]["systems"][name]["mean"]):
        row: dict[str, Any] = {"system": system, "the panel thinks": MEANS.get(system, ANCHOR_MEANS.get(system, ""))}
        for name, result in found.items():
            entry = result["systems"].get(system)
            half = entry and entry["intervals"]["twoway"]["half"]
            row[name] = "" if entry is None else f"{entry['mean']:.2f} ± {half:.2f}"
        rows.append(row)
    return Table(rows)


def forgotten(folder: Path) -> Table:
    """One more simulated rater answers a test and then asks to be forgotten: the store before, with, and after.

    Raises:
        LabError: `IN_USE`, `SAVE_FAILED`.
    """
    store = Store(folder / STORE, read_test(folder))
    panel = SimulatedPanel(read_key(folder / KEY), MEANS, seed=11)
    rows = [{"when": "before", "raters": len(store.raters()), "pages answered": _pages(store)}]
    (rater,) = answer_all(store, [panel.rater(RATERS)])
    rows.append({"when": f"with {rater}", "raters": len(store.raters()), "pages answered": _pages(store)})
    store.forget(rater)
    rows.append({"when": f"without {rater}", "raters": len(store.raters()), "pages answered": _pages(store)})
    store.close()
    return Table(rows)


def _pages(store: Store) -> int:
    """Pages that were left, of all raters."""
    return sum(len(store.course(rater).done) for rater in store.raters())
