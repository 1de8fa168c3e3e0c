"""Files that claim more than any memory holds: refused by what they claim, in a process that cannot grow (row 38)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import save_file

from gsv_lab.checkpoint import load_component
from gsv_lab.checkpoint.native import FORMAT
from gsv_lab.errors import CheckpointError
from gsv_lab.released.importer import import_reference
from gsv_lab.system.config import build
from tiny import VERIFIER

from .test_bad_input import reheaded, released, tensor, wide


@pytest.fixture
def little_memory() -> Iterator[None]:
    """A process that may grow by 300 MB and no more; what needs more fails here."""
    resource = pytest.importorskip("resource")
    if not Path("/proc/self/statm").is_file():
        pytest.skip("the size of this process is not known here")
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (now + 300 * 2**20, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def deep(times: int) -> dict[str, Any]:
    made: dict[str, Any] = VERIFIER
    for _ in range(times):
        made = {"a": made}
    return made


HUGE: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a view of 10^9 elements": ("CKPT_TOO_LARGE", lambda f: import_reference([released(wide)(f)], f / "o.safetensors")),
    "a header of 10^10 elements": ("CKPT_TOO_LARGE", lambda f: load_component(reheaded(tensor(shape=[10**5] * 2))(f))),
    **{
        f"a spec of {what}": (code, lambda f, s=spec: load_component(verifier_of(f, s)))  # type: ignore[misc]
        for what, code, spec in (
            ("10^9 filters", "CKPT_SHAPE", {"n_mels": 10**9}),
            ("10^9 points of a table", "CKPT_TOO_LARGE", {"sample_rate": 10**9}),
            ("10^12 weights", "CKPT_SHAPE", {"width": 10**6}),
            ("10^7 layers", "CKPT_KEYS", {"layers": 10**7}),
        )
    },
}


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("row", HUGE)
def test_what_is_huge_takes_no_memory(row: str, tmp_path: Path) -> None:
    """Row 38: refused by what is claimed, in little memory and little time."""
    code, read = HUGE[row]
    with pytest.raises(CheckpointError) as caught:
        read(tmp_path)
    assert caught.value.code == code


def test_a_spec_without_bottom(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError) as caught:
        load_component(verifier_of(tmp_path, {"width": deep(600)}))
    assert caught.value.code in ("CKPT_FORMAT", "CKPT_CORRUPT") and "\n" not in str(caught.value)


def verifier_of(folder: Path, changes: dict[str, Any]) -> Path:
    """Honest tensors of a verifier behind a spec that says something else."""
    network = build(VERIFIER)
    header = {"format": FORMAT, "spec": {**VERIFIER, "init_args": {**VERIFIER["init_args"], **changes}}}
    save_file(network.state_dict(), folder / "v.safetensors", {"gsv_lab": json.dumps(header)})
    return folder / "v.safetensors"
