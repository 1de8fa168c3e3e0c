"""One probe: strict names, no lingering state, memory that is counted, records that are what passed."""

from __future__ import annotations

import gc
import tracemalloc
from contextlib import ExitStack
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gsv_lab.errors import HookError
from gsv_lab.hooks import Component, Tap, probe, scale, watched, zero

from . import small


@pytest.fixture
def lab() -> small.Lab:
    return small.Lab()


def code(error: pytest.ExceptionInfo[HookError]) -> str:
    return error.value.code


class TestNames:
    def test_globs_find_parts_layers_and_taps(self, lab: small.Lab) -> None:
        with probe(lab, "prior.layers.*.attention.pattern", "flow.residual") as records:
            lab.speak(small.sound())
        names = ["prior.layers.0.attention.pattern", "prior.layers.1.attention.pattern", "flow.residual"]
        assert [*records] == names and sorted(records.watched) == sorted(names)

    def test_the_root_may_be_any_component(self, lab: small.Lab) -> None:
        with probe(lab.prior, "layers.1.residual", "mean") as records:
            lab.speak(small.sound())
        assert [*records] == ["layers.1.residual", "mean"]

    @pytest.mark.parametrize(
        ("asked", "hint"),
        [
            ("prior.layers.*.attention.patern", "prior.layers.*.attention.pattern"),
            ("layers.0.residual", "prior.layers.*.residual"),
            ("*.codes", "prior.code"),
            ("prior.mean.frame", "prior.mean"),
        ],
    )
    def test_no_match_is_an_error_with_near_names(self, lab: small.Lab, asked: str, hint: str) -> None:
        with pytest.raises(HookError) as error, probe(lab, "flow.residual", asked):
            pass
        assert code(error) == "TAP_UNKNOWN" and f"'{asked}'" in str(error.value) and hint in str(error.value)
        assert watched() == []

    def test_an_edit_without_target_too(self, lab: small.Lab) -> None:
        with pytest.raises(HookError, match=r"flow\.residual") as error, probe(lab, edits=[zero("flow.residuals")]):
            pass
        assert code(error) == "TAP_UNKNOWN"

    def test_asking_a_record_for_what_was_not_watched_or_not_run(self, lab: small.Lab) -> None:
        with probe(lab, "prior.mean", "posterior.*") as records:
            lab.speak(small.sound())
        with pytest.raises(HookError, match=r"prior\.mean") as error:
            records["prior.means"]
        assert code(error) == "TAP_UNKNOWN"
        with pytest.raises(HookError, match=r"Nothing passed posterior\.nothing") as error:
            records["posterior.nothing"]
        assert code(error) == "TAP_SILENT" and "posterior.nothing" not in records and len(records) == 1

    def test_the_default_is_nothing(self, lab: small.Lab) -> None:
        with probe(lab) as records:
            assert watched() == []
            lab.speak(small.sound())
        assert not records

    def test_a_root_without_taps(self) -> None:
        for root in (nn.Linear(1, 1), object(), 3):
            with pytest.raises(HookError) as error, probe(root, "*"):
                pass
            assert code(error) == "PROBE_ROOT"

    @pytest.mark.parametrize("options", [{"keep": "disk"}, {"limit_mb": 0}, {"limit_mb": float("nan")}, {"every": 0}])
    def test_options_out_of_range(self, lab: small.Lab, options: dict[str, object]) -> None:
        with pytest.raises(HookError) as error, probe(lab, "prior.mean", **options):
            pass
        assert code(error) == "PROBE_OPTION"

    @pytest.mark.parametrize("edits", [zero("flow.z"), "zero", ["flow.z"], {"flow.z": 0}, 3])
    def test_edits_that_are_no_list_of_edits(self, lab: small.Lab, edits: Any) -> None:
        with pytest.raises(HookError, match="a list of edits") as error, probe(lab, "prior.mean", edits=edits):
            pass
        assert code(error) == "PROBE_OPTION"

    def test_the_number_of_axes_is_checked_on_every_call(self, lab: small.Lab) -> None:
        with pytest.raises(HookError, match="batch dim frame") as error, probe(lab, "prior.mean"):
            lab.speak(small.sound())
            lab.prior.mean(torch.zeros(3, 4))
        assert code(error) == "TAP_AXES" and "(3, 4)" in str(error.value)


