"""Voices of the released families, tuned at reduced size from recordings to speech, and their files at full size."""

from __future__ import annotations

import copy
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gsv_lab.checkpoint import save_component
from gsv_lab.cli import main
from gsv_lab.errors import ConfigError
from gsv_lab.inference.adapters import UP
from gsv_lab.inference.lab import Lab, load
from gsv_lab.inference.synthesizer import Prompt
from gsv_lab.inference.voice import Voice
from gsv_lab.system.config import build, load_experiment
from gsv_lab.text import phonemize
from gsv_lab.training.finetuning import candidates
from gsv_lab.training.finetuning.methods import tunable_gpt, tunable_sovits
from gsv_lab.training.finetuning.run import finetune
from gsv_lab.training.finetuning.tasks import FixedSpeaker
from released_files import write_family
from small_voices import write_clips
from tiny import DISCRIMINATORS

pytest.importorskip("transformers", reason="transformers is in the extra [released]")
pytest.importorskip("peft", reason="peft is in the extra [lora]")

QUICK = ("trainer.checkpoint_every=2", "trainer.validate_every=1000", "data.init_args.batch_seconds=5")


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clips(tmp_path_factory.mktemp("me"), (1.5, 1.6, 1.7, 1.8))


V2, PRO = (pytest.mark.parametrize("folder", [name], indirect=True) for name in ("v2", "v2Pro"))


@pytest.fixture(scope="module")
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reduced family with companions, of which v2 has discriminators, too."""
    made = write_family(tmp_path_factory.mktemp("family"), pro=request.param == "v2Pro")
    if request.param == "v2":
        save_component(build(DISCRIMINATORS), made / "mine.discriminators.safetensors")
    return made


@pytest.fixture(scope="module")
def lab(folder: Path) -> Lab:
    return load(str(folder))


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@V2
def test_updates_of_both_stages_from_recordings_to_speech(folder: Path, clips: Path, tmp_path: Path) -> None:
    """By the command line."""
    recipe = tmp_path / "recipe.yaml"
    lines = ["trainer: {checkpoint_every: 3, validate_every: 3}", "data: {init_args: {batch_seconds: 5.0}}"]
    recipe.write_text("\n".join(lines) + "\n", encoding="utf-8")
    output = tmp_path / "me.safetensors"
    command = [
        "finetune",
        str(clips),
        "--model",
        str(folder),
        "--method",
        "lora",
        "--stage",
        "both",
        "--steps",
        "3",
        "--no-verdict",
    ]
    more = ["--config", str(recipe), "--learning-rate", "0.05", "--run-folder", str(tmp_path / "run")]
    assert main([*command, *more, "--output", str(output), "--device", "cpu"]) == 0
    lab, voice = load(str(folder)), Voice.load(output)
    assert voice.parent == lab.version and not voice.changed and voice.residuals is None
    written = [
        tmp_path / "run" / stage / "weights" / f"{name}.safetensors"
        for stage, name in (("sovits", "sovits"), ("gpt", "semantic_gpt"))
    ]
    assert all(path.is_file() for path in written)
    assert (voice.settings["method"], voice.settings["stage"]) == ("lora", "both")
    assert voice.tuned == (voice.settings["steps"] > 0)
    assert (
        lab.speak("We walk home now.", voice, max_new=None) if False else lab.speak("We walk.", voice).wave.numel() > 0
    )


@PRO
def test_the_networks_of_a_checkpoint_are_others(
    lab: Lab, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the held-out clips say of random networks: the last state is kept, and is not that of the base."""
    falling = iter(range(0, -100, -1))
    monkeypatch.setattr(candidates, "held_out_loss", lambda *_: next(falling))
    voice = finetune(
        lab.family, lab.recordings, clips, run=tmp_path / "run", progress_bar=False, verdict=False, steps=4,
        method="lora", stage="both", learning_rate=0.05, overrides=[*QUICK, "task.init_args.method.init_args.rank=2"],
    )  # fmt: skip
    assert voice.settings["steps"] == 4 and voice.adapters and not voice.changed
    parts = {".".join(name.split(".")[:2]) for name in voice.adapters}
    assert {"sovits.flow", "sovits.vocoder", "sovits.prior", "semantic_gpt.layers"} <= parts
    assert any(name.startswith("sovits.prior.cross_attention.") for name in voice.adapters)
    own, base = lab.synthesizer_for(voice), lab.family.synthesizer
    codes, phones = torch.randint(20, (1, 9)), torch.randint(9, (1, 5))
    with torch.no_grad():
        made, plain = (one.sovits.decode(codes, phones, voice.speaker, 0.0).z for one in (own, base))
        logits, others = (one.semantic_gpt(phones, None, codes) for one in (own, base))
    assert not torch.allclose(made, plain) and not torch.allclose(logits, others)
    assert lab.speak("We walk.", voice).wave.numel() > 0


