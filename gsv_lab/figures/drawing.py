"""Where we are in the pipeline: a drawing in SVG whose parts of interest are lit.

Unlike the other pictures this one shows no data, so it is drawn by hand: boxes are networks, words in italics are what
passes between them, dashed lines exist in training only. It scales with the page and needs no font of its own.
"""

from __future__ import annotations

import base64
import html
from dataclasses import dataclass

from gsv_lab.figures.style import INK, ORANGE

_BOXES: dict[str, tuple[str, int, int, int]] = {
    "text": ("text frontend", 66, 40, 104),
    "semantic_gpt": ("SemanticGPT", 236, 40, 120),
    "prior": ("prior", 424, 40, 76),
    "flow": ("flow", 560, 40, 76),
    "vocoder": ("vocoder", 700, 40, 84),
    "content_encoder": ("content encoder", 102, 118, 136),
    "quantizer": ("quantizer", 258, 118, 90),
    "speaker_encoder": ("speaker encoder", 102, 180, 136),
    "posterior": ("posterior", 560, 118, 84),
    "discriminator": ("discriminator", 762, 118, 112),
    "measures": ("measures", 762, 180, 96),
}
"""Part -> label, left edge, middle, width."""
_HEIGHT = 34
_WORDS = (
    ("text", 20, 44), ("phones", 203, 30), ("codes", 390, 30), ("latent", 530, 30), ("z", 668, 30), ("wave", 846, 44),
    ("reference", 36, 149), ("codes of the prompt", 228, 86), ("speaker", 300, 174), ("recording", 688, 149),
)  # fmt: skip
"""Word, middle, base line."""
_ARROWS = (
    "M36 40H66", "M203 18V8H450V23", "M170 40H236", "M356 40H424", "M500 40H560", "M636 40H700", "M784 40H822",
    "M66 140L102 122", "M66 150L102 176", "M238 118H258", "M303 101V57",
    "M238 180H742V57", "M462 180V57", "M545 180V70L578 57",
    "M866 46L878 58V180H858", "M714 154L764 164",
)  # fmt: skip
_TRAINING = ("M660 141L644 131", "M602 101V57", "M602 180V135", "M720 142L762 126", "M838 58V101")


@dataclass(frozen=True)
class Diagram:
    """The pipeline as SVG text; a notebook shows it.

    Args:
        svg: the drawing.
        lit: names of the parts that are lit.
        title: what it shows, in words.
    """

    svg: str
    lit: tuple[str, ...]
    title: str

    def __repr__(self) -> str:
        return f"Diagram({', '.join(self.lit)})"

    def _repr_html_(self) -> str:
        # As an image: JupyterLab takes SVG elements out of a notebook that it did not run itself.
        data = base64.b64encode(self.svg.encode()).decode("ascii")
        source = f"data:image/svg+xml;base64,{data}"
        return f'<img alt="{html.escape(self.title)}" style="max-width:880px;width:100%" src="{source}">'


def diagram(*lit: str) -> Diagram:
    """The pipeline, with some of its parts lit.

    Args:
        lit: names of parts: `text`, `discriminator`, `measures`, or a role of `gsv_lab.nn.interfaces` on the way from
            text to wave.

    Raises:
        ValueError: a part that the drawing does not have.
    """
    unknown = [name for name in lit if name not in _BOXES]
    if unknown:
        raise ValueError(f"no part {', '.join(map(repr, unknown))} in the drawing; there are {', '.join(_BOXES)}")
    here = ", ".join(_BOXES[name][0] for name in lit) or "none"
    title = f"The pipeline from text and reference to wave; we are at: {here}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 880 206" role="img" aria-label="{html.escape(title)}" '
        'style="background:#fff" font-family="system-ui,sans-serif" font-size="13">',
        '<defs><marker id="gsv-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#777"/></marker></defs>',
        *(_arrow(path) for path in _ARROWS),
        *(_arrow(path, dashed=True) for path in _TRAINING),
        *(_word(word, x, y) for word, x, y in _WORDS),
        *(_box(name, name in lit) for name in _BOXES),
        "</svg>",
    ]
    return Diagram("".join(parts), lit, title)


def _arrow(path: str, dashed: bool = False) -> str:
    dash = ' stroke-dasharray="4 3"' if dashed else ""
    return f'<path d="{path}" fill="none" stroke="#777" stroke-width="1.2"{dash} marker-end="url(#gsv-tip)"/>'


def _word(word: str, x: int, y: int) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="middle" fill="{INK}" font-style="italic">{word}</text>'


def _box(name: str, lit: bool) -> str:
    label, left, middle, width = _BOXES[name]
    fill, border, weight = (ORANGE, INK, "600") if lit else ("#f4f4f4", "#888", "400")
    place = f'x="{left}" y="{middle - _HEIGHT // 2}" width="{width}" height="{_HEIGHT}"'
    return (
        f'<g><rect {place} rx="6" fill="{fill}" stroke="{border}"/><text x="{left + width / 2:g}" y="{middle + 5}" '
        f'text-anchor="middle" fill="{INK}" font-weight="{weight}">{label}</text></g>'
    )
