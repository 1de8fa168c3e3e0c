"""Interventions: files are checked, recipes do what the reference's test modes did, results are written whole."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from scipy import stats

import tiny
from gsv_lab.cli import main
from gsv_lab.errors import ConfigError, HookError
from gsv_lab.evaluation.interventions.file import read_intervention, recipe
from gsv_lab.evaluation.interventions.report import Section, _html, _markdown, write_outcome
from gsv_lab.evaluation.interventions.run import intervene
from gsv_lab.hooks import Table, probe, watched
from gsv_lab.inference.lab import Lab, load
from gsv_lab.inference.voice import Voice
from gsv_lab.nn.interfaces import Conditioning
from gsv_lab.nn.prior import TextContentAttention

CONFIGS = Path(__file__).resolve().parents[2] / "configs" / "interventions"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return load(str(tiny.make_family(tmp_path_factory.mktemp("family"))))


@pytest.fixture(scope="module")
def voice(lab: Lab) -> Voice:
    sample = Path(__file__).resolve().parents[2] / "gsv_lab" / "assets" / "sample" / "en_rms.flac"
    return lab.clone(sample)


def written(folder: Path, **content: Any) -> Path:
    """An intervention file; None drops a key."""
    whole = {"texts": ["We walk."], "language": "en", "edits": [{"kind": "zero", "target": "prior.mean"}], **content}
    path = folder / "x.yaml"
    path.write_text(yaml.safe_dump({key: value for key, value in whole.items() if value is not None}), "utf-8")
    return path


@pytest.mark.parametrize("mode", ["reference_0", "reference_1", "reference_2"])
def test_recipes_are_the_hidden_test_modes(mode: str) -> None:
    """Against the sums written out: all of it; content and speaker; answer to no content, and speaker."""
    torch.manual_seed(0)
    part = TextContentAttention(6, 8, 2, 5).eval()
    content, text, speaker = torch.randn(1, 6, 7), torch.randn(1, 6, 4), torch.randn(1, 5, 1)
    mask, text_mask = torch.ones(1, 1, 7), torch.ones(1, 1, 4)
    with torch.no_grad():
        c, t = part.content_in(content), part.text_in(text)
        sums = {
            "reference_0": part.attend(c, t, text_mask) + c,
            "reference_1": c,
            "reference_2": part.attend(0 * c, t, text_mask),
        }
        expected = part.out_proj(sums[mode] + part.speaker_in(speaker))
        root = torch.nn.ModuleDict({"cross_attention": part})
        with probe(root, edits=recipe(mode)):
            got = part(content, mask, text, text_mask, Conditioning(speaker))
    torch.testing.assert_close(got, expected)


def test_unknown_recipe_is_named() -> None:
    with pytest.raises(HookError, match="There is no recipe 'mode_9'. Expected reference_0") as caught:
        recipe("mode_9")
    assert caught.value.code == "RECIPE_UNKNOWN"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ({"text": ["a"]}, "CONFIG_UNKNOWN_KEY"),
        ({"texts": []}, "CONFIG_TYPE"),
        ({"texts": None}, "CONFIG_TYPE"),
        ({"texts": [3]}, "CONFIG_TYPE"),
        ({"edits": None}, "CONFIG_TYPE"),
        ({"edits": {"a": 3}}, "CONFIG_TYPE"),
        ({"edits": ["mode_9"]}, "RECIPE_UNKNOWN"),
        ({"edits": [{"kind": "zap", "target": "x"}]}, "EDIT_KIND"),
        ({"edits": [{"kind": "zero", "goal": "x"}]}, "EDIT_VALUE"),
        ({"edits": [7]}, "EDIT_VALUE"),
        ({"measures": ["taste"]}, "CONFIG_TYPE"),
        ({"seed": "x"}, "CONFIG_TYPE"),
    ],
)
def test_a_wrong_file_gets_one_clear_error(tmp_path: Path, content: dict[str, Any], code: str) -> None:
    with pytest.raises((ConfigError, HookError)) as caught:
        read_intervention(written(tmp_path, **content))
    assert caught.value.code == code and "Expected" in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("texts: [", "utf-8")
    (tmp_path / "list.yaml").write_text("- 1", "utf-8")
    for name, code in (("absent", "CONFIG_MISSING"), ("broken", "CONFIG_UNSAFE"), ("list", "CONFIG_TYPE")):
        with pytest.raises(ConfigError) as caught:
            read_intervention(tmp_path / f"{name}.yaml")
        assert caught.value.code == code


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_example_can_be_read(path: Path) -> None:
    asked = read_intervention(path)
    assert asked.texts and all(isinstance(edits, tuple) for edits in asked.edits.values())


def test_an_intervention_is_said_measured_and_written(lab: Lab, voice: Voice, tmp_path: Path) -> None:
    edits = {
        "nothing": ["reference_0"],
        "no content": ["reference_2"],
        "silent": [{"kind": "zero", "target": "vocoder.wave"}],
    }
    asked = read_intervention(written(tmp_path, edits=edits, texts=["We walk.", "A good day."], watch=["prior.mean"]))
    outcome = intervene(lab, voice, asked)
    assert len(outcome.rows) == 6 and len(outcome.taps) == 6
    by = {row["variant"]: row for row in outcome.summary()}
    assert by["nothing"]["mel_change"] == 0 and by["nothing"]["pitch_semitones"] in (0, None)
    assert by["no content"]["mel_change"] > 0 and by["no content"]["codes_equal"] == 1  # codes come before
    assert by["silent"]["pitch_semitones"] is None
    assert [row["largest"] == 0 for row in outcome.taps] == [False, False, True, True, True, True]
    effects = {(row["variant"], row["measure"]): row for row in outcome.effects()}
    shift = [row["mel_change"] for row in outcome.rows if row["variant"] == "no content"]
    low, high = stats.t.interval(0.95, 1, np.mean(shift), stats.sem(shift))
    moved = effects["no content", "mel_change"]
    assert (moved["mean"], moved["low"], moved["high"]) == pytest.approx((np.mean(shift), low, high), rel=1e-3)
    assert moved["p"] is None and moved["texts"] == 2 and "phone_error_clean" not in {name for _, name in effects}
    rise = [row["phone_error"] - row["phone_error_clean"] for row in outcome.rows if row["variant"] == "no content"]
    assert effects["no content", "phone_error"]["mean"] == pytest.approx(np.mean(rise), abs=1e-6)
    assert effects["nothing", "phone_error"]["p"] == 1 and ("silent", "pitch_semitones") not in effects
    folder = write_outcome(outcome, tmp_path / "out")
    names = {path.name for path in folder.iterdir()}
    assert {"result.json", "result.md", "clean_0.wav", "no_content_1.wav", "no_content_1.png"} <= names
    kept = json.loads((folder / "result.json").read_text("utf-8"))
    assert kept["texts"] == ["We walk.", "A good day."] and len(kept["rows"]) == 6
    assert "zero" in kept["edits"]["no content"] and kept["edits"]["nothing"] == ""
    page = (folder / "result.md").read_text("utf-8")
    assert (
        "no content" in page
        and "With intervals" in page
        and kept["effects"]
        and "![silent_0.png](silent_0.png)" in page
    )
    shown = (folder / "result.html").read_text("utf-8")
    assert shown.count("<audio") == 2 * 4 and shown.index("<audio") < shown.index("<table")
    for kind in ("audio[^>]*", "img[^>]*"):
        assert all((folder / name).is_file() for name in re.findall(rf'<{kind} src="([^"]+)"', shown))
    assert not watched()


def test_what_users_typed_is_shown_as_it_is_on_both_pages() -> None:
    table = Section("<b>*x*</b>", Table([{"text": "a|b <i>"}]))
    assert _markdown(table).startswith(r"## \<b\>\*x\*\</b\>") and r"| a\|b \<i\> |" in _markdown(table)
    assert "<i>" not in _html(table) and "a|b &lt;i&gt;" in _html(table)
    lines = Section("yaml", "a: ```")
    assert _markdown(lines).endswith("````yaml\na: ```\n````") and "<pre>a: ```</pre>" in _html(lines)


def test_clean_and_edited_speech_are_the_same_candidate(lab: Lab, voice: Voice, tmp_path: Path) -> None:
    """What the edit of a later part leaves alone stays equal, also where the family speaks several candidates."""
    several = Lab(replace(lab.family, candidates=3))
    asked = read_intervention(written(tmp_path, edits=[{"kind": "scale", "target": "prior.mean", "by": 0.5}]))
    (row,) = intervene(several, voice, asked).rows
    assert row["codes_equal"] == 1 and row["seconds"] == 1 and row["mel_change"] > 0


@pytest.mark.parametrize(("option", "code"), [("tempo", "PARAM_UNKNOWN"), ("takes", "CONFIG_RENAMED")])
def test_options_that_speak_does_not_have(lab: Lab, voice: Voice, tmp_path: Path, option: str, code: str) -> None:
    asked = read_intervention(written(tmp_path, options={option: 2}))
    with pytest.raises(ConfigError) as caught:
        intervene(lab, voice, asked)
    assert caught.value.code == code


def test_the_command(lab: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = written(tmp_path, measures=["codes", "mel"]), str(tmp_path / "out")
    call = ["intervene", "--config", str(path), "--model", str(lab.family.folder), "--output"]
    assert main([*call, out]) == 0
    assert "result.md" in capsys.readouterr().out
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("x")
    assert main([*call, str(tmp_path / "mine")]) == 2
    assert "OUTPUT_EXISTS" in capsys.readouterr().err
    path = written(tmp_path, edits=[{"kind": "zero", "target": "prior.nothing"}])
    assert main([*call, out]) == 2
    assert "No tap matches 'prior.nothing'" in capsys.readouterr().err and not watched()
    written(tmp_path, options={"tempo": 3})
    assert main([*call, out]) == 2
    assert "tempo" in capsys.readouterr().err
