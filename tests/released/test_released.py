"""A released family from files to speech, at tiny size: the same verbs as nano, and clear words where files lack."""

from __future__ import annotations

import shutil
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from gsv_lab import audio
from gsv_lab.errors import AudioError, CheckpointError, ConfigError, LabError
from gsv_lab.hooks.probe import probe
from gsv_lab.inference.lab import Lab, load
from gsv_lab.inference.loading import load_family
from gsv_lab.inference.prompting import prompted_text
from gsv_lab.inference.synthesizer import Prompt
from gsv_lab.inference.voice import Voice
from gsv_lab.nn.sampling import Sampling
from gsv_lab.released.companions import BertContext, load_hubert, read_vocabulary, stretches
from gsv_lab.released.loading import by_path
from gsv_lab.released.synthesizer import ReleasedSynthesizer, released_reference
from gsv_lab.text import phonemize
from gsv_lab.text.symbols import SYMBOLS_V1
from released_files import (
    CHARACTERS,
    N_CODES,
    SPEAKER,
    VERIFIED,
    WIDTH,
    gpt_spec,
    place,
    sovits_spec,
    write_companions,
    write_family,
    write_gpt,
    write_sovits,
)

pytest.importorskip("transformers", reason="transformers is in the extra [released]")
MIXED = "Hello world. 今天天气很好。"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_family(tmp_path_factory.mktemp("released"))


@pytest.fixture(scope="module")
def lab(folder: Path) -> Lab:
    # Random networks do not know when to stop; two codes a phone are enough to speak with.
    return Lab(replace(load_family(str(folder)), max_codes_per_phone=2.0))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Path:
    """Four seconds of the shipped sample."""
    wave = audio.read(sample, 32000).samples[: 4 * 32000]
    return audio.write(tmp_path_factory.mktemp("clip") / "clip.wav", wave, 32000)


@pytest.fixture(scope="module")
def voice(lab: Lab, clip: Path) -> Voice:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return lab.clone(clip, text="She said it was a good day.")


def synthesizer_of(lab: Lab) -> ReleasedSynthesizer:
    made = lab.family.synthesizer
    assert isinstance(made, ReleasedSynthesizer)
    return made


def test_from_text_to_wave(lab: Lab, voice: Voice, tmp_path: Path) -> None:
    """English and Mandarin, saved voice and saved speech."""
    assert lab.version == "v2Pro" and lab.sample_rate == 32000
    assert voice.speaker.shape == (1, SPEAKER, 1)
    again = Voice.load(voice.save(tmp_path / "v.safetensors"))
    one, two = (lab.speak(MIXED, v, seed=3) for v in (voice, again))
    torch.testing.assert_close(one.wave, two.wave)
    assert torch.isfinite(one.wave).all() and int(one.codes.max()) < N_CODES
    parts = list(lab.stream(MIXED, voice, seed=3))
    assert [part.wave.numel() for part in parts] == [len(part.codes) * 1280 for part in parts] and len(parts) == 2
    mark = audio.read_mark(one.save(tmp_path / "out.wav"))
    assert mark is not None and mark.model == "v2Pro"


def test_copy_synthesis_and_probe(lab: Lab, voice: Voice, clip: Path) -> None:
    """The posterior is in the file, and every part is found under the names that nano uses."""
    wave = audio.read(clip, 32000).samples
    assert abs(lab.copy_synthesis(wave).wave.numel() - wave.numel()) <= 640
    names = ["content_encoder.content", "context_encoder.features", "verifier.vector", "prior.cross_attention.pattern"]
    with probe(lab, *names, "semantic_gpt.logits", "vocoder.wave") as seen:
        lab.speak("今天天气很好", voice)
        synthesizer_of(lab).voice([wave])
        synthesizer_of(lab).encode(wave)
    assert set(names) < set(seen)


def test_prompt_of_the_release(lab: Lab, clip: Path) -> None:
    """Level untouched, silence behind it for the codes, and defaults of the released sampling."""
    taken = lab.family.reference(clip)
    torch.testing.assert_close(taken.samples, audio.read(clip, 32000).samples)
    codes = lab.family.synthesizer.encode(taken.samples)[0]
    assert len(lab.family.encode_reference(taken.samples)) - len(codes) == 15
    family = load_family(str(lab.family.folder))
    assert family.sampling == Sampling() and family.noise_scale == 0.5
    assert (family.pause, family.min_codes_per_phone, family.released) == (0.3, 0.0, True)


