"""Ablation of attention heads: what is lost when one head is silenced.

An attention pattern that follows the text does not show that anything depends on it. So each head is taken away and
the model is measured again, clip by clip. Clips of one speaker are alike, so the intervals are over speakers, or over
clips where there is one speaker: those of `statistics.intervals`, as everywhere in an evaluation.
Letters: L layers, H heads, P phones, F25 codes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gsv_lab.errors import DataError, HookError
from gsv_lab.evaluation.acoustic import Acoustic
from gsv_lab.evaluation.probes.material import SpokenClip
from gsv_lab.evaluation.statistics.intervals import difference
from gsv_lab.hooks import Edit, Table, probe, zero
from gsv_lab.nn import losses
from gsv_lab.nn.spectral import LogMel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Measure = Callable[[], Mapping[str, Sequence[float]]]
"""Runs the model and gives, for every measure, one value a clip."""


@dataclass(frozen=True)
class SpokenMeasure:
    """A `Measure` that knows who speaks its clips.

    Args:
        run: gives, for every measure, one value a clip.
        speakers: of the clips, in their order.
    """

    run: Measure
    speakers: tuple[str, ...]

    def __call__(self) -> Mapping[str, Sequence[float]]:
        """See `run`."""
        return self.run()


@dataclass(frozen=True)
class HeadGrid:
    """What every head contributes.

    Args:
        clean: measure -> mean without any edit.
        rows: one a head: `tap`, `head`, and for every measure the change with its interval (`NAME`, `NAME_low`,
            `NAME_high`), from paired clips.
        unit: what intervals are over, "speaker" or "clip".
    """

    clean: dict[str, float]
    rows: Table
    unit: str = "clip"

    def matrix(self, name: str, end: str = "") -> tuple[list[str], list[int], np.ndarray]:
        """Change of a measure: taps, heads, (L, H); NaN where a layer has fewer heads, or nothing of that end is known.

        Args:
            name: of the measure.
            end: "low" or "high" for that end of the interval.

        Raises:
            HookError: GRID_MEASURE, nothing of that name was measured.
        """
        if name not in self.clean:
            raise HookError("GRID_MEASURE", f"'{name}' was not measured", " or ".join(self.clean))
        taps = list(dict.fromkeys(str(row["tap"]) for row in self.rows))
        heads = sorted({int(row["head"]) for row in self.rows})
        values = np.full((len(taps), len(heads)), np.nan)
        for row in self.rows:
            layer = taps.index(row["tap"])
            values[layer, heads.index(row["head"])] = row.get(f"{name}_{end}" if end else name, np.nan)
        return taps, heads, values

    def figure(self, name: str, title: str = "", reach: float | None = None) -> Figure:
        """The change of a measure by layer and head, as a picture with the numbers in it: `figures.head_costs`.

        Args:
            name: of the measure.
            title: above the picture.
            reach: change at which colours end; give several grids the same.
        """
        from gsv_lab import figures

        taps, heads, values = self.matrix(name)
        layers = [tap.rsplit(".attention", 1)[0] for tap in taps]
        title = title or f"{name} {self.clean[name]:.3g} with all heads; what changes without each"
        low, high = (self.matrix(name, end)[2] for end in ("low", "high"))
        return figures.head_costs(values, layers, heads, name, title, low=low, high=high, reach=reach)


def head_grid(
    root: Any,
    glob: str,
    measure: Measure,
    edit: Callable[..., Edit] = zero,
    say: Callable[[str], None] = lambda line: None,
    always: Sequence[Edit] = (),
) -> HeadGrid:
    """Silence the heads of all matching taps, one after the other, and measure each time.

    Args:
        root: the model, see `gsv_lab.hooks.probe`.
        glob: taps with an axis `head`, such as `semantic_gpt.layers.*.attention.mix`.
        measure: runs the model; same clips in the same order every time. A `SpokenMeasure` has intervals over speakers,
            any other one over clips.
        edit: what to do to a head: `zero`, or `mean`, which leaves what is always there.
        say: called with each tap as it begins.
        always: edits that are there all the time, such as of heads that are gone already.

    Raises:
        HookError: TAP_UNKNOWN; AXIS_UNKNOWN, a tap has no heads; PROBE_NESTED.
    """
    with probe(root, glob, edits=always, every=1_000_000) as records:
        clean = measure()
    count = len(next(iter(clean.values()), ()))
    speakers = measure.speakers if isinstance(measure, SpokenMeasure) else ("",) * count
    rows = []
    for tap, record in records.items():
        if "head" not in record.axes:
            raise HookError("AXIS_UNKNOWN", f"{tap} has no heads", f"one with an axis head, not {record.axes}")
        say(tap)
        axis = record.axes.index("head")
        for head in range(record.steps[0].shape[axis]):
            with probe(root, edits=[*always, edit(tap, head=head)]):
                changed = measure()
            rows.append({"tap": tap, "head": head, **_changes(clean, changed, speakers)})
    means = {name: float(np.mean(values)) for name, values in clean.items()}
    return HeadGrid(means, Table(rows), "speaker" if len(set(speakers)) > 1 else "clip")


def _changes(
    clean: Mapping[str, Sequence[float]],
    changed: Mapping[str, Sequence[float]],
    speakers: Sequence[str],
) -> dict[str, float]:
    """Change of every measure with its interval, from paired clips."""
    row = {}
    for name, before in clean.items():
        found = difference(changed[name], before, speakers)
        row[name] = found.value
        row[f"{name}_low"] = found.low
        row[f"{name}_high"] = found.high
    return row


class _GPTInputs(NamedTuple):
    """What SemanticGPT is given of one clip, all with a batch axis of one; None is what it does not read."""

    phones: Tensor
    context: Tensor | None
    codes: Tensor
    phone_index: Tensor | None
    speaker: Tensor | None


def gpt_measure(lab: Any, clips: Sequence[SpokenClip]) -> Measure:
    """Teacher forcing of SemanticGPT, clip by clip: `loss` (nat per code) and `accuracy` of the next code.

    Args:
        lab: a `Lab`, which encodes the clips and holds the network.
        clips: with texts, as `recorded_clips` gives them.

    Raises:
        DataError: TEXT_MISSING, a clip has no text.
    """
    gpt = lab.family.synthesizer.semantic_gpt
    inputs = [_gpt_inputs(lab, clip) for clip in clips]

    @torch.no_grad()
    def measure() -> dict[str, list[float]]:
        found: dict[str, list[float]] = {"loss": [], "accuracy": []}
        for phones, context, codes, phone_index, speaker in inputs:
            logits = gpt(phones, context, codes, phone_index=phone_index, speaker=speaker)[0, :-1]
            hits = logits.argmax(-1) == codes[0]
            found["loss"].append(float(functional.cross_entropy(logits, codes[0])))
            found["accuracy"].append(float(hits.float().mean()))
        return found

    return SpokenMeasure(measure, tuple(clip.speaker for clip in clips))


def _gpt_inputs(lab: Any, clip: SpokenClip) -> _GPTInputs:
    if clip.text is None:
        raise DataError("TEXT_MISSING", f"{clip.name} has no text", "clips read with their transcripts")
    synthesizer = lab.family.synthesizer
    gpt = synthesizer.semantic_gpt
    codes = synthesizer.encode(clip.wave)
    context = phone_index = speaker = None
    if gpt.context_dim:
        context = synthesizer.context_encoder(clip.text)[None]
    if gpt.max_advance:
        phone_index = lab.recordings.phone_index(clip.wave, clip.text, codes.shape[-1])[None]
    if gpt.speaker_dim:
        speaker = lab.recordings.speaker(clip.wave)[:, : gpt.speaker_dim]
    return _GPTInputs(torch.tensor([clip.text.ids]), context, codes, phone_index, speaker)


def prior_measure(subject: Acoustic, clips: Sequence[SpokenClip]) -> Measure:
    """Resynthesis of clips in their own voice: `mel` (nat, distance to the recording) and `phone_error`, clip by clip.

    Args:
        subject: the acoustic half of a model, see `acoustic.acoustic`.
        clips: what is encoded and spoken again.
    """
    log_mel = LogMel(subject.sample_rate, n_fft=512, hop_length=128, n_mels=80)
    encoded = [(clip, subject.encode(clip.wave), subject.voice([clip.wave])) for clip in clips]

    @torch.no_grad()
    def measure() -> dict[str, list[float]]:
        found: dict[str, list[float]] = {"mel": [], "phone_error": []}
        for clip, codes, speaker in encoded:
            made = subject.speak(codes, clip, speaker)
            size = min(len(made), len(clip.wave))
            real = log_mel(clip.wave[None, None, :size])
            fake = log_mel(made[None, None, :size])
            errors = subject.evaluator.errors(made, clip)
            found["mel"].append(float(losses.log_mel_loss([(real, fake)])))
            found["phone_error"].append(errors / len(clip.labels))
        return found

    return SpokenMeasure(measure, tuple(clip.speaker for clip in clips))
