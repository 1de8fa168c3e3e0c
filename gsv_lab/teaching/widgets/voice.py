"""Explorer of notebook 00: a text, a voice to say it, and a recording of one's own to make another voice from.

Letters: T samples, P phones.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import ipywidgets

from gsv_lab.errors import LabError, on_page
from gsv_lab.inference.lab import Lab
from gsv_lab.inference.notice import NOTICE
from gsv_lab.inference.utterance import Speech
from gsv_lab.inference.voice import Voice
from gsv_lab.system.folders import private_folder
from gsv_lab.teaching.widgets.explorer import Explorer, State
from gsv_lab.teaching.widgets.layout import row
from gsv_lab.teaching.widgets.player import picture_html, player
from gsv_lab.teaching.widgets.upload import LIMITS, SoundUpload, check_length


class VoiceExplorer(Explorer):
    """Speaks any text in any of the voices; a recording that is uploaded becomes one more voice.

    state: `text`, `voice`, `speed`, `seed`; `render` gives HTML text. Speaking waits for the button, since it takes
    a second or two. `speech` is the last one.

    Args:
        lab: a loaded lab.
        voices: name -> voice, one at least.
        text: to begin with.
    """

    def __init__(self, lab: Lab, voices: Mapping[str, Voice], text: str = "Now it is your turn to speak.") -> None:
        self.lab, self.voices = lab, dict(voices)
        self.speech: Speech | None = None
        self._said: State = {}
        self._problem = ""
        self._received: list[tuple[str, bytes]] = []
        wide = ipywidgets.Layout(width="42em")
        super().__init__(
            {
                "text": ipywidgets.Textarea(text, description="text", layout=wide),
                "voice": ipywidgets.Dropdown(options=list(self.voices), description="voice"),
                "speed": ipywidgets.FloatSlider(1.0, min=0.5, max=2.0, step=0.1, description="speed (times)"),
                "seed": ipywidgets.IntSlider(0, min=0, max=20, description="seed"),
            }
        )
        self.button = ipywidgets.Button(description="Speak", button_style="primary")
        self.button.on_click(lambda _: self.later(self._say))
        self.upload = SoundUpload(self._uploaded, self._show_problem)
        self.message = ipywidgets.HTML(f"<small>{on_page(NOTICE)} Add {on_page(LIMITS)}.</small>")

    def speak(self) -> Speech:
        """Say the text in the chosen voice.

        Raises:
            TextError: the text cannot be spoken.
        """
        state = self.state
        self.speech = self.lab.speak(
            state["text"], self.voices[state["voice"]], seed=state["seed"], speed=state["speed"]
        )
        self._said = state
        return self.speech

    def add(self, name: str, recording: bytes) -> Voice:
        """Make a voice from the bytes of a sound file, and choose it. The recording itself is not kept.

        Raises:
            AudioError: the recording cannot be used.
        """
        with private_folder() as folder, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            path = folder / (Path(name).name or "recording")
            path.write_bytes(recording)
            check_length(path)
            voice = self.lab.clone(path)
        known = next(stem for stem in _stems(path.stem) if stem not in self.voices)
        self.voices[known] = voice
        with self._without_drawing():
            self.controls["voice"].options = list(self.voices)
            self.controls["voice"].value = known
        lines = [f"{path.name} is the voice '{known}' now.", *(str(warning.message) for warning in caught)]
        self.message.value = "".join(f"<small>{on_page(line)}</small><br>" for line in lines)
        return voice

    def render(self, state: State) -> str:
        """Player and phone strip of the last speech, or why there is none."""
        if self._problem:
            return f"<p><b>{on_page(self._problem)}</b></p>"
        if self.speech is None:
            return "<p>Press <b>Speak</b>.</p>"
        said = self._said
        head = f"<small>{on_page(said['voice'])}, speed {said['speed']:g}, seed {said['seed']}</small><br>"
        sound = player(self.speech.wave, self.speech.sample_rate, self.speech.mark)
        return f"{head}{sound}<br>{picture_html(self.speech.show())}"

    def picture(self, state: State) -> Any:
        """Wave, spectrogram and phones of the text in the chosen voice, a Figure."""
        return (self.speech or self.speak()).show()

    def panel(self) -> list[ipywidgets.Widget]:
        """Text, then the choices, then the buttons."""
        text, *choices = self.controls.values()
        return [text, row(choices), row([self.button, self.upload]), self.message]

    def _changed(self, change: Any) -> None:
        """Wait for the button."""

    def _say(self) -> None:
        try:
            self.speak()
            self._problem = ""
        except LabError as error:
            self._problem = str(error)

    def _uploaded(self, name: str, recording: bytes) -> None:
        self._received.append((name, recording))
        self.later(self._add_received)

    def _add_received(self) -> None:
        while self._received:
            try:
                self.add(*self._received.pop(0))
            except LabError as error:
                self._show_problem(error)

    def _show_problem(self, error: LabError) -> None:
        self.message.value = f"<b>{on_page(error)}</b>"


def _stems(stem: str) -> Iterator[str]:
    """A name, then the same with numbers."""
    yield stem
    for number in itertools.count(2):
        yield f"{stem} ({number})"
