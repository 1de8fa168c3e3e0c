"""The system's Chromium for tests: where it is, and how it starts without asking any other machine."""

from __future__ import annotations

import shutil

OPTIONS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required",
)  # fmt: skip
_NAMES = ("chromium", "chromium-browser", "google-chrome")


def find() -> str | None:
    """Its path, or None where there is none."""
    return next(filter(None, map(shutil.which, _NAMES)), None)
