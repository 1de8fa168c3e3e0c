"""What the inner taps say about real words: the shipped sample through the shipped model.

Two moments of one phone lie nearer to each other than two moments of different ones. A tap that has lost the phones, or
hands out something else than it says, is at 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatchcase

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gsv_lab import audio
from gsv_lab.audio.alignment import greedy, phone_errors
from gsv_lab.evaluation.measures.prosody import tracked_pitch
from gsv_lab.extensions.f0 import TYPICAL_F0
from gsv_lab.extensions.frontend import LogMelF0Frontend
from gsv_lab.extensions.measured_speaker_encoder import MeasuredSpeakerEncoder
from gsv_lab.extensions.monotonic_alignment import AlignedSemanticGPT
from gsv_lab.extensions.pitch_predictor import PitchPredictor
from gsv_lab.hooks import Records, probe, swap
from gsv_lab.inference.batching import predict_codes
from gsv_lab.inference.lab import Lab, load
from gsv_lab.nn.interfaces import Conditioning, Features
from gsv_lab.nn.prior import TextContentPrior
from gsv_lab.nn.speaker_encoder import StyleEncoder
from gsv_lab.system import examples
from gsv_lab.text import Phones, letters, lexicon, phonemize

BY_FRAME = {
    "content_encoder.block": 1.05,
    "prior.content": 1.05,
    "prior.own_phone": 1.05,
    "prior.fused": 1.02,
    "attending_prior.content_stack.layers.0.residual": 1.05,
    "attending_prior.fused_stack.layers.0.residual": 1.05,
    "attending_prior.cross_attention.content": 1.05,
    "posterior.stack.output": 1.02,
    "flow.steps.0.stack.output": 1.01,
}
BY_PHONE = {"prior.text": 1.05, "attending_prior.text_stack.layers.0.residual": 1.05, "semantic_gpt.context": 1.01}
CHOOSING = ("speaker_encoder*.attention.pattern",)
PATTERNS = (
    "attending_prior.content_stack.layers.0.attention.pattern",
    "attending_prior.text_stack.layers.0.attention.pattern",
    "attending_prior.fused_stack.layers.0.attention.pattern",
    *CHOOSING,
)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    made = load("nano")
    yield made
    made.family.synthesizer.eval()


@pytest.fixture(scope="module")
def spoken(lab: Lab) -> tuple[Tensor, Phones]:
    """The first two sentences of the sample (T,), and their phones as the networks read them."""
    card = examples.sample_card()
    wave = audio.read(examples.shipped_sample(), lab.sample_rate).samples
    text = card["sentences"][0]["text"]
    end = card["sentences"][0].get("end", 0.0)
    return wave[: round(end * lab.sample_rate)] if end else wave[: 6 * lab.sample_rate], lab.family.phones(
        phonemize(text, "en")
    )


class Parts:
    """Networks by name, for probes of what is no part of the synthesis."""

    def __init__(self, **parts: nn.Module) -> None:
        self.parts = parts

    def components(self) -> dict[str, nn.Module]:
        return self.parts


@pytest.fixture(scope="module")
def attending() -> TextContentPrior:
    """An untrained prior of the published kind, which has to find the phone of each frame by attention."""
    torch.manual_seed(0)
    return TextContentPrior(192, 64, 4, 732, width=48, filter_width=48, layers=(1, 1, 1), attention_width=48).eval()


@pytest.fixture(scope="module")
def seen(lab: Lab, spoken: tuple[Tensor, Phones], attending: TextContentPrior) -> Records:
    """Everything on the way of true codes, through either kind of prior, and of copy synthesis."""
    wave, phones = spoken
    parts = Parts(**lab.components(), attending_prior=attending)
    names = (*BY_FRAME, *BY_PHONE, *PATTERNS, "quantizer.distance", "quantizer.codes", "vocoder.wave")
    with probe(parts, *names, limit_mb=512) as records, torch.no_grad():
        made = lab.resynthesize(wave, phones, lab.family.synthesizer.voice([wave]))
        lab.copy_synthesis(wave)
        predict_codes(lab.family.synthesizer, [phones])
        quantized = lab.family.synthesizer.sovits.quantizer.decode(lab.family.synthesizer.encode(wave))
        frames = quantized.repeat_interleave(2, dim=-1)
        attending(frames, None, torch.tensor([phones.ids]), None, Conditioning(torch.zeros(1, 4, 1)))
    records.made = made.wave  # type: ignore[attr-defined]
    return records


def apart(vectors: Tensor, names: list[str]) -> float:
    """Mean distance between moments of different phones, over that between moments of one: (N, D) -> above 1."""
    distance = torch.cdist(vectors, vectors)
    number = {name: i for i, name in enumerate(dict.fromkeys(names))}
    ids = torch.tensor([number[name] for name in names])
    same = (ids[:, None] == ids) & ~torch.eye(len(ids), dtype=torch.bool)
    return float(distance[ids[:, None] != ids].mean() / distance[same].mean())


@pytest.mark.parametrize("tap", BY_FRAME)
def test_frames_of_one_phone_are_alike(lab: Lab, spoken: tuple[Tensor, Phones], seen: Records, tap: str) -> None:
    wave, phones = spoken
    values = seen[tap].steps[0][0].T.float()
    positions = lab.recordings.align(wave, phones).positions(len(values), 50.0)
    kept = [i for i, position in enumerate(positions) if position >= 0]
    assert apart(values[kept], [phones.symbols[positions[i]] for i in kept]) > BY_FRAME[tap]


@pytest.mark.parametrize("tap", BY_PHONE)
def test_a_phone_is_itself_and_its_word_shares_its_context(
    spoken: tuple[Tensor, Phones], seen: Records, tap: str
) -> None:
    phones = spoken[1]
    value = seen[tap].steps[0][0].float()
    value = value.T if value.shape[-1] == len(phones) else value
    words = [str(number) for number, word in enumerate(phones.words) for _ in range(word.phones)]
    assert apart(value, words if "gpt" in tap else list(phones.symbols)) > BY_PHONE[tap]


def test_the_stop_rises_at_the_end_and_speech_is_no_guessing(lab: Lab) -> None:
    """Step by step of a decode: log-odds of the stop token, and how open the choice of the next code is."""
    torch.manual_seed(0)
    with probe(lab, "semantic_gpt.stop", "semantic_gpt.entropy", "semantic_gpt.logits") as records:
        predict_codes(lab.family.synthesizer, [phonemize("The kettle is singing, and nobody listens.", "en")])
    steps = ("stop", "entropy", "logits")
    stop, entropy, logits = (torch.cat([step[0, -1:] for step in records[f"semantic_gpt.{n}"].steps]) for n in steps)
    # A plan ends where it ends, so the last step need not be the likeliest end by a hair.
    assert stop[-2:].max() == stop.max() and stop[: len(stop) // 2].max() < stop[-1] - 2
    assert entropy.mean() < math.log(logits.shape[-1]) / 2
    torch.testing.assert_close(stop.sigmoid(), logits.softmax(-1)[:, -1], atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("tap", PATTERNS)
def test_attention_adds_up_and_chooses(seen: Records, tap: str) -> None:
    pattern = next(record for name, record in seen.items() if fnmatchcase(name, tap)).steps[0][0].float()
    torch.testing.assert_close(pattern.sum(-1), torch.ones(pattern.shape[:-1]), atol=1e-4, rtol=0)
    if tap not in CHOOSING:
        return  # untrained, it need not choose
    entropy = -(pattern * pattern.clamp(min=1e-9).log()).sum(-1).mean()
    assert float(entropy) < math.log(pattern.shape[-1]) - 0.02


def test_the_nearest_code_is_the_one_taken(seen: Records) -> None:
    distance, codes = seen["quantizer.distance"].steps[0], seen["quantizer.codes"].steps[0]
    assert torch.equal(distance.argmin(seen["quantizer.distance"].axes.index("code")).flatten(), codes.flatten())


def test_the_wave_is_what_is_played(seen: Records) -> None:
    wave = seen["vocoder.wave"].steps[0].flatten()
    made: Tensor = seen.made  # type: ignore[attr-defined]
    torch.testing.assert_close(wave / wave.abs().max().clamp(min=1.0), made)


def test_emphasis_and_boundaries_change_the_context_features_of_their_words(lab: Lab) -> None:
    plain, marked = phonemize("I said today.", "en"), phonemize("I said [emph]today[/emph].", "en")
    assert plain.ids == marked.ids
    encoder = lab.family.synthesizer.context_encoder
    with probe(Parts(context_encoder=encoder), "context_encoder.features") as records:
        encoder(plain), encoder(marked)
    before, after = records["context_encoder.features"].steps[:2]
    changed = (before != after).any(0)
    first = len(plain) - 1 - plain.words[-2].phones
    assert bool(changed.any()) and not bool(changed[:first].any())


def test_emphasis_can_be_set_without_the_mark(lab: Lab) -> None:
    """An edit of the channel gives SemanticGPT what `[emph]` in the text gives it."""
    encoder, gpt = lab.family.synthesizer.context_encoder, lab.family.synthesizer.semantic_gpt
    parts = Parts(context_encoder=encoder, semantic_gpt=gpt)
    marked, plain = phonemize("I said [emph]today[/emph].", "en"), phonemize("I said today.", "en")

    @torch.no_grad()
    def logits(phones: Phones) -> Tensor:
        first = torch.zeros(1, 1, dtype=torch.int64)
        return gpt(torch.tensor([phones.ids]), encoder(phones)[None], first, phone_index=first)

    with probe(parts, "context_encoder.emphasis") as records:
        wanted = logits(marked)
    setting = records["context_encoder.emphasis"].value
    assert setting.shape == (1, len(plain)) and set(setting.unique().tolist()) == {0.0, 1.0}
    with probe(parts, edits=[swap("context_encoder.emphasis", setting)]):
        assert torch.equal(logits(plain), wanted)
    assert not torch.equal(logits(plain), wanted)


@pytest.mark.parametrize("text", ["We walk home in the rain.", "今天天气很好。", "I said today, 对不对?"])
def test_watching_everything_changes_neither_codes_nor_logits_nor_wave(lab: Lab, text: str) -> None:
    """Greedy codes equal, logits and wave at fixed codes within 1e-5, with every tap of the lab watched."""
    synthesizer, phones = lab.family.synthesizer, phonemize(text)
    greedy = replace(lab.family.sampling, top_k=1, max_new=40)
    ids, context = torch.tensor([phones.ids]), synthesizer.context_encoder(phones)[None]
    voice = torch.zeros(1, synthesizer.sovits.speaker_encoder.speaker_dim, 1)

    def passes(codes: Tensor, phone_index: Tensor | None) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            logits = synthesizer.semantic_gpt(ids, context, codes, phone_index=phone_index)
        random = torch.Generator().manual_seed(0)
        return logits, synthesizer.speak(codes, phones, voice, 0.4, 1.0, random, phone_index)

    plain = predict_codes(synthesizer, [phones], sampling=greedy)[0]
    logits, wave = passes(plain.codes, plain.phone_index)
    with probe(lab, "*", limit_mb=2048) as records:
        watched = predict_codes(synthesizer, [phones], sampling=greedy)[0]
    assert torch.equal(watched.codes, plain.codes) and len(records["semantic_gpt.logits"]) >= plain.codes.shape[1] > 10
    with probe(lab, "*", limit_mb=2048):
        seen_logits, seen_wave = passes(plain.codes, plain.phone_index)
    assert float((seen_logits - logits).abs().max()) <= 1e-5 and float((seen_wave - wave).abs().max()) <= 1e-5


def test_blocks_of_the_gpt_leave_their_mark_on_the_stream(lab: Lab) -> None:
    names = ("semantic_gpt.layers.*.mlp", "semantic_gpt.layers.*.residual")
    with probe(lab, *names) as records:
        predict_codes(lab.family.synthesizer, [phonemize("Good day.", "en")])
    depth = len(lab.family.synthesizer.semantic_gpt.layers)
    for step in range(2):
        streams = [records[f"semantic_gpt.layers.{layer}.residual"].steps[step] for layer in range(depth)]
        added = [records[f"semantic_gpt.layers.{layer}.mlp"].steps[step] for layer in range(depth)]
        assert all(float(a.norm()) > 0 for a in added)
        assert all(not torch.equal(a, b) for a, b in zip(streams[1:], streams, strict=False))


@pytest.fixture(scope="module")
def extras(lab: Lab) -> Parts:
    """Networks of the family that take no part in speaking."""
    from gsv_lab.checkpoint import load_component

    networks = {}
    for name in ("speaker_verifier", "discriminators"):
        path = lab.family.extra(name)
        assert path is not None
        networks[name] = load_component(path).eval()
    networks["letter_to_sound"] = load_component(lab.family.folder / "letter_to_sound.safetensors").eval()
    return Parts(**networks)


def test_the_verifier_finds_who_speaks_in_every_part_of_a_clip(extras: Parts, spoken: tuple[Tensor, Phones]) -> None:
    with probe(extras, "speaker_verifier.frames", "speaker_verifier.embedding") as records, torch.no_grad():
        for part in (spoken[0][:32000], spoken[0][32000:64000], torch.randn(32000) * 0.05):
            extras.parts["speaker_verifier"](part[None, None])
    one, two = (step[0].float().mean(-1) for step in records["speaker_verifier.frames"].steps[:2])
    assert float(torch.nn.functional.cosine_similarity(one, two, dim=0)) > 0.5
    first, second, other = (step[0] for step in records["speaker_verifier.embedding"].steps)
    torch.testing.assert_close(first.norm(), torch.tensor(1.0))
    assert float(first @ second) > float(first @ other) + 0.2


def test_the_verifier_pays_little_attention_to_silence(extras: Parts, spoken: tuple[Tensor, Phones]) -> None:
    wave = torch.cat([spoken[0][:32000], torch.zeros(32000)])
    with probe(extras, "speaker_verifier.attention") as records, torch.no_grad():
        extras.parts["speaker_verifier"](wave[None, None])
    weight = records["speaker_verifier.attention"].value.flatten()
    assert float(weight.sum()) == pytest.approx(1.0, abs=1e-4)
    assert float(weight[len(weight) // 2 + 5 :].sum()) < 0.4


def test_phone_scores_are_those_of_what_is_said(lab: Lab, spoken: tuple[Tensor, Phones]) -> None:
    wave, phones = spoken
    with probe(lab, "content_encoder.phones") as records:
        lab.family.synthesizer.extract_content(wave)
    scores = records["content_encoder.phones"].value[0].float()
    torch.testing.assert_close(scores.exp().sum(0), torch.ones(scores.shape[1]))
    found = greedy(scores.T).ids.tolist()
    wanted = phones.folded()[0]
    assert phone_errors(wanted, found) < 0.5 * len(wanted) < phone_errors(wanted[::-1], found)


def test_discriminators_separate_speech_and_noise(lab: Lab, extras: Parts, spoken: tuple[Tensor, Phones]) -> None:
    """Natural speech scores highest, and its features are nearer to those of copy synthesis than to those of noise."""
    natural = spoken[0][:32000]
    copied = lab.copy_synthesis(natural).wave
    size = min(len(natural), len(copied))
    names = ("discriminators.discriminators.*.scores", "discriminators.discriminators.*.features")
    with probe(extras, *names) as records, torch.no_grad():
        for wave in (natural, copied, torch.randn(32000) * natural.std()):
            extras.parts["discriminators"](wave[None, None, :size])
    scores = [record.steps for name, record in records.items() if name.endswith(".scores")]
    features = [record.steps for name, record in records.items() if name.endswith(".features")]
    means = torch.tensor([[float(step.mean()) for step in steps] for steps in scores]).mean(0)
    assert means[0] > means[2]
    near = sum(float((natural - copied).abs().mean()) for natural, copied, _ in features)
    far = sum(float((natural - noise).abs().mean()) for natural, _, noise in features)
    assert near < far


def test_one_letter_is_another_elsewhere_in_the_word(extras: Parts) -> None:
    word = torch.tensor([letters.encode("banana")])
    with probe(extras, "letter_to_sound.letters", "letter_to_sound.scores") as records, torch.no_grad():
        extras.parts["letter_to_sound"](word)
    value = records["letter_to_sound.letters"].steps[0][0].float()
    value = value if value.shape[0] == 6 else value.T
    assert value.shape[0] == 6 and not torch.allclose(value[1], value[2])
    assert letters.greedy(records["letter_to_sound.scores"].value)[0] in lexicon.readings("banana")


def test_the_height_of_a_voice_is_measured_and_moves_its_expected_pitch(spoken: tuple[Tensor, Phones]) -> None:
    """The last channel of the speaker vector is that of the recording; an octave more of it is an octave more of F0."""
    torch.manual_seed(0)
    encoder = MeasuredSpeakerEncoder(StyleEncoder(160, 8, width=8, dropout=0.0)).eval()
    predictor = PitchPredictor(6, 8, width=8, layers=1).eval()
    parts = Parts(speaker_encoder=encoder, pitch_predictor=predictor)
    with torch.no_grad():
        features: Features = LogMelF0Frontend(16000).eval().reference(spoken[0][None, None])
        predictor.net.condition.weight.zero_()
        with probe(parts, "speaker_encoder.speaker", "speaker_encoder.base.speaker") as records:
            vector = encoder(features)
        learned, whole = (records[f"speaker_encoder.{name}"].value for name in ("base.speaker", "speaker"))
        assert torch.equal(learned[:, :-1], whole[:, :-1]) and not torch.equal(learned, whole)
        curve = tracked_pitch(spoken[0].numpy())
        assert TYPICAL_F0 * float(vector[0, -1].exp()) == pytest.approx(float(np.median(curve[curve > 0])), rel=0.05)
        with probe(parts, "pitch_predictor.f0", "pitch_predictor.voicing") as predicted:
            for octaves in (0.0, 1.0):
                higher = vector.clone()
                higher[:, -1] += octaves * math.log(2)
                predictor(torch.ones(1, 6, 10), encoder.conditioning(higher))
    low, high = predicted["pitch_predictor.f0"].steps
    torch.testing.assert_close(high, 2 * low)
    assert torch.equal(*predicted["pitch_predictor.voicing"].steps)


def test_a_voice_and_a_phone_move_the_scores_of_codes() -> None:
    torch.manual_seed(0)
    sizes = {"dim": 16, "n_heads": 2, "n_layers": 1, "ffn_dim": 16}
    gpt = AlignedSemanticGPT(732, 20, context_dim=0, dropout=0.0, speaker_dim=4, max_advance=2, **sizes)
    phones, codes = torch.tensor([phonemize("Good day.", "en").ids]), torch.tensor([[1, 2, 3]])
    names = ("semantic_gpt.speaker", "semantic_gpt.monotonic_alignment.phone")
    with probe(Parts(semantic_gpt=gpt), *names) as records, torch.no_grad():
        for voice, phone_index in ((1.0, [0, 0, 1]), (-1.0, [0, 0, 1]), (1.0, [0, 1, 2])):
            speaker = torch.full((1, 4, 1), voice)
            gpt(phones, None, codes, phone_index=torch.tensor([phone_index]), speaker=speaker)
    voices, spoken = (records[name].steps for name in names)
    assert not torch.equal(voices[0], voices[1]) and torch.equal(voices[0], voices[2])
    assert not torch.equal(spoken[0], spoken[2])
