"""Explorer of notebook 03: how many codes, how strong the commitment, dead codes revived or not.

Letters: B batch, D width, F frames.
"""

from __future__ import annotations

from typing import Any

import ipywidgets
from torch import Tensor

from gsv_lab.teaching.exercises.live import Trained, train_codebook
from gsv_lab.teaching.widgets.explorer import Explorer, State

SIZES = (2, 4, 8, 16, 32, 64, 128, 256)
COMMITMENTS = (0.0, 0.25, 1.0, 4.0)


class CodebookExplorer(Explorer):
    """Trains a codebook anew for every choice, and shows how its codes are used.

    state: `n_codes`, `commitment`, `revive`; `render` gives a Figure. `trained` is the last training.

    Args:
        content: (1, D, F50) of real speech.
        steps: of a training; 100 at most.
    """

    def __init__(self, content: Tensor, steps: int = 40) -> None:
        self.content, self.steps = content, steps
        self.trained: Trained | None = None
        super().__init__(
            {
                "n_codes": ipywidgets.SelectionSlider(options=SIZES, value=32, description="codebook (codes)"),
                "commitment": ipywidgets.SelectionSlider(
                    options=COMMITMENTS, value=0.25, description="commitment (weight)"
                ),
                "revive": ipywidgets.Checkbox(True, description="revive dead codes"),
            }
        )

    def render(self, state: State) -> Any:
        """Share of every code, with the error of the reconstruction in the title."""
        from gsv_lab.figures import codebook_usage

        n, commitment, revive = (state[name] for name in ("n_codes", "commitment", "revive"))
        made = train_codebook(self.content, n, self.steps, commitment=commitment, revive=revive)
        self.trained = made
        error = f"after {self.steps} steps: {made.error[-1]:.2f} of the content's variance is lost"
        return codebook_usage(made.codes, n, title=error)
