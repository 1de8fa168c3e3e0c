"""What each method frees, and that low-rank updates are exactly what they say, in both compositions."""

from __future__ import annotations

import copy
import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gsv_lab.errors import ConfigError, LabError
from gsv_lab.inference.adapters import UP, fold_weight_norm, merge
from gsv_lab.inference.lab import Lab, load
from gsv_lab.inference.networks import with_own
from gsv_lab.nn.interfaces import Conditioning
from gsv_lab.system.config import build
from gsv_lab.training.finetuning.methods import (
    FullTuning,
    LastBlocks,
    LoRA,
    Method,
    SpeakerTuning,
    Tunable,
    tunable_gpt,
    tunable_sovits,
)
from gsv_lab.training.finetuning.shares import moved_parameters
from gsv_lab.training.finetuning.tasks import FixedSpeaker
from released_files import LATENT, SPEAKER, gpt_spec, sovits_spec
from tiny import make_family, make_planning_family

NETWORKS = ("nano", "planning nano", "released", "released Pro")
TOLERANCE = 1e-5
"""Of an output's largest number."""


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Lab]:
    """Tiny nanos of both kinds."""
    folder = tmp_path_factory.mktemp("families")
    planning = make_planning_family(folder / "planning")
    return {"nano": load(str(make_family(folder / "nano"))), "planning nano": load(str(planning))}


@pytest.fixture(params=NETWORKS)
def networks(request: pytest.FixtureRequest, labs: dict[str, Lab]) -> tuple[Any, Any]:
    """SemanticGPT and SoVITS: nano's composition, and the released one with its weight-normed HiFi-GAN."""
    if request.param in labs:
        synthesizer = labs[request.param].family.synthesizer
        return copy.deepcopy(synthesizer.semantic_gpt), copy.deepcopy(synthesizer.sovits)
    torch.manual_seed(3)
    pro = request.param == "released Pro"
    return build(gpt_spec()).eval(), loud(build(sovits_spec(pro))).eval()


@torch.no_grad()
def loud(network: nn.Module) -> nn.Module:
    """A network whose layers all count: the released start is near zero in vocoder and flow."""
    for value in network.parameters():
        if value.dim() > 1:
            value.normal_(0.0, value[0].numel() ** -0.5)
    return network


def own(sovits: Any, transcribed: bool = True) -> Tunable:
    """A SoVITS ready to be tuned."""
    sovits.speaker_encoder = FixedSpeaker(sovits.speaker_encoder)
    return tunable_sovits(sovits, transcribed)


def free(network: nn.Module) -> set[str]:
    """Names of the tensors that learn."""
    return {name for name, value in network.named_parameters() if value.requires_grad}


def inside(network: nn.Module, *modules: nn.Module) -> set[str]:
    """Names of all tensors of some modules of a network."""
    own = {id(value) for module in modules for value in module.parameters()}
    return {name for name, value in network.named_parameters() if id(value) in own}


def outputs(gpt: Any, sovits: Any) -> dict[str, Tensor]:
    """What each part makes of the same random input."""
    torch.manual_seed(5)
    latent, quantizer = sovits.prior.latent_dim, sovits.quantizer.dim
    speaker = torch.randn(2, sovits.prior.speaker_dim, 1)
    of_frames = torch.randint(5, (2, 12)).sort(1).values
    known = Conditioning(speaker, None, torch.full((2, 1, 1), 0.1), None, None, of_frames)
    phones, codes = torch.randint(9, (2, 6)), torch.randint(9, (2, 7))
    context = torch.randn(2, gpt.context_dim, 6)
    spoken = torch.arange(7).clamp(max=5).expand(2, -1) if gpt.max_advance else None
    prior = sovits.prior(torch.randn(2, quantizer, 12), None, phones, None, known)
    made = {"prior.mean": prior.mean, "prior.scale": prior.log_scale}
    z = torch.randn(2, latent, 12)
    made |= {"flow": sovits.flow(z, None, known), "inverse flow": sovits.flow(z, None, known, inverse=True)}
    pitch = {name: torch.full((2, 1, 24), value) for name, value in (("log_f0", 5.0), ("voicing", 1.0))}
    spoken_by = known._replace(ltas=torch.randn(2, 40, 1), **pitch)
    if "ltas" not in sovits.vocoder.needs:
        spoken_by = spoken_by._replace(ltas=None)
    made["vocoder"] = sovits.vocoder(z, spoken_by, torch.Generator().manual_seed(1)).wave
    if "pitch_predictor" in sovits.parts():
        made["pitch"] = torch.cat(sovits.parts()["pitch_predictor"](prior.hidden, known))
    made["semantic_gpt"] = gpt(phones, context, codes, phone_index=spoken)
    return made


