"""Speech of another program, made here by one of Debian's packages: a full table from waves and texts alone."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from gsv_lab.cli import main

TEXTS = {
    "harbour": "The ferry leaves the harbour at noon.",
    "bread": "Two loaves of bread were cooling near the window.",
    "letter": "He read the letter twice and put it away.",
}
WITHOUT_RECORDINGS = {
    "clipping", "dc", "band_hz", "dnsmos", "dnsmos_sig", "dnsmos_bak", "dnsmos_p808", "phone_error", "word_error",
    "skipped", "repeated", "looped", "stopped_early", "speaking_rate", "pause_share", "silence_share",
}  # fmt: skip
"""What can be said of speech of which nothing but the text is known."""


@pytest.fixture
def spoken(tmp_path: Path) -> Path:
    """A folder of waves by espeak-ng or flite."""
    program = next(filter(None, map(shutil.which, ("espeak-ng", "flite"))), None)
    if program is None:
        pytest.skip("neither espeak-ng nor flite is installed")
    folder = tmp_path / "other"
    folder.mkdir()
    for item, text in TEXTS.items():
        wave = str(folder / f"{item}.wav")
        arguments = ["-w", wave, text] if program.endswith("espeak-ng") else ["-t", text, "-o", wave]
        subprocess.run([program, *arguments], check=True, timeout=60)
    return folder


def test_a_full_table_without_any_recording(spoken: Path, tmp_path: Path) -> None:
    listed, output = tmp_path / "texts.tsv", tmp_path / "out"
    listed.write_text("".join(f"{item}\ten\t{text}\n" for item, text in TEXTS.items()))
    arguments = ["evaluate", str(spoken), "--texts", str(listed), "--output", str(output)]
    assert main(arguments) == 0
    results = json.loads((output / "results.json").read_text())
    figures = {figure["measure"]: figure for figure in results["figures"]}
    missing = {entry["measure"] for entry in results["not_measured"] if not entry["system"]}
    assert WITHOUT_RECORDINGS - missing <= figures.keys()
    assert {figure["items"] for figure in figures.values()} == {3} and {f["unit"] for f in figures.values()} == {"clip"}
    needs = {entry["measure"]: entry["reason"] for entry in results["not_measured"] if entry["system"] == "other"}
    assert "reference" in needs["similarity"] and "natural recording" in needs["f0_rmse"]
    assert not {"similarity", "f0_rmse", "mcd"} & figures.keys()
    assert 3000 < figures["band_hz"]["value"] <= 11025 and 2 < figures["speaking_rate"]["value"] < 9
    assert 0 < figures["phone_error"]["value"] < 1, "a recogniser of people's speech understands part of it"
    assert any("over clips" in warning for warning in results["warnings"])
    page = (output / "report.html").read_text()
    assert "other" in page and "<audio" in page
