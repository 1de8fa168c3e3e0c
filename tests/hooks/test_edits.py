"""Edits: what each kind does, where, when, as data."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gsv_lab.errors import HookError
from gsv_lab.hooks import Component, Edit, Records, Tap, from_yaml, probe, to_yaml, watched
from gsv_lab.hooks.edits import KINDS, RECIPES, freeze, mean, noise, patch_from, resample, scale, steer, swap, zero

from . import small


class Echo(Component):
    """Gives back what it is given, through taps of several kinds."""

    heads = Tap("batch head frame", rate=50.0)
    stream = Tap("batch dim frame", rate=50.0)
    codes = Tap("batch token", rate=25.0)
    plain = Tap("batch dim")
    aside = Tap("batch dim", read_only=True)

    def forward(self, value: Tensor, tap: str = "heads") -> Tensor:
        return getattr(self, tap)(value)


X = torch.arange(1.0, 31.0).view(2, 3, 5)


def edited(edit: Edit, value: Tensor = X, tap: str = "heads") -> Tensor:
    """The value after the edit; the value itself must stay what it was."""
    model, before = Echo(), value.clone()
    with probe(model, edits=[edit]):
        out = model(value, tap)
    assert torch.equal(value, before), "edits work on a copy"
    assert torch.equal(model(value, tap), before) and out.dtype == value.dtype
    return out


class TestKinds:
    def test_zero(self) -> None:
        assert not edited(zero("heads")).any()

    def test_scale(self) -> None:
        assert torch.equal(edited(scale("heads", -2)), -2 * X)

    def test_mean_over_time_or_another_axis(self) -> None:
        assert torch.allclose(edited(mean("heads")), X.mean(2, keepdim=True).expand_as(X))
        assert torch.allclose(edited(mean("heads", over="head")), X.mean(1, keepdim=True).expand_as(X))

    def test_resample_is_a_permutation_that_the_seed_fixes(self) -> None:
        out = edited(resample("heads", seed=1))
        assert not torch.equal(out, X) and torch.equal(out.sort(2).values, X)
        assert torch.equal(out, edited(resample("heads", seed=1)))
        assert any(not torch.equal(out, edited(resample("heads", seed=s))) for s in (2, 3, 4))
        assert torch.equal(edited(resample("heads", over="batch", seed=0)).sort(0).values, X)

    def test_noise_has_the_deviation_and_the_seed(self) -> None:
        value = torch.zeros(1, 3, 4000)
        out = edited(noise("heads", 0.5, seed=3), value)
        assert float(out.std()) == pytest.approx(0.5, rel=0.05) and float(out.mean()) == pytest.approx(0, abs=0.02)
        assert torch.equal(out, edited(noise("heads", 0.5, seed=3), value))
        assert not torch.equal(out, edited(noise("heads", 0.5, seed=4), value))

    def test_each_call_draws_anew(self) -> None:
        model = Echo()
        with probe(model, edits=[noise("heads", 1.0)]):
            assert not torch.equal(model(X), model(X))

    @pytest.mark.parametrize("direction", [[1.0, 0.0, -1.0], torch.tensor([1.0, 0.0, -1.0])])
    def test_steer_adds_a_direction(self, direction: object) -> None:
        out = edited(steer("stream", direction, by=2.0), tap="stream")
        assert torch.equal(out - X, torch.tensor([2.0, 0.0, -2.0]).view(1, 3, 1).expand_as(X))
        assert torch.equal(edited(steer("heads", direction, over="head")) - X, (out - X) / 2)

    def test_swap_takes_a_tensor_or_a_record(self) -> None:
        assert torch.equal(edited(swap("heads", -X)), -X)
        assert torch.equal(edited(swap("heads", [[[7.0]]])), torch.full_like(X, 7))
        model = Echo()
        with probe(model, "heads") as other:
            model(10 * X)
        assert torch.equal(edited(swap("heads", other)), 10 * X)
        assert torch.equal(edited(swap("heads", other["heads"])), 10 * X)
        assert torch.equal(edited(swap("heads", other, head=1))[:, 1], 10 * X[:, 1])
        assert torch.equal(edited(swap("heads", other, head=1))[:, 0], X[:, 0])

    def test_freeze_holds_the_first_call(self) -> None:
        model = Echo()
        with probe(model, edits=[freeze("heads", step=(1, None))]):
            out = [model(i * X) for i in range(4)]
        assert [float((o / X).mean()) for o in out] == [0, 1, 1, 1]

    def test_freeze_holds_the_beginning_of_an_axis(self) -> None:
        out = edited(freeze("heads", over="time", frames=(2, 5)))
        assert torch.equal(out[..., :2], X[..., :2]) and torch.equal(out[..., 2:], X[..., 2:3].expand(2, 3, 3))

    def test_patch_from_goes_call_by_call(self) -> None:
        model = Echo()
        with probe(model, "heads") as other:
            for i in range(3):
                model(100.0 * i + X)
        with probe(model, edits=[patch_from("heads", other, step=(1, 3), frames=(0, 2))]):
            out = [model(X) for _ in range(3)]
        for i, o in enumerate(out):
            assert torch.equal(o[..., :2], X[..., :2] + 100 * i) and torch.equal(o[..., 2:], X[..., 2:])

    def test_patching_a_run_into_itself_changes_nothing(self) -> None:
        lab, x = small.Lab(), small.sound()
        with probe(lab, "*") as records:
            expected = lab.speak(x)
        names = [name for name in records if name != "prior.aside"]
        with probe(lab, edits=[patch_from(name, records) for name in names]):
            assert torch.equal(lab.speak(x), expected)

    def test_patching_everything_from_another_run_gives_that_run(self) -> None:
        lab = small.Lab()
        with probe(lab, "prior.layers.0.residual") as records:
            expected = lab.speak(small.sound(seed=5))
        with probe(lab, edits=[patch_from("prior.layers.0.residual", records)]):
            assert torch.equal(lab.speak(small.sound(seed=6)), expected)

    def test_every_kind_was_tried(self) -> None:
        import inspect

        source = inspect.getsource(TestKinds)
        assert all(f"{kind}(" in source for kind in KINDS)


class TestRegions:
    @pytest.mark.parametrize(
        ("where", "region"),
        [
            ({"head": 1}, (slice(None), [1])),
            ({"head": (1, 3)}, (slice(None), [1, 2])),
            ({"head": (1, None)}, (slice(None), [1, 2])),
            ({"frames": 0}, (slice(None), slice(None), 0)),
            ({"frame": (3, None), "batch": 1}, ([1], slice(None), slice(3, 5))),
            ({"seconds": (0.07, None)}, (slice(None), slice(None), slice(3, 5))),
            ({"frames": (1, 3)}, (slice(None), slice(None), slice(1, 3))),
            ({"seconds": (0.02, 0.06)}, (slice(None), slice(None), slice(1, 3))),
            ({"seconds": (0.03, 0.05)}, (slice(None), slice(None), slice(1, 3))),
            ({"head": 2, "frames": (4, 5)}, (slice(None), [2], slice(4, 5))),
        ],
    )
    def test_only_the_region_changes(self, where: dict[str, object], region: tuple[object, ...]) -> None:
        expected = X.clone()
        expected[region] = 0
        assert torch.equal(edited(zero("heads", **where)), expected) and not torch.equal(expected, X)

    @pytest.mark.parametrize("step", [2, (2, 3), [2, 3]])
    def test_one_call(self, step: object) -> None:
        model = Echo()
        with probe(model, edits=[Edit("zero", "heads", where={"step": step})]):
            assert [bool(model(X).any()) for _ in range(5)] == [True, True, False, True, True]

    def test_calls_from_one_on(self) -> None:
        model = Echo()
        with probe(model, edits=[zero("heads", step=(3, None))]):
            assert [bool(model(X).any()) for _ in range(5)] == [True, True, True, False, False]

    def test_a_glob_edits_all_that_match_and_edits_follow_each_other(self) -> None:
        lab, x = small.Lab(), small.sound()
        with probe(
            lab, "prior.layers.*.residual", edits=[zero("prior.layers.*.residual"), steer("*.1.residual", [1.0] * 4)]
        ) as r:
            lab.speak(x)
        assert not r["prior.layers.0.residual"].value.any() and (r["prior.layers.1.residual"].value == 1).all()

    def test_one_head_of_a_real_attention(self) -> None:
        lab, x = small.Lab(), small.sound()
        with probe(lab, "flow.attention.mixed") as clean:
            lab.flow(x)
        with probe(lab, "flow.attention.mixed", edits=[zero("flow.attention.pattern", head=0)]) as out:
            lab.flow(x)
        assert not out["flow.attention.mixed"].value[:, :2].any()
        assert torch.equal(out["flow.attention.mixed"].value[:, 2:], clean["flow.attention.mixed"].value[:, 2:])

    def test_gradients_flow_around_and_through(self) -> None:
        model, value = Echo(), X.clone().requires_grad_()
        with probe(model, edits=[scale("heads", 3.0, head=0), zero("heads", head=1)]):
            model(value).sum().backward()
        assert value.grad[0, :, 0].tolist() == [3.0, 0.0, 1.0]


def run_lab(edit: Edit) -> None:
    lab = small.Lab()
    with probe(lab, edits=[edit]):
        lab.speak(small.sound())


def recorded(layers: int = 2, **options: object) -> Records:
    lab = small.Lab(layers)
    with probe(lab, "prior.mean", "flow.attention.pattern", **options) as records:
        lab.speak(small.sound())
    return records


def twice() -> Records:
    lab = small.Lab()
    with probe(lab, "prior.mean") as records:
        lab.speak(small.sound())
        lab.speak(small.sound())
    return records


BAD: dict[str, tuple[Callable[[], Edit], str]] = {
    "shape": (lambda: swap("prior.mean", torch.zeros(1, 4, 7)), "EDIT_SHAPE"),
    "number of axes": (lambda: swap("prior.mean", torch.zeros(1, 4, 6, 1)), "EDIT_SHAPE"),
    "direction too long": (lambda: steer("prior.mean", [0.0] * 5), "EDIT_SHAPE"),
    "head of a tap without heads": (lambda: zero("prior.mean", head=0), "AXIS_UNKNOWN"),
    "axis": (lambda: mean("prior.mean", over="phone"), "AXIS_UNKNOWN"),
    "time of a tap without time": (lambda: zero("posterior.nothing", frames=(0, 1)), "AXIS_UNKNOWN"),
    "seconds of a tap without rate": (lambda: zero("flow.attention.pattern", seconds=(0.0, 0.1)), "TIME_RATE"),
    "head out of range": (lambda: zero("flow.attention.pattern", head=2), "AXIS_RANGE"),
    "negative head": (lambda: zero("flow.attention.pattern", head=-1), "AXIS_RANGE"),
    "frames out of range": (lambda: zero("prior.mean", frames=(3, 7)), "AXIS_RANGE"),
    "empty span": (lambda: zero("prior.mean", frames=(3, 3)), "AXIS_RANGE"),
    "seconds out of range": (lambda: zero("prior.mean", seconds=(0.0, 1.0)), "AXIS_RANGE"),
    "mean of whole numbers": (lambda: mean("prior.code"), "EDIT_TYPE"),
    "read-only tap": (lambda: zero("prior.aside"), "EDIT_READ_ONLY"),
    "step never reached": (lambda: zero("prior.mean", step=1), "EDIT_UNUSED"),
    "component never run": (lambda: zero("posterior.nothing"), "EDIT_UNUSED"),
    "record of another model": (lambda: swap("prior.mean", recorded(layers=3)), "RECORD_OTHER_MODEL"),
    "patch of another model": (lambda: patch_from("prior.mean", recorded(layers=3)), "RECORD_OTHER_MODEL"),
    "record without the tap": (lambda: swap("flow.residual", recorded()), "TAP_UNKNOWN"),
    "record of several calls": (lambda: swap("prior.mean", twice()), "RECORD_CALLS"),
    "record with gaps": (lambda: patch_from("prior.mean", recorded(every=2)), "RECORD_CALLS"),
    "record of another length": (lambda: patch_from("flow.attention.pattern", longer()), "EDIT_SHAPE"),
    "missing file": (lambda: swap("prior.mean", "nowhere.rec"), "RECORD_FILE"),
    "unknown kind": (lambda: Edit("zeros", "prior.mean"), "EDIT_KIND"),
    "no source": (lambda: Edit("swap", "prior.mean"), "EDIT_VALUE"),
    "source without use": (lambda: Edit("zero", "prior.mean", [1.0]), "EDIT_VALUE"),
    "seconds and frames": (lambda: zero("prior.mean", seconds=(0.0, 0.1), frames=(0, 1)), "EDIT_VALUE"),
    "axis of a region": (lambda: zero("prior.mean", heads=1), "AXIS_UNKNOWN"),
    "nothing to shuffle": (lambda: resample("prior.mean", over="batch"), "AXIS_RANGE"),
}


def longer() -> Records:
    lab = small.Lab()
    with probe(lab, "flow.attention.pattern") as records:
        lab.speak(small.sound(frames=9))
    return records


@pytest.mark.parametrize("name", BAD)
def test_bad_edits_give_one_clear_error_and_leave_the_model_clean(name: str) -> None:
    make, code = BAD[name]
    with pytest.raises(HookError) as error:
        run_lab(make())
    assert error.value.code == code and 20 < len(str(error.value)) < 400
    assert watched() == []
    run_lab(zero("prior.mean"))


def test_a_record_that_ends_too_early() -> None:
    lab, records = small.Lab(), recorded()
    with pytest.raises(HookError, match="calls of its source 1 to 2") as error:
        with probe(lab, edits=[patch_from("prior.mean", records)]):
            lab.speak(small.sound())
            lab.speak(small.sound())
    assert error.value.code == "AXIS_RANGE"


class TestYaml:
    def test_round_trip(self, tmp_path: Path) -> None:
        records = recorded()
        path = records.save(tmp_path / "clean.rec")
        edits = [
            zero("a.*", head=3, step=4),
            mean("a", over="head", seconds=(0.1, 0.25)),
            resample("a", over="batch", seed=7),
            scale("a", 0.5, frames=(3, 9)),
            noise("a", 1e-5, seed=2, step=(3, None)),
            steer("a", [0.5, -1.0], 2.0, "head"),
            swap("a", path, head=(0, 5)),
            freeze("a", over="time"),
            patch_from("flow.attention.pattern", str(path)),
        ]
        text = to_yaml(edits)
        again = from_yaml(text)
        for a, b in zip(edits, again, strict=True):
            assert {**vars(a), "source": str(a.source) if isinstance(a.source, Path) else a.source} == vars(b)
        assert to_yaml(again) == text
        (tmp_path / "edits.yaml").write_text(text, encoding="utf-8")
        assert from_yaml(tmp_path / "edits.yaml") == again
        assert [edit.kind for edit in again] == [*KINDS]

    def test_only_what_was_chosen_is_written(self) -> None:
        assert to_yaml([zero("a.b", head=1)]) == "- kind: zero\n  target: a.b\n  where:\n    head:\n    - 1\n    - 2\n"

    def test_edits_from_yaml_do_the_same(self, tmp_path: Path) -> None:
        records = recorded()
        records.save(tmp_path / "clean.rec")
        edits = [swap("flow.attention.pattern", records, head=1), noise("flow.residual", 0.1), scale("prior.mean", 0.5)]
        outs = []
        for chosen in (edits, from_yaml(to_yaml(edits))):
            lab = small.Lab()
            with probe(lab, edits=chosen):
                outs.append(lab.speak(small.sound(seed=9)))
        assert torch.equal(*outs)

    def test_numbers_as_people_write_them(self) -> None:
        (edit,) = from_yaml("[{kind: noise, target: heads, by: 1e-2, seed: 3}]")
        value = torch.zeros(1, 3, 4000)
        assert float(edited(edit, value).std()) == pytest.approx(0.01, rel=0.05)

    def test_a_tensor_is_written_in_full(self) -> None:
        (edit,) = from_yaml(to_yaml([steer("stream", torch.tensor([1.0, 2.0, 3.0]))]))
        assert edit.source == [1.0, 2.0, 3.0]

    def test_records_in_memory_cannot_be_written(self) -> None:
        records = recorded()
        for source in (records, records["prior.mean"]):
            with pytest.raises(HookError, match="saved"):
                to_yaml([swap("prior.mean", source)])

    @pytest.mark.parametrize(
        "text",
        [
            "kind: zero",
            "- zero",
            "3",
            "",
            "[[1]]",
            "- {kind: [zero",
            "[{kind: zero}]",
            "[{kind: zero, target: 3}]",
            "[{kind: zero, target: a, heads: 3}]",
            "[{kind: zero, target: a, by: much}]",
            "[{kind: zero, target: a, where: [1]}]",
            "[{kind: zero, target: a, where: {seconds: 3.5}}]",
            "[{kind: zero, target: a, where: {frames: [1]}}]",
            "!!python/object/apply:os.getcwd []",
        ],
    )
    def test_what_is_no_list_of_edits(self, text: str) -> None:
        with pytest.raises(HookError) as error:
            from_yaml(text)
        assert error.value.code == "EDIT_VALUE"

    def test_an_unknown_kind_is_named(self) -> None:
        with pytest.raises(HookError, match="'zeroo'.*zero") as error:
            from_yaml("[{kind: zeroo, target: a}]")
        assert error.value.code == "EDIT_KIND"

    def test_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(HookError):
            from_yaml(tmp_path / "none.yaml")


class ThreeWayMix(Component):
    """Content, the text's answer to it, and the speaker, summed, as in the prior of the reference."""

    content = Tap("batch dim frame", rate=50.0)
    answer = Tap("batch dim frame", rate=50.0)

    def ask(self, content: Tensor) -> Tensor:
        return torch.tanh(content) + 0.25

    def forward(self, content: Tensor, speaker: Tensor) -> Tensor:
        content = self.content(content)
        return self.answer(self.ask(content)) + content + speaker


class Whole(Component):
    def __init__(self) -> None:
        super().__init__()
        self.cross_attention = ThreeWayMix()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("reference_0", lambda mix, content, speaker: mix.ask(content) + content + speaker),
        ("reference_1", lambda mix, content, speaker: content + speaker),
        ("reference_2", lambda mix, content, speaker: mix.ask(0 * content) + speaker),
    ],
)
def test_recipes_reproduce_the_test_modes_of_the_reference(name: str, expected: Callable[..., Tensor]) -> None:
    model, content, speaker = Whole(), torch.randn(1, 4, 6), torch.randn(1, 4, 1)
    with probe(model, edits=RECIPES[name]):
        out = model.cross_attention(content, speaker)
    assert torch.equal(out, expected(model.cross_attention, content, speaker))
    assert from_yaml(to_yaml(RECIPES[name])) == [*RECIPES[name]]


def test_a_nan_in_the_model_survives_an_edit_elsewhere() -> None:
    value = X.clone()
    value[0, 0, 0] = math.nan
    model = Echo()
    with probe(model, edits=[zero("heads", head=2)]):
        assert model(value)[0, 0, 0].isnan()
