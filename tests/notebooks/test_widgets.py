"""The explorers without a kernel: move a control, and look at what they show."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
import torch
from matplotlib.figure import Figure

from gsv_lab.corpora.synthetic import SyntheticCorpus
from gsv_lab.inference.lab import Lab
from gsv_lab.inference.voice import Voice
from gsv_lab.teaching.widgets.codebook import CodebookExplorer
from gsv_lab.teaching.widgets.explorer import Explorer
from gsv_lab.teaching.widgets.phones import COLOURS, PhoneExplorer
from gsv_lab.teaching.widgets.player import player
from gsv_lab.teaching.widgets.voice import VoiceExplorer
from gsv_lab.teaching.widgets.window import WindowExplorer


@pytest.fixture
def speaking(lab: Lab, voice: Voice) -> VoiceExplorer:
    return VoiceExplorer(lab, {"first": voice}, text="Hello there.")


@pytest.fixture
def wave() -> torch.Tensor:
    return torch.from_numpy(SyntheticCorpus(1, 1)[0].wave)


@pytest.fixture
def content() -> torch.Tensor:
    """Content-like vectors: 20 clusters, each held for some frames."""
    random = torch.Generator().manual_seed(0)
    centres = torch.randn(20, 12, generator=random)
    which = torch.randint(20, (150,), generator=random).repeat_interleave(4)
    return (centres[which] + 0.1 * torch.randn(600, 12, generator=random)).T[None]


@pytest.fixture
def explorers(speaking: VoiceExplorer, wave: torch.Tensor, content: torch.Tensor) -> Iterator[list[Explorer]]:
    yield [speaking, WindowExplorer(wave, 16000), PhoneExplorer("Hello."), CodebookExplorer(content, steps=2)]


def sounds(page: str) -> list[tuple[torch.Tensor, soundfile.SoundFile]]:
    found = re.findall(r'src="data:audio/wav;base64,([^"]+)"', page)
    files = [soundfile.SoundFile(io.BytesIO(base64.b64decode(data))) for data in found]
    return [(torch.from_numpy(file.read(dtype="float32")), file) for file in files]


def png(page: str) -> bytes:
    return base64.b64decode(re.findall(r'src="data:image/png;base64,([^"]+)"', page)[0])


def test_all_explorers_draw_only_when_a_control_is_let_go(explorers: list[Explorer]) -> None:
    for explorer in explorers:
        dragged = [c for c in explorer.controls.values() if c.has_trait("continuous_update")]
        assert not [control for control in dragged if control.continuous_update]
        assert explorer.state == {name: control.value for name, control in explorer.controls.items()}
        assert explorer.view.children[-1] is explorer.output and explorer.output.value
        result = explorer.snapshot()
        assert isinstance(result, Figure | str)


def test_player_holds_a_whole_utterance_of_mono_16_bit() -> None:
    time = torch.arange(7 * 16000) / 16000
    page = player(2 * torch.sin(2 * torch.pi * 100 * time), 16000, None)
    [(samples, file)] = sounds(page)
    assert (file.samplerate, file.channels, file.subtype) == (16000, 1, "PCM_16")
    assert len(samples) == 7 * 16000 and "autoplay" not in page
    assert float(samples.abs().max()) <= 1.0


def test_window_explorer_shows_what_is_chosen(wave: torch.Tensor) -> None:
    explorer = WindowExplorer(wave, 16000, seconds=1.0)
    first = explorer.view.children[-1].value
    figure = explorer.snapshot()
    rows, frames = figure.axes[0].images[0].get_array().shape
    explorer.controls["hop_ms"].value = 10.0
    assert explorer.output.value != first and png(explorer.output.value).startswith(b"\x89PNG")
    assert explorer.snapshot().axes[0].images[0].get_array().shape == (rows, frames // 2)
    explorer.controls["window_ms"].value = 80.0
    assert explorer.snapshot().axes[0].images[0].get_array().shape[0] > rows
    assert "100 frames a second" in explorer.snapshot().get_suptitle()
    explorer.set(start=0.5, top_khz=2.0)
    assert explorer.snapshot().axes[0].get_ylim()[1] == pytest.approx(2.0)
    assert explorer.state == {"window_ms": 80.0, "hop_ms": 10.0, "start": 0.5, "top_khz": 2.0}


def test_setting_several_values_draws_once(wave: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    explorer = WindowExplorer(wave, 16000)
    drawn: list[dict[str, float]] = []
    monkeypatch.setattr(explorer, "render", lambda state: drawn.append(dict(state)) or "text")
    explorer.set(window_ms=10.0, hop_ms=2.0)
    assert len(drawn) == 1 and drawn[0]["window_ms"] == 10.0 and explorer.output.value == "text"


def test_phone_explorer_follows_the_text() -> None:
    explorer = PhoneExplorer("Good day.")
    assert "G UH1 D" in explorer.view.children[-1].value
    explorer.controls["text"].value = "[emph]Zorblax[/emph] says 你好 <b>"
    page = explorer.output.value
    assert "<code>n i2 h ao3</code>" in page
    assert "<b>Zorblax</b>" in page and "In no dictionary" in page and "G UH1 D" not in page
    assert COLOURS["dictionary"] in page
    explorer.controls["text"].value = "☃"
    assert "<p><b>" in explorer.output.value and "says" not in explorer.output.value
    explorer.set(text="12", language="zh")
    assert "sh ir2" in explorer.output.value


def test_codebook_explorer_trains_what_is_chosen(content: torch.Tensor) -> None:
    explorer = CodebookExplorer(content, steps=30)
    explorer.controls["n_codes"].value = 4
    small = explorer.trained
    explorer.controls["n_codes"].value = 32
    large = explorer.trained
    assert small is not None and large is not None
    assert len(large.error) == 30 and int(small.codes.max()) < 4
    assert large.error[-1] < small.error[-1] < 1.5
    assert large.perplexity[-1] > small.perplexity[-1]
    explorer.controls["revive"].value = False
    assert explorer.trained is not None and explorer.trained.perplexity[-1] < large.perplexity[-1]
    assert png(explorer.output.value).startswith(b"\x89PNG")


def test_voice_explorer_speaks_when_the_button_is_pressed(speaking: VoiceExplorer) -> None:
    assert "Press" in speaking.view.children[-1].value and speaking.speech is None
    speaking.controls["speed"].value = 2.0
    assert speaking.speech is None
    speaking.button.click()
    quick = speaking.speech
    assert quick is not None and len(sounds(speaking.output.value)) == 1
    assert png(speaking.output.value).startswith(b"\x89PNG") and not speaking.button.disabled
    speaking.set(speed=1.0)
    speaking.button.click()
    assert speaking.speech is not None and speaking.speech.wave.numel() > 1.5 * quick.wave.numel()
    speaking.controls["text"].value = "☃"
    speaking.button.click()
    assert "<b>" in speaking.output.value and not sounds(speaking.output.value) and not speaking.button.disabled


def upload(explorer: VoiceExplorer, name: str, data: bytes, piece: int = 50_000) -> None:
    """Hand a file over as the page does, in pieces."""
    parts = [data[at : at + piece] for at in range(0, len(data), piece)]
    explorer.upload.receive({"kind": "start", "take": "a", "name": name})
    for number, part in enumerate(parts):
        explorer.upload.receive({"kind": "piece", "take": "a", "number": number}, [memoryview(part)])
    explorer.upload.receive({"kind": "end", "take": "a", "pieces": len(parts), "bytes": len(data)})


def test_an_uploaded_recording_becomes_a_voice(speaking: VoiceExplorer, sample: Path) -> None:
    upload(speaking, "../my <voice>.flac", sample.read_bytes())
    assert list(speaking.controls["voice"].options) == ["first", "my <voice>"]
    assert speaking.state["voice"] == "my <voice>" and set(speaking.voices) == {"first", "my <voice>"}
    assert "my &lt;voice&gt;" in speaking.message.value and "REF_LONG" in speaking.message.value
    speaking.button.click()
    assert speaking.speech is not None and speaking.speech.mark.voice == "my <voice>"


def test_a_bad_upload_is_shown_and_changes_nothing(speaking: VoiceExplorer) -> None:
    upload(speaking, "notes.wav", b"these are words")
    assert list(speaking.controls["voice"].options) == ["first"]
    assert "<b>" in speaking.message.value and "notes.wav" in speaking.message.value
