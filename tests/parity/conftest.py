"""Number-by-number comparison with the reference networks.

    pytest tests/parity --parity-dir DIR

DIR is a folder in the form of `<shared>/parity` (see its README), which is also the default. Sizes are read from its
`meta.json` and from the tensors, so any other folder of that form works. Every comparison adds one row to the table
that closes the run.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

RTOL, ATOL = 1e-4, 2e-5


class Row(NamedTuple):
    """One line of the closing table."""

    item: str
    error: float
    tolerance: str
    passed: bool


class Difference(NamedTuple):
    """Where the two may differ and do: an input, what both make of it, and why."""

    item: str
    case: str
    ours: str
    theirs: str
    reason: str


ROWS = pytest.StashKey[list[Row | Difference]]()
KINDS: dict[str, Any] = {"comparison": Row, "difference": Difference}


class Meta(dict[str, Any]):
    """meta.json; the test of an item that it lacks is skipped."""

    def __missing__(self, item: str) -> Any:
        pytest.skip(f"{item} is not in meta.json")


class Parity:
    """The golden folder (`default`: the prepared one), and the book in which comparisons are entered."""

    def __init__(self, folder: Path, rows: list[Row | Difference], default: bool) -> None:
        self.folder, self.rows, self.default = folder, rows, default
        self.meta = Meta(json.loads((folder / "meta.json").read_text(encoding="utf-8")))

    def arrays(self, name: str) -> dict[str, Tensor]:
        """The inputs and outputs of an item, `<name>.npz`; skips the test where the folder lacks it."""
        path = self._need(f"{name}.npz")
        with np.load(path) as file:
            return {key: torch.from_numpy(np.array(file[key])) for key in file.files}

    def state(self, name: str) -> dict[str, Tensor]:
        """The weights of an item under the reference's names, `<name>.safetensors`."""
        return load_file(self._need(f"{name}.safetensors"))

    def json(self, name: str, part: str = "") -> Any:
        """The content of `<name>.json`, or one part of it; skips the test where that is absent."""
        found = json.loads(self._need(f"{name}.json").read_text(encoding="utf-8"))
        if part and part not in found:
            pytest.skip(f"{part} is not in {name}.json")
        return found[part] if part else found

    def close(self, item: str, actual: Tensor, expected: Tensor, rtol: float = RTOL, atol: float = ATOL) -> None:
        """Enter a comparison of real numbers, and fail where one is off by more than `atol + rtol * |expected|`."""
        actual, expected = actual.detach().double(), expected.double()
        if actual.shape != expected.shape:
            self._enter(item, float("inf"), f"shape {tuple(expected.shape)}, got {tuple(actual.shape)}", False)
        error = (actual - expected).abs()
        passed = bool((error <= atol + rtol * expected.abs()).all())
        self._enter(item, float(error.max()) if error.numel() else 0.0, f"{atol:g} + {rtol:g} |x|", passed)

    def equal(self, item: str, actual: Tensor, expected: Tensor) -> None:
        """Enter a comparison of whole numbers or truth values, which must be exact."""
        same = actual.shape == expected.shape and torch.equal(actual.long(), expected.long())
        error = 0.0 if same else float("inf")
        if actual.shape == expected.shape and not same:
            error = float((actual.long() - expected.long()).abs().max())
        self._enter(item, error, "exact", same)

    def differ(self, item: str, case: str, ours: str, theirs: str, reason: str) -> None:
        """Enter a difference that is allowed."""
        self.rows.append(Difference(item, case, ours, theirs, reason))

    def _need(self, name: str) -> Path:
        path = self.folder / name
        if not path.is_file():
            pytest.skip(f"{name} is not in {self.folder}")
        return path

    def _enter(self, item: str, error: float, tolerance: str, passed: bool) -> None:
        self.rows.append(Row(item, error, tolerance, passed))
        assert passed, f"{item}: max abs error {error:.3g}, tolerance {tolerance}"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register `--parity-dir`."""
    parser.addoption("--parity-dir", default=None, help="folder with golden data; default: <shared>/parity")


@pytest.fixture(scope="session")
def parity(request: pytest.FixtureRequest) -> Parity:
    """The golden data; the test is skipped where there are none."""
    given = request.config.getoption("--parity-dir", default=None)
    folder = Path(given) if given else Path(request.getfixturevalue("shared")) / "parity"
    if not (folder / "meta.json").is_file():
        pytest.skip(f"no golden data: {folder / 'meta.json'} is missing (give --parity-dir)")
    return Parity(folder, request.config.stash.setdefault(ROWS, []), given is None)


@pytest.fixture(scope="session")
def filled() -> Callable[[Mapping[str, tuple[int, ...]], int], Iterator[tuple[str, Tensor]]]:
    """`fill_by_rule`, for tests in this folder."""
    return fill_by_rule


def fill_by_rule(shapes: Mapping[str, tuple[int, ...]], seed: int) -> Iterator[tuple[str, Tensor]]:
    """Weights of full-size networks by the rule of the README, so that they need not be stored.

    Reference key -> shape, and a seed, to (key, weight) one after the other.
    """
    for key, shape in shapes.items():
        rs = np.random.RandomState((zlib.crc32(key.encode("utf-8")) + seed) % 2**32)
        x = rs.standard_normal(shape)
        yield key, torch.from_numpy(np.asarray(_scaled(key, x), dtype=np.float32))


def _scaled(key: str, x: np.ndarray) -> np.ndarray:
    last = key.rsplit(".", 1)[-1]
    if last == "inited":
        return np.ones_like(x)
    if last == "cluster_size":
        return 10 + np.abs(x)
    if last in ("embed", "embed_avg", "weight_v"):
        return x
    if last in ("emb_rel_k", "emb_rel_v"):
        return x / np.sqrt(x.shape[-1])
    if last == "weight_g":
        return 0.8 * (1 + 0.1 * x)
    if last in ("alpha", "gamma") or ("norm" in key and last == "weight"):
        return 1 + 0.1 * x
    if "prelu" in key:
        return 0.25 + 0.05 * x
    if "embedding" in key and x.ndim == 2:
        return 0.5 * x
    return x / np.sqrt(np.prod(x.shape[1:])) if x.ndim > 1 else 0.05 * x


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Put a test's rows into its report, which also travels from parallel workers to the process that prints."""
    rows = item.config.stash.get(ROWS, [])
    names = {kind: name for name, kind in KINDS.items()}
    item.user_properties.extend((names[type(row)], list(row)) for row in rows)
    rows.clear()
    return (yield)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table of all comparisons, and what may differ and does."""
    reports = [
        r for key in ("passed", "failed") for r in terminalreporter.stats.get(key, []) if hasattr(r, "user_properties")
    ]
    entered = [(name, value) for r in reports for name, value in r.user_properties if name in KINDS]
    rows = sorted(Row(*value) for name, value in entered if KINDS[name] is Row)
    if not rows:
        return
    width = max(len(row.item) for row in rows)
    terminalreporter.section("comparison with the reference")
    terminalreporter.write_line(f"{'item':<{width}}  max abs error  {'tolerance':<18} pass")
    for row in rows:
        terminalreporter.write_line(
            f"{row.item:<{width}}  {row.error:>13.2e}  {row.tolerance:<18} {'yes' if row.passed else 'NO'}"
        )
    terminalreporter.write_line(f"{sum(row.passed for row in rows)} of {len(rows)} pass")
    differences = sorted({Difference(*value) for name, value in entered if KINDS[name] is Difference})
    if differences:
        terminalreporter.section("where the text may differ from the reference, and does")
    for one in differences:
        terminalreporter.write_line(f"{one.item}: {one.case}: {one.ours!r} here, {one.theirs!r} there; {one.reason}")
