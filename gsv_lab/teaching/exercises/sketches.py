"""A program of notebook 12 with the faults of the documents' sketches, in the kit's own words, and what each does.

The documents sketch a GPT, a training step and a synthesis. `SKETCH` is none of theirs: it is short, and has four of
the faults that were found in them, each in one line. `tried` runs each of these lines on small tensors.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from gsv_lab.checkpoint import load_component
from gsv_lab.errors import CheckpointError
from gsv_lab.hooks import Table
from gsv_lab.nn.hifigan import HiFiGAN
from gsv_lab.system.folders import private_folder

SKETCH = """class Writer(nn.Module):                       # phones -> codes
    def forward(self, phones):                 # (batch, time)
        time = torch.arange(phones.shape[1])
        x = self.embedding(phones) + self.position(time)
        x = self.dropout(x) + self.position(time)
        return self.decoder(x)

def loss(speaker, codes, mel, kl):             # mel: (batch, bands, frames)
    made = speaker(codes)                      # (batch, 1, samples): a vocoder is its last part
    return F.l1_loss(made, mel) + kl

def speak(writer, text, checkpoint):           # checkpoint: a file from the internet
    speaker = torch.load(checkpoint, weights_only=False)
    wave = speaker(writer(phones_of(text)))
    return hifigan(wave)"""
TWICE, UNLIKE, UNSAFE, AGAIN = 5, 10, 13, 15
"""Lines with a fault, from 1 on."""
BANDS, FRAMES = 80, 16


def numbered() -> str:
    """The sketch with the numbers of its lines."""
    return "\n".join(f"{number:2d}  {line}".rstrip() for number, line in enumerate(SKETCH.splitlines(), 1))


def tried() -> Table:
    """Each line with a fault, and what came of it."""
    found = {TWICE: _position(), UNLIKE: _compared(), UNSAFE: _loaded(), AGAIN: _vocoded()}
    return Table({"line": number, "what it does": what} for number, what in found.items())


def _position() -> str:
    """How far positions move the numbers in line 5, over line 4."""
    torch.manual_seed(0)
    embedding, position = nn.Embedding(20, 32), nn.Embedding(FRAMES, 32)
    phones, time = torch.arange(FRAMES)[None], torch.arange(FRAMES)
    with torch.no_grad():
        once = embedding(phones) + position(time)
        ratio = (once + position(time) - embedding(phones)).norm() / (once - embedding(phones)).norm()
    return f"runs, and says nothing: positions weigh {ratio:.1f} times as much beside the phones as after line 4"


def _compared() -> str:
    """A perfect wave and silence against a spectrogram of another shape, and where shapes happen to fit."""
    torch.manual_seed(0)
    mel, wave = torch.randn(1, BANDS, FRAMES) - 4, 0.1 * torch.randn(1, 1, 256 * FRAMES)
    stopped = "runs"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torch's own, that the sizes differ
        try:
            F.l1_loss(wave, mel)
        except RuntimeError as error:
            stopped = f"stops ({str(error).splitlines()[0]})"
        found, silent = (float(F.l1_loss(part, mel)) for part in (wave[..., :FRAMES], torch.zeros(1, 1, FRAMES)))
    return f"{stopped}; cut to {FRAMES} samples it runs: {found:.2f} for a wave, {silent:.2f} for silence"


class _Guest:
    """Something whose pickle asks for a call when it is read."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return print, ("your files are mine",)


def _loaded() -> str:
    """What a file may ask of the one who loads it, read without doing it, and what the kit says to such a file."""
    asked = pickle.dumps({"weights": _Guest()})
    words = [str(argument) for code, argument, _ in pickletools.genops(asked) if code.name.endswith("UNICODE")]
    with private_folder() as folder:
        path = Path(folder) / "voice.pth"
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as archive:
            archive.writestr("voice/data.pkl", asked)
        path.write_bytes(data.getvalue())
        try:
            load_component(path)
            refused = "read"
        except CheckpointError as error:
            refused = f"refused [{error.code}]"
    call = f"{words[1]}.{words[2]}({words[3]!r})"
    return f"runs what the file asks for, here {call}; by the kit such a file is {refused}"


def _vocoded() -> str:
    """A vocoder that is given the wave of another one."""
    vocoder, wave = HiFiGAN(BANDS, 0, 16, (4, 2), (8, 4), (3,), (1,)).eval(), torch.zeros(1, 1, 256 * FRAMES)
    try:
        with torch.no_grad():
            vocoder.in_proj(wave)
    except (RuntimeError, ValueError) as error:
        return f"stops ({str(error).splitlines()[0][:110]})"
    return "runs"
