"""Sound quality: DNSMOS, a prediction of listeners' ratings.

DNSMOS was trained to rate noise suppression, not speech synthesis, and natural read speech gets about 3 of 5. Only the
difference to natural speech of the same speakers is a result, and it is a prediction, not an opinion score.
Letters: T samples at 16 kHz.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from threading import Lock
from typing import Any

import numpy as np

from gsv_lab.evaluation.lists import SAMPLE_RATE
from gsv_lab.evaluation.measures import Found, Job, is_silent
from gsv_lab.evaluation.measures.sharing import OnFirstUse
from gsv_lab.system.extras import check_installed, require, version

KEYS = {"dnsmos": "ovrl_mos", "dnsmos_sig": "sig_mos", "dnsmos_bak": "bak_mos", "dnsmos_p808": "p808_mos"}
"""Value -> key of speechmos: overall, signal and background by P.835, and quality by P.808."""


class Dnsmos:
    """DNSMOS P.835 (overall, signal, background) and P.808 of a clip by speechmos; its networks load at the first clip.

    Source: Reddy, Gopal, Cutler 2022, "DNSMOS P.835", arXiv:2110.01763; weights inside the speechmos package.

    Raises:
        LabError: `EXTRA_MISSING`, speechmos or onnxruntime is not installed.
    """

    name = "dnsmos"
    evaluator = "dnsmos"
    needs: Collection[str] = ()

    def __init__(self) -> None:
        check_installed("speechmos", "onnxruntime", "librosa")
        self.identity = f"DNSMOS, speechmos {version('speechmos')}"
        self._run: OnFirstUse[Callable[..., Any]] = OnFirstUse(lambda: require("speechmos.dnsmos").run)
        self._lock = Lock()

    def __call__(self, wave: np.ndarray, job: Job) -> Found | None:
        """The four scores of a clip on a scale of 1 to 5; None for silence, which DNSMOS is not made for."""
        if is_silent(wave):
            return None
        samples = np.clip(wave, -1, 1).astype(np.float32)
        with self._lock:  # the package keeps its networks in one place and makes them at the first call
            scores = self._run()(samples, SAMPLE_RATE)
        return {name: float(scores[key]) for name, key in KEYS.items()}