class TestLifetime:
    def test_nothing_is_attached_without_the_block(self, lab: small.Lab) -> None:
        probe(lab, "*", edits=[scale("prior.mean", 3.0)])
        assert watched() == []

    def test_an_exception_detaches(self, lab: small.Lab) -> None:
        before = lab.speak(small.sound())
        with pytest.raises(ZeroDivisionError), probe(lab, "*", edits=[scale("prior.mean", 3.0)], grads=True):
            assert not torch.equal(lab.speak(small.sound()), before)
            raise ZeroDivisionError
        assert watched() == [] and torch.equal(lab.speak(small.sound()), before)
        with probe(lab, "prior.mean"):
            lab.speak(small.sound())

    def test_after_the_block_the_model_is_bit_equal(self, lab: small.Lab) -> None:
        before = lab.speak(small.sound())
        with probe(lab, "*", edits=[zero("prior.layers.0.residual")]) as records:
            lab.speak(small.sound())
        assert torch.equal(lab.speak(small.sound()), before) and len(records["prior.mean"]) == 1
        lab.speak(small.sound())
        assert len(records["prior.mean"]) == 1

    @pytest.mark.parametrize("inner", ["lab", "part", "other tap"])
    def test_a_probe_in_a_probe_of_the_same_model(self, lab: small.Lab, inner: str) -> None:
        root = lab.prior if inner == "part" else lab
        name = {"lab": "prior.mean", "part": "mean", "other tap": "flow.residual"}[inner]
        with probe(lab, "prior.mean") as records:
            with pytest.raises(HookError, match="these taps and edits") as error, probe(root, name):
                pass
            lab.speak(small.sound())
        assert code(error) == "PROBE_NESTED" and len(records["prior.mean"]) == 1 and watched() == []

    def test_two_models_may_be_watched_at_once(self, lab: small.Lab) -> None:
        other = small.Lab()
        with probe(lab, "prior.mean") as mine, probe(other, "prior.mean") as theirs:
            lab.speak(small.sound())
        assert len(mine) == 1 and not theirs


class TestMemory:
    def test_the_limit_names_the_five_largest(self, lab: small.Lab) -> None:
        x = small.sound(frames=100)
        with pytest.raises(HookError) as error, probe(lab, "*", limit_mb=0.2):
            lab.speak(x)
        text = str(error.value)
        assert code(error) == "MEMORY_LIMIT" and "0.2 MB" in text and "limit_mb" in text
        assert text.count(" MB,") + text.count(" MB.") == 1 + 5
        sizes = [text.index(name) for name in ("layers.0.attention.pattern", "layers.0.residual")]
        assert sizes == sorted(sizes), "largest first"
        assert watched() == [] and torch.equal(lab.speak(x), lab.speak(x))

    def test_what_fits_is_counted_exactly(self, lab: small.Lab) -> None:
        frames, one = 10, 4 * 10 * 4
        for calls, fits in ((5, True), (6, False)):
            with probe(lab, "prior.mean", limit_mb=5 * one / 1e6):
                for _ in range(calls - 1):
                    lab.speak(small.sound(frames=frames))
                if fits:
                    lab.speak(small.sound(frames=frames))
                else:
                    with pytest.raises(HookError):
                        lab.speak(small.sound(frames=frames))

    def test_half_precision_takes_half_and_leaves_whole_numbers(self, lab: small.Lab) -> None:
        with probe(lab, "prior.mean", "prior.code", dtype=torch.float16) as records:
            out = lab.prior(small.sound())
        assert records["prior.mean"].value.dtype == torch.float16 and records["prior.code"].value.dtype == torch.int64
        assert out.dtype == torch.float32 and torch.allclose(records["prior.mean"].value.float(), out, atol=1e-2)

    def test_every_keeps_one_call_in_so_many(self, lab: small.Lab) -> None:
        with probe(lab, "prior.mean", every=3, edits=[scale("prior.mean", 2.0)]) as records:
            made = [lab.prior(small.sound(seed=i)) for i in range(7)]
        clean = [lab.prior(small.sound(seed=i)) for i in range(7)]
        assert len(records["prior.mean"]) == 3
        assert all(torch.equal(kept, made[3 * i]) for i, kept in enumerate(records["prior.mean"].steps))
        assert all(torch.equal(m, 2 * c) for m, c in zip(made, clean, strict=True)), "edits act on every call"

    def test_a_record_on_the_cpu_is_no_copy(self, lab: small.Lab) -> None:
        with probe(lab, "prior.mean") as records:
            out = lab.prior(small.sound())
        assert records["prior.mean"].value.data_ptr() == out.data_ptr()

    def test_a_small_view_does_not_keep_a_large_tensor(self) -> None:
        class Last(Component):
            last = Tap("batch frame")

            def forward(self, x: Tensor) -> Tensor:
                return self.last((x + 1)[:, -1:])

        model = Last()
        with probe(model, "last", limit_mb=0.1) as records:
            model(torch.zeros(1, 100_000))
        assert records["last"].value.untyped_storage().nbytes() == 4

    @pytest.mark.gpu
    def test_keep_decides_where_records_lie(self, lab: small.Lab) -> None:
        lab.prior.cuda()
        for keep, device in (("cpu", "cpu"), ("device", "cuda")):
            with probe(lab, "prior.*", keep=keep) as records:
                lab.prior(small.sound().cuda())
            assert {record.value.device.type for record in records.values()} == {device}


