"""Words that no dictionary has: the letter-to-sound network, its alphabet, its words for training, its decoding.

The words are those of the CMU dictionary in plain letters. Two in a hundred are held out by a checksum of their
spelling, so that every program that asks gets the same ones. The weights ship with the package; without them a word
that no dictionary has is spelled. `Phones.warnings` names the words that were guessed. torch is loaded only when the
network is.
"""

from __future__ import annotations

import json
import zlib
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gsv_lab.text import lexicon
from gsv_lab.text.symbols import EN_CONSONANTS, EN_STRESSED_VOWELS

if TYPE_CHECKING:
    from torch import Tensor

ALPHABET = "abcdefghijklmnopqrstuvwxyz"
"""Letter number 1 is a; 0 is no letter."""
BLANK = "<blank>"
PHONES: tuple[str, ...] = (BLANK, *EN_CONSONANTS, *EN_STRESSED_VOWELS)
"""Classes of the network: ARPAbet with stress, index 0 is the CTC blank."""
_PHONE_ID = {name: index for index, name in enumerate(PHONES)}
WEIGHTS = "letter_to_sound.safetensors"
_HELD_OUT_OF = 50
_STEPS = 3


def encode(word: str) -> list[int]:
    """Letter numbers of a word in plain letters."""
    return [ALPHABET.index(letter) + 1 for letter in word]


def held_out(word: str) -> bool:
    """Whether a word is kept from training: one in fifty, by the checksum of its spelling."""
    return zlib.crc32(word.encode()) % _HELD_OUT_OF == 0


@cache
def spellings() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Words to train on and words held out, in plain letters, 2 to 20 of them, sorted."""
    plain = [w for w in lexicon.words() if w.isascii() and w.isalpha() and 2 <= len(w) <= 20]
    plain = [w for w in plain if len(lexicon.readings(w)[0]) <= _STEPS * len(w) - 2]
    return tuple(w for w in plain if not held_out(w)), tuple(w for w in plain if held_out(w))


def targets(word: str) -> list[list[int]]:
    """Class numbers of every reading that the dictionary lists for a word."""
    return [[_PHONE_ID[name] for name in reading] for reading in lexicon.readings(word)]


def greedy(scores: Tensor) -> list[lexicon.Reading]:
    """The best class of each step, repeats and blanks removed: (B, V, 3L) -> a reading for each word."""
    rows = scores.argmax(1).tolist()
    return [tuple(PHONES[best] for best, _ in groupby(row) if best) for row in rows]


@cache
def load(folder: Path | None = None) -> Any:
    """The trained network in evaluation mode, from `folder` or the newest weights installed; None if there are none."""
    folders = [folder] if folder else sorted(_assets().glob("nano-*"), reverse=True)
    path = next((f / WEIGHTS for f in folders if (f / WEIGHTS).is_file()), None)
    if path is None:
        return None
    from safetensors import safe_open

    from gsv_lab.system.config import build
    from gsv_lab.system.migration import CLASSES
    from gsv_lab.system.registry import PARTS

    with safe_open(path, "pt") as file:
        spec = json.loads(file.metadata()["gsv_lab"])["spec"]
        # The tensors of older files have today's names, their class has another one.
        spec["class_path"] = CLASSES.get(spec["class_path"], spec["class_path"])
        tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    network = build(spec, PARTS)
    network.load_state_dict(tensors)
    return network.eval()


def _assets() -> Path:
    return Path(__file__).resolve().parent.parent / "assets"


@cache
def spoken(word: str) -> lexicon.Reading:
    """What the network makes of a word; empty where no weights are installed or the word has other letters."""
    network = load() if word.isascii() and word.isalpha() else None
    if network is None:
        return ()
    import torch

    with torch.no_grad():
        return greedy(network(torch.tensor([encode(word.lower())])))[0]
