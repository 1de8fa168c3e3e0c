"""What readers answer, in whatever form: lists, arrays and tensors as numbers, names in any spelling, edits."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor

from gsv_lab.hooks import Edit
from gsv_lab.teaching.exercises.card import Hint


def numbers(value: Any, of: str = "Your answer") -> Tensor:
    """A tensor of single precision out of a tensor, an array, a number, or lists of them.

    Raises:
        Hint: it holds no numbers.
    """
    try:
        if isinstance(value, list | tuple):
            return torch.stack([numbers(part, of) for part in value]) if value else torch.zeros(0)
        return torch.as_tensor(value).detach().float()
    except (TypeError, ValueError, RuntimeError) as error:
        raise Hint(f"{of} should be numbers, as many in each row; yours is a {type(value).__name__}.") from error


def named(value: Any, names: dict[str, tuple[str, ...]]) -> str:
    """Which of some names is meant, whatever its case, spaces, marks, and "the" before it.

    Args:
        value: what the reader wrote.
        names: each name with the others that it goes by.

    Raises:
        Hint: none of them.
    """
    given = plain(value) if isinstance(value, str) else ""
    for name, others in names.items():
        if given in map(plain, (name, *others)):
            return name
    raise Hint(f"One of {', '.join(map(repr, names))}, as text.")


def as_edits(value: Any) -> list[Edit]:
    """The edits of an answer, which may be one alone or a list of them; what is no edit is left out."""
    return [edit for edit in (value if isinstance(value, list | tuple) else [value]) if isinstance(edit, Edit)]


def plain(name: Any) -> str:
    """A name in small letters, without spaces, marks and a leading "the"."""
    return re.sub(r"^the(?=.)|[\W_]+", "", str(name).strip().lower())
