"""Many voices on one loaded base: each hears its own networks, whoever speaks in between, and none costs a model."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gsv_lab.inference import networks
from gsv_lab.inference.lab import Lab, load
from gsv_lab.inference.networks import add_updates, sharing, with_own
from gsv_lab.inference.synthesizer import Synthesizer
from gsv_lab.inference.voice import Voice, tuned_synthesizer
from tiny import make_family, make_planning_family
from tuned_voices import a_voice, adapted, random_updates, retuned

TEXT = "She said it was a good day for the garden. We walk home now, all of us together."


@pytest.fixture(scope="module", params=[make_family, make_planning_family], ids=["nano", "planning nano"])
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return load(str(request.param(tmp_path_factory.mktemp("family"))))


@pytest.fixture
def voices(lab: Lab) -> list[Voice]:
    """Without tensors of its own, with two kinds of updates, with changed tensors of both networks, with both."""
    base = a_voice(lab, "base")
    changed = retuned(base, lab, seed=3, parts=("sovits.flow", "semantic_gpt.layers.1"))
    both = adapted(retuned(base, lab, seed=4, parts=("sovits.vocoder",)), lab, seed=5, parts=("semantic_gpt",), rank=3)
    return [base, adapted(base, lab, seed=1), adapted(base, lab, seed=2, rank=4), changed, both]


def merged(lab: Lab, voice: Voice) -> Synthesizer:
    return tuned_synthesizer(lab.family.synthesizer, voice.changed, voice.adapters)


@torch.no_grad()
def latents(synthesizer: Synthesizer, voice: Voice) -> dict[str, Tensor]:
    """What the networks give for the same codes; waves are left out: the phase of a pulse train adds rounding up."""
    torch.manual_seed(2)
    codes, phones = torch.randint(20, (1, 14)), torch.randint(9, (1, 6))
    index = torch.arange(14).clamp(max=5)[None]
    spoken = synthesizer.sovits.decode(codes, phones, voice.speaker, 0.0, phone_index=index)
    context = torch.randn(1, synthesizer.semantic_gpt.context_dim, 6)
    logits = synthesizer.semantic_gpt(phones, context, codes, phone_index=index)
    assert spoken.vocoded.log_f0 is not None
    return {"z": spoken.z, "mean": spoken.prior.mean, "f0": spoken.vocoded.log_f0, "logits": logits}


def test_networks_beside_the_weights_are_the_merged_ones(lab: Lab, voices: list[Voice]) -> None:
    base = latents(lab.family.synthesizer, voices[0])
    for voice in voices[1:]:
        found, wanted = latents(lab.synthesizer_for(voice), voice), latents(merged(lab, voice), voice)
        for name, value in wanted.items():
            assert float((found[name] - value).abs().max()) <= 1e-5 * float(value.abs().max()), (voice.name, name)
        assert any(float((found[name] - base[name]).abs().max()) > 1e-2 for name in base), voice.name
    now = latents(lab.family.synthesizer, voices[0])
    assert all(torch.equal(now[name], value) for name, value in base.items())


def test_every_voice_says_the_codes_of_its_merged_networks(lab: Lab, voices: list[Voice]) -> None:
    spoken = [lab.speak(TEXT, voice, seed=5) for voice in voices]
    for voice, speech in zip(voices[1:], spoken[1:], strict=True):
        alone = Lab(replace(lab.family, synthesizer=merged(lab, voice)))
        alone.recordings.fingerprints = lab.recordings.fingerprints
        said = alone.speak(TEXT, replace(voice, changed={}, adapters={}), seed=5)
        assert torch.equal(speech.codes, said.codes) and speech.wave.shape == said.wave.shape
    assert len({tuple(speech.codes.tolist()) for speech in spoken}) > 2


@pytest.mark.parametrize("seconds", [None, 0.4], ids=["sentences", "pieces"])
def test_streams_of_several_voices_do_not_mix(lab: Lab, voices: list[Voice], seconds: float | None) -> None:
    """Sentence by sentence, or piece by piece in the middle of a sentence, they sound as they do alone."""
    alone = [[part.wave for part in lab.stream(TEXT, voice, seed=2, chunk_seconds=seconds)] for voice in voices]
    running = [lab.stream(TEXT, voice, seed=2, chunk_seconds=seconds) for voice in voices]
    together: list[list[Tensor]] = [[] for _ in voices]
    going = list(range(len(voices)))
    while going:
        for number in list(going):
            part = next(running[number], None)
            if part is None:
                going.remove(number)
            else:
                together[number].append(part.wave)
    for voice, one, other in zip(voices, alone, together, strict=True):
        assert len(one) == len(other) > 1, voice.name
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True)), voice.name


def test_the_base_is_the_same_to_the_last_bit(lab: Lab, voices: list[Voice]) -> None:
    before = lab.speak(TEXT, voices[0], seed=1)
    tensors = {name: value.clone() for name, value in lab.family.synthesizer.state_dict().items()}
    for voice in voices[1:]:
        lab.speak("Good day.", voice)
    after = lab.speak(TEXT, voices[0], seed=1)
    assert torch.equal(before.wave, after.wave) and torch.equal(before.codes, after.codes)
    assert all(torch.equal(lab.family.synthesizer.state_dict()[name], value) for name, value in tensors.items())
    assert lab.synthesizer_for(voices[0]) is lab.family.synthesizer


def test_ten_voices_share_the_tensors_of_the_base(lab: Lab) -> None:
    """Not one tensor of the base is there twice; what a voice adds is as large as its file says."""
    fresh = Lab(lab.family)
    base = {value.data_ptr() for value in lab.family.synthesizer.parameters()}
    made = [adapted(a_voice(lab, f"v{n}"), lab, seed=n) for n in range(10)]
    for voice in made:
        synthesizer = fresh.synthesizer_for(voice)
        assert synthesizer is not lab.family.synthesizer
        assert {value.data_ptr() for value in synthesizer.parameters()} == base
    kept = fresh.networks.size
    assert kept == sum(value.nbytes for voice in made for value in voice.adapters.values())
    changed = retuned(made[0], lab)
    own = {value.data_ptr() for value in fresh.synthesizer_for(changed).parameters()} - base
    assert len(own) == len(changed.changed)


def test_switching_copies_and_loads_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [adapted(a_voice(lab, f"v{n}"), lab, seed=n) for n in range(3)]
    first = [lab.synthesizer_for(voice) for voice in made]
    monkeypatch.setattr(networks, "with_own", lambda *_: pytest.fail("made anew"))
    began = time.perf_counter()
    for _ in range(100):
        assert [lab.synthesizer_for(voice) for voice in made] == first
    assert (time.perf_counter() - began) / 300 < 0.005


def test_what_is_kept_is_bounded(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the bytes of the base, and by number; the ones that spoke last stay, and the newest in any case."""
    fresh = Lab(lab.family)
    made = [adapted(a_voice(lab, f"v{n}"), lab, seed=n) for n in range(4)]
    size = sum(value.nbytes for value in made[0].adapters.values())
    fresh.networks.limit = 2 * size
    one, two, three = (fresh.synthesizer_for(voice) for voice in made[:3])
    assert fresh.networks.size == 2 * size
    assert fresh.synthesizer_for(made[1]) is two and fresh.synthesizer_for(made[2]) is three
    fresh.synthesizer_for(made[1])
    fresh.synthesizer_for(made[3])
    assert fresh.synthesizer_for(made[1]) is two and fresh.synthesizer_for(made[0]) is not one
    fresh.networks.limit = 0
    newest = fresh.synthesizer_for(made[2])
    assert fresh.networks.size == size and fresh.synthesizer_for(made[2]) is newest
    fresh.networks.limit = 100 * size
    monkeypatch.setattr(networks, "MOST", 2)
    for voice in made:
        fresh.synthesizer_for(voice)
    assert fresh.networks.size == 2 * size


