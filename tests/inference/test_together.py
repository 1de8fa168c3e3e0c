"""Several voices in one decode: every row says what it says alone, although prompts, tempo and networks differ."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from gsv_lab.errors import ConfigError
from gsv_lab.hooks import probe
from gsv_lab.inference import together
from gsv_lab.inference.batching import predict_codes
from gsv_lab.inference.lab import Lab, load
from gsv_lab.inference.synthesizer import Prompt
from gsv_lab.inference.together import MixedSemanticGPT
from gsv_lab.inference.voice import Voice
from gsv_lab.nn.decoding import Inputs, generate
from gsv_lab.nn.interfaces import SemanticGPTRole
from gsv_lab.nn.sampling import Sampling
from gsv_lab.text import phonemize
from tiny import GPT, make_family, make_planning_family
from tuned_voices import a_voice, adapted, retuned

TEXTS = (
    "We walk home now.",
    "She said it was a good day for the garden. We walk home now, all of us together.",
    "我们回家吧。",
    "Good day to you all.",
    "The kettle is singing, and nobody listens to it.",
    "We walk, and we walk home.",
)
GREEDY = {"top_k": 1, "candidates": 1}


def make_plain_family(folder: Path) -> Path:
    """With the published SemanticGPT, which knows no phone of any code."""
    gpt = copy.deepcopy(GPT)
    del gpt["init_args"]["max_advance"]
    return make_family(folder, semantic_gpt={**gpt, "class_path": "gsv_lab.nn.semantic_gpt.SemanticGPT"})


@pytest.fixture(
    scope="module",
    params=[make_family, make_planning_family, make_plain_family],
    ids=["aligned", "planned", "plain"],
)
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return load(str(request.param(tmp_path_factory.mktemp("family"))))


@pytest.fixture(scope="module")
def voices(lab: Lab) -> list[Voice]:
    """Two of the base with prompts of different length and tempo, one without a prompt's text, two with updates of
    different rank, one whose SemanticGPT is another.
    """
    slow, fast = a_voice(lab, "slow", codes=30, seed=1), a_voice(lab, "fast", "She said it was a good day.", seed=2)
    silent = replace(slow, name="silent", prompt=Prompt(slow.prompt.codes, None))
    own = retuned(fast, lab, seed=3, parts=("semantic_gpt.layers",))
    return [slow, fast, silent, adapted(slow, lab, seed=4), adapted(fast, lab, seed=5, rank=4), own]


def test_rows_of_a_batch_say_what_they_say_alone(
    lab: Lab, voices: list[Voice], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Greedy, so that nothing is drawn. All but the voice with another SemanticGPT go through one decode."""
    batches: list[int] = []

    def counted(gpt: Any, inputs: Inputs, *more: Any) -> Any:
        batches.append(len(inputs.phones))
        return generate(gpt, inputs, *more)

    monkeypatch.setattr(together, "generate", counted)
    monkeypatch.setattr(together, "buckets", lambda lengths, most: [list(range(len(lengths)))])
    lines = list(zip(TEXTS, voices, strict=True))
    made = lab.speak_together(lines, batch=8, **GREEDY)
    assert batches == [6]  # five voices, of which one says two sentences
    for (text, voice), speech in zip(lines, made, strict=True):
        alone = lab.speak(text, voice, **GREEDY)
        assert torch.equal(speech.codes, alone.codes), voice.name
        assert speech.phones == alone.phones and speech.mark.voice == voice.name
        assert speech.settings["ended"] == alone.settings["ended"]
        assert abs(speech.wave.numel() - alone.wave.numel()) <= 1
    assert len({tuple(speech.codes[:6].tolist()) for speech in made}) > 2


def test_the_sound_is_that_of_each_voices_networks(lab: Lab, voices: list[Voice]) -> None:
    """Without noise in the latent and with the same codes, the part of the sound that nothing is drawn for is equal."""
    text = "We walk home now."
    taps: dict[str, list[Tensor]] = {}
    for voice in (voices[0], voices[3]):
        with probe(lab.synthesizer_for(voice), "flow.z") as records:
            lab.speak_together([(text, voice)], noise_scale=0.0, **GREEDY)
        with probe(lab.synthesizer_for(voice), "flow.z") as others:
            lab.speak(text, voice, noise_scale=0.0, **GREEDY)
        taps[voice.name] = [records["flow.z"].value, others["flow.z"].value]
    for one, other in taps.values():
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)
    first, second = taps.values()
    assert first[0].shape != second[0].shape or not torch.allclose(first[0], second[0])


def test_tempo_differs_by_row(tmp_path: Path) -> None:
    """Rows are held to their own rate, also after others have left the batch."""
    lab = load(str(make_family(tmp_path)))
    rows = [a_voice(lab, f"v{codes}", codes=codes, seed=codes) for codes in (5, 60, 14, 40)]
    texts = [TEXTS[0], TEXTS[3], TEXTS[4], TEXTS[5]]
    made = lab.speak_together(list(zip(texts, rows, strict=True)), **GREEDY)
    for text, voice, speech in zip(texts, rows, made, strict=True):
        assert torch.equal(speech.codes, lab.speak(text, voice, **GREEDY).codes)
    rules = [Sampling(codes_per_phone=0.5), Sampling()]
    guided = MixedSemanticGPT(lab.family.synthesizer.semantic_gpt, [{}, {}], rules)
    scores = torch.zeros(2, 3)
    # After 10 codes at half a code a phone 20 phones should have passed; the row without a tempo is left alone.
    assert guided.guided(scores, 10, torch.tensor([0, 0]), None).tolist() == [1, 0]


