"""What a training shows: the documented tags and no others, read back from the event files, for every task."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2

from gsv_lab import audio, figures
from gsv_lab.checkpoint import save_component
from gsv_lab.corpora.synthetic import PHONES
from gsv_lab.hooks import watched
from gsv_lab.system import registry
from gsv_lab.system.config import build
from gsv_lab.text.symbols import SYMBOLS
from gsv_lab.training.callbacks import Average, Budget
from gsv_lab.training.codes import make_codes
from gsv_lab.training.fit import fit
from gsv_lab.training.gpt_task import GPTTask, Scored
from gsv_lab.training.log_writer import MOST_POINTS, MOST_VALUES, LogWriter, Points
from gsv_lab.training.logging_callback import COMMON, LoggingCallback, flat
from gsv_lab.training.task import Tag, Task
from gsv_lab.training.verifier_task import VerifierTask
from gsv_lab.training.views import phone_names
from tiny import CONTENT, DISCRIMINATORS, GPT, RECOGNISERS, SOVITS, VERIFIER, experiment, make_store, spec

pytestmark = pytest.mark.filterwarnings("ignore")
Specs = dict[str, tuple[dict[str, Any], dict[str, Any]]]
Register = Callable[[type], str]
TASKS = ("ContentTask", "TeacherTask", "SoVITSTask", "GPTTask", "VerifierTask", "RecogniserTask", "G2PTask")


@pytest.fixture
def registered() -> Iterator[Register]:
    """Registers a class for one test and says how specifications name it."""
    before = dict(registry._REGISTERED)

    def add(cls: type) -> str:
        registry.register(cls)
        return f"{cls.__module__}.{cls.__qualname__}"

    yield add
    registry._REGISTERED.clear()
    registry._REGISTERED.update(before)


@pytest.fixture(scope="module")
def specs(tmp_path_factory: pytest.TempPathFactory) -> Specs:
    """A tiny task and its data, by the name of the task's class."""
    folder = tmp_path_factory.mktemp("views")
    store = make_store(folder / "clips", clips=9)
    torch.manual_seed(0)
    content = save_component(build(CONTENT), folder / "content.safetensors")
    make_codes(store.folder, content, folder / "quantizer.safetensors", n_codes=20)
    heard = (np.zeros((row.samples // 320, 6), np.float16) for row in store.rows)
    store.add_track("teacher", heard)
    where = str(store.folder)
    return {
        "ContentTask": (
            spec("training.content_task.ContentTask", content_encoder=CONTENT),
            spec("corpora.content_data.ContentData", store=where, batch_seconds=4.0, valid_batches=2),
        ),
        "TeacherTask": (
            spec(
                "training.content_task.TeacherTask",
                teacher=spec("extensions.teacher_head.TeacherHead", n_phones=102, teacher_dim=6, width=8, dim=8),
            ),
            spec("corpora.content_data.ContentData", store=where, batch_seconds=4.0, valid_batches=2),
        ),
        "SoVITSTask": (
            spec(
                "training.sovits_task.SoVITSTask", sovits=SOVITS, discriminators=DISCRIMINATORS, adversarial_from=0.0,
                quantizer_file=str(folder / "quantizer.safetensors"),
            ),
            spec(
                "corpora.sovits_data.SoVITSData", store=where, windows=2, window_seconds=1.0, worst_fit=-90.0,
                valid_batches=2,
            ),
        ),
        "GPTTask": (
            spec("training.gpt_task.GPTTask", semantic_gpt=GPT, guided_layer=1),
            spec("corpora.gpt_data.GPTData", store=where, batch_seconds=4.0, worst_fit=-90.0, valid_batches=2),
        ),
        "VerifierTask": (
            spec("training.verifier_task.VerifierTask", verifier=VERIFIER, n_speakers=3),
            spec(
                "corpora.verifier_data.VerifierData", store=where, valid=["train", "valid"], speakers=3,
                crop_seconds=[0.5, 0.8],
            ),
        ),
        "RecogniserTask": (
            spec("training.recogniser_task.RecogniserTask", recogniser=RECOGNISERS["zh"], flat_start=1, warm_up=1),
            spec("corpora.recogniser_data.RecogniserData", store=where, batch_seconds=4.0, valid_batches=2),
        ),
        "G2PTask": (
            spec("training.g2p_task.G2PTask", letter_to_sound=spec("extensions.letter_to_sound.LetterToSound")),
            spec("corpora.letter_data.LetterData", batch_words=4),
        ),
    }  # fmt: skip


class Numbers(LogWriter):
    """Keeps what a view writes."""

    def __init__(self) -> None:
        super().__init__([], 0, strict=True)
        self.seen: dict[str, float] = {}
        self.pictures: list[str] = []

    def scalar(self, tag: str, value: float) -> None:
        self.seen[tag] = value

    def figure(self, tag: str, figure: Any) -> None:
        self.pictures.append(tag)


def train(specs: Specs, name: str, folder: Path, callback: pl.Callback | None, batches: int = 2) -> Task:
    """A few batches with one validation after them, as `fit` would run them."""
    torch.manual_seed(0)
    task, data = (build(made) for made in specs[name])
    budget = Budget(60.0, batches, 3)
    data.attach(task, budget, 0)
    loggers = [TensorBoardLogger(folder, name="a", version=""), CSVLogger(folder, "b", "")]
    callbacks = [budget, Average(), *([callback] if callback else [])]
    trainer = pl.Trainer(
        accelerator="cpu", max_epochs=-1, logger=loggers, callbacks=callbacks, log_every_n_steps=1,
        enable_progress_bar=False, enable_model_summary=False, enable_checkpointing=False, num_sanity_val_steps=0,
        val_check_interval=batches, check_val_every_n_epoch=None, limit_val_batches=2,
    )  # fmt: skip
    trainer.fit(task, datamodule=data)
    assert watched() == []
    return task


def events(folder: Path) -> EventAccumulator:
    kinds = ("images", "scalars", "audio", "histograms")
    return EventAccumulator(str(folder), size_guidance=dict.fromkeys(kinds, 0)).Reload()


def written(folder: Path) -> dict[str, set[str]]:
    """Kind -> tags that TensorBoard would show."""
    found = events(folder)
    tags = found.Tags()
    projector = folder / "projector_config.pbtxt"
    points = projector.read_text(encoding="utf-8").split('tensor_name: "')[1:] if projector.is_file() else []
    hparams = any("_hparams_" in tag for tag in found.summary_metadata)
    return {
        "scalar": {*tags["scalars"]} - {"epoch", "hp_metric"},
        "image": {*tags["images"]},
        "audio": {*tags["audio"]},
        "histogram": {*tags["histograms"]},
        "points": {line.split(":")[0] for line in points},
        "settings": {"hparams"} if hparams else set(),
    }


@pytest.mark.parametrize("name", TASKS)
def test_a_training_writes_the_documented_tags_and_no_others(name: str, specs: Specs, tmp_path: Path) -> None:
    task = train(specs, name, tmp_path, LoggingCallback(items=2, strict=True))
    found = written(tmp_path / "a")
    documented = (*COMMON, *task.tags)
    for kind, tags in found.items():
        globs = [tag.name for tag in documented if tag.kind == kind]
        scales = [glob for glob in globs if glob.startswith("loss_scale/")]  # of half precision alone
        assert not [tag for tag in tags if not any(fnmatchcase(tag, glob) for glob in globs)], kind
        missing = [glob for glob in globs if not any(fnmatchcase(tag, glob) for tag in tags)]
        assert missing == scales, kind
    accumulator = events(tmp_path / "a")
    for tag in found["image"]:
        (image,) = accumulator.Images(tag)
        assert image.width >= 700 and image.height > 100 and image.step == 1, tag  # batches are counted from 0
    for tag in found["scalar"] - {tag for tag in found["scalar"] if tag.startswith(("train/", "valid/"))}:
        assert all(event.value == event.value for event in accumulator.Scalars(tag)), f"{tag} is not a number"
    for tag in found["audio"]:
        (sound,) = accumulator.Audio(tag)
        assert sound.sample_rate == 16000 and len(sound.encoded_audio_string) > 4000, tag
    moved = {tag.removeprefix("grad_norm/") for tag in found["scalar"] if tag.startswith("grad_norm/")}
    assert moved & {*task.parts()}, "the gradient of some component is shown"
    csv = (tmp_path / "b" / "metrics.csv").read_text(encoding="utf-8")
    scalars = [tag.name for tag in task.tags if tag.kind == "scalar"]
    assert all(tag in csv for tag in scalars), "numbers go to every logger"


def test_numbers_that_mean_something(specs: Specs, tmp_path: Path) -> None:
    train(specs, "SoVITSTask", tmp_path / "s", LoggingCallback(strict=True))
    train(specs, "GPTTask", tmp_path / "g", LoggingCallback(strict=True))
    s, g = events(tmp_path / "s" / "a"), events(tmp_path / "g" / "a")
    for found in (s, g):
        perplexity, dead = (found.Scalars(f"codes/{tag}")[0].value for tag in ("perplexity", "dead"))
        assert 1 <= perplexity <= 20 * (1 - dead) + 1e-3 and 0 <= dead < 1
    assert 0 < s.Scalars("align/prior/diagonality")[0].value <= 1
    assert s.Scalars("grad_norm/vocoder")[0].value > 0 and "grad_norm/quantizer" not in s.Tags()["scalars"], "frozen"
    # Untrained: hardly better than guessing among 21.
    assert 0 <= g.Scalars("semantic_gpt/accuracy")[0].value < 0.5
    assert 2.0 < g.Scalars("semantic_gpt/entropy")[0].value <= 3.05
    assert 0 < g.Scalars("semantic_gpt/stop")[0].value < 0.5


@pytest.mark.parametrize("silent", [True, False])
def test_a_recogniser_that_says_nothing_shows_it(silent: bool, specs: Specs) -> None:
    torch.manual_seed(0)
    task, data = (build(made) for made in specs["RecogniserTask"])
    data.attach(task, Budget(60.0, 2, 3), 0)
    if silent:
        torch.nn.init.zeros_(task.recogniser.classify.weight)
        torch.nn.init.constant_(task.recogniser.classify.bias[1:], -20.0)
    data.setup("fit")
    log = Numbers()
    with torch.no_grad():
        task.eval().log_views(next(iter(data.val_dataloader())), log)
    seen = log.seen
    assert (seen["recogniser/ratio"] == 0.0 and seen["recogniser/blank"] == 1.0) == silent
    assert 0 <= seen["recogniser/blank"] <= 1 and 0 < seen["align/recogniser/diagonality"] <= 1
    assert log.pictures == ["recogniser/input", "align/recogniser"] and watched() == []


def test_the_settings_are_flat() -> None:
    made = dict(flat(spec("a.B", rate=1e-3, part=spec("c.D", sizes=[1, 2]), name="x")))
    assert made == {
        "class_path": "gsv_lab.a.B", "rate": 1e-3, "part.class_path": "gsv_lab.c.D", "part.sizes": "[1, 2]", "name": "x"
    }  # fmt: skip


def test_views_do_not_change_the_training(specs: Specs, tmp_path: Path) -> None:
    weights = []
    for callback in (LoggingCallback(strict=True), None):
        task = train(specs, "SoVITSTask", tmp_path / str(callback is None), callback, batches=3)
        weights.append(torch.cat([p.detach().flatten() for p in task.parameters()]))
    assert torch.equal(*weights)


class TestFailures:
    @pytest.fixture(autouse=True)
    def broken(self, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
        made: list[Any] = []
        drawing = figures.alignment

        def alignment(*given: Any, **options: Any) -> Any:
            made.append(drawing(*given, **options))
            raise ValueError("this cannot be drawn")

        monkeypatch.setattr(figures, "alignment", alignment, raising=False)
        return made

    def test_are_errors_in_tests(self, specs: Specs, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="cannot be drawn"):
            train(specs, "GPTTask", tmp_path, LoggingCallback(strict=True))
        assert watched() == []

    def test_are_warnings_in_a_training_and_the_other_views_are_there(
        self, specs: Specs, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.WARNING):
            train(specs, "GPTTask", tmp_path, LoggingCallback())
        lines = [record.message for record in caplog.records if "No picture" in record.message]
        assert lines == ["No picture of align/semantic_gpt: this cannot be drawn"]
        assert "semantic_gpt/candidates" in events(tmp_path / "a").Tags()["images"]


def test_figures_are_closed(specs: Specs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib.pyplot as plt

    made: list[Any] = []
    for name in ("sampling_candidates", "alignment", "codebook_usage"):
        drawing = getattr(figures, name)
        monkeypatch.setattr(
            figures, name, lambda *a, drawing=drawing, **k: made.append(drawing(*a, **k)) or made[-1], raising=False
        )
    train(specs, "GPTTask", tmp_path, LoggingCallback(strict=True))
    assert len(made) == 3 and not any(figure.axes for figure in made) and plt.get_fignums() == []


def test_fit_writes_views(specs: Specs, tmp_path: Path) -> None:
    task, data = specs["GPTTask"]
    fit(experiment(task, data, 2, validate_every=2), tmp_path, progress_bar=False)
    tags = written(tmp_path / "events")
    assert "align/semantic_gpt" in tags["image"] and "semantic_gpt/stop" in tags["scalar"]


def test_phones_without_a_symbol_are_numbers() -> None:
    assert phone_names(torch.tensor([1, 10_000]), len(SYMBOLS)) == [SYMBOLS[1], "10000"]


def test_phones_of_the_synthetic_corpus_have_its_names() -> None:
    assert phone_names(torch.tensor([0, 1, len(PHONES)]), 1 + len(PHONES)) == ["silence", PHONES[0], PHONES[-1]]


class Confident(GPTTask):
    """A task of one's own that changes a loss and nothing that is drawn."""

    def losses(self, batch: Any, guided: bool) -> Scored:
        found = super().losses(batch, guided)
        return found._replace(terms={"half": 0.5 * found.terms["code"]})


def test_a_subclass_keeps_its_pictures(specs: Specs, tmp_path: Path, registered: Register) -> None:
    task, data = specs["GPTTask"]
    specs = {**specs, "Confident": ({**task, "class_path": registered(Confident)}, data)}
    assert type(train(specs, "Confident", tmp_path, LoggingCallback(strict=True))) is Confident
    found = written(tmp_path / "a")
    assert found["image"] == {tag.name for tag in GPTTask.tags if tag.kind == "image"} and len(found["image"]) == 3
    assert {"train/half", "valid/half", "semantic_gpt/entropy"} <= found["scalar"] and "train/code" not in found[
        "scalar"
    ]


class Loudness(VerifierTask):
    """A task of one's own with tags of its own."""

    tags = (
        Tag("loudness/level", "scalar", "root mean square of the clips"),
        Tag("loudness/picture", "image", "the first clip"),
    )

    def log_views(self, batch: Any, log: LogWriter) -> None:
        with log.attempt("loudness"):
            log.scalar("loudness/level", float(batch.wave.square().mean().sqrt()))
            log.figure("loudness/picture", figures.tensor_view(batch.wave[0], ("channel", "sample"), rate=16000.0))


def test_a_task_of_ones_own_draws_its_own_tags(specs: Specs, tmp_path: Path, registered: Register) -> None:
    task, data = specs["VerifierTask"]
    specs = {**specs, "Loudness": ({**task, "class_path": registered(Loudness)}, data)}
    train(specs, "Loudness", tmp_path, LoggingCallback(strict=True))
    found = written(tmp_path / "a")
    assert found["image"] == {"loudness/picture"} and "loudness/level" in found["scalar"]
    assert not found["points"], "the views of the parent are its own"
    (level,) = events(tmp_path / "a").Scalars("loudness/level")
    assert 0 < level.value < 1


def test_a_task_without_views_trains(specs: Specs, tmp_path: Path, registered: Register) -> None:
    class Silent(VerifierTask):
        tags = ()
        log_views = Task.log_views

    task, data = specs["VerifierTask"]
    specs = {**specs, "Silent": ({**task, "class_path": registered(Silent)}, data)}
    train(specs, "Silent", tmp_path, LoggingCallback(strict=True))
    found = written(tmp_path / "a")
    assert not found["image"] and not found["points"] and "valid/equal_error" in found["scalar"]


def projector(folder: Path, tag: str) -> tuple[np.ndarray, list[list[str]]]:
    """Vectors and rows of labels, heading first where there is one, of a tag's last points."""
    info = (folder / "projector_config.pbtxt").read_text(encoding="utf-8").split(f'tensor_name: "{tag}:')[-1]
    vectors, labels = (folder / re.findall(rf'{key}: "([^"]+)"', info)[0] for key in ("tensor_path", "metadata_path"))
    rows = [line.split("\t") for line in labels.read_text(encoding="utf-8").splitlines()]
    return np.loadtxt(vectors, delimiter="\t"), rows


def test_the_projector_has_hundreds_of_labelled_points(specs: Specs, tmp_path: Path) -> None:
    task, data = specs["SoVITSTask"]
    longer = {**data, "init_args": {**data["init_args"], "valid_batches": 3, "window_seconds": 1.6}}
    train({"SoVITSTask": (task, longer)}, "SoVITSTask", tmp_path, LoggingCallback(strict=True))
    vectors, (header, *rows) = projector(tmp_path / "a", "latent/projector")
    assert header == ["phone", "speaker", "pitch"] and len(vectors) == len(rows) >= 200
    phones, speakers, pitches = (set(column) for column in zip(*rows, strict=True))
    assert phones <= {"silence", *SYMBOLS} and len(phones) > 3 and all(name.startswith("speaker ") for name in speakers)
    assert all(pitch == "0" or 50 < int(pitch) < 500 for pitch in pitches) and np.abs(vectors).max() > 0
    voices, (header, *rows) = projector(tmp_path / "a", "speaker/projector")
    assert header == ["speaker", "pitch"] and len(voices) == len(rows) == 3
    assert "latent/projector:00001" in (tmp_path / "a" / "projector_config.pbtxt").read_text(encoding="utf-8")


def test_points_are_thinned_out_evenly() -> None:
    parts = [Points(torch.arange(n).float()[:, None] + start, {"n": [str(start + k) for k in range(n)]})
             for n, start in ((600, 0), (400, 600))]  # fmt: skip
    made = Points.joined(parts, most=250)
    numbers = made.vectors[:, 0]
    assert len(numbers) == 250 and numbers[0] == 0 and numbers[-1] == 999
    assert set(numbers.diff().tolist()) <= {3, 4, 5} and made.labels["n"] == [f"{n:.0f}" for n in numbers.tolist()]
    assert len(Points.joined(parts[:1]).vectors) == MOST_POINTS and len(Points.joined(parts[:1], 700).vectors) == 600


def test_histograms_hold_the_values(specs: Specs, tmp_path: Path) -> None:
    task = train(specs, "SoVITSTask", tmp_path, LoggingCallback(strict=True))
    found = events(tmp_path / "a")
    tags = {tag.removeprefix("weights/") for tag in found.Tags()["histograms"] if tag.startswith("weights/")}
    assert {"vocoder", "posterior", "flow", "discriminators"} <= tags and "quantizer" not in tags, "it is frozen"
    (weights,) = found.Histograms("weights/flow")
    free = torch.cat([p.detach().flatten() for p in task.parts()["flow"].parameters()])
    assert weights.histogram_value.num == free.numel() and weights.step == 1
    assert weights.histogram_value.min == pytest.approx(float(free.min()), abs=0.05)  # averaged, and two steps old
    # Untrained: the posterior draws what it likes, and its flow leaves that nearly as it is.
    (latent,), (normalised,) = (found.Histograms(f"latent/{name}") for name in ("posterior", "normalised"))
    assert (
        latent.histogram_value.num
        == normalised.histogram_value.num
        == 8 * sum(int(frames) for frames in shown_frames(specs))
    )
    assert latent.histogram_value.sum_squares / latent.histogram_value.num < 100


def shown_frames(specs: Specs) -> list[int]:
    """Frames of the clips of the first validation batch."""
    task, data = (build(made) for made in specs["SoVITSTask"])
    data.attach(task, Budget(60.0, 2, 3), 0)
    data.setup("fit")
    frames: list[int] = next(iter(data.val_dataloader())).frames.tolist()
    return frames


def test_of_many_values_every_so_many_th() -> None:
    class Writer:
        def add_histogram(self, tag: str, values: torch.Tensor, step: int) -> None:
            kept.append(values)

        add_figure = add_audio = add_embedding = add_histogram

    kept: list[torch.Tensor] = []
    log = LogWriter([SimpleNamespace(experiment=Writer())], 0)
    log.histogram("a", torch.arange(3 * MOST_VALUES + 5))
    log.histogram("a", torch.arange(6).reshape(2, 3))
    log.histogram("a", torch.zeros(0))
    assert [len(values) for values in kept] == [75_002, 6, 0] and kept[0][:3].tolist() == [0, 4, 8]


def test_sounds_say_whether_they_are_synthetic(specs: Specs, tmp_path: Path) -> None:
    """From the first validation on, and in the sound itself, which can be saved out of TensorBoard."""
    train(specs, "SoVITSTask", tmp_path, LoggingCallback(strict=True))
    found = events(tmp_path / "a")
    for tag, synthetic in (("reference", False), ("target", False), ("copy_synthesis", True), ("resynthesis", True)):
        (sound,) = found.Audio(f"audio/{tag}")
        (tmp_path / "saved.wav").write_bytes(sound.encoded_audio_string)
        mark = audio.read_mark(tmp_path / "saved.wav")
        assert (mark is not None) == synthetic, tag
        assert audio.read(tmp_path / "saved.wav").samples.numel() == sound.length_frames
        assert mark is None or "SoVITS after 1 batches" in mark.model
        shown = found.summary_metadata[f"audio/{tag}"]
        assert shown.display_name == f"audio/{tag} ({'synthetic' if synthetic else 'recording'})"
        assert ("Synthetic speech by" in shown.summary_description) == synthetic and sound.sample_rate == 16000


def test_the_table_of_runs_sets_settings_beside_measures(specs: Specs, tmp_path: Path) -> None:
    task, data = specs["VerifierTask"]
    fit(experiment(task, data, 2, validate_every=1), tmp_path, progress_bar=False)
    found = events(tmp_path / "events")
    content = found.summary_metadata["_hparams_/experiment"].plugin_data.content
    about = plugin_data_pb2.HParamsPluginData.FromString(content).experiment
    measures = {info.name.tag for info in about.metric_infos}
    assert "valid/equal_error" in measures and measures <= {*found.Tags()["scalars"]}, "each has values"
    assert "hp_metric" not in found.Tags()["scalars"] and len(found.Scalars("valid/equal_error")) == 2
    settings = {info.name: info for info in about.hparam_infos}
    assert settings["n_speakers"].type == api_pb2.DATA_TYPE_FLOAT64
    assert settings["class_path"].domain_discrete.values[0].string_value.endswith("VerifierTask")
