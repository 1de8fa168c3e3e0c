"""Head by head: what is lost when one attention head falls silent.

A pattern that follows the text is a pretty picture; whether anything depends on it is another question, asked here by
taking the head away and measuring again, clip by clip, so that the answer comes with an interval.
Letters: L layers, H heads, P phones, F25 codes. The file does not know the networks: it takes a function that runs
them, and offers two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from gsv_lab.errors import DataError, HookError
from gsv_lab.evaluation.probes_material import Acoustic, SpokenClip
from gsv_lab.evaluation.statistics import paired_difference
from gsv_lab.hooks import Edit, Table, probe, zero
from gsv_lab.nn import losses
from gsv_lab.nn.spectral import LogMel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Measure = Callable[[], Mapping[str, Sequence[float]]]
"""Runs the model and gives, for every measure, one value a clip."""


@dataclass(frozen=True)
class HeadGrid:
    """What every head is worth.

    Args:
        clean: measure -> mean without any edit.
        rows: one a head: `tap`, `head`, and for every measure the change with its interval (`NAME`, `NAME_low`,
            `NAME_high`), from paired clips.
    """

    clean: dict[str, float]
    rows: Table

    def matrix(self, name: str) -> tuple[list[str], list[int], np.ndarray]:
        """Change of a measure: taps, heads, (L, H); NaN where a layer has fewer heads.

        Raises:
            HookError: GRID_MEASURE, nothing of that name was measured.
        """
        if name not in self.clean:
            raise HookError("GRID_MEASURE", f"'{name}' was not measured", " or ".join(self.clean))
        taps = list(dict.fromkeys(str(row["tap"]) for row in self.rows))
        heads = sorted({int(row["head"]) for row in self.rows})
        values = np.full((len(taps), len(heads)), np.nan)
        for row in self.rows:
            values[taps.index(row["tap"]), heads.index(row["head"])] = row[name]
        return taps, heads, values

    def figure(self, name: str, title: str = "") -> Figure:
        """The change of a measure by layer and head, as a picture with the numbers in it."""
        from gsv_lab import figures

        taps, heads, values = self.matrix(name)
        layers = [tap.rsplit(".attention", 1)[0] for tap in taps]
        title = title or f"{name} {self.clean[name]:.3g} with all heads; what changes without each"
        return figures.head_costs(values, layers, heads, name, title)


def head_grid(
    root: Any,
    glob: str,
    measure: Measure,
    edit: Callable[..., Edit] = zero,
    draws: int = 1000,
    say: Callable[[str], None] = lambda line: None,
) -> HeadGrid:
    """Silence the heads of all matching taps, one after the other, and measure each time.

    Args:
        root: the model, see `gsv_lab.hooks.probe`.
        glob: taps with an axis `head`, such as `semantic_gpt.layers.*.attention.mix`.
        measure: runs the model; same clips in the same order every time.
        edit: what to do to a head: `zero`, or `mean`, which leaves what is always there.
        draws: resamples of the intervals, over clips.
        say: told of each tap as it begins.

    Raises:
        HookError: TAP_UNKNOWN; AXIS_UNKNOWN, a tap has no heads; PROBE_NESTED.
    """
    with probe(root, glob, every=1_000_000) as records:
        clean = measure()
    rows = []
    for tap, record in records.items():
        if "head" not in record.axes:
            raise HookError("AXIS_UNKNOWN", f"{tap} has no heads", f"one with an axis head, not {record.axes}")
        say(tap)
        for head in range(record.steps[0].shape[record.axes.index("head")]):
            with probe(root, edits=[edit(tap, head=head)]):
                changed = measure()
            row: dict[str, Any] = {"tap": tap, "head": head}
            for name, before in clean.items():
                found = paired_difference(before, changed[name], draws=draws)
                row |= {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
            rows.append(row)
    return HeadGrid({name: float(np.mean(values)) for name, values in clean.items()}, Table(rows))


def gpt_measure(lab: Any, clips: Sequence[SpokenClip]) -> Measure:
    """Teacher forcing of SemanticGPT, clip by clip: `loss` (nat per code) and `accuracy` of the next code.

    Args:
        lab: hears the codes and holds the network.
        clips: with texts, as `recorded_clips` gives them.

    Raises:
        DataError: TEXT_MISSING, a clip has no text.
    """
    whole, told = lab.family.synthesizer, []
    gpt = whole.semantic_gpt
    for clip in clips:
        if clip.text is None:
            raise DataError("TEXT_MISSING", f"{clip.name} has no text", "clips read with their transcripts")
        codes = whole.hear(clip.wave)
        pointed = getattr(gpt, "pointer", None) is not None
        places = {"places": lab.places(clip.wave, clip.text, codes.shape[-1])[None]} if pointed else {}
        told.append((torch.tensor([clip.text.ids]), whole.context_encoder(clip.text)[None], codes, places))

    @torch.no_grad()
    def measure() -> dict[str, list[float]]:
        found: dict[str, list[float]] = {"loss": [], "accuracy": []}
        for ids, context, codes, places in told:
            logits = gpt(ids, context, codes, **places)[0, :-1]
            found["loss"].append(float(torch.nn.functional.cross_entropy(logits, codes[0])))
            found["accuracy"].append(float((logits.argmax(-1) == codes[0]).float().mean()))
        return found

    return measure


def prior_measure(subject: Acoustic, clips: Sequence[SpokenClip]) -> Measure:
    """True codes said in their own voice, clip by clip: `mel` (nat, distance to the recording) and `phone_error`."""
    mel = LogMel(subject.sample_rate, n_fft=512, hop_length=128, n_mels=80)
    told = [(clip, subject.hear(clip.wave), subject.voice([clip.wave])) for clip in clips]

    @torch.no_grad()
    def measure() -> dict[str, list[float]]:
        found: dict[str, list[float]] = {"mel": [], "phone_error": []}
        for clip, codes, speaker in told:
            wave = subject.say(codes, clip, speaker)
            size = min(len(wave), len(clip.wave))
            real, fake = (side[None, None, :size] for side in (clip.wave, wave))
            found["mel"].append(float(losses.log_mel_loss([(mel(real), mel(fake))])))
            found["phone_error"].append(subject.judge.errors(wave, clip) / len(clip.labels))
        return found

    return measure