@pytest.mark.parametrize("folder", ["v2", "v2Pro"], indirect=True)
def test_discriminators_beside_the_pair_go_on_teaching(lab: Lab, folder: Path) -> None:
    path = lab.family.extra("discriminators")
    assert path == (None if "2Pro" in lab.version else folder / "mine.discriminators.safetensors")


@V2
def test_full_tuning_of_sovits_leaves_semantic_gpt_alone(lab: Lab, clips: Path, tmp_path: Path) -> None:
    voice = finetune(
        lab.family, lab.recordings, clips, run=tmp_path / "run", progress_bar=False, verdict=False, steps=2,
        overrides=QUICK,
    )  # fmt: skip
    assert not voice.adapters and all(name.startswith("sovits.") for name in voice.changed)
    assert lab.speak("We walk.", voice).wave.numel() > 0


@V2
def test_what_cannot_be_tuned_is_said_before_anything_is_made(lab: Lab, clips: Path, tmp_path: Path) -> None:
    untold = tmp_path / "untold"
    write_clips(untold, (1.5, 1.6, 1.7, 1.8), text="")
    with pytest.raises(ConfigError, match="reads the text of all that it says.*transcripts in list.txt"):
        finetune(lab.family, lab.recordings, untold, run=tmp_path / "run", verdict=False)
    bare = copy.copy(lab.family.synthesizer)
    bare._modules = {**bare._modules, "sovits": copy.deepcopy(bare.sovits)}
    bare.sovits.posterior = None
    family = replace(lab.family, synthesizer=bare)
    with pytest.raises(ConfigError, match="came without a posterior.*Take the stage gpt") as caught:
        finetune(family, lab.recordings, clips, run=tmp_path / "run", overrides=QUICK, verdict=False)
    assert caught.value.code == "CONFIG_INCONSISTENT" and not list(tmp_path.rglob("*.safetensors"))


@pytest.mark.slow
@pytest.mark.parametrize("family", ["v2", "v2ProPlus"])
def test_files_of_full_size_networks_are_small(family: str, root: Path, tmp_path: Path) -> None:
    """Both stages together at the default rank: 5 to 10 MB, on random weights of true sizes; prints what is in it."""
    torch.manual_seed(0)
    specs = [
        load_experiment([root / "configs" / family / f"{stage}.yaml"])["task"]["init_args"]
        for stage in ("gpt", "sovits")
    ]
    gpt, sovits = build(specs[0]["semantic_gpt"]), build(specs[1]["sovits"])
    sovits.speaker_encoder = FixedSpeaker(sovits.speaker_encoder)
    method = build(
        load_experiment([root / "configs" / "finetune" / name for name in ("sovits.yaml", "lora.yaml")])["task"][
            "init_args"
        ]["method"]
    )
    full = sum(value.numel() for value in gpt.parameters())
    full += sum(value.numel() for module in sovits.tuned_modules(True) for value in module.parameters())
    method.apply(tunable_gpt(gpt))
    method.apply(tunable_sovits(sovits, transcribed=True))
    adapters = {}
    for prefix, network in (("semantic_gpt", gpt), ("sovits", sovits)):
        for name, value in network.named_parameters():
            if UP in name:
                value.data.normal_(0.0, 0.01)
        adapters |= {f"{prefix}.{name}": value for name, value in method.moved(network).adapters.items()}
    prompt = Prompt(torch.randint(1024, (150,)), phonemize("She said it was a good day.", "en"))
    voice = Voice("me", family, {"sovits": "0"}, sovits.speaker_encoder.vector.detach(), prompt, adapters=adapters)
    size = voice.save(tmp_path / "me.safetensors").stat().st_size
    layers = Counter(".".join(name.split(".")[:2]) for name in adapters if name.endswith(UP))
    numbers = sum(value.numel() for value in adapters.values())
    print(f"\n{family}: rank {method.rank}, {size / 1e6:.2f} MB, {numbers:,} numbers, layers {dict(layers)}")
    assert 5e6 <= size <= 10e6 and numbers <= full / 4
