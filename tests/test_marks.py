"""Whatever sound leaves the kit says in itself that it is synthetic, and the kit's own reader shows it."""

from __future__ import annotations

import ast
import base64
import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import gsv_lab
from gsv_lab import audio
from gsv_lab.cli import main
from gsv_lab.inference.lab import Lab
from gsv_lab.inference.loading import locate, read_card
from gsv_lab.inference.utterance import Speech
from gsv_lab.inference.voice import Voice
from gsv_lab.system import page
from gsv_lab.teaching.widgets.player import player as widget_player
from source import PACKAGE, ROOT, name_of, package_files, tree
from tiny import make_family


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return gsv_lab.load(str(make_family(tmp_path_factory.mktemp("family"))))


@pytest.fixture(scope="module")
def voice(lab: Lab, sample: Path) -> Voice:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return lab.clone(sample, name="somebody")


@pytest.fixture(scope="module")
def speech(lab: Lab, voice: Voice) -> Speech:
    return lab.speak("Hello world.", voice)


def sounds(page: str, folder: Path) -> Iterator[Path]:
    """The sounds in a page, as a reader of it would save them."""
    for number, data in enumerate(re.findall(r"data:audio/wav;base64,([A-Za-z0-9+/=]+)", page)):
        path = folder / f"saved{number}.wav"
        path.write_bytes(base64.b64decode(data))
        yield path


def is_marked(path: Path, lab: Lab) -> bool:
    mark = audio.read_mark(path)
    return mark is not None and mark.model == lab.version and mark.voice == "somebody"


@pytest.mark.parametrize("name", ["o.wav", "o.flac", "O.WAV"])
def test_files(name: str, lab: Lab, speech: Speech, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert is_marked(speech.save(tmp_path / name), lab)
    assert main(["info", str(tmp_path / name)]) == 0
    assert "synthetic: yes" in capsys.readouterr().out


def test_pieces_of_a_stream(lab: Lab, voice: Voice, tmp_path: Path) -> None:
    for number, part in enumerate(lab.stream("Hello world. We walk home now.", voice, chunk_seconds=0.4)):
        assert is_marked(part.save(tmp_path / f"{number}.wav"), lab)


def test_players(lab: Lab, speech: Speech, tmp_path: Path) -> None:
    """Of a notebook's output, of a widget, and of the demo's report."""
    pages = (
        speech._repr_html_(),
        widget_player(speech.wave, speech.sample_rate, speech.mark),
        page.player(audio.data_url(speech.wave, speech.sample_rate, speech.mark), "a sound"),
    )
    for shown in pages:
        (path,) = sounds(shown, tmp_path)
        assert is_marked(path, lab)
        assert audio.read(path).samples[:800].allclose(speech.wave[:800], atol=1e-3)


def test_a_recording_carries_no_mark_in_its_player(tmp_path: Path) -> None:
    (path,) = sounds(widget_player(torch.zeros(1600), 16000, None), tmp_path)
    assert audio.read_mark(path) is None


def test_slices_of_synthetic_speech_stay_marked(lab: Lab, speech: Speech, sample: Path, tmp_path: Path) -> None:
    natural = audio.read(sample)
    marked = audio.write(tmp_path / "m.wav", natural.samples, natural.sample_rate, speech.mark)
    for path, wanted in ((marked, True), (sample, False)):
        made = lab.prepare([path], tmp_path / path.stem)
        found = [is_marked(made.folder / piece.path, lab) for piece in made.slices]
        assert found and all(one == wanted for one in found)


def test_texts_from_files_are_escaped_on_pages(speech: Speech) -> None:
    from dataclasses import replace

    from gsv_lab.errors import on_page

    evil = "<script>\u202ealert(1)\x1b[2J\n</script>"
    assert speech.phones is not None
    pages = [
        replace(speech, phones=replace(speech.phones, text=evil))._repr_html_(),
        page.table([evil], [[evil]]),
        on_page(evil),
    ]
    for shown in pages:
        assert "<script" not in shown and "\u202e" not in shown and "\x1b" not in shown and "&lt;script" in shown


def test_nothing_else_in_the_package_encodes_sound() -> None:
    """Every wave goes through `gsv_lab.audio.io`, whose callers say whether it is synthetic; only protocols copy
    recordings of people to the bit.
    """
    found = set()
    for path in package_files():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                if (node.value.id, node.attr) in (("soundfile", "write"), ("wave", "open"), ("torchaudio", "save")):
                    found.add(name_of(path))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "SoundFile":
                found.add(name_of(path))
    assert found == {"gsv_lab/audio/io.py", "gsv_lab/audio/decoding.py", "gsv_lab/evaluation/protocol_files.py"}


def test_the_licence_is_the_same_wherever_it_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    card = read_card(locate("nano"))
    assert main(["weights", "list"]) == 0
    line = capsys.readouterr().out.splitlines()[0]
    assert line == f"{card['version']} is shipped with the package; licence: {card['licence']}"
    page = (ROOT / "docs" / "nano.md").read_text(encoding="utf-8")
    stated = page.split("## Licence of the weights")[1].split("\n## ")[0]
    weights = re.search(r"weights (CC BY[A-Z -]* [0-9.]+|MIT)", card["licence"])
    assert weights and weights[1] in " ".join(stated.split())
    for folder in (PACKAGE / "assets").glob("*-*/model.json"):
        assert json.loads(folder.read_text(encoding="utf-8"))["licence"]