@pytest.mark.parametrize("seconds", [2.9, 10.0, 11.0])
def test_three_to_ten_seconds(sample: Path, tmp_path: Path, seconds: float) -> None:
    wave = audio.read(sample, 16000).samples.repeat(5)[: int(seconds * 16000)]
    path = audio.write(tmp_path / "a.wav", wave, 16000)
    if seconds < 3:
        with pytest.raises(AudioError, match="3 to 10 s"):
            released_reference(path, 32000)
        return
    made = released_reference(path, 32000)
    assert 3 <= made.samples.numel() / 32000 <= 10 and bool(made.why) == (seconds > 10)


def test_silence_is_no_reference(tmp_path: Path) -> None:
    path = audio.write(tmp_path / "a.wav", torch.zeros(16000 * 4), 16000)
    with pytest.raises(AudioError) as caught:
        released_reference(path, 32000)
    assert caught.value.code == "AUDIO_SILENT"


def test_bert_states_of_each_character(lab: Lab) -> None:
    """The third last state, once for each phone of its character; nothing for English; prompt and target apart."""
    context = lab.family.synthesizer.context_encoder
    assert isinstance(context, BertContext)
    phones = phonemize(MIXED)
    found = context(phones)
    assert found.shape == (WIDTH, len(phones))
    text = "今天天气很好."
    ids = [2, *(4 + CHARACTERS.index(character) for character in text), 3]
    with torch.no_grad():
        states = context.model(torch.tensor([ids]), output_hidden_states=True).hidden_states
    assert len(states) == 5
    middle = states[2][0, 1:-1].t()
    english = sum(word.phones for word in phones.words if word.language == "en") + 1
    assert found[:, :english].abs().max() == 0
    per_character = torch.tensor(phones.word2phones[-len(text) :])
    torch.testing.assert_close(found[:, english:], middle.repeat_interleave(per_character, 1))
    assert per_character.tolist() == [2, 2, 2, 2, 2, 2, 1]
    one, two = phonemize("我们回家吧."), phonemize("今天很好!")
    row = prompted_text(lab.family.synthesizer, two, Prompt(torch.arange(3), one))
    assert row.context is not None and row.codes is not None
    torch.testing.assert_close(row.context, torch.cat([context(one), context(two)], 1))
    assert row.phones.tolist() == one.ids + two.ids and row.before == len(one)


def test_companions_can_be_looked_into_and_watching_changes_nothing(lab: Lab) -> None:
    context, content = lab.family.synthesizer.context_encoder, lab.family.synthesizer.content_encoder
    phones, wave = phonemize(MIXED), 0.1 * torch.randn(1, 1, 16000)
    with torch.no_grad():
        features, frames = context(phones), content(wave).content
        with probe(context, "*") as text, probe(content, "*") as sound:
            torch.testing.assert_close(context(phones), features)
            torch.testing.assert_close(content(wave).content, frames)
    units = text["units"].value.repeat_interleave(torch.tensor(phones.word2phones), 1)
    assert torch.equal(units, text["features"].value) and units.abs().max() > 0
    assert sound["frames"].value.shape == frames.shape and not torch.equal(sound["frames"].value, frames)
    assert torch.equal(sound["content"].value, frames)


def test_stretches_of_language() -> None:
    found = stretches(phonemize("我们 play football, 吧!"))
    assert [(language, units) for language, _, units in found] == [("zh", 2), ("en", 3), ("zh", 2)]
    long = "今" * 30
    assert stretches(phonemize(long))[0][2] == 30


def test_text_longer_than_bert_reads(lab: Lab) -> None:
    context = lab.family.synthesizer.context_encoder
    assert isinstance(context, BertContext)
    limit = context.model.config.max_position_embeddings - 2
    assert context.hidden("今" * (limit + 5)).shape == (WIDTH, limit + 5)


def test_vocabulary_of_either_kind(folder: Path, tmp_path: Path) -> None:
    bert = place(folder, "context_encoder")
    known = read_vocabulary(bert)
    assert known["[CLS]"] == 2 and known[CHARACTERS[0]] == 4
    import json

    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {"vocab": known}}), encoding="utf-8")
    assert read_vocabulary(tmp_path) == known
    (tmp_path / "tokenizer.json").write_text("{}", encoding="utf-8")
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_vocabulary(tmp_path)


def test_hubert_from_the_older_file(folder: Path, tmp_path: Path) -> None:
    """`pytorch_model.bin` in half precision with the older names of weight norm, as the released folder has it."""
    good = load_hubert(place(folder, "content_encoder"))
    state = {
        key.replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): value.half()
        for key, value in good.model.state_dict().items()
    }
    torch.save(state, tmp_path / "pytorch_model.bin")
    good.model.config.save_pretrained(tmp_path)
    wave = torch.randn(1, 1, 16000) * 0.1
    with torch.no_grad():
        one, two = good(wave).content, load_hubert(tmp_path)(wave).content
    assert one.shape == (1, WIDTH, 49)
    torch.testing.assert_close(one, two, rtol=0, atol=0.05)
    del state["encoder.layer_norm.weight"]
    torch.save(state, tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"encoder\.layer_norm\.weight"):
        load_hubert(tmp_path)


