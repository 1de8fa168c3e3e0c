"""The panel's script and style, and the page that runs from a file: everything in it, nothing asked of anybody.

The script has three parts: `logic.js`, what a rater may do next; `player.js`, `keys.js` and `panel.js`, what is seen,
heard and pressed; and a host, which keeps events. The page's host keeps them in the browser (`page_host.js`); that of
the widget gives them to the kernel.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from gsv_lab.errors import on_page
from gsv_lab.evaluation.listening.files import RESULT_FORMAT, STIMULI, Test

FOLDER = Path(__file__).parent / "panel"
PARTS = ("logic.js", "player.js", "keys.js", "panel.js")
MOST_EMBEDDED = 24_000_000
"""Bytes of sound that a page holds; more lie beside it, and page and folder are then given away together."""
MEDIA = {".flac": "audio/flac", ".wav": "audio/wav"}


def panel_script() -> str:
    """The panel without a host."""
    return "".join((FOLDER / name).read_text(encoding="utf-8") for name in PARTS)


def panel_style() -> str:
    """The panel's style sheet."""
    return (FOLDER / "panel.css").read_text(encoding="utf-8")


def panel_page(test: Test, sounds: Mapping[str, bytes], most: int = MOST_EMBEDDED) -> str:
    """The page of a test.

    Its policy forbids every connection, form, frame and script but its own, and media from anywhere but the page itself
    or, where the sounds lie beside it, files.

    Args:
        test: what is shown.
        sounds: stimulus -> bytes of its file.
        most: bytes of sound that are put into the page.
    """
    inside = sum(map(len, sounds.values())) <= most
    script = panel_script() + (FOLDER / "page_host.js").read_text(encoding="utf-8")
    style = panel_style()
    media = "data:" if inside else "'self' file:"
    policy = (
        f"default-src 'none'; script-src {_allowed(script)}; style-src {_allowed(style)}; media-src {media}; "
        "base-uri 'none'; form-action 'none'"
    )
    data = {"test": test.shown, "format": RESULT_FORMAT, "clips": _addresses(test, sounds if inside else {})}
    return "\n".join([
        f'<!doctype html>\n<html lang="{on_page(test.content["texts"]["language"])}">\n<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>{on_page(test.content['texts']['title'])}</title>",
        f"<style>{style}</style>\n</head>\n<body>\n<noscript>JavaScript is needed.</noscript>",
        f'<main id="panel"></main>\n<script type="application/json" id="data">{_json(data)}</script>',
        f"<script>{script}</script>\n</body>\n</html>\n",
    ])  # fmt: skip


def _addresses(test: Test, sounds: Mapping[str, bytes]) -> dict[str, str]:
    """Stimulus -> where its sound is found: in the page, or beside it."""
    found = {}
    for name, entry in test.content["stimuli"].items():
        found[name] = f"{STIMULI}/{entry['file']}"
        if name in sounds:
            media = MEDIA[Path(entry["file"]).suffix]
            found[name] = f"data:{media};base64,{base64.b64encode(sounds[name]).decode('ascii')}"
    return found


def _allowed(source: str) -> str:
    """A source that a policy allows, by its hash."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode('ascii')}'"


def _json(data: object) -> str:
    """JSON that no parser of HTML takes for a tag."""
    return json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
