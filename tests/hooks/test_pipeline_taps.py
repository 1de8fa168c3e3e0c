"""The taps of the whole pipeline: how many there are, that they fire, and that somebody uses each of them."""

from __future__ import annotations

import ast
import re
from collections import Counter
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from gsv_lab.extensions.letter_to_sound import LetterToSound
from gsv_lab.hooks import Records, probe
from gsv_lab.hooks.catalogue import fold, points
from gsv_lab.nn.decoding import Inputs, generate
from gsv_lab.nn.interfaces import Features
from gsv_lab.nn.sampling import Sampling
from gsv_lab.system.config import build
from gsv_lab.text import phonemize
from gsv_lab.text.context import LexicalContext
from gsv_lab.text.letters import encode
from source import PACKAGE, ROOT
from tiny import CONTENT, DISCRIMINATORS, GPT, SOVITS, VERIFIER

TEXT = "She said it was a good day."
ONLY_IN_TRAINING = ("posterior.", "discriminators.", "speaker_verifier.")
"""What compares, and what reads the recording that is to be made: a decode has no use for them."""
CODES = 9


class Pipeline:
    """All parts at tiny size, under the names of a loaded lab and of its training."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        gpt = {**GPT, "init_args": {**GPT["init_args"], "speaker_dim": 16}}
        self.text, self.letters = LexicalContext(), LetterToSound()
        self.content, self.gpt, self.sovits = build(CONTENT).eval(), build(gpt).eval(), build(SOVITS).eval()
        self.discriminators, self.verifier = build(DISCRIMINATORS).eval(), build(VERIFIER).eval()
        self.phones = phonemize(TEXT, "en")
        self.ids = torch.tensor([self.phones.ids])
        self.wave = 0.1 * torch.randn(1, 1, 16000)
        pitch = torch.full((1, 1, 100), 5.0)
        self.features: Features = self.sovits.frontend(self.wave, pitch, torch.ones(1, 1, 100))

    def components(self) -> dict[str, nn.Module]:
        return {
            "context_encoder": self.text, "letter_to_sound": self.letters, "content_encoder": self.content,
            "semantic_gpt": self.gpt, **dict(self.sovits.named_children()), "discriminators": self.discriminators,
            "speaker_verifier": self.verifier,
        }  # fmt: skip

    def read(self) -> Tensor:
        """The text front end: an unknown word, then the context of all phones (1, C, P)."""
        self.letters(torch.tensor([encode("gsv")]))
        return self.text(self.phones)[None]

    @torch.no_grad()
    def teacher_forcing(self) -> None:
        """One training pass through everything."""
        context = self.read()
        codes = self.sovits.quantizer.encode(self.content(self.wave).content)
        voice = self.sovits.embed(self.features)
        phone_index = (torch.arange(codes.shape[1]) * 2 // 3).clamp(max=self.ids.shape[1] - 1)[None]
        self.gpt(self.ids, context, codes, phone_index=phone_index, speaker=voice[:, :16])
        out = self.sovits(self.features, self.ids, codes=codes)
        self.discriminators(out.vocoded.wave)
        self.verifier(self.wave)

    @torch.no_grad()
    def decode(self) -> None:
        """Speaking: codes one after the other from the cache, then the wave."""
        context = self.read()
        prompt = self.sovits.quantizer.encode(self.content(self.wave).content)[:, :0]
        voice = self.sovits.embed(self.features)
        greedy = Sampling(top_k=1, repetition_penalty=1.0, min_new=CODES, max_new=CODES)
        inputs = Inputs(self.ids, context, prompt, phone_index=prompt, speaker=voice[:, :16])
        made = generate(self.gpt, inputs, greedy)
        self.sovits.decode(torch.stack(made.codes), self.ids, voice)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline()


@pytest.fixture(scope="module")
def forced(pipeline: Pipeline) -> Records:
    with probe(pipeline, "*") as records:
        pipeline.teacher_forcing()
    return records


@pytest.fixture(scope="module")
def decoded(pipeline: Pipeline) -> Records:
    with probe(pipeline, "*") as records:
        pipeline.decode()
    return records


def distinct() -> set[str]:
    return {fold(name) for name in points(Pipeline())}


def test_forty_distinct_names_two_in_every_component() -> None:
    names = distinct()
    assert len(names) >= 40
    parts = Counter(name.split(".")[0] for name in names)
    assert min(parts.values()) >= 2 and {*parts} == {
        "context_encoder", "letter_to_sound", "content_encoder", "quantizer", "semantic_gpt", "speaker_encoder",
        "prior", "posterior", "flow", "pitch_predictor", "vocoder", "discriminators", "speaker_verifier",
    }  # fmt: skip


def test_each_fires_in_teacher_forcing(pipeline: Pipeline, forced: Records) -> None:
    assert not [name for name in points(pipeline) if name not in forced]


def test_each_fires_in_cached_decoding_where_it_exists_in_both(pipeline: Pipeline, decoded: Records) -> None:
    both = [name for name in points(pipeline) if not name.startswith(ONLY_IN_TRAINING)]
    assert len({fold(name) for name in both}) >= 40
    assert not [name for name in both if name not in decoded]
    assert not [name for name in decoded if name.startswith(ONLY_IN_TRAINING)]


def test_decode_steps_are_calls(decoded: Records) -> None:
    once = ("semantic_gpt.context", "semantic_gpt.speaker")
    for name, record in decoded.items():
        if name.startswith("semantic_gpt.") and name not in once:
            assert len(record) == CODES, name
        elif name.startswith(("prior.", "flow.", "vocoder.")):
            assert len(record) == 1, name


@cache
def literals(path: Path) -> set[str]:
    """Strings of a Python file that look like names or globs of taps, layer numbers folded; not in docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {fold(text) for text in found if re.fullmatch(r"[\w.*]*\.\w+", text)}


def users(tap: str) -> list[str]:
    """Files of notebooks, training views, probes, widgets and tests about speech that name a tap.

    Tests of speech call a prior with attention, which the shipped family has not, `attending_prior`.
    """
    files = [*(ROOT / "notebooks" / "src").glob("*.py"), *(PACKAGE / "training").glob("*.py")]
    for folder in ("evaluation", "teaching", "figures"):
        files += (PACKAGE / folder).rglob("*.py")
    files.append(ROOT / "tests" / "hooks" / "test_taps_in_speech.py")
    return [
        path.name for path in files if any(fnmatchcase(tap, glob.removeprefix("attending_")) for glob in literals(path))
    ]


def test_none_is_there_for_the_count() -> None:
    unused = [tap for tap in sorted(distinct()) if not users(tap)]
    assert not unused, f"used by no notebook, view, probe or test about speech: {unused}"


def test_the_reading_budget_of_hooks() -> None:
    """In syntax nodes, which do not become fewer by packing; how densely they stand is bounded in `test_structure`."""
    trees = {
        path.name: ast.parse(path.read_text(encoding="utf-8")) for path in sorted((PACKAGE / "hooks").glob("*.py"))
    }
    nodes = {name: sum(1 for _ in ast.walk(module)) for name, module in trees.items()}
    assert nodes and sum(nodes.values()) <= 8_200, nodes
