"""Pictures, tested by what they hold: extents, labels, numbers in titles; never by pixels."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from gsv_lab import figures
from gsv_lab.corpora.synthetic import SyntheticClip, SyntheticCorpus
from gsv_lab.figures import examples, measures


@pytest.fixture(scope="module")
def clip() -> SyntheticClip:
    return SyntheticCorpus(4, 4, seed=0)[1]


@pytest.fixture(scope="module")
def material(clip: SyntheticClip) -> examples.Material:
    return examples.Material(clip.wave, clip.sample_rate, clip.phones, clip.start, clip.end, clip.f0)


def texts(figure: Figure) -> list[str]:
    """Everything that is written inside the axes, with titles."""
    found = [text.get_text() for axis in figure.axes for text in (*axis.texts, axis.title, axis._left_title)]
    suptitle = [figure._suptitle.get_text()] if figure._suptitle else []
    return [text for text in (*suptitle, *found) if text]


def image(figure: Figure, number: int = 0) -> tuple[Any, tuple[float, float, float, float]]:
    """Values and extent of one of the images."""
    found = [shown for axis in figure.axes for shown in axis.images]
    return found[number].get_array(), tuple(found[number].get_extent())


def test_every_picture_has_an_example_that_renders(material: examples.Material) -> None:
    before = dict(matplotlib.rcParams)
    names = []
    for name, says, lines, figure in figures.gallery(material):
        names.append(name)
        assert f"figures.{name}(" in lines and "return" not in lines and says
        assert isinstance(figure, Figure) and figure.axes
        assert 8.5 <= figure.get_figwidth() <= 9.5 and figure.get_figheight() < 11
        data = figures.png(figure, dpi=30)
        assert data.startswith(b"\x89PNG") and len(data) > 2000, name
    assert names == list(figures.catalogue())
    assert {key for key in before if matplotlib.rcParams[key] != before[key]} == set()


def test_no_picture_touches_pyplot_or_loads_more_than_it_needs() -> None:
    code = (
        "import sys; import gsv_lab.figures, gsv_lab.figures.measures; assert 'matplotlib' not in sys.modules;"
        "gsv_lab.figures.catalogue(); assert 'matplotlib.pyplot' not in sys.modules;"
        "assert not {'torch', 'librosa', 'gsv_lab.nn', 'gsv_lab.corpora'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="no picture 'phone_stripe'"):
        figures.phone_stripe  # noqa: B018


def test_a_notebook_shows_a_figure_without_pyplot(clip: SyntheticClip) -> None:
    assert figures.waveform(clip.wave, clip.sample_rate)._repr_png_().startswith(b"\x89PNG")


def test_time_axes_are_in_seconds(clip: SyntheticClip, material: examples.Material) -> None:
    seconds = len(clip.wave) / clip.sample_rate
    phones = (clip.phones, clip.start, clip.end)
    for figure in (
        figures.waveform(clip.wave, clip.sample_rate, *phones),
        figures.spectrogram(clip.wave, clip.sample_rate),
        figures.phone_strip(torch.from_numpy(clip.wave)[None], clip.sample_rate, *phones),
        figures.pipeline_strip(*phones, material.codes, 25, material.mel, 100, clip.wave, clip.sample_rate),
        figures.feature_stack(clip.wave, clip.sample_rate, {"mel": (material.mel, 100)}),
    ):
        last = [axis for axis in figure.axes if "time in s" in axis.get_xlabel()][-1]
        assert last.get_xlim() == pytest.approx((0, seconds), abs=0.011)
    strip = figures.pipeline_strip(*phones, material.codes, 25, material.mel, 100, clip.wave, clip.sample_rate)
    codes, extent = image(strip, 0)
    assert codes.shape == (1, len(material.codes)) and extent[1] == pytest.approx(len(material.codes) / 25)
    _, extent = image(strip, 1)
    assert extent[1] == pytest.approx(material.mel.shape[1] / 100)


def test_phones_stand_over_their_time(clip: SyntheticClip) -> None:
    figure = figures.phone_strip(clip.wave, clip.sample_rate, clip.phones, clip.start, clip.end)
    labels = {text.get_text(): text.get_position()[0] for axis in figure.axes for text in axis.texts}
    assert set(clip.phones) <= set(labels)
    last = {phone: (a + b) / 2 for phone, a, b in zip(clip.phones, clip.start, clip.end, strict=True)}
    for phone, middle in last.items():
        assert labels[phone] == pytest.approx(middle)
    with pytest.raises(ValueError, match="equally many"):
        figures.phone_strip(clip.wave, clip.sample_rate, clip.phones, clip.start, clip.end[:-1])


def test_crowded_phones_use_two_rows(clip: SyntheticClip) -> None:
    edges = np.linspace(0, 3, 61)
    figure = figures.phone_strip(clip.wave, clip.sample_rate, ["AH0"] * 60, edges[:-1], edges[1:])
    heights = {text.get_position()[1] for text in figure.axes[0].texts}
    assert len(heights) == 2 and len(figure.axes[0].texts) == 60
    assert min(text.get_fontsize() for text in figure.axes[0].texts) >= 5


def test_a_strip_without_phones_has_two_rows(clip: SyntheticClip) -> None:
    assert len(figures.phone_strip(clip.wave, clip.sample_rate).axes) == 2
    with pytest.raises(ValueError, match="frames per second"):
        figures.phone_strip(clip.wave, clip.sample_rate, mel=np.ones((4, 9)))


def test_spectrogram_finds_a_tone_at_its_place() -> None:
    time = np.arange(16000) / 16000
    wave = np.where(time > 0.5, np.sin(2 * np.pi * 2000 * time), 0.0)
    level, extent = image(figures.spectrogram(wave, 16000))
    frames = np.linspace(*extent[:2], level.shape[1], endpoint=False)
    loud = level.argmax(axis=0)[frames > 0.52]
    assert np.abs(loud / (len(level) - 1) * 8 - 2).max() < 0.05
    assert level[:, frames < 0.48].max() < -100


def test_wave_extremes_survive_thinning() -> None:
    wave = np.zeros(100_000)
    wave[77_777] = 0.9
    figure = figures.waveform(wave, 16000)
    vertices = figure.axes[0].collections[0].get_paths()[0].vertices
    top = vertices[vertices[:, 1].argmax()]
    assert top[1] == pytest.approx(0.9) and top[0] == pytest.approx(77_777 / 16000, abs=0.005)


def test_mel_compare_shows_the_difference_of_the_common_part() -> None:
    first, second = np.random.default_rng(0).random((8, 50)), np.zeros((8, 40))
    figure = figures.mel_compare(first, second, 100, names=("target", "made"))
    shown, extent = image(figure, 2)
    np.testing.assert_allclose(shown, -first[:, :40])
    assert extent[1] == pytest.approx(0.4)
    assert f"made − target: mean absolute difference {first[:, :40].mean():.2f}" in texts(figure)
    assert image(figure, 0)[0].shape == (8, 50)
    limits = {shown.get_clim() for axis in figure.axes[:2] for shown in axis.images}
    assert len(limits) == 1
    with pytest.raises(ValueError, match="8 bands, made has 7"):
        figures.mel_compare(first, second[:7], 100, names=("target", "made"))


def test_code_ribbon_merges_runs_and_writes_numbers() -> None:
    figure = figures.code_ribbon(torch.tensor([[4, 4, 4, 9, 9, 300]]), 25)
    assert [text.get_text() for text in figure.axes[0].texts] == ["4", "9", "300"]
    tiles, _ = image(figure)
    assert tiles[0, 0] == tiles[0, 2] != tiles[0, 3]


def test_codebook_usage_counts() -> None:
    figure = figures.codebook_usage([0, 0, 1, 1, 2, 2, 3, 3], 8)
    assert "perplexity 4 of 8 codes, 4 never used" in texts(figure)[0]
    covered = figure.axes[1].lines[0].get_ydata()
    np.testing.assert_allclose(covered, [0, 0.25, 0.5, 0.75, 1, 1, 1, 1, 1])
    with pytest.raises(ValueError, match="0 to 7"):
        figures.codebook_usage([8], 8)


def test_phone_code_matrix_is_a_staircase_and_names_its_number() -> None:
    counts = np.array([[0, 10, 0, 9, 0], [8, 0, 0, 0, 0], [0, 0, 0, 1, 5]])
    figure = figures.phone_code_matrix(counts, ["AA", "B", "CH"])
    shown, _ = image(figure)
    # The image is drawn from the bottom, so the first phone is its last row; code 2 never occurs and is left out.
    np.testing.assert_allclose(shown[::-1], [[1, 0.9, 0, 0], [0, 0, 1, 0], [0, 0.1, 0, 1]])
    axis = figure.axes[0]
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["1", "3", "0", "4"]
    assert [tick.get_text() for tick in axis.get_yticklabels()] == ["AA", "B", "CH"]
    assert f"U(phone|code) = {measures.uncertainty(counts):.2f}" in texts(figure)[0]
    with pytest.raises(ValueError, match="3 rows for 2 phones"):
        figures.phone_code_matrix(counts, ["AA", "B"])


def test_f0_overlay_breaks_where_unvoiced() -> None:
    f0 = np.array([0, 100, 200, 0, 100.0])
    figure = figures.f0_overlay({"a": f0, "b": f0 * 2}, 100, semitones=True)
    first, second = (line.get_ydata() for line in figure.axes[0].lines)
    np.testing.assert_allclose(first, [np.nan, 0, 12, np.nan, 0])
    np.testing.assert_allclose(first, second)
    assert [text.get_text() for text in figure.axes[0].get_legend().texts] == ["a (median 100 Hz)", "b (median 200 Hz)"]


def test_training_curves_have_a_panel_each_and_smooth_by_a_running_mean() -> None:
    steps, values = np.arange(20), np.arange(20.0) ** 2
    figure = figures.training_curves({"mel": {"train": (steps, values)}, "kl": {"train": (steps, values)}}, smooth=5)
    assert [axis._left_title.get_text() for axis in figure.axes] == ["mel", "kl"]
    smooth = figure.axes[0].lines[1]
    np.testing.assert_allclose(smooth.get_ydata()[0], values[:5].mean())
    assert smooth.get_xdata()[0] == 4 and len(smooth.get_xdata()) == 16
    with pytest.raises(ValueError, match="at least one panel"):
        figures.training_curves({})


def test_training_curves_name_their_lines_in_the_first_panel_that_has_some() -> None:
    figure = figures.training_curves({"none": {}, "mel": {"a": ([1, 2], [3, 4])}, "kl": {"a": ([1, 2], [5, 6])}})
    assert [axis.get_legend() is not None for axis in figure.axes[:3]] == [False, True, False]


def test_moved_parameters_stack_components_and_say_their_sum() -> None:
    counts = {"full": {"prior": 1_000_000, "flow": 500_000}, "speaker": {"flow": 250_000, "prior": 0}}
    figure = figures.moved_parameters(counts, title="nano")
    (axis,) = figure.axes
    bars = [[(bar.get_x(), bar.get_width()) for bar in group] for group in axis.containers]
    assert bars == [[(0.0, 1.0), (0.0, 0.0)], [(1.0, 0.5), (0.0, 0.25)]]
    assert [text.get_text() for text in axis.get_legend().texts] == ["prior", "flow"]
    assert {"1.50 M", "0.25 M"} <= {*texts(figure)}
    assert [label.get_text() for label in axis.get_yticklabels()] == ["full", "speaker"]
    with pytest.raises(ValueError, match="at least one method"):
        figures.moved_parameters({})


def test_filter_bank_axis_is_frequency() -> None:
    bank = np.eye(5, 9)
    shown, extent = image(figures.filter_bank(bank, 16000))
    np.testing.assert_array_equal(shown, bank)
    assert extent == (0.0, 8.0, 0.0, 5.0)


def test_slice_quality_grades_in_both_directions() -> None:
    from gsv_lab.figures.training import grade

    assert [grade(value, 30, 10) for value in (35, 20, 5)] == [0, 1, 2]
    assert [grade(value, 0.001, 0.01) for value in (0.0, 0.005, 0.5)] == [0, 1, 2]
    figure = figures.slice_quality([{"name": "a.flac", "seconds": 4.04, "snr_db": 33, "phone_coverage": None}] * 50)
    shown = texts(figure)
    assert "first 40 of 50 slices" in shown and shown.count("a.flac") == 40 and shown.count("4.0 s") == 40
    assert "33 dB" in shown and "phones" not in shown


def test_triangle_keeps_unseen_keys_blank_and_scales_rows() -> None:
    pattern = np.array([[0.5, 0.5, np.nan, np.nan], [0.2, 0.4, 0.4, np.nan], [0.1, 0.1, 0.1, 0.7]])
    figure = figures.triangle_attention(pattern, phones=["HH"], prompt=1, rate=25)
    shown, extent = image(figure)
    np.testing.assert_allclose(np.nanmax(np.asarray(shown), axis=1), 1)
    assert np.isnan(np.ma.filled(shown, np.nan)[0, 2:]).all() and extent[3] == pytest.approx(3 / 25)
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["HH"]
    edges = sorted(line.get_xdata()[0] for line in figure.axes[0].lines)
    assert edges == [1, 2]
    with pytest.raises(ValueError, match="do not fit into 4 keys"):
        figures.triangle_attention(pattern, phones=["HH"] * 3, prompt=2)


def test_alignment_names_phones_and_its_score() -> None:
    figure = figures.alignment(np.eye(4).repeat(5, axis=0), 50, ["S", "P", "IY", "CH"])
    assert "diagonality 1.00" in texts(figure)[0]
    shown, extent = image(figure)
    assert shown.shape == (4, 20) and extent[:2] == (0.0, 0.4)
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == ["S", "P", "IY", "CH"]
    with pytest.raises(ValueError, match="4 keys, there are 3"):
        figures.alignment(np.eye(4), 50, ["S", "P", "IY"])


def test_completeness_marks_what_was_left_out_and_places_what_was_heard() -> None:
    pattern = np.eye(6).repeat(5, axis=0)
    words = [("one", 0, 1), ("two", 2, 3), ("six", 4, 5)]
    seen = {"heard": ["W", "S", "W"], "times": [0.1, 0.4, 0.5], "belongs": [0, 2, -1]}
    figure = figures.completeness(pattern, 50, words, **seen, skipped=[1], repeated=[(2, 3)])
    above, body = figure.axes
    assert [text.get_text() for text in above.texts] == ["W", "S", "W"]
    assert [label.get_text() for label in body.get_yticklabels()] == ["one", "two", "six"]
    rows = [(patch.get_y(), patch.get_height()) for patch in body.patches]
    assert rows == [(1.5, 2.0)]
    dots = body.collections[0]
    assert dots.get_offsets().tolist() == [[0.1, 0.5], [0.4, 4.5]]
    assert len({tuple(colour) for colour in dots.get_facecolors()}) == 2
    with pytest.raises(ValueError, match="equally many"):
        figures.completeness(pattern, 50, words, heard=["W"])
    with pytest.raises(ValueError, match="outside"):
        figures.completeness(pattern, 50, [("one", 0, 6)])


def test_sampling_candidates_rank_choices() -> None:
    logits = np.log(np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [1 / 3, 1 / 3, 1 / 3]]))
    figure = figures.sampling_candidates(logits, [0, 1, 2], rate=25, depth=2)
    entropy = figure.axes[0].lines[0].get_ydata()
    np.testing.assert_allclose(entropy[2], np.log2(3))
    likeliest, _ = image(figure)
    np.testing.assert_allclose(likeliest, [[0.7, 0.6, 1 / 3], [0.2, 0.3, 1 / 3]])
    inside, beyond = figure.axes[1].lines
    np.testing.assert_allclose(inside.get_ydata(), [1, 2])
    np.testing.assert_allclose(inside.get_xdata(), [0.02, 0.06])
    np.testing.assert_allclose(beyond.get_xdata(), [0.10])


def test_flow_densities_are_in_units_of_the_prior() -> None:
    rng = np.random.default_rng(0)
    mean, log_scale = rng.standard_normal((4, 500)), np.full((4, 500), np.log(0.5))
    z = mean + 0.5 * rng.standard_normal((4, 500))
    shown = texts(figures.flow_densities({"start": mean + 10, "end": z}, mean, log_scale))
    assert any(f"end\nmean square {np.mean((2 * (z - mean)) ** 2):.2f}" in text for text in shown)
    assert any("start\nmean square 400.00\n100.0% outside" in text for text in shown)


def test_latent_spread_counts_telling_dimensions() -> None:
    mean = np.stack([np.sin(np.arange(100) / 5), np.zeros(100), 0.01 * np.cos(np.arange(100))])
    figure = figures.latent_spread(mean, np.full((3, 100), -2.0), 50)
    assert texts(figure)[0].startswith("1 of 3 dimensions")
    np.testing.assert_allclose(image(figure)[0][-1], mean[0])  # the most telling one is drawn on top


def test_vocoder_stages_share_the_time_axis() -> None:
    wave = np.sin(np.arange(16000))
    figure = figures.vocoder_stages({"a": (np.ones((3, 50)), 50)}, wave, 16000, start=0.2, length=0.1)
    assert figure.axes[-1].get_xlim() == pytest.approx((0.2, 0.3))
    assert image(figure)[1][1] == pytest.approx(1.0)
    drawn = figure.axes[-1].lines[0]
    np.testing.assert_allclose(drawn.get_ydata(), wave[3200:4800])
    np.testing.assert_allclose(drawn.get_xdata()[0], 0.2 + 0.5 / 16000)


def test_speaker_space_places_extra_vectors_on_the_same_axes() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((3, 5)).repeat(4, axis=0) + 0.1 * rng.standard_normal((12, 5))
    figure = figures.speaker_space(vectors, ["a"] * 4 + ["b"] * 4 + ["c"] * 4, extra={"copy of the first": vectors[0]})
    axis = figure.axes[0]
    first = np.asarray(axis.collections[0].get_offsets())[0]
    star = np.asarray(axis.collections[3].get_offsets())[0]
    np.testing.assert_allclose(star, first, atol=1e-9)
    likeness, _ = image(figure)
    assert np.diag(np.asarray(likeness)[::-1]).min() > 0.9
    with pytest.raises(ValueError, match="12 vectors, 1 speakers"):
        figures.speaker_space(vectors, ["a"])


def test_leakage_matrix_colours_run_from_chance() -> None:
    scores = np.array([[0.5, 0.75], [1.0, 0.5]])
    figure = figures.leakage_matrix(scores, ["x", "y"], ["phone", "speaker"], chance=[0.0, 0.5], low=scores - 0.1,
                                    high=scores + 0.1, control=scores / 2)  # fmt: skip
    shown, _ = image(figure)
    np.testing.assert_allclose(shown[::-1], [[0.5, 0.5], [1.0, 0.0]])
    assert "0.75  [0.65, 0.85]\ncontrol 0.38" in texts(figure)
    with pytest.raises(ValueError, match=r"expected \(1, 2\)"):
        figures.leakage_matrix(scores, ["x"], ["phone", "speaker"])


def test_head_costs_colour_both_ways_and_leave_missing_heads_blank() -> None:
    figure = figures.head_costs([[0.4, -0.1], [float("nan"), 0.2]], ["layers.0", "layers.1"], [0, 1], "nats")
    assert {text.get_text() for text in figure.axes[0].texts} == {"+0.4", "-0.1", "+0.2"}
    assert figure.axes[0].images[0].get_clim() == (-0.4, 0.4)
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == ["layers.0", "layers.1"]
    assert figure.axes[0].get_ylim()[0] > figure.axes[0].get_ylim()[1], "the first layer on top"
    with pytest.raises(ValueError, match="expected \\(1, 2\\)"):
        figures.head_costs([[1.0]], ["a"], [0, 1])


def test_head_costs_on_one_scale_hatch_what_could_be_nothing() -> None:
    change, low, high = [[0.9, 0.1]], [[0.8, -0.1]], [[1.0, 0.3]]
    figure = figures.head_costs(change, ["layers.0"], [0, 1], "nats", low=low, high=high, reach=0.5)
    axis = figure.axes[0]
    assert axis.images[0].get_clim() == (-0.5, 0.5)
    np.testing.assert_array_equal(axis.images[0].get_array(), [[0.9, 0.0]])
    assert [patch.get_xy() for patch in axis.patches if patch.get_hatch()] == [(0.5, -0.5)]
    assert {text.get_text() for text in axis.texts} == {"+0.9", "+0.1"}
    assert not [
        patch for patch in figures.head_costs(change, ["layers.0"], [0, 1]).axes[0].patches if patch.get_hatch()
    ]


def test_cost_scatter_names_what_costs_and_what_looks_best() -> None:
    along, cost = np.array([0.9, 0.1, 0.2, 0.3, 0.0]), np.array([0.0, 0.5, 0.0, -0.1, 0.0])
    figure = figures.cost_scatter(along, cost, cost - 0.2, cost + 0.3, ["0.0", "0.1", "1.0", "1.1", "2.0"])
    axis = figure.axes[0]
    assert {text.get_text() for text in axis.texts} == {"0.0", "0.1", "1.0", "1.1"}
    points = [line.get_xydata()[0] for line in axis.lines if line.get_marker() == "o" and len(line.get_xdata())]
    np.testing.assert_allclose(points, np.stack([along, cost], 1))
    bars = [bar.get_segments()[0] for bar in axis.collections]
    np.testing.assert_allclose([[bar[0][1], bar[1][1]] for bar in bars], np.stack([cost - 0.2, cost + 0.3], 1))
    with pytest.raises(ValueError, match="equally many"):
        figures.cost_scatter(along, cost, cost, cost, ["0.0"])


def test_shift_scatter_shows_wanted_against_made() -> None:
    wanted = np.array([-0.2, 0.0, 0.4])
    figure = figures.shift_scatter({"pitch": (wanted, wanted), "tract": (wanted, 0.5 * wanted)}, ["all", "half"])
    assert [axis.get_title(loc="left") for axis in figure.axes] == ["all", "half"]
    np.testing.assert_allclose(figure.axes[1].collections[0].get_offsets(), np.stack([wanted, 0.5 * wanted], 1))
    with pytest.raises(ValueError, match="1 titles for 2"):
        figures.shift_scatter({"pitch": (wanted, wanted), "tract": (wanted, wanted)}, ["one"])
    with pytest.raises(ValueError, match="3 shifts of pitch wanted and 2 made"):
        figures.shift_scatter({"pitch": (wanted, wanted[:2])})


def test_forest_fills_what_is_sure_and_shows_names_as_they_are() -> None:
    rows = {"a$x_1$ − b": (2.0, 1.0, 3.0), "b − c": (-0.5, np.nan, np.nan)}
    figure = figures.forest(rows, "word error, points", sure=["a$x_1$ − b"], better=-1)
    axis = figure.axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == [r"a\$x_1\$ − b", "b − c"]
    zero, first, point, second, hollow = axis.get_lines()
    assert list(first.get_xdata()) == [1.0, 3.0] and np.isnan(second.get_xdata()).all()
    assert point.get_markerfacecolor() != "white" and hollow.get_markerfacecolor() == "white"
    low, high = axis.get_xlim()
    assert low < -0.5 and high > 3.0 and list(zero.get_xdata()) == [0, 0]
    assert axis.get_xlabel() == "← better" and len(figures.png(figure, dpi=50)) > 2000
    with pytest.raises(ValueError, match="at least one row"):
        figures.forest({})


@dataclass
class Fake:
    """What a record of the hooks shows of itself."""

    axes: tuple[str, ...]
    value: torch.Tensor
    rate: float | None = None
    unit: str = ""
    name: str = "prior.mean"
    meaning: str = ""
    start: float = 0.0
    calls: int = 1

    def __len__(self) -> int:
        return self.calls

    def stacked(self) -> Fake:
        return Fake(("step", "key"), torch.tensor([[1.0, float("nan")], [0.5, 0.5]]))

    def joined(self) -> Fake:
        return Fake(self.axes, torch.cat([self.value] * self.calls, dim=-1), self.rate)


def test_draw_reads_the_axes() -> None:
    values = torch.randn(1, 6, 40)
    figure = figures.draw(Fake(("batch", "dim", "frame"), values, rate=50.0, start=1.0))
    shown, extent = image(figure)
    np.testing.assert_allclose(shown, values[0], rtol=1e-6)
    assert extent == (1.0, 1.8, 0.0, 6.0) and figure.axes[0].get_xlabel() == "time in s"
    turned, _ = image(figures.draw(Fake(("batch", "step", "dim"), values)))
    np.testing.assert_allclose(turned, values[0].T, rtol=1e-6)
    attention = torch.rand(1, 2, 9, 3)
    heads = figures.draw(Fake(("batch", "head", "frame", "phone"), attention, 50.0), phones=["A", "B", "C"])
    assert len(heads.axes) == 2 and heads.axes[0].images[0].get_array().shape == (3, 9)
    triangle = figures.draw(Fake(("batch", "head", "query", "key"), attention, calls=2))
    assert np.isnan(np.ma.filled(image(triangle)[0], np.nan)[0, 1])
    joined = figures.draw(Fake(("batch", "token"), torch.tensor([[3, 3]]), rate=25.0, calls=3))
    assert [text.get_text() for text in joined.axes[0].texts] == ["3"] and image(joined)[1][1] == pytest.approx(0.24)
    bars = figures.draw(Fake(("batch", "dim", "one"), torch.randn(1, 7, 1)))
    assert len(bars.axes[0].patches) == 7
    with pytest.raises(ValueError, match="choose or average"):
        figures.draw(Fake(("batch", "head", "query", "key"), attention))
    with pytest.raises(ValueError, match="3 axes, the names are"):
        figures.tensor_view(values, ("batch", "dim"))


def test_measures() -> None:
    rng = np.random.default_rng(0)
    assert measures.perplexity([1, 1, 1, 1]) == pytest.approx(4)
    assert measures.uncertainty(np.eye(5)) == pytest.approx(1)
    assert measures.uncertainty(np.outer([1, 2, 3], [4, 5])) == pytest.approx(0, abs=1e-9)
    straight = np.eye(6).repeat(4, axis=0)
    np.testing.assert_array_equal(measures.monotone_path(straight), np.arange(6).repeat(4))
    assert measures.diagonality(straight) == pytest.approx(1)
    assert measures.diagonality(np.ones((50, 10))) < 0.31
    stuck = np.zeros((24, 6))
    stuck[:, 2] = 1
    assert measures.diagonality(stuck) < 0.2
    assert measures.diagonality(straight[::-1]) < 0.2
    assert measures.diagonality(rng.random((60, 20))) < 0.4
    points = rng.standard_normal((30, 1)) * np.array([3.0, 4.0, 0.0]) + 5
    placed, share = measures.principal(points)
    assert share[0] == pytest.approx(1) and np.ptp(placed[:, 0]) == pytest.approx(5 * np.ptp(points[:, 0]) / 3)


def test_scores_of_pairs_say_their_equal_error() -> None:
    same, different = [0.9, 0.8, 0.8, 0.5], [0.6, 0.4, 0.3, 0.2]
    figure = figures.pair_scores({"1.6 s": (same, different, 0.55), "6 s": (same, [0.1, 0.2], 0.3)})
    found = texts(figure)
    assert "1.6 s: threshold 0.55, equal error 25%" in found and "6 s: threshold 0.30, equal error 0%" in found
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert legend == ["two speakers, mean 0.38", "one speaker, mean 0.75"]
    assert figure.axes[0].get_xlim() == figure.axes[1].get_xlim()
    with pytest.raises(ValueError, match="no condition"):
        figures.pair_scores({})


def test_a_warping_path_lies_on_its_costs_in_seconds() -> None:
    cost = np.arange(12.0).reshape(3, 4)
    figure = figures.warping_path(cost, [(0, 0), (1, 1), (2, 3)], 10.0, labels=("one", "other"))
    values, extent = image(figure)
    assert np.array_equal(values, cost) and extent == (0, 0.4, 0, 0.3)
    assert figure.axes[0].lines[0].get_xydata().tolist() == pytest.approx(
        np.array([[0.05, 0.05], [0.15, 0.15], [0.35, 0.25]])
    )
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("other (s)", "one (s)")
    with pytest.raises(ValueError, match="expected pairs"):
        figures.warping_path(cost, [(0, 0, 0)])