class Careless(Component):
    """Writes into a tensor that went through a tap."""

    x = Tap("batch dim")
    y = Tap("batch dim")

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def forward(self, value: Tensor) -> Tensor:
        x = self.x(value * 2)
        if self.how == "same":
            x += 1
        elif self.how == "view":
            x[:, 0].zero_()
        elif self.how == "parent":
            whole = value * 2
            x = self.x(whole[:, :2])
            whole.zero_()
        return self.y(x * 1)


class TestSafety:
    @pytest.mark.parametrize("how", ["same", "view", "parent"])
    def test_writing_into_a_record_is_an_error(self, how: str) -> None:
        model = Careless(how)
        with pytest.raises(HookError) as error, probe(model, "*"):
            model(torch.ones(1, 3))
        assert code(error) == "RECORD_CHANGED" and "x" in str(error.value) and " y" not in str(error.value)
        assert watched() == []

    def test_no_false_alarm(self) -> None:
        model = Careless("not at all")
        with probe(model, "*") as records:
            model(torch.ones(1, 3))
        assert records["x"].value.tolist() == [[2, 2, 2]]

    @pytest.mark.parametrize("options", [{"dtype": torch.float16}, {}])
    def test_a_record_that_is_a_copy_cannot_be_written_into(self, options: dict[str, object]) -> None:
        model = Careless("same")
        if options:
            with probe(model, "x", **options) as records:
                model(torch.ones(1, 3))
        else:
            with torch.inference_mode(), probe(model, "x") as records:
                model(torch.ones(1, 3))
        assert records["x"].value.tolist() == [[2, 2, 2]] and not records["x"].value.is_inference()

    def test_another_error_is_not_hidden_behind_it(self) -> None:
        model = Careless("same")
        with pytest.raises(ZeroDivisionError), probe(model, "x"):
            model(torch.ones(1, 3))
            raise ZeroDivisionError

    def test_records_carry_no_graph(self, lab: small.Lab) -> None:
        with probe(lab, "*") as records:
            lab.speak(small.sound())
        assert not any(step.requires_grad for record in records.values() for step in record.steps)

    def test_watching_changes_nothing(self, lab: small.Lab) -> None:
        x = small.sound(3, 9)
        expected = lab.speak(x)
        with probe(lab, "*"):
            assert torch.equal(lab.speak(x), expected)

    def test_watching_does_not_touch_the_random_state(self, lab: small.Lab) -> None:
        from gsv_lab.hooks import noise, resample

        state = torch.random.get_rng_state()
        with probe(lab, "*", edits=[noise("prior.mean", 0.1), resample("flow.residual")]):
            lab.speak(small.sound())
        assert torch.equal(torch.random.get_rng_state(), state)

    def test_memory_is_given_back(self, lab: small.Lab) -> None:
        def once() -> None:
            with probe(lab, "*"):
                lab.speak(small.sound())

        once()
        gc.collect()
        tracemalloc.start()
        for _ in range(20):
            once()
        gc.collect()
        left, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert left < 50_000