def same(found: dict[str, Tensor], wanted: dict[str, Tensor], tolerance: float = TOLERANCE) -> None:
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        error = float((found[name] - value).abs().max() / value.abs().max())
        assert error <= tolerance, f"{name}: {error:.1e}"


@torch.no_grad()
def filled(network: nn.Module) -> None:
    """Put numbers into every B."""
    generator = torch.Generator().manual_seed(7)
    for name, value in network.named_parameters():
        if UP + "." in name:
            value.copy_(0.2 * torch.randn(value.shape, generator=generator))


@torch.no_grad()
def test_updates_merged_and_beside_the_weights_are_those_of_peft(networks: tuple[Any, Any]) -> None:
    """With B at zero nothing changes; with numbers in B all three ways give the same, and the base what it gave."""
    pytest.importorskip("peft", reason="peft is in the extra [lora]")
    base = networks
    before, tensors = outputs(*base), [copy.deepcopy(network.state_dict()) for network in base]
    gpt, sovits = copy.deepcopy(base)
    method = LoRA(rank=2, alpha=6.0)
    method.apply(tunable_gpt(gpt))
    method.apply(own(sovits))
    same(outputs(gpt.eval(), sovits.eval()), before)
    assert not method.moved(gpt).adapters
    filled(gpt)
    filled(sovits)
    learned = outputs(gpt, sovits)
    still = set() if sovits.prior.tuned_modules() else {"prior.mean", "prior.scale", "pitch"}
    for name, value in learned.items():
        assert (float((value - before[name]).abs().max()) > 1e-3 * float(value.abs().max())) == (name not in still)
    moved = [method.moved(network).adapters for network in (gpt, sovits)]
    merged = copy.deepcopy(base)
    for network, adapters in zip(merged, moved, strict=True):
        merge(network, adapters)
    same(outputs(*merged), learned)
    beside = [with_own(network, {}, adapters) for network, adapters in zip(base, moved, strict=True)]
    same(outputs(*beside), learned)
    now = outputs(*base)
    assert all(torch.equal(now[name], value) for name, value in before.items())
    for network, old in zip(base, tensors, strict=True):
        assert all(torch.equal(network.state_dict()[name], value) for name, value in old.items())


@torch.no_grad()
def test_folding_one_copy_leaves_the_others_whole() -> None:
    """Copies of a weight-normed layer share the class that torch makes for it: what is done to one must not take it."""
    base = build(sovits_spec(pro=False)).eval()
    copied = copy.deepcopy(base)
    names = [name for name, layer in base.named_modules() if isinstance(layer, nn.Conv1d)]
    z, known = torch.randn(1, LATENT, 9), Conditioning(torch.randn(1, SPEAKER, 1))
    before = base.vocoder(z, known).wave
    fold_weight_norm(copied, names)
    assert any("parametrizations" in name for name, _ in base.named_parameters())
    assert not any("parametrizations.weight" in n for n, _ in copied.named_parameters() if ".up." not in n)
    assert torch.equal(base.vocoder(z, known).wave, before)
    torch.testing.assert_close(copied.vocoder(z, known).wave, before)
    assert torch.equal(copy.deepcopy(base).vocoder(z, known).wave, before)