def test_no_row_makes_more_codes_than_alone(tmp_path: Path) -> None:
    """Where the text bounds them, and a longer one beside it allows more."""
    family = replace(load(str(make_plain_family(tmp_path))).family, max_codes_per_phone=0.1, min_codes_per_phone=9.0)
    lab = Lab(family)
    voice = replace(a_voice(lab, "me"), prompt=Prompt(torch.arange(9), None))
    texts = ["We walk home now.", "She said it was a good day for the garden, and we walk home now, all of us."]
    made = lab.speak_together([(text, voice) for text in texts], **GREEDY)
    alone = [lab.speak(text, voice, **GREEDY) for text in texts]
    assert alone[0].settings["ended"] == "max_new" and len(alone[0].codes) < len(alone[1].codes)
    for one, other in zip(made, alone, strict=True):
        assert torch.equal(one.codes, other.codes) and one.settings["ended"] == other.settings["ended"]


def test_one_of_a_kind_is_plain_prediction(lab: Lab, voices: list[Voice]) -> None:
    """Drawn codes too: one voice alone in a mixed network is that voice."""
    for voice in (voices[0], voices[3]):
        synthesizer = lab.synthesizer_for(voice)
        phones = lab.family.phones(phonemize("We walk home now.", "en"))
        rule = Sampling(top_k=5, min_new=4, max_new=30, codes_per_phone=voice.prompt.codes_per_phone)
        wanted = predict_codes(
            synthesizer, [phones], voice.prompt, rule, torch.Generator().manual_seed(1), speaker=voice.speaker
        )
        own = {
            name.removeprefix("semantic_gpt."): value
            for name, value in voice.adapters.items()
            if name.startswith("sem")
        }
        mixed: SemanticGPTRole = MixedSemanticGPT(lab.family.synthesizer.semantic_gpt, [own], [rule])
        row = together.prompted_text(synthesizer, phones, voice.prompt, voice.speaker)
        inputs = together.batch_inputs([row], synthesizer.device)
        free = replace(rule, codes_per_phone=None)
        made = generate(mixed, inputs, free, torch.Generator().manual_seed(1))
        assert torch.equal(made.codes[0], wanted[0].codes[0]) and made.reasons[0] == wanted[0].reason


def test_a_probe_of_the_base_sees_voices_without_updates(lab: Lab, voices: list[Voice]) -> None:
    with probe(lab, "semantic_gpt.logits") as records:
        lab.speak_together([("We walk.", voices[0]), ("Good day.", voices[1])], top_k=1)
    assert len(records["semantic_gpt.logits"].steps[0]) == 2


@pytest.mark.parametrize(
    ("options", "wrong", "said"),
    [
        ({"candidates": 99}, ConfigError, "candidates is 99"),
        ({"chunk_seconds": 1.0}, TypeError, "no option 'chunk_seconds'"),
        ({"loudness": 1.0}, TypeError, "no option 'loudness'"),
    ],
)
def test_options_are_those_of_speak(
    lab: Lab, voices: list[Voice], options: dict[str, Any], wrong: type[Exception], said: str
) -> None:
    with pytest.raises(wrong, match=said):
        lab.speak_together([("We walk.", voices[0])], **options)


def test_each_line_reads_by_the_dictionary_of_its_voice(lab: Lab, voices: list[Voice]) -> None:
    named = replace(voices[1], lexicon={"walk": "HH OW1 M"})
    one, two = lab.speak_together([("We walk.", voices[0]), ("We walk.", named)], **GREEDY)
    assert one.phones is not None and two.phones is not None
    assert one.phones.symbols != two.phones.symbols and "HH" in two.phones.symbols
    (three,) = lab.speak_together([("We walk.", voices[0])], lexicon={"walk": "HH OW1 M"}, **GREEDY)
    assert three.phones is not None and "HH" in three.phones.symbols


def test_pauses_in_a_line_are_kept(lab: Lab, voices: list[Voice]) -> None:
    make: Callable[[str], Any] = lambda text: lab.speak_together([(text, voices[0])], **GREEDY)[0]  # noqa: E731
    made = make("We walk. [pause 2s] Good day.")
    quiet = made.wave.abs() < 1e-4
    runs = quiet.int().unfold(0, 31000, 1000).sum(1)
    assert int(runs.max()) == 31000 and made.seconds > make("We walk. Good day.").seconds + 1


def test_nothing_to_say_is_nothing(lab: Lab) -> None:
    assert lab.speak_together([]) == []


@pytest.mark.slow
def test_time_of_a_batch_on_nano(capsys: pytest.CaptureFixture[str]) -> None:
    """Six lines in six voices of nano, three of them with updates of rank 8 in both networks; prints what it takes."""
    nano = load("nano")
    base = [a_voice(nano, f"v{n}", codes=100 + 10 * n, seed=n) for n in range(6)]
    voices = [adapted(voice, nano, seed=n, rank=8, size=0.01) if n % 2 else voice for n, voice in enumerate(base)]
    lines = list(zip(TEXTS, voices, strict=True))
    calls: dict[str, Callable[[], Any]] = {
        "together": lambda: nano.speak_together(lines, **GREEDY),
        "one after the other": lambda: [nano.speak(text, voice, **GREEDY) for text, voice in lines],
    }
    taken = {}
    for name, call in calls.items():
        call()
        began = time.process_time()
        for _ in range(3):
            call()
        taken[name] = (time.process_time() - began) / 3
    with capsys.disabled():
        print("\nseconds of the processor: " + ", ".join(f"{name} {value:.2f}" for name, value in taken.items()))
    assert taken["together"] < taken["one after the other"]
