"""Explorer of notebook 00: a text, a voice to say it, and a recording of one's own to make another voice from.

Letters: T samples, P phones.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ipywidgets

from gsv_lab.errors import LabError, on_page
from gsv_lab.inference.lab import NOTICE, Lab
from gsv_lab.inference.utterance import Speech
from gsv_lab.inference.voice import Voice
from gsv_lab.system.folders import private_folder
from gsv_lab.teaching.widgets.explorer import Explorer
from gsv_lab.teaching.widgets.player import picture_html, player


class VoiceExplorer(Explorer):
    """Speaks any text in any of the voices; a recording that is uploaded becomes one more voice.

    state: `text`, `voice`, `speed`, `seed`; `render()` gives HTML text. Speaking waits for the button, since it takes
    a second or two. `speech` is the last one.

    Args:
        lab: a loaded lab.
        voices: name -> voice, one at least.
        text: to begin with.
    """

    def __init__(self, lab: Lab, voices: Mapping[str, Voice], text: str = "Now it is your turn to speak.") -> None:
        self.lab, self.voices = lab, dict(voices)
        self.speech: Speech | None = None
        wide = ipywidgets.Layout(width="40em")
        super().__init__(
            {
                "text": ipywidgets.Textarea(text, description="text", layout=wide),
                "voice": ipywidgets.Dropdown(options=list(self.voices), description="voice"),
                "speed": ipywidgets.FloatSlider(1.0, min=0.5, max=2.0, step=0.1, description="speed"),
                "seed": ipywidgets.IntSlider(0, min=0, max=20, description="seed"),
            }
        )
        self.button = ipywidgets.Button(description="Speak", button_style="primary")
        self.button.on_click(self._clicked)
        self.upload = ipywidgets.FileUpload(accept="audio/*,.wav,.flac,.ogg,.mp3", description="Add a recording")
        self.upload.observe(self._uploaded, "value")
        self.message = ipywidgets.HTML(f"<small>{on_page(NOTICE)}</small>")

    def speak(self) -> Speech:
        """Say the text in the chosen voice.

        Raises:
            TextError: the text cannot be spoken.
        """
        state = self.state
        self.speech = self.lab.speak(
            state["text"], self.voices[state["voice"]], seed=state["seed"], speed=state["speed"]
        )
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
            voice = self.lab.clone(path)
        self.voices[path.stem] = voice
        with self._without_drawing():
            self.controls["voice"].options = list(self.voices)
            self.controls["voice"].value = path.stem
        lines = [f"{path.name} is the voice '{path.stem}' now.", *(str(warning.message) for warning in caught)]
        self.message.value = "".join(f"<small>{on_page(line)}</small><br>" for line in lines)
        return voice

    def render(self) -> str:
        """Player and phone strip of the last speech."""
        if self.speech is None:
            return "<p>Press <b>Speak</b>.</p>"
        return (
            player(self.speech.wave, self.speech.sample_rate, self.speech.mark)
            + "<br>"
            + picture_html(self.speech.show())
        )

    def snapshot(self) -> Any:
        """Wave, spectrogram and phones of the text in the chosen voice, a Figure."""
        return (self.speech or self.speak()).show()

    def panel(self) -> list[ipywidgets.Widget]:
        """Text, then the choices, then the buttons."""
        text, *choices = self.controls.values()
        return [text, ipywidgets.HBox(choices), ipywidgets.HBox([self.button, self.upload]), self.message]

    def _changed(self, change: Any) -> None:
        """Wait for the button."""

    def _clicked(self, _: Any) -> None:
        self.button.disabled = True
        try:
            self.speak()
            self.draw()
        except LabError as error:
            self.output.value = f"<p><b>{on_page(error)}</b></p>"
        finally:
            self.button.disabled = False

    def _uploaded(self, change: Any) -> None:
        for file in change["new"]:
            try:
                self.add(file["name"], bytes(file["content"]))
            except LabError as error:
                self.message.value = f"<b>{on_page(error)}</b>"
