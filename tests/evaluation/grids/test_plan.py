"""From a grid to cells: what a key depends on, what arms share, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import small_grids
from gsv_lab.errors import CheckpointError, ConfigError, DataError
from gsv_lab.evaluation.grids import plan as planning
from gsv_lab.evaluation.grids.base import names_what_is_there, read_base
from gsv_lab.evaluation.grids.cell import Cell
from gsv_lab.evaluation.grids.grid_file import AGAIN, Grid, grid_of
from gsv_lab.evaluation.grids.linking import FAMILY, Links, located, placed
from gsv_lab.evaluation.grids.plan import Plan
from gsv_lab.evaluation.grids.run import planned
from gsv_lab.nn.interfaces import Conditioning, Flow
from swapping import CONFIGS


class Turned(Flow):
    """A flow that turns the sign, as a reader may type it into a cell."""

    def __init__(self, latent_dim: int, speaker_dim: int) -> None:
        super().__init__()
        self.latent_dim, self.speaker_dim = latent_dim, speaker_dim
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, z: Tensor, mask: Tensor | None, conditioning: Conditioning, inverse: bool = False) -> Tensor:
        return -z


def keys_of(plan: Plan) -> dict[tuple[str, str, int], str]:
    return {(arm.ablation, arm.level, arm.seed): arm.cells["sovits"] for arm in plan.arms}


def test_every_arm_has_its_cell(plan: Plan) -> None:
    keys = keys_of(plan)
    assert len(keys) == len(set(keys.values())) == len(plan.cells) == 8
    assert [*keys][:2] == [("base", "", 0), ("base", "", 1)]
    cell = plan.cells[keys["no_flow", "on", 1]]
    assert (cell.seed, cell.batches, cell.job["experiment"]["seed"]) == (1, 3, 1)
    assert cell.job["experiment"]["data"]["init_args"]["seed"] == 1
    assert "IdentityFlow" in str(cell.made_of) and plan.primary["no_flow", "on"] == "sovits/resynthesis_mel"
    assert plan.differs["books", "b8"] and "n_codes" in plan.differs["books", "b8"][0]
    stores = {cell.job["experiment"]["data"]["init_args"]["store"] for cell in plan.cells.values()}
    assert len(stores) == 1 and next(iter(stores)).startswith("store:")


def test_a_key_depends_on_what_moves_a_result_alone(base: Path, plan: Plan, tmp_path: Path) -> None:
    """Threads, batches, settings, weights that are read; not names, places, how often is logged, or the commit."""
    before = keys_of(plan)["base", "", 0]

    def key(*overrides: str, where: Path = base, **more: Any) -> str:
        return keys_of(planned(where, Grid(**more.pop("grid", {})), overrides=overrides, **more))["base", "", 0]

    assert key("name=other", "trainer.log_every=7", "trainer.minutes=3") == before
    for override in ("task.init_args.learning_rate=0.002", "trainer.average_decay=0.5", "data.init_args.windows=3"):
        assert key(override) != before
    assert key(threads=2) != before and key(batches=4) != before and key(grid={"items": 2}) != before
    content = base.parent / "content.safetensors"
    moved = tmp_path / "elsewhere.safetensors"
    shutil.copy(content, moved)
    assert key(f"data.init_args.content_file={moved}") == before
    other = small_grids.sovits_base(tmp_path / "other").parent / "content.safetensors"
    other.write_bytes(other.read_bytes())
    assert key(f"data.init_args.content_file={other}") == before
    changed = bytearray(content.read_bytes())
    changed[-1] ^= 1
    moved.write_bytes(bytes(changed))
    assert key(f"data.init_args.content_file={moved}") != before


def test_sources_are_part_of_a_key(base: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    found = next(iter(plan.cells.values())).made_of["sources"]
    assert {"gsv_lab.training.fit", "gsv_lab.training.sovits_task", "gsv_lab.evaluation.grids.measuring"} <= set(found)
    assert "gsv_lab.evaluation.grids.report" not in found and "gsv_lab.nn.hifigan" not in found
    monkeypatch.setattr(planning, "source_digests", lambda modules: {**found, "gsv_lab.training.fit": "changed"})
    assert not set(planned(base, Grid(seeds=(0, 1))).cells) & set(plan.cells)


def test_a_class_from_a_cell_takes_the_place_of_its_role(base: Path, plan: Plan) -> None:
    made = planned(base, {"turned": Turned}, [0])
    cell = made.cells[keys_of(made)["turned", "on", 0]]
    flow = cell.job["experiment"]["task"]["init_args"]["sovits"]["init_args"]["flow"]
    assert flow["class_path"].endswith("Turned") and flow["init_args"] == {"latent_dim": 8, "speaker_dim": 20}
    assert (
        made.typed and not cell.job["parts"] and [name for name in cell.made_of["sources"] if name.endswith("Turned")]
    )
    assert keys_of(made)["base", "", 0] in plan.cells


def test_files_of_parts_travel_and_their_text_counts(base: Path, tmp_path: Path) -> None:
    text = "import gsv_lab\nfrom gsv_lab.nn.flow import IdentityFlow\n\n\n"
    text += "@gsv_lab.register\nclass Plain(IdentityFlow):\n    {}\n"
    part = tmp_path / "plain_parts.py"
    over = {"plain": {"task.init_args.sovits.init_args.flow.class_path": "plain_parts.Plain"}}
    part.write_text(text.format('"""One."""'), encoding="utf-8")
    one = planned(base, over, [0], parts=[part])
    cell = one.cells[keys_of(one)["plain", "on", 0]]
    assert not one.typed and list(one.parts.values()) == [part] and cell.job["parts"] == list(one.parts)
    part.write_text(text.format("more = 1"), encoding="utf-8")
    two = planned(base, over, [0], parts=[part])
    assert keys_of(one)["plain", "on", 0] != keys_of(two)["plain", "on", 0]
    assert keys_of(one)["base", "", 0] == keys_of(two)["base", "", 0]


@pytest.mark.parametrize(
    ("ablations", "code", "words"),
    [
        ({"idle": {"sizes": {"n_codes": 20}}}, "GRID_IDLE", "'idle' changes nothing of synthetic-sovits"),
        ({"idle": {"name": "other"}}, "GRID_IDLE", "changes nothing"),
        ({"typo": {"task.init_args.learning_rat": 1.0}}, "CONFIG_UNKNOWN_KEY", "learning_rate"),
        ({"typo": {"sizes": {"n_code": 256}}}, "CONFIG_UNKNOWN_KEY", "names sizes, arguments or losses"),
        ({"typo": {"task.init_args.weights": {"featurs": 0.0}}}, "CONFIG_UNKNOWN_KEY", "names sizes"),
        ({"range": {"task.init_args.learning_rate": -1.0}}, "CONFIG_RANGE", "learning_rate is -1"),
        ({"one": "no_flow", "two": "no_flow"}, "GRID_EQUAL", "one on (seed 0) and two on (seed 0) are the same"),
        ({"gone": {"data.init_args.content_file": "runs/x/weights/y.safetensors"}}, "CKPT_MISSING", "not there"),
        ({"no_role": dict}, "GRID_PART", "has no role"),
        ({"inside": type("a.<locals>.B", (Turned,), {})}, "GRID_PART", "inside a function"),
    ],
)
def test_what_is_no_ablation_is_refused(base: Path, ablations: dict[str, Any], code: str, words: str) -> None:
    with pytest.raises((ConfigError, CheckpointError)) as caught:
        planned(base, ablations, [0])
    assert caught.value.code == code and words in str(caught.value)


def test_names_of_what_is_not_there(base: Path) -> None:
    for more, words in (
        ({"batches": {"gpt": 3}}, "has no stage 'gpt'"),
        ({"primary": {"x": "kl"}}, "has no ablation 'x'"),
    ):
        with pytest.raises(ConfigError, match=words) as caught:
            planned(base, grid_of({"no_flow": None}, **more))
        assert caught.value.code == "GRID_STAGE"
    with pytest.raises(ConfigError, match="budget of minutes") as caught:
        planned(base, Grid(), overrides=["trainer.max_batches=0"])
    assert caught.value.code == "GRID_BATCHES"


@pytest.fixture(scope="module")
def chain() -> Plan:
    """The synthetic corpus from its content encoder on."""
    over = {"content_unperturbed": None, "books": "codebook_256", "no_context": "gpt_no_context", AGAIN: None}
    return planned(CONFIGS / "synthetic", over, [0], batches=20)


def test_stages_that_depend_on_a_change_are_trained_anew(chain: Plan) -> None:
    """An ablation of the content encoder moves all; one of the codebook what reads codes; one of SemanticGPT itself."""
    arms = {arm.ablation: arm for arm in chain.arms}
    whole = arms["base"].cells
    assert list(whole) == ["content", "sovits", "gpt"]
    differ = {name: {stage for stage in whole if arm.cells[stage] != whole[stage]} for name, arm in arms.items()}
    assert differ["content_unperturbed"] == differ[AGAIN] == {"content", "sovits", "gpt"}
    assert differ["books"] == {"sovits", "gpt"} and differ["no_context"] == {"gpt"}
    assert chain.primary["content_unperturbed", "on"] == "content/phone_error_en" and not chain.primary[AGAIN, "on"]
    sovits, gpt = (chain.cells[whole[stage]] for stage in ("sovits", "gpt"))
    (evaluator,) = [key for key, cell in chain.cells.items() if cell.stage == "evaluator"]
    assert sovits.needs == {whole["content"], evaluator} and gpt.needs == {whole["content"]}
    assert sovits.job["evaluator"].startswith(f"cell:{evaluator}/")
    stores = {stage: chain.cells[key].job["experiment"]["data"]["init_args"]["store"] for stage, key in whole.items()}
    assert stores["sovits"] == stores["gpt"] != stores["content"]
    assert len(chain.cells) == 1 + 3 + 3 + 2 + 1 + 3


def test_links_lead_into_the_folder_of_a_grid(chain: Plan, tmp_path: Path) -> None:
    cell: Cell = chain.cells[chain.arms[0].cells["gpt"]]
    arguments = placed(cell.job["experiment"], tmp_path, cell.key)["data"]["init_args"]
    content = chain.arms[0].cells["content"]
    assert arguments["content_file"] == str(tmp_path / "cells" / content / "run/weights/content_encoder.safetensors")
    assert Path(arguments["store"]).parent == tmp_path / "stores"
    start = [f"{FAMILY}/sovits/weights/sovits.safetensors"]
    links = Links(stages={"sovits": "abc"}, content="def")
    found = located({"data": {"init_args": {"store": f"{FAMILY}/store"}}, "start_from": start}, links)
    assert found.called["data"]["init_args"]["store"] == "cell:def/store" and found.needs == {"abc", "def"}
    assert found.called["start_from"] == ["cell:abc/run/weights/sovits.safetensors"]


def test_a_family_makes_its_store_from_recordings(tmp_path: Path) -> None:
    """The stages of nano: content encoder, store and codebook, SoVITS, its prior, SemanticGPT, durations."""
    from tiny_family import write_configs, write_corpus

    corpus, configs = write_corpus(tmp_path / "corpus"), write_configs(tmp_path / "configs")
    with pytest.raises(ConfigError, match="--corpus DIR") as caught:
        read_base(configs)
    assert caught.value.code == "GRID_STAGE"
    made = planned(configs, {"slow": {"task.init_args.learning_rate": 0.0001, "task.init_args.labels_from": 0.1}}, [0],
                   batches=2, corpora=[corpus])  # fmt: skip
    base, slow = made.arms
    stages = ["content", "sovits", "prior", "prior_adversary", "gpt", "durations"]
    assert list(base.cells) == stages and slow.changed == ("content",)
    assert all(base.cells[stage] != slow.cells[stage] for stage in stages)
    content, prior = made.cells[base.cells["content"]], made.cells[base.cells["prior"]]
    assert content.job["codes"] and not prior.job["codes"]
    assert content.job["experiment"]["data"]["init_args"]["store"] == "cell:self/store"
    assert prior.needs == {base.cells["content"], base.cells["sovits"]}
    assert prior.job["experiment"]["task"]["init_args"]["quantizer_file"] == f"cell:{content.key}/quantizer.safetensors"


def test_settings_and_folders_that_are_no_base(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no stage"):
        read_base(tmp_path)
    with pytest.raises(ConfigError, match="for no stage"):
        read_base(CONFIGS / "synthetic", ["sovit.trainer.max_batches=3"])
    with pytest.raises(ConfigError) as caught:
        read_base(tmp_path / "absent.yaml")
    assert caught.value.code == "CONFIG_MISSING"


def test_an_overlay_is_for_stages_that_have_what_it_names() -> None:
    resolved = {
        "sizes": {"n_codes": 64},
        "task": {"init_args": {"weights": {"kl": 1.0}, "sovits": {}}},
        "data": {"init_args": {"store": ""}},
    }
    for tables, fits in (
        ({"sizes": {"n_codes": 8}}, True),
        ({"sizes": {"context": 0}}, False),
        ({"task": {"init_args": {"sovits": {"init_args": {"anything": 1}}}}}, True),
        ({"task": {"init_args": {"semantic_gpt": {}}}}, False),
        ({"data": {"init_args": {"stretch": 0.0}}}, False),
        ({"task": {"init_args": {"weights": {"kl": 0.0, "latent": 2.0}}}}, True),
        ({"task": {"init_args": {"weights": {"code": 0.0}}}}, False),
        ({"recipe": {"weight_warm_up": {"kl": 9}}}, True),
        ({"recipe": {"weight_warm_up": {"code": 9}}}, False),
        ({"trainer": {"precision": "bf16"}}, True),
    ):
        assert names_what_is_there(tables, resolved) == fits, tables


def test_recordings_that_are_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no recording"):
        planned(CONFIGS / "speech" / "nano.yaml", {}, [0], overrides=[f"recordings=[{tmp_path / 'x.wav'}]"])
