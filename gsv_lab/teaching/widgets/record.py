"""Record yourself: a script to read, a microphone, a report on what was recorded, and a voice made of it.

    recorder = RecordYourself(lab)
    recorder.view                                   # in a notebook
    lab.speak("Any text.", recorder.voice)          # after "Make a voice of it"

The sound goes from the browser into the kernel and nowhere else; it is forgotten with the kernel.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets
import traitlets

from gsv_lab import audio
from gsv_lab.errors import AudioError, ConfigError, LabError, on_page
from gsv_lab.inference.lab import Lab
from gsv_lab.inference.notice import NOTICE
from gsv_lab.inference.voice import Voice
from gsv_lab.system.folders import private_folder
from gsv_lab.teaching.widgets.explorer import Explorer, State
from gsv_lab.teaching.widgets.incoming import FOLDER, Incoming
from gsv_lab.teaching.widgets.layout import row
from gsv_lab.teaching.widgets.player import player
from gsv_lab.teaching.widgets.reading import Reading, as_recording, read_aloud
from gsv_lab.teaching.widgets.script import INVENTORY, NAMES, SCRIPTS, covered, phones_in

LONGEST_RECORDING = 30.0
"""Seconds of one recording; a sentence of the script takes 5, and a voice is made of 10 at most."""
_HIGHEST_RATE = 192_000

PROBLEMS = {
    "InsecureContext": (
        "MIC_INSECURE", "Browsers give the microphone to secure pages only, and {detail} is none",
        "an address with https, or localhost", "Open JupyterLab as localhost, through an SSH tunnel perhaps",
    ),
    "NotAllowedError": (
        "MIC_REFUSED", "The browser may not use the microphone", "permission",
        "Press the sign beside the page's address, allow the microphone, and press Record again",
    ),
    "NotFoundError": ("MIC_MISSING", "There is no microphone", "one", "Plug one in and press Record again"),
    "NotReadableError": (
        "MIC_BUSY", "The microphone cannot be opened", "one that is free", "Close the program that uses it",
    ),
}  # fmt: skip
"""What a browser calls it -> code, problem, what is expected, what to do."""


class Microphone(Incoming):
    """The button, the level meter and the clock.

    Args:
        taken: called with a recording and the sentence that was shown when it began.
        failed: called with the error if there is one.
    """

    _esm = (FOLDER / "sending.js").read_text(encoding="utf-8") + (FOLDER / "record.js").read_text(encoding="utf-8")
    _css = (FOLDER / "record.css").read_text(encoding="utf-8")
    seconds = traitlets.Float(LONGEST_RECORDING).tag(sync=True)
    sentence = traitlets.Unicode("").tag(sync=True)

    def __init__(self, taken: Callable[[audio.Recording, str], None], failed: Callable[[AudioError], None]) -> None:
        def decoded(about: Mapping[str, Any], content: bytes) -> None:
            try:
                recording = as_recording(content, round(float(about.get("rate", 0))))
            except AudioError as error:
                failed(error)
            else:
                taken(recording, str(about.get("sentence", "")))

        most = round(4 * _HIGHEST_RATE * (LONGEST_RECORDING + 1))
        super().__init__(decoded, failed, {"most": most, "label": "Record"})

    def problem(self, name: str, detail: str) -> AudioError:
        """Why there is no sound, and what to do about it."""
        if name not in PROBLEMS:
            return AudioError("MIC_FAILED", f"The microphone fails ({name}: {detail})", "", "Try another browser")
        code, problem, expected, action = PROBLEMS[name]
        return AudioError(code, problem.format(detail=detail), expected, action)


class RecordYourself(Explorer):
    """A microphone with a script; what was read well becomes a voice.

    state: `language`, `sentence` (counted from 1); `render` gives HTML text. `readings` are the last recordings of each
    sentence, `recording` the last one that can be used, `voice` what was made of them.

    Args:
        lab: a loaded lab.
        language: to begin with, `en` or `zh`.
        name: of the voice.
        consent: note on who agreed to it, kept in the voice.

    Raises:
        ConfigError: LANG_UNKNOWN.
    """

    def __init__(self, lab: Lab, language: str = "en", name: str = "my voice", consent: str = "") -> None:
        if language not in SCRIPTS:
            raise ConfigError("LANG_UNKNOWN", f"There is no script in {language!r}", ", ".join(SCRIPTS))
        self.lab, self.name, self.consent = lab, name, consent
        self.readings: dict[str, Reading] = {}
        self.recording: audio.Recording | None = None
        self.voice: Voice | None = None
        self._arrived: list[tuple[audio.Recording, str]] = []
        self._message = ""
        super().__init__({
            "language": ipywidgets.Dropdown(
                options=[(NAMES[key], key) for key in SCRIPTS], value=language, description="language"
            ),
            "sentence": ipywidgets.IntSlider(1, min=1, max=len(SCRIPTS[language]), description="sentence (number)"),
        })  # fmt: skip
        self.prompter = ipywidgets.HTML()
        self.prompter.add_class("gsv-record-script")
        self.microphone = Microphone(self._recorded, self._show_problem)
        self.button = ipywidgets.Button(description="Make a voice of it", button_style="primary")
        self.button.layout.width = "auto"
        self.button.on_click(lambda _: self.later(self._make_voice))
        self.forget_button = ipywidgets.Button(description="Forget all recordings")
        self.forget_button.layout.width = "auto"
        self.forget_button.on_click(lambda _: self.later(self.forget))
        self._prompt()

    def clone(self) -> Voice:
        """A voice of all recordings that can be used; the one that was read best is continued by what it speaks.

        Raises:
            AudioError: AUDIO_EMPTY, there is none yet; those of `Lab.clone`.
        """
        usable = [reading for reading in self.readings.values() if not reading.problem]
        if not usable:
            problem = "There is no recording that a voice can be made of"
            raise AudioError("AUDIO_EMPTY", problem, "one sentence, read aloud", "Press Record and read it")
        usable.sort(key=lambda reading: (reading.counts, reading.quality.snr_db), reverse=True)
        first = usable[0]
        with private_folder() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the panel has the notice and the report already
            paths = [
                audio.write(folder / f"reading{number}.wav", reading.recording.samples, reading.recording.sample_rate)
                for number, reading in enumerate(usable, 1)
            ]
            text = first.text if first.counts else None
            self.voice = self.lab.clone(paths, text, language=first.language, consent=self.consent, name=self.name)
        return self.voice

    def forget(self) -> None:
        """Let go of all recordings; a voice that was made of them stays."""
        self.readings.clear()
        self.recording = None
        self._message = ""

    def coverage(self, language: str) -> tuple[frozenset[str], frozenset[str]]:
        """Phones that were read so far, and those that are still missing."""
        read = covered((r.text for r in self.readings.values() if r.counts and r.language == language), language)
        return read, frozenset(INVENTORY[language]) - read

    def render(self, state: State) -> str:
        """The coverage, the report on the chosen sentence, and what was said last."""
        reading = self.readings.get(_sentence(state))
        shown = ""
        if reading is not None:
            rate = self.lab.sample_rate  # what the networks hear; at 48 kHz a page would be three times as large
            wave = audio.resample(reading.recording.samples, reading.recording.sample_rate, rate)
            shown = player(wave, rate, None) + reading.html()
        message = f"<p><b>{on_page(self._message)}</b></p>" if self._message else ""
        return message + self._meter(state["language"]) + shown

    def panel(self) -> list[ipywidgets.Widget]:
        """The notice, what to read, the microphone, and what can be done with the recordings."""
        kept = "What you record goes into this kernel and nowhere else; it is not kept."
        notice = ipywidgets.HTML(f"<small>{on_page(NOTICE)} {kept}</small>")
        buttons = row([self.button, self.forget_button])
        return [notice, row(self.controls.values()), self.prompter, self.microphone, buttons]

    def _meter(self, language: str) -> str:
        read, missing = self.coverage(language)
        inventory = INVENTORY[language]
        boxes = "".join(
            f'<span style="display:inline-block;margin:1px;padding:0 4px;border-radius:3px;'
            f'background:{"#009E73;color:white" if phone in read else "#ddd"}">{on_page(phone)}</span>'
            for phone in inventory
        )
        open_ = [(len(phones_in(text, language) & missing), number) for number, text in enumerate(SCRIPTS[language], 1)]
        gain, number = max(open_, key=lambda found: (found[0], -found[1]))
        advice = f" Sentence {number} would add {gain}." if gain else ""
        head = f"{len(read)} of {len(inventory)} phones of {NAMES[language]} are covered.{advice}"
        bar = f'<progress max="{len(inventory)}" value="{len(read)}" aria-label="phones covered"></progress>'
        return f'<div class="gsv-record-coverage"><p>{bar} {head}</p><div>{boxes}</div></div>'

    def _recorded(self, recording: audio.Recording, sentence: str) -> None:
        self._arrived.append((recording, sentence))
        self.later(self._judge)

    def _judge(self) -> None:
        while self._arrived:
            recording, text = self._arrived.pop(0)
            language = next((key for key, script in SCRIPTS.items() if text in script), "")
            if not language:
                self._message = "The recording belongs to no sentence of the script. Record it again."
                continue
            reading = read_aloud(self.lab, recording, text, language)
            self.readings[text] = reading
            self._message = ""
            if not reading.problem:
                self.recording = recording

    def _make_voice(self) -> None:
        try:
            voice = self.clone()
        except LabError as error:
            self._message = str(error)
        else:
            count = sum(not reading.problem for reading in self.readings.values())
            self._message = f"'{voice.name}' is a voice now, made of {count} of the recordings; see `voice`."

    def _show_problem(self, error: AudioError) -> None:
        self._message = str(error)
        self.requests.put()

    def _prompt(self) -> None:
        text = _sentence(self.state)
        self.microphone.sentence = text
        self.prompter.value = f'<p style="font-size:1.4em;line-height:1.5">{on_page(text)}</p>'

    def _changed(self, change: Any) -> None:
        self._prompt()
        super()._changed(change)


def _sentence(state: State) -> str:
    return SCRIPTS[state["language"]][state["sentence"] - 1]
