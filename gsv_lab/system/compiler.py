"""Torch's compiler stands aside while somebody looks inside.

What the compiler does is set for the whole process. Blocks that overlap without being nested, as those of two threads
do, would each put back what they had found, and the last one would leave the compiler off for good.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock

import torch

_LOCK = Lock()
_blocks: list[ExitStack] = []
"""One for each block that is open; the first puts the compiler back."""


@contextmanager
def uncompiled() -> Iterator[None]:
    """Compiled modules run uncompiled inside of the block, and in all threads until the last such block has ended."""
    # Nothing can be compiled where the compiler was never imported.
    if "torch._dynamo" not in sys.modules:
        yield
        return
    with _LOCK:
        _blocks.append(ExitStack())
        if len(_blocks) == 1:
            _blocks[0].enter_context(torch.compiler.set_stance("force_eager"))
    try:
        yield
    finally:
        with _LOCK:
            _blocks.pop().close()
