"""The reading budget: whoever wants to understand the networks reads at most 3,000 lines of code."""

from __future__ import annotations

from pathlib import Path

from source import PACKAGE, code_lines, name_of


def test_counting_leaves_out_prose(tmp_path: Path) -> None:
    text = '''"""Doc
of two lines."""

# why
x = 1  # so
"""What x is."""
y = (
    2,
)

def f():
    """Doc."""
    return """a
b"""
'''
    (tmp_path / "m.py").write_text(text, encoding="utf-8")
    assert code_lines(tmp_path / "m.py") == 7


def test_networks_models_and_losses_fit_the_budget() -> None:
    files = [*(PACKAGE / "nn").rglob("*.py"), *(PACKAGE / "models").rglob("*.py"), *PACKAGE.glob("losses*.py")]
    lines = {name_of(path): code_lines(path) for path in sorted(files)}
    assert lines, "no file found: have the folders moved?"
    assert sum(lines.values()) <= 3000, "\n".join(f"{count:5d} {name}" for name, count in lines.items())
