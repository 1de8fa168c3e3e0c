"""A released family through the lab: pieces joined without a seam, speed, noise, several references, batches."""

from __future__ import annotations

import re
import shlex
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

from gsv_lab import audio
from gsv_lab.cli import main
from gsv_lab.errors import ConfigError
from gsv_lab.inference.lab import Lab
from gsv_lab.inference.loading import load_family
from gsv_lab.inference.voice import Voice
from gsv_lab.text import phonemize
from gsv_lab.training.logging_callback import LoggingCallback
from reduced import reduced_gpt, reduced_sovits, write_clips
from released_files import gpt_spec, sovits_spec, write_companions, write_family, write_gpt, write_sovits

pytest.importorskip("transformers", reason="transformers is in the extra [released]")
TEXT = "今天天气很好，我们回家。"
HOP = 1280


@pytest.fixture(scope="module", params=["plain", "Pro"])
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """v2 and v2Pro at tiny size; two codes a phone, for random networks do not know when to stop."""
    folder = write_family(tmp_path_factory.mktemp("released"), pro=request.param == "Pro")
    family = load_family(str(folder))
    # A vocoder starts so quiet that its conditioning drowns in rounding; three times the gain, and it shows.
    with torch.no_grad():
        for gain in (p for p in family.synthesizer.sovits.vocoder.parameters() if p.dim() > 1):
            gain *= 3
    return Lab(replace(family, max_codes_per_phone=2.0))


@pytest.fixture(scope="module")
def waves(sample: Path) -> list[torch.Tensor]:
    """Four seconds of the shipped sample, and of loud noise, which even random networks take for another voice."""
    noise = torch.randn(4 * 32000, generator=torch.Generator().manual_seed(0))
    return [audio.read(sample, 32000).samples[: 4 * 32000], noise]