def test_every_absent_file_in_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GSV_LAB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(CheckpointError) as caught:
        load("v2Pro")
    message = str(caught.value)
    assert caught.value.code == "CKPT_MISSING" and "\n" not in message and "5 of its files" in message
    for words in ("s1v3.ckpt (about 155 MB)", "s2Gv2Pro.pth (about 162 MB)", "chinese-hubert-base (about 189 MB)"):
        assert words in message
    for words in ("chinese-roberta-wwm-ext-large (about", "eres2netv2w24s4ep4.ckpt (about", "weights get v2Pro"):
        assert words in message
    pair = write_family(tmp_path / "pair", pro=False, companions=False)
    with pytest.raises(CheckpointError) as caught:
        load(str(pair))
    assert "v2 lacks 2 of its files: chinese-hubert-base" in str(caught.value)
    with pytest.raises(CheckpointError, match="no imported weights of semantic_gpt and sovits"):
        load(str(tmp_path))


def test_given_vector_in_place_of_the_network(folder: Path, clip: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    shutil.copytree(folder, own)
    place(own, "speaker_verification").unlink()
    made = load_family(str(own)).synthesizer
    assert isinstance(made, ReleasedSynthesizer)
    wave = audio.read(clip, 32000).samples
    with pytest.raises(CheckpointError, match=r"eres2netv2w24s4ep4\.ckpt .*weights get v2Pro"):
        made.voice([wave])
    vector = torch.randn(VERIFIED)
    one, two = made.voice([wave], [vector]), made.voice([wave], [-vector])
    assert one.shape == (1, SPEAKER, 1) and not torch.equal(one, two)
    both = made.voice([wave, wave], [vector, -vector])
    torch.testing.assert_close(both, (one + two) / 2)


def test_by_name_from_released_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clip: Path) -> None:
    """Files as they are downloaded, imported at first use and read again at the second."""
    monkeypatch.setenv("GSV_LAB_CACHE", str(tmp_path))
    weights = tmp_path / "weights"
    write_gpt(place(weights, "semantic_gpt", "v1"), gpt_spec(512))
    write_sovits(place(weights, "sovits", "v1"), sovits_spec(False, n_phones=322, bins=1025, posterior=False))
    write_companions(weights)
    made = load_family("v1")
    twin = next(weights.glob("s2G488k*.safetensors"))
    before = twin.stat().st_mtime_ns
    assert made.version == "v1" and made.synthesizer.sovits.prior.n_phones == 322
    phones = phonemize(MIXED)
    assert [SYMBOLS_V1[number] for number in phones.ids] == list(phones.symbols)
    assert load_family("v1").fingerprints() == made.fingerprints() and twin.stat().st_mtime_ns == before
    lab = Lab(replace(made, max_codes_per_phone=1.0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert lab.speak("今天.", lab.clone(clip)).wave.numel() > 0


def test_one_file_of_a_pair_names_it(folder: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for path in folder.glob("mine.*.safetensors"):
        shutil.copy(path, own / path.name)
        shutil.copy(path, own / path.name.replace("mine", "yours"))
    found = by_path(own / "yours.sovits.safetensors")
    assert {path.name for role, path in found.paths.items() if role in ("semantic_gpt", "sovits")} == {
        "yours.semantic_gpt.safetensors",
        "yours.sovits.safetensors",
    }
    with pytest.raises(CheckpointError, match="several files"):
        by_path(own)


def test_files_that_do_not_belong_together(folder: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    shutil.copytree(folder, own)
    wrong = gpt_spec()
    wrong["init_args"]["context_dim"] = WIDTH + 2
    from gsv_lab.released.importer import import_reference

    import_reference([write_gpt(own / "w.ckpt", wrong)], own / "mine.semantic_gpt.safetensors")
    with pytest.raises(ConfigError, match=r"context_encoder\.dim is 8 but semantic_gpt\.context_dim is 10"):
        load(str(own))


def test_without_the_extra(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(LabError) as caught:
        load(str(folder))
    assert caught.value.code == "EXTRA_MISSING" and "[released]" in str(caught.value)


def test_timings_by_the_shipped_recogniser(lab: Lab, voice: Voice, clip: Path) -> None:
    """The released networks recognise no phones; nano's content encoder does it for them."""
    wave: Any = audio.read(clip, 32000).samples
    phones = phonemize("She said it was a good day.")
    timings = lab.recordings.align(wave, phones)
    assert len(timings) == len(phones) and float(timings.end[-1]) <= wave.numel() / 32000 + 0.05
