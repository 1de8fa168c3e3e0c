"""The recipes: each overlay fits what it is for, and changes in the steps of a training what it says."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
import yaml
from torch import Tensor, nn

from gsv_lab.checkpoint.native import load_tensors
from gsv_lab.corpora.store import ClipStore
from gsv_lab.errors import ConfigError, LabError
from gsv_lab.nn.spectral import LinearSpectrogram, LogMel
from gsv_lab.system.config import build, load_experiment
from gsv_lab.system.overlay import overlay
from gsv_lab.system.settings import Recipe
from gsv_lab.training.event_files import read_scalars
from gsv_lab.training.fit import fit
from gsv_lab.training.moving_average import MovingAverage
from gsv_lab.training.schedules import Cosine, Exponential
from gsv_lab.training.sovits_task import SoVITSTask
from gsv_lab.training.stepping import Stepping
from gsv_lab.training.task import Task
from small_runs import gpt, sovits, tracked_store, trainings, verifier
from tiny import GPT, experiment

FOLDER = Path(__file__).resolve().parents[2] / "configs" / "recipes"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
SOVITS_ONLY = {"batch_8", "clipping", "component_rates", "kl_warm_up", "text_rate"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ClipStore:
    return tracked_store(tmp_path_factory.mktemp("store"))


@pytest.fixture(autouse=True)
def nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Views of SoVITS take longer than these trainings."""
    monkeypatch.setattr(SoVITSTask, "log_views", lambda *_: None)
    monkeypatch.setattr(SoVITSTask, "view_points", lambda *_: {})


def with_recipe(made: dict[str, Any], name: str, **recipe: Any) -> dict[str, Any]:
    """A tiny experiment with a recipe's file over it, and some of its numbers changed."""
    over = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    return overlay(overlay(made, over), {"recipe": recipe} if recipe else {})


def gan(store: ClipStore, batches: int, **options: Any) -> dict[str, Any]:
    """A training of SoVITS with discriminators from its first batch on."""
    task, data = sovits(store, "training.sovits_task.SoVITSTask", **{"adversarial_from": 0.0, "warm_up": 1, **options})
    return experiment(task, data, batches)


