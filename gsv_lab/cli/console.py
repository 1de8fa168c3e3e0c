"""What the command line shows: any text in any encoding, and nothing that a terminal would obey.

Names, texts and paths come from files of other people. Whatever is printed goes through `say`, so that a line stays one
line and an escape sequence is seen instead of done.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from gsv_lab.errors import one_line, printable


def open_console() -> None:
    """Let both streams show what their encoding lacks as escapes, instead of failing on it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def close_console() -> None:
    """Forget what is still to be written, after the reader of a pipe (`| head`) has left."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say(*lines: object) -> None:
    """Print each argument as one line of its own."""
    for line in lines:
        print(printable(str(line)))


def note(message: object) -> None:
    """Print a remark beside the result, on stderr."""
    print(f"note: {one_line(message)}", file=sys.stderr)


def say_text(text: str) -> None:
    """Print a text of our own that is of no use with escapes in it: in UTF-8, where the stream's encoding lacks some
    of its characters.
    """
    encoding = sys.stdout.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        note(f"the text is in UTF-8, since {encoding} lacks some of its characters")
        sys.stdout.flush()
        sys.stdout.buffer.write(f"{text}\n".encode())
    else:
        print(text)


@contextmanager
def share_bar(what: str) -> Iterator[Callable[[float, str], None]]:
    """A progress bar from 0 to 100 %, moved by (share that is done, name of what is at hand)."""
    from tqdm.auto import tqdm

    with tqdm(
        total=100, desc=what, bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
    ) as bar:

        def progress(share: float, name: str) -> None:
            bar.set_postfix_str(one_line(name), refresh=False)
            bar.update(100 * share - bar.n)

        yield progress


def show_warning(
    message: Any, category: type[Warning], filename: str, lineno: int, file: Any = None, line: Any = None
) -> None:
    """A warning of the kit, or of a part of the user's own, as a note; those of libraries are left out."""
    if category.__module__.startswith("gsv_lab") or category is UserWarning:
        note(message)
