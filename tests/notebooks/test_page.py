"""Sounds beside pictures, tables of shapes, and the drawing of the pipeline."""

from __future__ import annotations

import base64
import io
import re
import warnings
import xml.etree.ElementTree as ElementTree
from typing import NamedTuple

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from gsv_lab import figures
from gsv_lab.figures.style import ORANGE
from gsv_lab.hooks import probe
from gsv_lab.inference.lab import Lab
from gsv_lab.inference.voice import Voice
from gsv_lab.teaching.page import heard, noted, shapes


class Found(NamedTuple):
    wave: Tensor
    sample_rate: int


class Longer(NamedTuple):
    """Like an excerpt: a tuple of more than a wave and a rate."""

    source: str
    wave: Tensor
    start: float


def test_players_stand_beside_their_picture_and_hold_whole_utterances(lab: Lab, voice: Voice) -> None:
    speech = lab.speak("Hello there.", voice)
    long = np.sin(np.arange(4 * 8000) / 10).astype("float32")
    sounds = {"made <now>": speech, "found": Found(torch.zeros(4000), 4000), "bare": (0.5 * long, 8000)}
    page = heard(speech.show(), sounds)._repr_html_()
    found = [base64.b64decode(data) for data in re.findall(r'src="data:audio/wav;base64,([^"]+)"', page)]
    files = [soundfile.SoundFile(io.BytesIO(data)) for data in found]
    assert [(len(file), file.samplerate) for file in files] == [
        (speech.wave.numel(), 16000),
        (4000, 4000),
        (32000, 8000),
    ]
    assert "made &lt;now&gt;" in page and page.count("data:image/png") == 1
    assert b"synthetic" in found[0] and b"synthetic" not in found[1]
    assert "data:audio" in heard(None, {"part": Longer("mine", torch.zeros(4000), 0.0)})._repr_html_()
    assert "data:image" not in heard(None, sounds)._repr_html_() and repr(heard(None, sounds)).startswith(
        "sounds: made"
    )


def test_shapes_are_those_that_passed(lab: Lab, voice: Voice) -> None:
    with probe(lab, "speaker_encoder.speaker", "semantic_gpt.logits") as records:
        lab.speak("Hello there.", voice)
        lab.family.synthesizer.voice([torch.zeros(16000)])
    page = shapes(records)
    width = records["speaker_encoder.speaker"].steps[-1].shape[1]
    assert (
        f"dim {width}" in page._repr_html_() and f"× {len(records['semantic_gpt.logits'])} calls" in page._repr_html_()
    )
    assert repr(page).splitlines()[0].startswith(next(iter(records)))


def test_the_drawing_lights_what_is_asked_for() -> None:
    drawn = figures.diagram("prior", "flow")
    page = drawn._repr_html_()
    [data] = re.findall(
        r'<img [^>]*alt="The pipeline[^"]*prior, flow"[^>]* src="data:image/svg\+xml;base64,([^"]+)">', page
    )
    root = ElementTree.fromstring(base64.b64decode(data))
    names = {"{http://www.w3.org/2000/svg}g"}
    boxes = [group for group in root.iter() if group.tag in names]
    lit = {group[1].text for group in boxes if group[0].get("fill") == ORANGE}
    assert lit == {"prior", "flow"} and len(boxes) == 11
    assert "prior, flow" in (root.get("aria-label") or "") and repr(drawn) == "Diagram(prior, flow)"
    with pytest.raises(ValueError, match="'decoder'.*vocoder"):
        figures.diagram("decoder")


def test_warnings_of_a_block_become_lines_and_nothing_else_is_lost(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with noted():
            for _ in range(2):
                warnings.warn("REF_LONG: too long", stacklevel=1)
            warnings.warn("a library will change", FutureWarning, stacklevel=1)
    assert capsys.readouterr().out == "Note: REF_LONG: too long\n"
    with pytest.raises(ValueError, match="lost"), noted():
        raise ValueError("lost")