def test_voices_of_one_name_and_moment_are_told_apart(lab: Lab) -> None:
    """Also where the first one is gone and its place in memory is another's."""
    base = a_voice(lab, "me")
    seen = []
    for seed in range(4):
        voice = replace(base, adapters=random_updates(lab.family.synthesizer, seed=seed))
        seen.append(tuple(lab.speak("We walk home now.", voice, seed=1).wave.tolist()))
        del voice
    assert len(set(seen)) == 4


@pytest.mark.parametrize("rows", [1, 3])
@torch.no_grad()
def test_each_row_of_a_batch_has_its_own_updates(rows: int, root: Path) -> None:
    """Of linear layers over one and over two axes, and of convolutions with dilation and stride."""
    network = torch.nn.ModuleDict({
        "linear": torch.nn.Linear(5, 7), "plain": torch.nn.Conv1d(5, 4, 3, padding=2, dilation=2),
        "strided": torch.nn.Conv1d(5, 6, 4, stride=2, padding=1, bias=False),
    })  # fmt: skip
    own = [random_updates(network, parts=[""], rank=1 + n, seed=n) for n in range(rows)]
    if rows == 3:
        own[1] = {name: value for name, value in own[1].items() if name.startswith("plain")}
    inputs = {"linear": torch.randn(3, 9, 5), "plain": torch.randn(3, 5, 12), "strided": torch.randn(3, 5, 12)}
    made = sharing(network)
    updates = add_updates(made, own)
    calls: dict[str, Callable[[Tensor], Tensor]] = dict(made.items())
    for name, x in inputs.items():
        found = calls[name](x)
        for row in range(3):
            alone = with_own(network, {}, own[row if rows == 3 else 0])[name](x[row : row + 1])
            torch.testing.assert_close(found[row : row + 1], alone)
    vector = torch.randn(3, 5)
    torch.testing.assert_close(calls["linear"](vector), calls["linear"](vector[:, None])[:, 0])
    if rows == 3:
        for update in updates.values():
            update.select([2])
        torch.testing.assert_close(
            calls["plain"](inputs["plain"][2:]), with_own(network, {}, own[2])["plain"](inputs["plain"][2:])
        )


