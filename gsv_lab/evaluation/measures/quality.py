"""Sound quality: DNSMOS, a prediction of listeners' ratings.

DNSMOS was trained to rate noise suppression, not speech synthesis, and natural read speech gets about 3 of 5. Only the
difference to natural speech of the same speakers is a result, and it is a prediction, not an opinion score.
Letters: T samples at 16 kHz.
"""

from __future__ import annotations

import numpy as np

from gsv_lab.evaluation.lists import SAMPLE_RATE
from gsv_lab.evaluation.measures import Job, Row, is_silent
from gsv_lab.system.extras import require, version

KEYS = {"ovrl": "ovrl_mos", "sig": "sig_mos", "bak": "bak_mos", "p808": "p808_mos"}
"""Key in results -> key of speechmos."""


class Dnsmos:
    """DNSMOS P.835 (overall, signal, background) and P.808 of a clip by speechmos.

    Source: Reddy, Gopal, Cutler 2022, "DNSMOS P.835", arXiv:2110.01763; weights inside the speechmos package.

    Raises:
        LabError: `EXTRA_MISSING`, speechmos or onnxruntime is not installed.
    """

    name = "quality"

    def __init__(self) -> None:
        self._run = require("speechmos.dnsmos").run
        self.identity = f"DNSMOS, speechmos {version('speechmos')}"

    def score(self, wave: np.ndarray) -> dict[str, float] | None:
        """(T,) -> the four scores on a scale of 1 to 5; None for silence, which DNSMOS is not made for."""
        if is_silent(wave):
            return None
        samples = np.clip(wave, -1, 1).astype(np.float32)
        scores = self._run(samples, SAMPLE_RATE)
        return {name: float(scores[key]) for name, key in KEYS.items()}

    def __call__(self, wave: np.ndarray, job: Job) -> Row | None:
        """The scores of one clip."""
        return self.score(wave)