class Step(NamedTuple):
    """What an optimizer did: at which batch, its name, rates and sizes of its groups, gradients, and their norm."""

    batch: int
    name: str
    rates: dict[int, float]
    gradients: list[Tensor]


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Step]]:
    """The steps of trainings, as they are when gradients are clipped; rates by identity of the tensor."""
    seen: list[Step] = []
    clip = Stepping.on_before_optimizer_step

    def keep(task: Any, optimizer: Any) -> None:
        clip(task, optimizer)
        rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
        gradients = [p.grad.clone() for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        seen.append(Step(task.batches, task.moving, rates, gradients))

    monkeypatch.setattr(Stepping, "on_before_optimizer_step", keep)
    yield seen


def test_there_are_eleven_short_ones() -> None:
    assert len(NAMES) == 11
    for name in NAMES:
        lines = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
        comment = [line for line in lines if line.startswith("# ")]
        assert len(lines) <= 12 and 1 <= len(comment) <= 2 and lines[0] == comment[0]


@pytest.mark.parametrize("stage", ["sovits", "gpt"])
@pytest.mark.parametrize("name", NAMES)
def test_fits_what_it_is_for(name: str, stage: str) -> None:
    """Base trainings and fine-tunings; one that would change nothing warns, which is an error here."""
    if stage == "gpt" and name in SOVITS_ONLY:
        pytest.skip("of SoVITS alone")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for base in ("finetune", "nano"):
            made = load_experiment([f"configs/{base}/{stage}.yaml", FOLDER / f"{name}.yaml"])
            recipe = Recipe(**build(made["recipe"]))
            assert recipe.schedule is None or made["recipe"]["schedule"]["class_path"].startswith("gsv_lab.training.")


@pytest.mark.parametrize(("name", "shape"), [("cosine", Cosine(0.05)), ("exponential", Exponential(0.01))])
def test_schedules_set_the_rates(name: str, shape: Any, store: ClipStore, tmp_path: Path, steps: list[Step]) -> None:
    """By the share of the budget that is used, in each optimizer, behind the same warm-up."""
    made = with_recipe(gan(store, 5, warm_up=3, learning_rate=0.01), name)
    fit(made, tmp_path, progress_bar=False)
    expected = [0.01 * min(1.0, (n + 1) / 3) * shape.rate(n, 0, n / 5) for n in range(5)]
    for optimizer in ("sovits", "discriminators"):
        set_rates = [step.rates for step in steps if step.name == optimizer]
        assert [next(iter(rates.values())) for rates in set_rates] == pytest.approx(expected, rel=1e-12)
        assert all(len(set(rates.values())) == 1 for rates in set_rates)


def test_shapes_of_the_schedules() -> None:
    """Half-way, at the end, and beyond it."""
    assert [Cosine(0.2).rate(0, 0, share) for share in (0, 0.5, 1, 2)] == pytest.approx([1, 0.6, 0.2, 0.2])
    assert [Exponential(0.01).rate(0, 0, share) for share in (0, 0.5, 1, 2)] == pytest.approx([1, 0.1, 0.01, 0.01])


def test_kl_rises(store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a straight line from 0; other losses keep their weights, and validation counts all."""
    totals: list[tuple[float, float]] = []
    total = Task.total

    def keep(task: Task, losses: Any, stage: str = "train", counts: Any = None) -> Tensor:
        made = total(task, losses, stage, counts)
        if "kl" in losses and stage == "train":
            values = {name: float(value.detach()) for name, value in losses.items()}
            others = sum(task.weights.get(name, 1.0) * value for name, value in values.items() if name != "kl")
            totals.append((float(made.detach()) - others, values["kl"]))
        return made

    monkeypatch.setattr(Task, "total", keep)
    fit(
        with_recipe(gan(store, 6, weights={"kl": 2.0}), "kl_warm_up", weight_warm_up={"kl": 4}),
        tmp_path,
        progress_bar=False,
    )
    shares = [weighted / (2.0 * kl) for weighted, kl in totals]
    assert shares == pytest.approx([0, 0.25, 0.5, 0.75, 1, 1], abs=1e-5)


def test_a_loss_that_is_not_there_is_named(store: ClipStore, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fit(with_recipe(verifier(store, 1), "kl_warm_up"), tmp_path, progress_bar=False)
    assert "no loss kl" in caplog.text


def test_accumulated_gradients_are_means(store: ClipStore, tmp_path: Path, steps: list[Step]) -> None:
    """Of the batches between two steps, in both optimizers, at weights that hardly move: a generator's gradient leaves
    nothing in the discriminators'. The file's four batches are three here.
    """
    slow = {"learning_rate": 1e-30, "weight_decay": 0.0, "gradient_clip": 0.0}
    fit(gan(store, 6, **slow), tmp_path / "single", progress_bar=False)
    single, steps[:] = list(steps), []
    fit(with_recipe(gan(store, 6, **slow), "accumulate", accumulate=3), tmp_path / "mean", progress_bar=False)
    assert [(step.batch, step.name) for step in steps] == [
        (2, "discriminators"), (2, "sovits"), (5, "discriminators"), (5, "sovits"),
    ]  # fmt: skip
    for step in steps:
        parts = [one.gradients for one in single if one.name == step.name and step.batch - 3 < one.batch <= step.batch]
        assert len(parts) == 3
        for mean, *each in zip(step.gradients, *parts, strict=True):
            torch.testing.assert_close(mean, torch.stack(each).mean(0), rtol=1e-4, atol=1e-6)


def test_a_generator_leaves_nothing_in_its_discriminators(store: ClipStore, tmp_path: Path) -> None:
    """After its own step no gradient waits anywhere."""
    made = gan(store, 2)
    task: Any = build(made["task"])
    fit(made, tmp_path, task=task, progress_bar=False)
    assert all(p.grad is None and p.requires_grad for p in task.discriminators.parameters())
    assert all(p.grad is None for p in task.parameters())


def test_accumulation_of_one_optimizer(store: ClipStore, tmp_path: Path, steps: list[Step]) -> None:
    made = with_recipe(verifier(store, 8), "accumulate")
    fit(made, tmp_path, progress_bar=False)
    assert [step.batch for step in steps] == [3, 7]


def test_clipping_comes_after_accumulation(store: ClipStore, tmp_path: Path, steps: list[Step]) -> None:
    """Each optimizer by itself, and the whole norm is logged."""
    made = with_recipe(
        with_recipe(gan(store, 4, weights={"mel": 45.0, "discriminator": 100.0}), "accumulate"), "clipping"
    )
    made["recipe"]["accumulate"] = 2
    fit(made, tmp_path, progress_bar=False)
    assert [step.name for step in steps] == ["discriminators", "sovits"] * 2
    scalars = read_scalars(tmp_path / "events")
    for name in ("sovits", "discriminators"):
        norms = [float(nn.utils.get_total_norm(step.gradients)) for step in steps if step.name == name]
        assert norms == pytest.approx([1.0, 1.0], rel=1e-4)
        assert all(value > 1.5 for _, value in scalars[f"grad_norm/{name}"])


@pytest.mark.parametrize("name", ["component_rates", "text_rate"])
def test_rates_of_parts(name: str, store: ClipStore, tmp_path: Path, steps: list[Step]) -> None:
    made = with_recipe(gan(store, 1, learning_rate=0.01), name)
    task: Any = build(made["task"])
    fit(made, tmp_path, task=task, progress_bar=False)
    found = {key: rate for step in steps for key, rate in step.rates.items()}
    text = {id(p) for module in task.sovits.prior.text_modules() for p in module.parameters()}
    factors = {"component_rates": {"flow": 0.5, "discriminators": 0.25}, "text_rate": {}}[name]
    assert text
    for key, parameter in task.named_parameters():
        part = key.split(".")[0 if key.startswith("discriminators") else 1]
        factor = factors.get(part, 0.4 if name == "text_rate" and id(parameter) in text else 1.0)
        if parameter.requires_grad:
            assert found.pop(id(parameter)) == pytest.approx(0.01 * factor, rel=1e-12), key
    assert not found


def test_factors_of_parts_in_each_other_are_multiplied(store: ClipStore) -> None:
    task: Any = build(gan(store, 1)["task"])
    task.adopt(Recipe(rates={"text": 0.4, "prior": 0.5}))
    groups = task.configure_optimizers()[0].param_groups
    assert {group.get("scale", 1.0) for group in groups} == {1.0, 0.5, 0.2}
    assert sum(len(group["params"]) for group in groups) == sum(p.requires_grad for p in task.sovits.parameters())


def test_a_larger_batch(store: ClipStore) -> None:
    made = with_recipe(gan(store, 1), "batch_8")
    data = build(made["data"])
    data.setup()
    assert len(data.draw(0).frames) == 8


def test_what_is_averaged_is_written(store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decays = []
    update = MovingAverage.update
    monkeypatch.setattr(MovingAverage, "update", lambda own, module: (decays.append(own.decay), update(own, module)))
    made = with_recipe(verifier(store, 3, average_decay=0.5), "average")
    weights = load_tensors(fit(made, tmp_path, progress_bar=False).weights["speaker_verifier"])
    state = torch.load(tmp_path / "state.ckpt", weights_only=True)
    average, last = state["callbacks"]["Average"]["average"], state["state_dict"]
    assert decays == [0.99] * 3
    for name, value in weights.items():
        assert torch.equal(value, average[f"verifier.{name}"])
    assert any(not torch.equal(value, last[f"verifier.{name}"]) for name, value in weights.items())


class MelTask(Task):
    """Moves a wave towards another one: the gradient of a mel loss is all that there is."""

    def __init__(self) -> None:
        super().__init__(learning_rate=1e-3, warm_up=1, weight_decay=0.0, gradient_clip=0.0)
        generator = torch.Generator().manual_seed(0)
        self.wave = nn.Parameter(0.1 * torch.randn(2, 3200, generator=generator))
        self.goal = nn.Parameter(0.1 * torch.randn(2, 3200, generator=generator), requires_grad=False)
        self.mel = LogMel(16000, 512, 128, 40)
        self.dtypes: list[torch.dtype] = []

    def components(self) -> dict[str, nn.Module]:
        return {"wave": nn.ParameterList([self.wave])}

    def configure_optimizers(self) -> Any:
        return self.optimizer_for(*self.components().values())

    def training_loss(self, batch: Any) -> Tensor:
        product = torch.ones(2, 2) @ torch.ones(2, 2)
        self.dtypes.append(product.dtype)  # of what networks multiply
        return self.total({"mel": (self.mel(self.wave) - self.mel(self.goal)).abs().mean()})

    def write(self, folder: Path, info: Any) -> dict[str, Path]:
        return {}


@pytest.mark.parametrize(("name", "dtype"), [("bf16", torch.bfloat16), ("fp16", torch.float16)])
def test_spectra_stay_in_single_precision(
    name: str, dtype: torch.dtype, store: ClipStore, tmp_path: Path, steps: list[Step], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mel loss and its gradient are those of a training in 32, while networks multiply in half precision."""
    spectra: list[torch.dtype] = []
    forward = LinearSpectrogram.forward
    monkeypatch.setattr(
        LinearSpectrogram, "forward", lambda own, wave: (made := forward(own, wave), spectra.append(made.dtype))[0]
    )
    whole, half = MelTask(), MelTask()
    fit(verifier(store, 1), tmp_path / "whole", task=whole, progress_bar=False)
    fit(with_recipe(verifier(store, 1), name), tmp_path / "half", task=half, progress_bar=False)
    assert (whole.dtypes, half.dtypes) == ([torch.float32], [dtype])
    assert set(spectra) == {torch.float32}
    (one,), (two,) = (step.gradients for step in steps)
    # A loss scale is a power of two, which changes no digit.
    assert one.abs().max() > 0 and torch.equal(one, two)


def test_networks_multiply_in_half_precision(store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And spectra and losses are in 32 all the same."""
    seen: dict[str, set[torch.dtype]] = {"layers": set(), "spectra": set(), "terms": set()}
    generate = SoVITSTask.generate

    def keep(task: Any, batch: Any) -> Any:
        if not task.training:
            return generate(task, batch)
        layers = [layer for layer in task.sovits.flow.modules() if isinstance(layer, nn.Conv1d)]
        hooks = [layer.register_forward_hook(lambda _, given, made: seen["layers"].add(made.dtype)) for layer in layers]
        made = generate(task, batch)
        seen["terms"] |= {value.dtype for value in made.terms.values()}
        seen["spectra"].add(task.features(batch).spec.dtype)
        for hook in hooks:
            hook.remove()
        return made

    monkeypatch.setattr(SoVITSTask, "generate", keep)
    fit(with_recipe(gan(store, 2), "bf16"), tmp_path, progress_bar=False)
    assert seen == {"layers": {torch.bfloat16}, "spectra": {torch.float32}, "terms": {torch.float32}}


def infinite_gradients(monkeypatch: pytest.MonkeyPatch, name: str, batches: range) -> None:
    """Let the gradient of an optimizer's loss be infinite at some batches, as in half precision it may be."""
    step = Stepping.step

    def spoil(task: Stepping, number: int, loss: Tensor, optimizer: str) -> None:
        if optimizer == name and task.batches in batches:
            loss = loss * torch.tensor(1.0, requires_grad=True)
            loss.register_hook(lambda gradient: gradient * math.inf)
        step(task, number, loss, optimizer)

    monkeypatch.setattr(Stepping, "step", spoil)


def test_each_optimizer_has_its_own_loss_scale(
    store: ClipStore, tmp_path: Path, steps: list[Step], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An infinite gradient costs its optimizer one step and half of its scale, and the other one nothing."""
    made = with_recipe(gan(store, 4, learning_rate=1e-30), "fp16")
    scales, moved = [], []
    for spoilt in (range(0), range(2, 4)):
        with monkeypatch.context() as patched:
            infinite_gradients(patched, "discriminators", spoilt)
            fit(made, tmp_path / str(len(scales)), progress_bar=False)
        state = torch.load(tmp_path / str(len(scales)) / "state.ckpt", weights_only=True)
        scales.append([scale["scale"] for scale in state["loss_scales"]])
        moved.append([(step.name, step.batch) for step in steps])
        steps.clear()
    assert scales[1] == [scales[0][0], scales[0][1] / 4]
    assert set(moved[0]) - set(moved[1]) == {("discriminators", 2), ("discriminators", 3)}


def test_a_gradient_that_stays_infinite_ends_the_training(
    store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    infinite_gradients(monkeypatch, "all", range(100))
    with pytest.raises(LabError, match="The gradient of 'all' is infinite at a loss scale") as caught:
        fit(with_recipe(verifier(store, 100), "fp16"), tmp_path, progress_bar=False)
    assert caught.value.code == "TRAIN_NONFINITE" and not (tmp_path / "weights").exists()


def test_the_codebook_is_frozen_by_default(store: ClipStore, tmp_path: Path) -> None:
    """Whatever the recipe: no recipe is needed for it."""
    weights = fit(gan(store, 3, learning_rate=0.1), tmp_path, progress_bar=False).weights["sovits"]
    quantizer = load_tensors(store.folder.parent / "quantizer.safetensors")
    trained = load_tensors(weights)
    assert quantizer
    assert all(torch.equal(trained[f"quantizer.{name}"], value) for name, value in quantizer.items())


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "part": ({"rates": {"flows": 0.5}}, "CONFIG_INCONSISTENT", "no part 'flows'"),
    "schedule": ({"schedule": GPT}, "CONFIG_TYPE", "recipe.schedule is AlignedSemanticGPT"),
}


@pytest.mark.parametrize("how", WRONG)
def test_what_does_not_fit_is_one_error(how: str, store: ClipStore, tmp_path: Path) -> None:
    recipe, code, words = WRONG[how]
    with pytest.raises(ConfigError, match=words) as caught:
        fit(gan(store, 1) | {"recipe": recipe}, tmp_path / "run", progress_bar=False)
    assert caught.value.code == code and not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ("recipe.accumulate=-1", "CONFIG_RANGE"),
        ("recipe.rates.flow=-0.5", "CONFIG_RANGE"),
        ("recipe.weight_warm_up.kl=0", "CONFIG_RANGE"),
        ("recipe.acumulate=2", "CONFIG_UNKNOWN_KEY"),
        ("recipe.schedule.class_path=gsv_lab.training.schedules.Cosin", "CONFIG_UNKNOWN_COMPONENT"),
    ],
)
def test_settings_are_checked_where_they_are_read(setting: str, code: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_experiment(["configs/nano/sovits.yaml", FOLDER / "exponential.yaml"], [setting])
    assert caught.value.code == code


def test_the_released_tasks_keep_their_own(store: ClipStore, tmp_path: Path) -> None:
    """Their schedules are absolute; ScaledAdam knows no parts."""
    task, data = gpt(store)
    made = experiment(task, data, 1)
    with pytest.raises(ConfigError, match=r"schedule in task.init_args.schedule"):
        fit(with_recipe(made, "cosine"), tmp_path, progress_bar=False)
    with pytest.raises(ConfigError, match=r"no part 'semantic_gpt'"):
        fit(made | {"recipe": {"rates": {"semantic_gpt": 0.5}}}, tmp_path, progress_bar=False)


def test_a_run_goes_on_with_its_recipe_alone(store: ClipStore, tmp_path: Path) -> None:
    """One that says nothing is the same as none, as in states of older versions."""
    made = trainings(store, "automatic")
    fit(made, tmp_path, progress_bar=False, run_minutes=1e-9)
    plain = {"schedule": None, "accumulate": 0, "rates": {}, "weight_warm_up": {}}
    fit(made | {"recipe": plain}, tmp_path, progress_bar=False, run_minutes=1e-9)
    with pytest.raises(ConfigError, match=r"recipe.accumulate was 0 and is 4") as caught:
        fit(with_recipe(made, "accumulate"), tmp_path, progress_bar=False)
    assert caught.value.code == "RESUME_INCOMPATIBLE"