@pytest.fixture(scope="module")
def voice(lab: Lab, waves: list[torch.Tensor], tmp_path_factory: pytest.TempPathFactory) -> Voice:
    clip = audio.write(tmp_path_factory.mktemp("clip") / "clip.wav", waves[0], 32000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return lab.clone(clip, text="She said it was a good day.")


def test_pieces_say_what_the_whole_says(lab: Lab, voice: Voice) -> None:
    """The same codes in more parts, the samples of all of them, and no jump where two parts meet."""
    whole = lab.speak(TEXT, voice, seed=1, noise_scale=0.0)
    pieces = list(lab.stream(TEXT, voice, seed=1, noise_scale=0.0, chunk_seconds=0.4))
    assert len(pieces) > 2 and torch.equal(torch.cat([piece.codes for piece in pieces]), whole.codes)
    joined = torch.cat([piece.wave for piece in pieces])
    assert abs(joined.numel() - len(whole.codes) * HOP) <= len(pieces) * 256
    largest = float(whole.wave.diff().abs().max())
    for piece in torch.cumsum(torch.tensor([piece.wave.numel() for piece in pieces[:-1]]), 0).tolist():
        assert float((joined[piece] - joined[piece - 1]).abs()) <= 2 * largest


@pytest.mark.parametrize("speed", [0.75, 1.3])
def test_speed_stretches_the_same_codes(lab: Lab, voice: Voice, speed: float) -> None:
    plain, other = (lab.speak(TEXT, voice, speed=factor) for factor in (1.0, speed))
    assert torch.equal(plain.codes, other.codes)
    frames = int(len(plain.codes) * 2 / speed) + 1
    assert other.wave.numel() == frames * HOP // 2 and plain.wave.numel() == len(plain.codes) * HOP


def test_noise_is_drawn_from_the_seed_and_scaled(lab: Lab, voice: Voice) -> None:
    """Without noise the sound follows from the codes alone; with it the same codes sound otherwise each time."""
    codes = torch.arange(12)[None] % 20
    made = lab.family.synthesizer

    def spoken(scale: float, seed: int) -> torch.Tensor:
        return made.speak(codes, phonemize(TEXT), voice.speaker, scale, 1.0, torch.Generator().manual_seed(seed))

    still, half, loud = spoken(0.0, 1), spoken(0.5, 1), spoken(1.0, 1)
    assert torch.equal(still, spoken(0.0, 2)) and not torch.equal(half, spoken(0.5, 2))
    assert torch.equal(half, spoken(0.5, 1))
    assert float((loud - still).norm()) > float((half - still).norm()) > 0
    with pytest.raises(ConfigError, match="noise_scale is 3"):
        lab.speak(TEXT, voice, noise_scale=3.0)


def test_several_references_are_one_voice(lab: Lab, voice: Voice, waves: list[torch.Tensor]) -> None:
    """The mean of their vectors changes what is spoken; each alone sounds otherwise."""
    made = lab.family.synthesizer
    one, two, both = made.voice(waves[:1]), made.voice(waves[1:]), made.voice(waves)
    torch.testing.assert_close(both, (one + two) / 2)
    spoken = [lab.speak(TEXT, replace(voice, speaker=vector), seed=2) for vector in (one, two, both)]
    assert all(torch.equal(speech.codes, spoken[0].codes) for speech in spoken)
    assert all(float((spoken[i].wave - spoken[j].wave).norm()) > 1e-5 for i, j in ((0, 1), (0, 2), (1, 2)))


def test_batches_come_in_their_order(lab: Lab, voice: Voice) -> None:
    """Sentences of like length are decoded together; every one is whole and in its place."""
    text = "今天天气很好。我们回家吧。今天很好。"
    parts = list(lab.stream(text, voice, batch=3))
    alone = list(lab.stream(text, voice))
    assert [part.phones.ids for part in parts if part.phones] == [part.phones.ids for part in alone if part.phones]
    assert len(parts) == len(alone) == 3
    assert all(part.wave.numel() == len(part.codes) * HOP and len(part.codes) for part in parts)


def test_pause_between_sentences_has_the_family_s_own_rate(lab: Lab, voice: Voice) -> None:
    """0.3 s at 32 kHz, and none behind the last sentence."""
    parts = list(lab.stream("今天很好。我们回家。", voice))
    whole = lab.speak("今天很好。我们回家。", voice)
    assert whole.wave.numel() == sum(part.wave.numel() for part in parts) + round(0.3 * 32000)


def test_commands_of_the_page(sample: Path, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command of docs/released.md but the download, on tiny files of the same layout."""
    page = (root / "docs" / "released.md").read_text(encoding="utf-8")
    commands = [line for block in re.findall(r"^```sh\n(.*?)^```", page, re.S | re.M) for line in block.splitlines()]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GSV_LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("gsv_lab.released.loading.UNBOUNDED", 2.0)  # random networks do not know when to stop
    write_gpt(tmp_path / "g-e15.ckpt", gpt_spec())
    write_sovits(tmp_path / "s_e8_s200.pth", sovits_spec(), "05")
    write_companions(tmp_path)
    audio.write(tmp_path / "clip.wav", audio.read(sample, 32000).samples[: 4 * 32000], 32000)
    write_clips(tmp_path, sample)
    overlays = {"gpt": reduced_gpt(), "sovits": reduced_sovits("v2Pro")}
    for stage, overlay in overlays.items():
        (tmp_path / f"{stage}.yaml").write_text(yaml.safe_dump(overlay), encoding="utf-8")
    monkeypatch.setattr(LoggingCallback, "on_validation_batch_end", lambda *_, **__: None)
    done = []
    for command in commands:
        name, *arguments = shlex.split(command)
        assert name == "gsv-lab"
        if arguments[:2] != ["weights", "get"]:
            if arguments[0] in ("speak",):
                arguments.append("--quiet")
            if arguments[0] == "fit":
                config = arguments[arguments.index("--config") + 1]
                arguments[arguments.index(config)] = str(root / config)
                arguments[1:1] = ["--config", str(root / config), "--config", Path(config).name]
                del arguments[5:7]
                arguments.append("trainer.max_batches=2")
            assert main(arguments) == 0, command
            done.append(arguments[0])
    training = ["store", "fit", "fit", "weights", "weights"]
    assert done == ["weights", "weights", "weights", "clone", "speak", *training, "released"]
    assert (tmp_path / "tuned.pth").read_bytes()[:2] == b"05" and (tmp_path / "released_check").is_dir()
    assert (tmp_path / "back.pth").read_bytes()[:2] == b"05"
    assert audio.read(tmp_path / "out.wav").seconds > 0.3