@pytest.mark.slow
def test_ten_voices_on_nano_cost_no_model(capsys: pytest.CaptureFixture[str]) -> None:
    """Rank 8 on every layer that LoRA may adapt, in both networks; prints memory, switching and speaking."""
    nano = load("nano")
    base = nano.family.synthesizer
    voices = [adapted(a_voice(nano, f"v{n}"), nano, seed=n, rank=8, size=0.01) for n in range(10)]
    model = sum(value.nbytes for value in base.parameters())
    own = sum(value.nbytes for value in voices[0].adapters.values())
    began, before = time.perf_counter(), resident()
    for voice in voices:
        nano.synthesizer_for(voice)
    made, grown = (time.perf_counter() - began) / 10, (resident() - before) / 10
    began = time.perf_counter()
    for _ in range(100):
        for voice in voices:
            nano.synthesizer_for(voice)
    switched = (time.perf_counter() - began) / 1000
    spoken = {}
    for name, networks_of in (("beside the weights", nano.networks.of), ("merged", lambda one: merged(nano, one))):
        synthesizer = networks_of(voices[0])
        nano.networks._kept[id(voices[0])] = networks.Kept(voices[0], synthesizer, 0)
        nano.speak(TEXT, voices[0])
        began = time.process_time()
        seconds = sum(nano.speak(TEXT, voices[0], seed=seed).seconds for seed in range(3))
        spoken[name] = (time.process_time() - began) / seconds
    with capsys.disabled():
        print(f"\nbase {model / 1e6:.1f} MB; a voice {own / 1e6:.2f} MB of its own, {grown / 1e6:.2f} MB resident")
        print(f"first use {1e3 * made:.0f} ms, each later one {1e6 * switched:.1f} us")
        print(f"seconds of the processor for a second of speech: { {k: round(v, 3) for k, v in spoken.items()} }")
    assert grown < own + 4e6 < model / 4 and switched < 0.005


def resident() -> int:
    """Bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]) * 4096
