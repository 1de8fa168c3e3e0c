"""The examples in the docstrings of the text package."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import gsv_lab.text

MODULES = [f"gsv_lab.text.{module.name}" for module in pkgutil.iter_modules(gsv_lab.text.__path__)]
WITH_EXAMPLES = set(
    "capitals_en front markup normalise_en normalise_zh numbers_en numbers_zh".split()
    + "phones split stops_en symbols pinyin".split()
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0
    assert bool(result.attempted) == (name.rsplit(".", 1)[1] in WITH_EXAMPLES)
