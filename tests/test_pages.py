"""The generated pages are up to date: taps, figures with their pictures, tags of trainings."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import pytest

from gsv_lab import figures
from gsv_lab.checkpoint import legacy
from gsv_lab.hooks.catalogue import catalogue
from gsv_lab.system import migration
from source import ROOT

DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def make() -> ModuleType:
    """`docs/make.py`, which is no part of the package."""
    found = importlib.util.spec_from_file_location("make_pages", DOCS / "make.py")
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_the_page_of_taps(make: ModuleType) -> None:
    page = (DOCS / "taps.md").read_text(encoding="utf-8")
    assert page == make.taps_page(), "run: python docs/make.py taps"
    for root in (make.Nano(), make.Others()):
        for row in catalogue(root):
            assert row["meaning"] and f"| `{row['name']}` | {row['axes']} |" in page


def test_the_page_of_tags(make: ModuleType) -> None:
    page = (DOCS / "tensorboard.md").read_text(encoding="utf-8")
    assert page == make.tensorboard_page(), "run: python docs/make.py tensorboard"


def test_the_page_of_the_course(make: ModuleType) -> None:
    page = (DOCS / "course.md").read_text(encoding="utf-8")
    assert page == make.course_page(page), "run: python docs/make.py course"
    # The weeks have every notebook once, and a table is as the sources say.
    assert " ".join(names for names, _ in make.WEEKS).split() == sorted(make.notebooks())
    assert page.count("](../notebooks/") == len(make.notebooks())
    with pytest.raises(ValueError, match="0 places for the table 'notebooks'"):
        make.course_page("# The course")


def test_the_gallery_shows_every_picture(make: ModuleType) -> None:
    page, pictures = make.figures_page()
    assert (DOCS / "figures.md").read_text(encoding="utf-8") == page, "run: python docs/make.py figures"
    assert {*pictures} == {f"{name}.png" for name in figures.catalogue()}
    files = {path.name: path.stat().st_size for path in (DOCS / "figures").glob("*.png")}
    assert {*files} == {*pictures} and all(size > 2000 for size in files.values())
    assert sum(files.values()) < 1_500_000
    for name in figures.catalogue():
        assert f"## {name}\n" in page and f"figures.{name}(" in page and f"](figures/{name}.png)" in page


def test_a_tap_is_used_where_its_name_or_a_glob_of_it_stands(make: ModuleType) -> None:
    sources = {
        "04": 'with probe(lab, "prior.layers.*.attention.pattern") as r:\n    pass',
        "08": "edits = [zero('prior.layers.1.attention.pattern'), zero('prior.mean')]",
        "09": '# prior.code is only mentioned here, and "prior.*" is no use of any single one',
    }
    assert make.users("prior.layers.N.attention.pattern", sources) == ["04", "08"]
    assert make.users("prior.mean", sources) == ["08"] and make.users("prior.code", sources) == []


def test_the_page_of_old_names_has_them_all() -> None:
    page = (DOCS / "migration.md").read_text(encoding="utf-8")
    pairs = [*migration.CLASSES.items(), *migration.LOSSES.items(), *migration.OPTIONS.items()]
    pairs += [*migration.STAGES.items()]
    pairs += [pair for table in migration.ARGUMENTS.values() for pair in table.items()]
    pairs += [(name, new) for name, new in legacy.OLD_FILES.items()] + [*legacy.CARD.items()]
    missing = [(old, new) for old, new in pairs if old not in page or new not in page]
    assert len(pairs) > 40 and not missing


def test_the_page_of_extensions_has_every_file() -> None:
    page = (DOCS / "extensions.md").read_text(encoding="utf-8")
    files = {path.name for path in (ROOT / "gsv_lab" / "extensions").glob("*.py")} - {"__init__.py"}
    parts_of_others = {"convnext.py", "letter_to_sound.py", "phone_recogniser.py", "speaker_verifier.py"}
    assert parts_of_others <= files
    assert not [name for name in sorted(files - parts_of_others) if f"`{name}`" not in page]