class Odd(nn.Module):
    """Layers that can have an update, and layers that cannot."""

    def __init__(self) -> None:
        super().__init__()
        self.plain = nn.Conv1d(8, 8, 3)
        self.grouped = nn.Conv1d(8, 8, 3, groups=2)
        self.transposed = nn.ConvTranspose1d(8, 8, 4, 2)
        self.mirrored = nn.Conv1d(8, 8, 3, padding=1, padding_mode="reflect")
        self.narrow = nn.Linear(8, 4)
        self.wide = nn.Linear(8, 9)
        self.table = nn.Embedding(9, 8)


def test_only_layers_that_can_have_an_update_get_one() -> None:
    odd = Odd()
    assert LoRA(rank=4).layers(Tunable(odd, [odd], [odd], [])) == ["plain", "wide"]
    assert LoRA(rank=3).layers(Tunable(odd, [odd], [odd], [])) == ["plain", "narrow", "wide"]
    with pytest.raises(ConfigError, match=r"rank is 8, and the widest.* 8 channels.*a rank from 1 to 7") as caught:
        LoRA(rank=8).apply(Tunable(odd, [odd], [odd], []))
    assert caught.value.code == "CONFIG_RANGE"


def test_without_peft_one_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    odd = Odd()
    with pytest.raises(LabError, match=r"'peft' is not installed.*\[lora\]") as caught:
        LoRA(rank=2).apply(Tunable(odd, [odd], [odd], []))
    assert caught.value.code == "EXTRA_MISSING"


def test_full_tuning_frees_the_parts_that_carry_a_voice(networks: tuple[Any, Any]) -> None:
    gpt, sovits = networks
    FullTuning().apply(tunable_gpt(gpt))
    assert free(gpt) == inside(gpt, gpt)
    FullTuning().apply(own(sovits))
    joint = sovits.prior.tuned_modules()
    always = [sovits.speaker_encoder, sovits.flow, sovits.vocoder]
    assert free(sovits) == inside(sovits, *always, *joint) and "speaker_encoder.vector" in free(sovits)
    FullTuning().apply(tunable_sovits(sovits, transcribed=False))
    assert free(sovits) == inside(sovits, *always)


def test_a_prior_that_a_discriminator_taught_stays_as_it_is(labs: dict[str, Lab]) -> None:
    """But for its last blocks, where somebody asks for these."""
    for lab, parts in ((labs["planning nano"], set()), (labs["nano"], {"prior"})):
        for method in (FullTuning(), SpeakerTuning()):
            sovits = copy.deepcopy(lab.family.synthesizer.sovits)
            method.apply(own(sovits))
            moved = {name.split(".")[0] for name in free(sovits)}
            assert moved & {"prior"} == parts and {"speaker_encoder", "flow"} <= moved
        LastBlocks().apply(own(sovits))
        assert {name.split(".")[0] for name in free(sovits)} == {"speaker_encoder", "prior"}


def apart() -> Any:
    """A released SoVITS in which only layers that read the speaker vector read as many channels as it has."""
    made = sovits_spec(pro=True)
    parts = made["init_args"]
    parts["vocoder"]["init_args"]["width"] = 48
    parts["flow"]["init_args"]["width"] = 20
    parts["prior"]["init_args"] |= {"width": 20, "filter_width": 24}
    return build(made)


def test_speaker_tuning_frees_what_reads_the_vector(labs: dict[str, Lab]) -> None:
    sovits = apart()
    SpeakerTuning().apply(own(sovits))
    steps = {f"flow.steps.{n}.stack.condition" for n in range(4)}
    layers = {*steps, "prior.cross_attention.speaker_in", "vocoder.condition"}
    found = free(sovits) - {"speaker_encoder.vector"}
    assert {
        name.split(".parametrizations")[0].removesuffix(".weight").removesuffix(".bias") for name in found
    } == layers
    gpt = labs["nano"].family.synthesizer.semantic_gpt
    with pytest.raises(ConfigError, match="SpeakerTuning finds nothing in this AlignedSemanticGPT") as caught:
        SpeakerTuning().apply(tunable_gpt(copy.deepcopy(gpt)))
    assert caught.value.code == "CONFIG_INCONSISTENT"


