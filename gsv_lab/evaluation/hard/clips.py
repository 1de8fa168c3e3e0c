"""The clips of a run: spoken once and kept, so that a run that was stopped goes on.

Beside the waves lies a file of notes, one line of JSON a clip. A wave and its note are used again where everything is
the same that makes the sound.
Letters: T samples, F25 codes.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from gsv_lab.audio import read, read_mark, write
from gsv_lab.errors import AudioError, LabError, TextError
from gsv_lab.evaluation.hard.guards import Guard
from gsv_lab.evaluation.hard.texts import HardText
from gsv_lab.evaluation.identity import identity_of, lab_identity, voice_identity
from gsv_lab.evaluation.lists import SAMPLE_RATE
from gsv_lab.inference.voice import Voice
from gsv_lab.system.files import make_folder, save_bytes, save_failed

NOTES = "hard_clips.jsonl"
CLIPS = "clips"
_SPOKEN = ("seconds", "ended", "codes", "spoke")
"""What a note holds of a clip that was spoken."""


@dataclass(frozen=True)
class Clip:
    """One text, spoken once.

    Args:
        text: what was to be said.
        seed: of the synthesis.
        guard: name of the setting.
        sound: hash of everything that makes the sound.
        path: of the wave below the output folder.
        failed: code of the error where nothing could be spoken, else empty.
        seconds: length of the wave.
        ended: why decoding ended.
        codes: hash of the codes that were spoken.
        spoke: seconds that speaking took.
    """

    text: HardText
    seed: int
    guard: str
    sound: str
    path: str
    failed: str = ""
    seconds: float = 0.0
    ended: str = ""
    codes: str = ""
    spoke: float = 0.0


class Clips:
    """Makes the clips of one lab and voice below a folder, or takes those that lie there.

    Args:
        lab: a loaded lab.
        voice: who speaks.
        folder: of the run.

    Raises:
        LabError: `SAVE_FAILED`.
    """

    def __init__(self, lab: Any, voice: Voice, folder: Path) -> None:
        self.lab = lab
        self.voice = voice
        self.folder = folder
        self._voice = voice_identity(voice)
        self._labs: dict[str, str] = {}
        self._notes = _read_notes(folder / NOTES)

    def make(self, text: HardText, seed: int, guard: Guard) -> Clip:
        """A text spoken with a seed and a guard setting.

        Raises:
            LabError: what speaking raises, but for a text that cannot be read, which is a clip that `failed`;
                `SAVE_FAILED`.
        """
        path = f"{CLIPS}/{guard.name}/{text.item}_{seed}.wav"
        clip = Clip(text, seed, guard.name, self._sound(text, seed, guard), path)
        note = self._notes.get(clip.sound)
        if note is None or not (note["failed"] or self._lies(clip)):
            note = self._speak(clip, guard)
            self._notes[clip.sound] = note
            self._append(note)
        if note["failed"]:
            return replace(clip, failed=note["failed"])
        return replace(clip, **{name: note[name] for name in _SPOKEN})

    def wave(self, clip: Clip) -> np.ndarray:
        """The wave of a clip (T,) at 16 kHz."""
        return read(self.folder / clip.path, sample_rate=SAMPLE_RATE).samples.numpy()

    def _sound(self, text: HardText, seed: int, guard: Guard) -> str:
        if guard.name not in self._labs:
            described = guard.described()
            options = {"options": described["options"], "edits": described["edits"]}
            self._labs[guard.name] = lab_identity(self.lab, options)
        return identity_of([self._labs[guard.name], self._voice, text.text, text.language, seed])

    def _lies(self, clip: Clip) -> bool:
        try:
            mark = read_mark(self.folder / clip.path)
        except AudioError:
            return False
        return mark is not None and mark.settings.get("sound") == clip.sound

    def _speak(self, clip: Clip, guard: Guard) -> dict[str, Any]:
        """Speak a clip and write its wave; -> its note."""
        text = clip.text
        began = perf_counter()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what is silent or cut off shows in the result
                speech = self.lab.speak(
                    text.text,
                    self.voice,
                    language=text.language,
                    seed=clip.seed,
                    edits=guard.edits,
                    **guard.options,
                )
        except TextError as error:
            return {"sound": clip.sound, "failed": error.code}
        spoke = perf_counter() - began
        settings = {**speech.settings, "guard": guard.name, "item": text.item, "sound": clip.sound}
        make_folder((self.folder / clip.path).parent)
        write(self.folder / clip.path, speech.wave, speech.sample_rate, replace(speech.mark, settings=settings))
        return {
            "sound": clip.sound,
            "failed": "",
            "seconds": round(speech.seconds, 3),
            "ended": str(speech.settings["ended"]),
            "codes": codes_identity(speech.codes),
            "spoke": round(spoke, 4),
        }

    def _append(self, note: dict[str, Any]) -> None:
        line = json.dumps(note, ensure_ascii=False, sort_keys=True) + "\n"
        path = self.folder / NOTES
        try:
            with path.open("ab") as file:
                file.write(line.encode())
        except OSError as error:
            raise save_failed(path, error.strerror or str(error)) from error


def codes_identity(codes: Any) -> str:
    """Hash of spoken codes (F25,)."""
    return identity_of(codes.tolist())


def _read_notes(path: Path) -> dict[str, dict[str, Any]]:
    """The notes that are whole, by sound, the last one of each; what a stopped run left of a line is dropped."""
    notes: dict[str, dict[str, Any]] = {}
    try:
        lines = path.read_bytes().splitlines() if path.is_file() else []
    except OSError as error:
        raise LabError("SAVE_FAILED", f"Could not read {path.name!r}: {error.strerror}", "a file of notes") from error
    for line in lines:
        try:
            note = json.loads(line)
        except ValueError:
            continue
        if _is_note(note):
            notes[note["sound"]] = note
    whole = [json.dumps(note, ensure_ascii=False, sort_keys=True).encode() + b"\n" for note in notes.values()]
    save_bytes(path, b"".join(whole))
    return notes


def _is_note(note: Any) -> bool:
    if not isinstance(note, dict) or not all(isinstance(note.get(name), str) for name in ("sound", "failed")):
        return False
    return bool(note["failed"]) or {*_SPOKEN} <= note.keys()
