"""Several voices at once: their sentences in one decode, although prompt, speaker and low-rank updates differ by row.

Only SemanticGPT is batched, as in `gsv_lab.inference.batching`; waves are made one by one, by the networks of their
voice. A voice whose SemanticGPT has tensors of its own, not updates, is decoded apart.
Letters: A rows still running, M advances, V classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gsv_lab.inference.batching import batch_inputs, buckets, predicted
from gsv_lab.inference.generation import Generation, Utterance
from gsv_lab.inference.networks import add_updates, sharing
from gsv_lab.inference.prompting import PromptedText, prompted_text
from gsv_lab.inference.reading import with_pauses
from gsv_lab.inference.synthesizer import Predicted, Synthesizer
from gsv_lab.inference.utterance import Speech, joined
from gsv_lab.inference.voice import beginning
from gsv_lab.nn.decoding import RATE_GUIDANCE, Step, generate
from gsv_lab.nn.interfaces import ChooseAdvance, DecodingCache, SemanticGPTRole
from gsv_lab.nn.sampling import Sampling
from gsv_lab.text import Phones
from gsv_lab.text.front import Sentence

SEMANTIC_GPT = "semantic_gpt."
"""Beginning of the names of its tensors in the synthesizer."""


class Line(NamedTuple):
    """A voice speaking, and the sentences that it says."""

    generation: Generation
    sentences: Sequence[Sentence]

    @property
    def texts(self) -> list[Phones]:
        """As the networks read them."""
        return [self.generation.family.phones(sentence.phones) for sentence in self.sentences]


class Row(NamedTuple):
    """A voice speaking one text of a decode, and the number of its line."""

    line: int
    generation: Generation
    text: Phones


class MixedSemanticGPT(SemanticGPTRole):
    """A SemanticGPT that decodes rows of several voices, each with its own updates, tempo and fewest codes; see the
    role.

    Args:
        gpt: the network that all rows share.
        adapters: updates of each row, by their names in the network.
        rules: of each row; their `codes_per_phone` and `min_new` count, beside the rule of the whole decode.
    """

    def __init__(
        self, gpt: SemanticGPTRole, adapters: Sequence[Mapping[str, Tensor]], rules: Sequence[Sampling]
    ) -> None:
        super().__init__()
        self.n_codes, self.eos, self.frame_rate = gpt.n_codes, gpt.eos, gpt.frame_rate
        self.n_phones, self.context_dim, self.speaker_dim = gpt.n_phones, gpt.context_dim, gpt.speaker_dim
        self.max_advance = gpt.max_advance
        # Without updates it is the network itself that decodes, and a probe of it sees the decode.
        self.gpt = sharing(gpt) if any(adapters) else gpt
        self.updates = add_updates(self.gpt, adapters) if any(adapters) else {}
        device = next(gpt.parameters()).device
        rates, least = [], []
        for rule in rules:
            rates.append(rule.codes_per_phone or float("nan"))
            least.append(rule.min_new)
        self.rates = torch.tensor(rates, device=device)
        self.least = torch.tensor(least, device=device)
        self.made = 0

    def forward(self, *inputs: Any, cache: DecodingCache | None = None, **named: Any) -> Tensor:
        """See the role; a decode is also held to the tempo of each row."""
        if cache is not None:
            cache.choose = partial(self.guided, rule=cache.choose)
        logits: Tensor = self.gpt(*inputs, cache=cache, **named)
        return self.held(logits)

    def new_cache(self) -> DecodingCache:
        """An empty cache for one decode."""
        return self.gpt.new_cache()

    def step(self, codes: Tensor, cache: DecodingCache) -> Tensor:
        """See the role."""
        self.made += 1
        return self.held(self.gpt.step(codes, cache))

    def held(self, logits: Tensor) -> Tensor:
        """Logits (A, ..., V) without the stop class in rows that may not end yet."""
        early = self.made < self.least
        while early.dim() < logits.dim():
            early = early[..., None]
        classes = torch.arange(logits.shape[-1], device=logits.device)
        return logits.masked_fill(early & (classes == self.eos), float("-inf"))

    def guided(self, scores: Tensor, made: int, passed: Tensor, rule: ChooseAdvance | None) -> Tensor:
        """What a rule chooses where rows behind their tempo are moved on, and rows ahead of it held back.

        What `Sampling.codes_per_phone` does where it is the same for all: scores (A, M), passed (A,) -> (A,)
        """
        late = (made / self.rates - passed).nan_to_num(0.0)
        onward = scores[:, 1:] + RATE_GUIDANCE * late[:, None]
        scores = torch.cat([scores[:, :1], onward], dim=1)
        return scores.argmax(-1) if rule is None else rule(scores, made, passed)

    def follow(self, step: Step) -> None:
        """Rows that end with a step leave the batch."""
        kept = [number for number, reason in enumerate(step.ended) if reason is None]
        self.rates, self.least = self.rates[kept], self.least[kept]
        for update in self.updates.values():
            update.select(kept)


def spoken_together(
    base: Synthesizer, lines: Sequence[Line], max_batch: int, speech: Callable[[Utterance, Phones, str], Speech]
) -> list[Speech]:
    """Each line, its sentences one after the other.

    A sentence draws for its sound what it draws alone; codes are drawn for all of a batch at once.

    Args:
        base: the base networks.
        lines: voices with equal options.
        max_batch: sentences whose codes are decoded together.
        speech: what is made of a sentence's sound, its phones and the name of its voice.
    """
    spoken = []
    for line, codes in zip(lines, predict_together(base, lines, max_batch), strict=True):
        generation = line.generation
        count = generation.candidates
        parts: list[Speech] = []
        for number, sentence in enumerate(line.sentences):
            text = line.texts[number]
            own = codes[number * count : (number + 1) * count]
            made = generation.best(own, text, generation.generator(number))
            said = speech(made, text, generation.voice.name)
            parts += with_pauses([said], sentence)
        spoken.append(joined(parts, generation.family.pause))
    return spoken


def predict_together(base: Synthesizer, lines: Sequence[Line], max_batch: int) -> list[list[Predicted]]:
    """Codes for each line: those of the candidates of its first sentence, then of the next one.

    Arguments as in `spoken_together`.
    """
    rows: list[Row] = []
    found: dict[int, list[Predicted]] = {}
    for number, line in enumerate(lines):
        generation, texts = line.generation, line.texts
        if any(name.startswith(SEMANTIC_GPT) for name in generation.voice.changed):
            size = max_batch * generation.candidates
            found[number] = generation.predict(texts, size, generation.generator(0))
        else:
            for text in texts:
                rows += [Row(number, generation, text)] * generation.candidates
    for row, made in zip(rows, decode_rows(base, rows, max_batch), strict=True):
        found.setdefault(row.line, []).append(made)
    return [found[number] for number in range(len(lines))]


@torch.no_grad()
def decode_rows(base: Synthesizer, rows: Sequence[Row], max_batch: int) -> list[Predicted]:
    """Codes of each row, of voices that share the SemanticGPT of the base, up to their updates of it."""
    if not rows:
        return []
    first = rows[0].generation
    generator = first.generator(0)
    lengths = [len(row.text) for row in rows]
    found: dict[int, Predicted] = {}
    for bucket in buckets(lengths, max_batch * first.candidates):
        chosen = [rows[index] for index in bucket]
        made = _decoded(base, chosen, generator)
        found |= zip(bucket, made, strict=True)
    return [found[index] for index in range(len(rows))]


def _decoded(base: Synthesizer, rows: Sequence[Row], generator: torch.Generator) -> list[Predicted]:
    texts: list[PromptedText] = []
    adapters: list[Mapping[str, Tensor]] = []
    rules: list[Sampling] = []
    for row in rows:
        voice = row.generation.voice
        texts.append(prompted_text(base, row.text, voice.prompt, voice.speaker))
        adapters.append(beginning(SEMANTIC_GPT, voice.adapters))
        rules.append(row.generation.bounded([row.text]))
    mixed = MixedSemanticGPT(base.semantic_gpt, adapters, rules)
    # No row is cut sooner than alone; what is longer than alone is cut afterwards.
    least = min(rule.min_new for rule in rules)
    most = max(rule.max_new for rule in rules)
    rule = replace(rules[0], min_new=least, max_new=most, codes_per_phone=None)
    inputs = batch_inputs(texts, base.device)
    with base.arithmetic():
        made = generate(mixed, inputs, rule, generator, mixed.follow)
    found = predicted(texts, made)
    return [_cut(own, rules[number].max_new) for number, own in enumerate(found)]


def _cut(made: Predicted, most: int) -> Predicted:
    """What a row would have made alone, where it may make so many codes."""
    if made.codes.shape[-1] <= most:
        return made
    index = made.phone_index
    if index is not None:
        index = index[:, :most]
    return Predicted(made.codes[:, :most], "max_new", index)