@pytest.mark.parametrize("blocks", [1, 2])
def test_the_last_blocks_are_those_of_what_reads_text(networks: tuple[Any, Any], blocks: int) -> None:
    gpt, sovits = networks
    LastBlocks(blocks).apply(tunable_gpt(gpt))
    wanted = list(gpt.layers[-blocks:])
    planned = [part for name, part in gpt.named_children() if name == "duration_predictor"]
    wanted += [block for part in planned for block in part.blocks[-blocks:]]
    assert free(gpt) == inside(gpt, *wanted) and len(inside(gpt, *wanted)) > 0
    LastBlocks(blocks).apply(own(sovits))
    (stack,) = [
        part for module in sovits.prior.joint_modules() for part in module.modules() if isinstance(part, nn.ModuleList)
    ]
    assert free(sovits) == inside(sovits, sovits.speaker_encoder, *stack[-blocks:])
    with pytest.raises(ConfigError, match="LastBlocks finds nothing.*clips with texts"):
        LastBlocks(blocks).apply(tunable_sovits(sovits, transcribed=False))


def test_lora_frees_updates_and_the_vector_alone(networks: tuple[Any, Any]) -> None:
    pytest.importorskip("peft", reason="peft is in the extra [lora]")
    gpt, sovits = networks
    tunable = own(sovits)
    names = LoRA(rank=2).layers(tunable)
    LoRA(rank=2).apply(tunable)
    found = free(sovits)
    assert {name for name in found if ".lora_" not in name} == {"speaker_encoder.vector"}
    assert {name.split(".lora_")[0] for name in found if ".lora_" in name} == set(names)
    parts = {name.split(".")[0] for name in names}
    prior = {"prior"} if sovits.prior.tuned_modules() else set()
    assert parts == prior | {"flow", "vocoder"}
    if sovits.prior.alignment() is not None:
        kinds = {"query", "key", "value", "out", "content_in", "text_in"}
        assert {f"prior.cross_attention.{kind}" for kind in kinds} <= set(names)
    LoRA(rank=2).apply(tunable_gpt(gpt))
    assert all(".lora_" in name for name in free(gpt))
    assert {f"layers.{n}.attention.qkv" for n in range(2)} <= {name.split(".lora_")[0] for name in free(gpt)}


def test_without_transcripts_updates_stay_away_from_the_text() -> None:
    """Of the prior only the layer that reads the speaker vector has one."""
    sovits = apart()
    names = LoRA(rank=2).layers(own(sovits, transcribed=False))
    assert [name for name in names if name.startswith("prior.")] == ["prior.cross_attention.speaker_in"]
    told = LoRA(rank=2).layers(tunable_sovits(sovits, transcribed=True))
    assert set(names) < set(told) and any(name.startswith("prior.fused_stack") for name in told)


def test_shares_of_the_methods(labs: dict[str, Lab]) -> None:
    pytest.importorskip("peft", reason="peft is in the extra [lora]")
    family = labs["planning nano"].family
    methods: dict[str, Method] = {
        "full": FullTuning(),
        "lora": LoRA(rank=2),
        "speaker": SpeakerTuning(),
        "last:1": LastBlocks(),
    }
    found = moved_parameters(family, methods)
    assert list(found) == ["base", *methods] and len({tuple(one) for one in found.values()}) == 1
    sovits = family.synthesizer.sovits
    assert found["base"]["flow"] == found["full"]["flow"] == sum(value.numel() for value in sovits.flow.parameters())
    assert found["full"]["speaker_encoder"] == sovits.speaker_encoder.speaker_dim
    assert all(not found[name]["posterior"] and not found[name]["quantizer"] for name in methods)
    assert found["speaker"]["semantic_gpt"] == 0 < found["lora"]["semantic_gpt"] < found["last:1"]["semantic_gpt"]
    totals = [sum(one.values()) for one in found.values()]
    assert totals[0] > totals[1] > max(totals[2:])
    # Of each of two couplings: in_proj 4 -> 8, condition 16 -> 16, gate 8 -> 16 over 5 frames, out 8 -> 8, out_proj.
    assert found["lora"]["flow"] == 2 * 2 * (4 + 8 + 16 + 16 + 8 * 5 + 16 + 8 + 8 + 8 + 4)
