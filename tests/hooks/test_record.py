"""Records: calls, time, axes, files, comparisons."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gsv_lab.errors import HookError
from gsv_lab.hooks import Record, Records, compare, probe, scale, zero

from . import small


def record(*steps: Tensor, axes: str, rate: float | None = None, **more: object) -> Record:
    return Record("part.tap", tuple(axes.split()), list(steps), rate, **more)


def decode() -> Record:
    """A causal attention pattern: a prompt of 3 positions, then 4 steps of one position, 2 heads."""
    full = torch.rand(1, 2, 7, 7).tril()
    rows = [full[:, :, :3, :3], *(full[:, :, i : i + 1, : i + 1] for i in range(3, 7))]
    return record(*rows, axes="batch head query key")


class TestCalls:
    def test_one_call_has_a_value(self) -> None:
        x = torch.rand(1, 4)
        assert record(x, axes="batch dim").value is x
        with pytest.raises(HookError, match="holds 2 calls"):
            _ = record(x, x, axes="batch dim").value

    def test_stacked_steps_make_a_triangle(self) -> None:
        steps = decode()
        stacked = steps.stacked()
        assert stacked.axes == ("step", "batch", "head", "key") and stacked.value.shape == (5, 1, 2, 7)
        for i, step in enumerate(steps.steps):
            keys = step.shape[-1]
            assert torch.equal(stacked.value[i, ..., :keys], step[:, :, -1])
            assert stacked.value[i, ..., keys:].isnan().all()
        assert stacked.mean("head").axes == ("step", "batch", "key")

    def test_joined_gives_the_whole_pattern(self) -> None:
        steps = decode()
        whole = steps.joined().value
        assert whole.shape == (1, 2, 7, 7)
        assert torch.equal(whole[:, :, 4, :5], steps.steps[2][:, :, 0]) and whole[:, :, 4, 5:].isnan().all()

    def test_a_slice_leaves_the_prompt_out(self) -> None:
        assert decode()[1:].stacked().value.shape == (4, 1, 2, 7)

    def test_chunks_are_padded_when_stacked_and_follow_each_other_when_joined(self) -> None:
        chunks = record(torch.ones(1, 3, 5), torch.ones(1, 3, 2), axes="batch dim frame", rate=50.0)
        stacked = chunks.stacked()
        assert stacked.axes == ("step", "batch", "dim", "frame") and stacked.value.isnan().sum() == 9
        assert chunks.joined().value.shape == (1, 3, 7) and float(chunks.joined().times[-1]) == pytest.approx(0.13)

    def test_whole_numbers_stay_whole_where_nothing_is_padded(self) -> None:
        codes = record(
            torch.tensor([[1, 2, 3]]), torch.tensor([[4]]), torch.tensor([[5]]), axes="batch token", rate=25.0
        )
        assert codes.joined().value.tolist() == [[1, 2, 3, 4, 5]]
        assert codes.stacked().value.tolist() == [[3], [4], [5]] and codes.stacked().rate == 25.0
        assert codes.stacked().axes == ("step", "batch")

    def test_whole_numbers_become_real_where_something_is_padded(self) -> None:
        codes = record(torch.tensor([[1, 2, 3]]), torch.tensor([[4, 5]]), axes="batch token", rate=25.0)
        stacked = codes.stacked().value
        assert stacked[0].tolist() == [[1.0, 2.0, 3.0]] and stacked[1, 0, :2].tolist() == [4.0, 5.0]
        assert stacked[1, 0, 2].isnan() and codes.joined().value.tolist() == [[1, 2, 3, 4, 5]]

    def test_a_step_axis_of_the_tap_itself(self) -> None:
        stream = record(torch.rand(1, 3, 4), torch.rand(1, 1, 4), axes="batch step dim")
        assert stream.stacked().axes == ("step", "batch", "dim") and stream.stacked().value.shape == (2, 1, 4)
        forced = record(torch.rand(1, 3, 4), torch.rand(1, 2, 4), axes="batch step dim")
        assert forced.stacked().axes == ("call", "batch", "step", "dim")

    def test_a_batch_that_changes_is_not_stacked(self) -> None:
        with pytest.raises(HookError, match="batch of part.tap changed"):
            record(torch.rand(2, 1), torch.rand(1, 1), axes="batch token").stacked()

    def test_no_axis_to_join_along(self) -> None:
        with pytest.raises(HookError, match="no axis 'time'"):
            record(torch.rand(1, 4), torch.rand(1, 4), axes="batch dim").joined()


class TestAxes:
    def test_mean_and_select_by_name(self) -> None:
        x = torch.rand(2, 3, 5)
        r = record(x, axes="batch head frame", rate=50.0)
        assert torch.allclose(r.mean("head", "batch").value, x.mean((0, 1))) and r.mean("head", "batch").axes == (
            "frame",
        )
        assert torch.equal(r.select("head", 2).value, x[:, 2]) and r.select("head", 2).rate == 50.0

    def test_padding_does_not_count(self) -> None:
        r = record(torch.tensor([[1.0, math.nan], [3.0, 5.0]]), axes="batch key")
        assert r.mean("batch").value.tolist() == [2.0, 5.0]

    @pytest.mark.parametrize("do", [lambda r: r.mean("heads"), lambda r: r.select("heads", 0)])
    def test_unknown_axis(self, do: object) -> None:
        with pytest.raises(HookError, match="one of batch, head") as error:
            do(record(torch.rand(1, 2), axes="batch head"))
        assert error.value.code == "AXIS_UNKNOWN"

    def test_entry_out_of_range(self) -> None:
        with pytest.raises(HookError, match="head 0 to 1") as error:
            record(torch.rand(1, 2), axes="batch head").select("head", 2)
        assert error.value.code == "AXIS_RANGE"

    def test_a_short_description(self) -> None:
        assert (
            repr(record(torch.rand(1, 2), axes="batch frame", rate=50.0))
            == "Record(part.tap: 1 x (batch 1, frame 2), 50 Hz)"
        )


class TestTime:
    def test_at_finds_the_frame_that_sounds(self) -> None:
        r = record(torch.arange(10.0)[None], axes="batch frame", rate=50.0)
        for seconds, frame in ((0.0, 0), (0.019, 0), (0.02, 1), (0.06, 3), (0.14, 7), (0.199, 9)):
            assert r.at(seconds).value.tolist() == [frame], seconds
        assert r.at(0.1).axes == ("batch",)

    @pytest.mark.parametrize("seconds", [-0.01, 0.2, 3.0])
    def test_outside_the_record(self, seconds: float) -> None:
        with pytest.raises(HookError, match="frame 0 to 9"):
            record(torch.rand(1, 10), axes="batch frame", rate=50.0).at(seconds)

    def test_each_call_of_a_stream(self) -> None:
        r = record(torch.rand(1, 4, 3), torch.rand(1, 4, 2), axes="batch dim frame", rate=50.0)
        assert len(r.at(0.03)) == 2 and r.at(0.03).stacked().value.shape == (2, 1, 4)

    def test_no_rate_no_time(self) -> None:
        for axes in ("batch phone", "batch frame"):
            with pytest.raises(HookError, match="known rate") as error:
                record(torch.rand(1, 4), axes=axes).at(0.0)
            assert error.value.code == "TIME_RATE"

    def test_a_rate_belongs_to_the_time_axis_wherever_it_is(self) -> None:
        pattern = record(torch.rand(1, 2, 5, 3), axes="batch head frame phone", rate=50.0)
        assert pattern.at(0.05).value.shape == (1, 2, 3)
        with pytest.raises(HookError, match="no axis 'time'"):
            pattern.mean("frame").at(0.05)

    def test_codes_at_the_frames_of_latents_and_back(self) -> None:
        codes = record(torch.tensor([[7, 8, 9]]), axes="batch token", rate=25.0)
        latents = record(torch.arange(6.0).view(1, 1, 6), axes="batch dim frame", rate=50.0)
        aligned = codes.align(latents)
        assert aligned.value.tolist() == [[7, 7, 8, 8, 9, 9]] and aligned.rate == 50.0
        assert latents.align(codes).value.flatten().tolist() == [1.0, 3.0, 5.0]
        assert torch.equal(aligned.times, latents.times)

    def test_an_odd_frame_at_the_end_takes_the_last_code(self) -> None:
        codes = record(torch.tensor([[7, 8]]), axes="batch token", rate=25.0)
        latents = record(torch.rand(1, 5), axes="batch frame", rate=50.0)
        assert codes.align(latents).value.tolist() == [[7, 7, 8, 8, 8]]

    def test_a_wave_at_the_frames_of_a_mel(self) -> None:
        wave = record(torch.arange(16000.0)[None, None], axes="batch channel sample", rate=16000.0)
        mel = record(torch.rand(1, 80, 100), axes="batch band frame", rate=100.0)
        assert wave.align(mel).value[0, 0, :3].tolist() == [80.0, 240.0, 400.0]

    def test_records_of_different_sounds(self) -> None:
        codes = record(torch.zeros(1, 3), axes="batch token", rate=25.0)
        with pytest.raises(HookError, match="records of one sound") as error:
            codes.align(record(torch.rand(1, 10), axes="batch frame", rate=50.0))
        assert error.value.code == "TIME_RANGE"

    def test_rates_come_from_the_declaration_or_from_the_component(self) -> None:
        lab = small.Lab()
        with probe(lab, "*") as records:
            lab.speak(small.sound())
        assert records["prior.mean"].rate == 50.0 and records["prior.code"].rate == 25.0
        assert records["prior.layers.0.residual"].rate == 50.0 and records["flow.residual"].rate == 100.0
        assert records["flow.attention.pattern"].rate is None and records["flow.residual"].unit == "V"


class TestFiles:
    def test_what_was_saved_is_loaded(self, tmp_path: Path) -> None:
        lab = small.Lab()
        with probe(lab, "*", every=2) as records:
            for i in range(3):
                lab.speak(small.sound(frames=4 + i))
        loaded = Records.load(records.save(tmp_path / "clean.safetensors"))
        assert [*loaded] == [*records] and loaded.path == records.path == str(tmp_path / "clean.safetensors")
        for name, mine in records.items():
            other = loaded[name]
            assert repr(other) == repr(mine) and (other.unit, other.meaning) == (mine.unit, mine.meaning)
            assert (other.every, other.origin, other.start) == (2, mine.origin, 0.0) and not other.cotangents
            assert all(a.equal(b) and a.dtype == b.dtype for a, b in zip(mine.steps, other.steps, strict=True))
        assert compare(records, loaded).table()[0]["first"] == ""

    def test_halves_of_one_tensor(self, tmp_path: Path) -> None:
        a, b = torch.rand(1, 4, 3).chunk(2, dim=1)
        records = Records([Record("a", ("batch", "dim", "frame"), [a]), Record("b", ("batch", "dim", "frame"), [b])])
        loaded = Records.load(records.save(tmp_path / "halves.rec"))
        assert loaded["a"].value.equal(a) and loaded["b"].value.equal(b)

    def test_what_is_no_record_file(self, tmp_path: Path) -> None:
        from safetensors.torch import save_file

        text, plain, other = tmp_path / "text", tmp_path / "plain", tmp_path / "other"
        text.write_text("hello")
        save_file({"x": torch.zeros(1)}, plain)
        save_file(
            {"x": torch.zeros(1)},
            other,
            {"gsv_lab_records": json.dumps([{"name": "x", "axes": ["batch"], "steps": 1}])},
        )
        for path in (tmp_path / "none", tmp_path, text, plain, other):
            with pytest.raises(HookError, match=path.name) as error:
                Records.load(path)
            assert error.value.code == "RECORD_FILE"


class TestCompare:
    def test_a_table_against_the_baseline(self) -> None:
        lab, x = small.Lab(), small.sound()
        with probe(lab, "prior.mean", "prior.layers.*.residual") as clean:
            lab.prior(x)
        with probe(lab, "prior.mean", "prior.layers.*.residual", edits=[scale("prior.mean", 3.0)]) as edited:
            lab.prior(x)
        table = compare(clean, edited).table()
        rows = {row["tap"]: row for row in table}
        assert [*rows] == ["prior.layers.0.residual", "prior.layers.1.residual", "prior.mean"]
        assert rows["prior.layers.1.residual"]["largest"] == 0 and rows["prior.layers.1.residual"]["first"] == ""
        mean = rows["prior.mean"]
        assert mean["relative"] == pytest.approx(2) and mean["cosine"] == pytest.approx(1) and mean["first"] == 0
        assert mean["largest"] == pytest.approx(2 * float(clean["prior.mean"].value.abs().max()))
        lines = str(table).splitlines()
        assert len(lines) == 2 + 3 and lines[0].startswith("| tap | calls | first |") and "| 2 |" in lines[-1]
        assert table._repr_markdown_() == str(table)

    def test_the_first_call_that_differs_and_calls_that_do_not_correspond(self) -> None:
        same = [torch.ones(1, 2), torch.ones(1, 2)]
        a = Records([record(*same, torch.ones(1, 2), axes="batch token")])
        b = Records([record(*same, torch.zeros(1, 2), torch.zeros(1, 2), axes="batch token")])
        (row,) = compare(a, b).table()
        assert row["first"] == 2 and row["calls"] == 3 and row["note"] == "3 and 4 calls, 3 of one shape"
        c = Records([record(torch.ones(1, 3), axes="batch token")])
        (row,) = compare(a, c).table()
        assert row["first"] == 0 and math.isnan(row["largest"]) and row["note"] == "3 and 1 calls, 0 of one shape"

    def test_rounding_is_no_difference(self) -> None:
        a, b = (Records([record(torch.ones(1, 2) + e, axes="batch token")]) for e in (0, 1e-7))
        assert compare(a, b).table()[0]["first"] == ""

    def test_records_of_another_model(self) -> None:
        first, second = small.Lab(), small.Lab(layers=3)
        with probe(first, "prior.mean", "flow.residual") as mine:
            first.speak(small.sound())
        with probe(second, "prior.mean", "flow.residual") as theirs:
            second.speak(small.sound())
        with pytest.raises(HookError, match=r"prior\.mean comes from another model") as error:
            compare(mine, theirs)
        assert error.value.code == "RECORD_OTHER_MODEL"

    def test_other_weights_of_the_same_sizes_may_be_compared(self) -> None:
        first, second = small.Lab(), small.Lab()
        second.prior.layers[0].attention.query.weight.data += 1
        with probe(first, "prior.mean") as mine:
            first.speak(small.sound())
        with probe(second, "prior.mean") as theirs:
            second.speak(small.sound())
        assert compare(mine, theirs).table()[0]["relative"] > 0

    def test_nothing_in_common(self) -> None:
        with pytest.raises(HookError, match="no tap in common"):
            compare(Records([record(torch.ones(1), axes="batch")]), Records())


class TestShow:
    def test_the_drawing_is_imported_only_then(self) -> None:
        code = "import sys, gsv_lab.hooks; print([m for m in sys.modules if 'matplotlib' in m or 'figures' in m])"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.stdout.strip() == "[]", done.stderr

    def test_it_hands_itself_and_the_options_to_figures(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from gsv_lab import figures

        shown = []
        monkeypatch.setattr(figures, "draw", lambda *given, **options: shown.append((given, options)), raising=False)
        r = record(torch.rand(1, 2), axes="batch frame", rate=50.0)
        r.show(phones="abc", seconds=True)
        assert shown == [((r,), {"phones": "abc", "seconds": True})]

    def test_time_is_in_seconds(self) -> None:
        r = record(torch.rand(1, 3, 100), axes="batch dim frame", rate=50.0, unit="nat", meaning="something")
        axis = r.show().axes[0]
        assert axis.get_xlim() == (0.0, 2.0) and "s" in axis.get_xlabel()


def test_an_edit_is_seen_in_the_record() -> None:
    lab = small.Lab()
    with probe(lab, "prior.mean", edits=[zero("prior.mean")]) as records:
        lab.speak(small.sound())
    assert not records["prior.mean"].value.any()
