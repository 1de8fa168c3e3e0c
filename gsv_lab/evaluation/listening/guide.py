"""The README of a test, for the person who runs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from gsv_lab.errors import in_markdown
from gsv_lab.evaluation.listening.design import ANCHORS, GOLD, REPEAT, TEST, TRAP, Page, Request, Source
from gsv_lab.evaluation.listening.files import KEY, STIMULI, STORE
from gsv_lab.evaluation.listening.methods import ANALYSED

if TYPE_CHECKING:
    from gsv_lab.evaluation.listening.stimuli import Stimuli

_TEXT = """# A listening test: {design}

{about}.

**Do not show this page or `{key}` to raters, and take `{key}` out of this folder before you give it to anybody.**

- {items} items; systems: {systems}{anchors}.
- {places} places with {pages} pages each: {roles}. Raters beyond them begin again with the first place.
- {rate} samples a second, nothing above {band:.0f} Hz, speech at {level:.1f} dBFS; {sounds} stimuli, {minutes:.1f}
  minutes of sound for a rater who plays every clip once.
- Screening decided on: {screening}. Primary contrast: {contrast}.

## In a notebook

    from gsv_lab.teaching.widgets.listening import ListeningPanel

    ListeningPanel("THIS FOLDER")

Every event is kept in `{store}` before the panel shows it as taken. After a restart run the cell again; the panel
offers each rater who has not finished to go on.

## By post

Give `panel.html` {with_sounds}to each rater, with the number of a place (1 to {places}) if you want them filled evenly.
It runs from the file in any present browser, asks nothing of any other machine, and at its end saves
`results_....json`, which the rater sends back.

## Then

    gsv-lab ratings {store} results_*.json --key {key} --design {analysed} --output listeners
    gsv-lab listening export {store} results_*.json --key {key} --output votes.csv

The first says what the votes show (docs/ratings.md), the second writes them as a table for other programs.
Names of raters are neither asked nor needed.
"""


def guide(
    request: Request,
    places: Sequence[Sequence[Page]],
    screening: Sequence[str],
    contrast: tuple[str, str] | None,
    sounds: Stimuli,
    seconds: Mapping[Source, float],
    beside: bool,
) -> str:
    """The text; see the head of this file."""
    one = places[0]
    counts = {role: sum(page.role == role for page in one) for role in (TEST, GOLD, TRAP, REPEAT)}
    anchors = "; ".join(f"{name}: {ANCHORS[name]}" for name in request.anchors)
    return _TEXT.format(
        design=request.design,
        analysed=ANALYSED.get(request.design, request.design),
        about=request.method.about[0].upper() + request.method.about[1:],
        key=KEY,
        store=STORE,
        items=len(request.items),
        systems=", ".join(map(in_markdown, request.systems))
        + (f"; reference: {in_markdown(request.reference)}" if request.reference else ""),
        anchors=f"; anchors: {anchors}" if anchors else "",
        places=len(places),
        pages=len(one),
        roles=", ".join(f"{count} {role}" for role, count in counts.items() if count),
        rate=sounds.rate,
        band=sounds.band,
        level=sounds.level,
        sounds=len(seconds),
        minutes=sum(seconds[source] for page in one for _, source in page.clips) / 60,
        screening=", ".join(screening) or "none",
        contrast="none" if contrast is None else " minus ".join(map(in_markdown, contrast)),
        with_sounds=f"and the folder `{STIMULI}` beside it " if beside else "",
    )
