"""A grid of ablations whose numbers are made up and known: what `read_packed` gives, for tests that train nothing."""

from __future__ import annotations

from gsv_lab.evaluation.grids.comparing import Value
from gsv_lab.evaluation.grids.grid_file import BASE
from gsv_lab.evaluation.grids.packing import Arm, Packed
from small_grids import chance

SPEAKERS = ("ann", "bob", "cid", "dot")
SEEDS = (0, 1, 2)
EFFECTS = {"no_flow": 0.5, "no_text": 0.02, "books b64": 0.0}
"""What each ablation adds to the base's mean."""
MEANS = {"sovits/kl": 2.0, "sovits/mel": 1.0, "sovits/accuracy": 0.5}


def made_grid() -> Packed:
    """Three ablations, one of them with a level, by three measures."""
    values = []
    for name in (BASE, *EFFECTS):
        where = (BASE, "") if name == BASE else _where(name)
        for seed in SEEDS:
            for speaker in SPEAKERS:
                for measure, mean in MEANS.items():
                    moved = (
                        0.1 * chance(speaker, measure) + 0.02 * chance(name, seed) + 0.01 * chance(name, seed, speaker)
                    )
                    value = mean + EFFECTS.get(name, 0.0) + moved
                    values.append(Value(*where, seed, speaker, speaker, measure, value))
    arms = []
    for name in EFFECTS:
        key = "sovits: task.init_args.weights.kl" if name == "no_text" else f"sovits: task.init_args.{name.split()[0]}"
        arms.append(Arm(*_where(name), "sovits/kl", ((key, "before", f"after {name}"),)))
    return Packed(tuple(values), tuple(arms), "made", "gsv-lab ablate --base made", 12)


def _where(name: str) -> tuple[str, str]:
    ablation, _, level = name.partition(" ")
    return ablation, level or "on"