class TestGradients:
    def test_cotangents_are_those_of_autograd(self, lab: small.Lab) -> None:
        x = small.sound()
        with probe(lab, "prior.mean", "prior.layers.0.residual", grads=True) as records:
            lab.speak(x).square().sum().backward()
        kept: dict[str, Tensor] = {}
        for name, tap in (("prior.mean", lab.prior.mean), ("prior.layers.0.residual", lab.prior.layers[0].residual)):
            tap.observe(lambda value, name=name: (value.retain_grad(), kept.__setitem__(name, value), value)[2])
        lab.speak(x).square().sum().backward()
        for tap in (lab.prior.mean, lab.prior.layers[0].residual):
            tap.observe(None)
        for name, value in kept.items():
            assert (
                torch.equal(records[name].gradient().value, value.grad)
                and records[name].gradient().axes == records[name].axes
            )

    def test_each_call_gets_its_own(self, lab: small.Lab) -> None:
        with probe(lab, "prior.mean", grads=True) as records:
            first, second = lab.prior(small.sound(seed=1)), lab.prior(small.sound(seed=2))
            (2 * first.sum() + 3 * second.sum()).backward()
        assert [float(g.mean()) for g in records["prior.mean"].gradient().steps] == [2.0, 3.0]

    def test_gradients_pass_an_edit(self, lab: small.Lab) -> None:
        with probe(lab, "prior.layers.0.residual", edits=[zero("prior.mean", frames=(0, 3))], grads=True) as records:
            lab.prior(small.sound())[:, :, :3].sum().backward()
        assert float(records["prior.layers.0.residual"].gradient().value.abs().max()) == 0

    def test_none_at_all_is_an_error(self, lab: small.Lab) -> None:
        with pytest.raises(HookError) as error, torch.no_grad(), probe(lab, "prior.mean", grads=True):
            lab.prior(small.sound())
        assert code(error) == "GRADIENT_MISSING"

    def test_nothing_is_watched_after_the_block(self, lab: small.Lab) -> None:
        with pytest.raises(HookError), probe(lab, "prior.mean", grads=True) as records:
            out = lab.prior(small.sound())
        out.sum().backward()
        assert not records["prior.mean"].cotangents

    def test_memory_counts(self, lab: small.Lab) -> None:
        one = 4 * 6 * 4
        with pytest.raises(HookError) as error, probe(lab, "prior.mean", grads=True, limit_mb=1.5 * one / 1e6):
            lab.prior(small.sound()).sum().backward()
        assert code(error) == "MEMORY_LIMIT"


class TestCompiled:
    """torch.compile: idle taps stay inside one graph; a probe sees everything, and then the graph is used again."""

    @pytest.fixture(params=["torch.compile", "module.compile"])
    def compiled(self, request: pytest.FixtureRequest) -> tuple[nn.Module, list[int]]:
        graphs: list[int] = []

        def backend(graph: torch.fx.GraphModule, _: list[Tensor]) -> object:
            graphs.append(len(graph.graph.nodes))
            return graph.forward

        torch._dynamo.reset()
        model = small.Lab().prior
        if request.param == "torch.compile":
            return torch.compile(model, backend=backend, fullgraph=True), graphs
        model.compile(backend=backend, fullgraph=True)
        return model, graphs

    def test_idle_watched_idle(self, compiled: tuple[nn.Module, list[int]]) -> None:
        model, graphs = compiled
        plain, x = small.Lab().prior, small.sound()
        assert torch.allclose(model(x), plain(x), atol=1e-6) and len(graphs) == 1
        with probe(model, "*", edits=[scale("layers.0.residual", 2.0)]) as records:
            edited = model(x)
        with probe(plain, "*", edits=[scale("layers.0.residual", 2.0)]) as expected:
            assert torch.allclose(plain(x), edited, atol=1e-6)
        assert [*records] == [*expected], "names are those of the model that was not compiled"
        assert all(torch.allclose(records[name].value, expected[name].value, atol=1e-6) for name in expected)
        assert torch.allclose(model(x), plain(x), atol=1e-6) and len(graphs) == 1, "no new graph"

    def test_probes_that_overlap(self, compiled: tuple[nn.Module, list[int]]) -> None:
        """As those of two threads: the first to begin ends first, and the compiler waits for the other."""
        model, graphs = compiled
        x = small.sound()
        with ExitStack() as first, ExitStack() as second:
            first.enter_context(probe(small.Lab()))
            second.enter_context(probe(small.Lab()))
            first.close()
            model(x)
            assert not graphs
        model(x)
        assert len(graphs) == 1

    def test_the_eager_backend(self) -> None:
        torch._dynamo.reset()
        model, x = torch.compile(small.Lab().prior, backend="eager"), small.sound()
        with probe(model, "mean") as records:
            out = model(x)
        assert torch.equal(records["mean"].value, out) and torch.allclose(model(x), out, atol=1e-6)
