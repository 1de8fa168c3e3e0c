"""What notebook 09 draws and tabulates of runs, and of what their checkpoints spoke.

Letters: N sentences, M frames.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gsv_lab.corpora.store import ClipStore
from gsv_lab.hooks import Table
from gsv_lab.inference.utterance import Speech
from gsv_lab.teaching.exercises import tuning_kit as kit
from gsv_lab.teaching.exercises.metrics import cepstra, t_quantile
from gsv_lab.teaching.exercises.voice_runs import MoreSpeech, ShippedRun, Spoken, spoken_by
from gsv_lab.training.runs import Run

HELD_OUT = {"sovits": ("train/kl", "valid/resynthesis_mel"), "gpt": ("train/code", "valid/code")}
"""Stage -> its training loss with the widest range, and the held-out loss by which `finetune` judges."""


def panels(runs: Mapping[str, Run], tags: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Curves for `figures.training_curves`: a panel a tag, a line a run; a run without the tag is left out of it."""
    found: dict[str, dict[str, Any]] = {tag: {} for tag in tags}
    for name, run in runs.items():
        scalars = run.scalars()
        for tag in tags:
            if rows := scalars.get(tag):
                found[tag][name] = tuple(zip(*rows, strict=True))
    return found


def seed_noise(one: Run, other: Run, tag: str = "valid/resynthesis_mel") -> float:
    """By how much a held-out loss of two runs that differ in the seed alone lies apart on average, at equal steps."""
    rows = [dict(run.scalars()[tag]) for run in (one, other)]
    return float(np.mean([abs(rows[0][step] - rows[1][step]) for step in rows[0].keys() & rows[1].keys()]))


def stops(runs: Mapping[str, ShippedRun], rule: Callable[..., Any] = kit.stop) -> Table:
    """Where a rule stops each run, beside two steps that are no reason to stop.

    Args:
        runs: the shipped ones.
        rule: training and held-out (step, loss) pairs, margin -> step.
    """
    margin = seed_noise(runs["full"], runs["full_again"])
    rows = []
    for name, run in runs.items():
        curves = run.scalars()
        learnt, tag = next(pair for pair in HELD_OUT.values() if pair[1] in curves)
        trained, held_out = curves[learnt], curves[tag]
        step = int(rule(trained, held_out, margin))
        losses = dict(held_out)
        lowest = min(trained, key=lambda pair: pair[1])[0]
        told = {"run": name, "held-out loss": tag, f"stop (margin {margin:.3f})": step, "its loss": losses[step]}
        rows.append(told | {"lowest training loss": lowest, "last": held_out[-1][0], "loss there": held_out[-1][1]})
    return Table(rows)


def gains(spoken: Sequence[Spoken], rule: Callable[..., Any] = kit.better) -> Any:
    """By how much each checkpoint's cosines exceed the zero-shot voice's, as a Figure; filled where it is better.

    Args:
        spoken: of all runs.
        rule: cosines before and after (N,), t(degrees) -> whether it is better.
    """
    from gsv_lab import figures

    rows, sure = {}, []
    for run, step in dict.fromkeys((row.run, row.step) for row in spoken if row.step):
        before, after = spoken_by(spoken, run, 0)[0], spoken_by(spoken, run, step)[0]
        off = after - before
        half = t_quantile(len(off) - 1) * off.std(ddof=1) / math.sqrt(len(off))
        name = f"{run}, step {step}: {off.mean():+.3f} [{off.mean() - half:+.3f}, {off.mean() + half:+.3f}]"
        rows[name] = (float(off.mean()), float(off.mean() - half), float(off.mean() + half))
        sure += [name] if rule(before, after, t_quantile) else []
    title = f"cosine with a held-out slice, tuned − zero-shot, {len(off)} sentences each"
    return figures.forest(rows, title, sure=sure, better=1)


def repeats(
    store: ClipStore, said: Mapping[str, Speech], spoken: Sequence[Spoken], rule: Callable[..., Any] = kit.copied
) -> Table:
    """Which share of the frames lies nearer to what was learnt from than to a held-out slice.

    Args:
        store: clips of a run; its first one was learnt from, its second one held out.
        said: what the voices of that run said, by a rule that is asked now.
        spoken: what the shipped checkpoints said, where the share is known.
        rule: frames made, learnt from (M, D), of other speech (M, D) -> share.
    """
    heard, fresh = (cepstra(store.wave(index))[:, 1:] for index in (0, 1))
    size = min(len(heard), len(fresh))
    rows = []
    for name, speech in said.items():
        share = rule(cepstra(speech.wave)[:, 1:], heard[:size], fresh[:size])
        rows.append({"voice": name, "sentences": 1, "nearer to its training": f"{float(share):.0%}"})
    for run, step in dict.fromkeys((row.run, row.step) for row in spoken):
        shares = spoken_by(spoken, run, step)[1]
        told = {"voice": f"{run}, step {step}", "sentences": len(shares)}
        rows.append(told | {"nearer to its training": f"{shares.mean():.0%}"})
    return Table(rows)


def more_speech(rows: Sequence[MoreSpeech]) -> Any:
    """What more speech brought each speaker, zero-shot and tuned, as a Figure: a panel a speaker."""
    from gsv_lab import figures

    panels: dict[str, Any] = {}
    for speaker in sorted({row.speaker for row in rows}):
        seconds, before, after = zip(*sorted(row[1:] for row in rows if row.speaker == speaker), strict=True)
        panels[f"{speaker}: cosine with other recordings"] = {"zero-shot": (seconds, before), "tuned": (seconds, after)}
    return figures.training_curves(panels, unit="seconds of speech")
