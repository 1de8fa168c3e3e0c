"""Recognisers that evaluate: words by pocketsphinx, phones by the networks that ship with a family.

Letters: T samples at 16 kHz.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from gsv_lab.audio import resample
from gsv_lab.evaluation.extras import require, version
from gsv_lab.evaluation.lists import SAMPLE_RATE
from gsv_lab.evaluation.measure import is_silent
from gsv_lab.extensions.phone_recogniser import PhoneRecogniser

EVALUATION = "evaluation recogniser"
"""How reports call a recogniser that has no part in the synthesis."""

Transcribe = Callable[[np.ndarray], Sequence[str]]
"""Wave (T,) at 16 kHz -> phone names in the folded alphabet of `gsv_lab.text`."""


class PocketSphinx:
    """English words by pocketsphinx with the model inside its package; no network. (T,) at 16 kHz -> text.

    Every clip is decoded from the same initial state, so results do not depend on the order of clips.

    Raises:
        LabError: `EXTRA_MISSING`, pocketsphinx is not installed.
    """

    def __init__(self) -> None:
        package = require("pocketsphinx")
        folder = package.get_model_path("en-us")
        self.identity = f"pocketsphinx {version('pocketsphinx')} en-us"
        self._decoder = package.Decoder(
            hmm=f"{folder}/en-us",
            lm=f"{folder}/en-us.lm.bin",
            dict=f"{folder}/cmudict-en-us.dict",
            cmn="batch",
            loglevel="FATAL",
        )

    def __call__(self, wave: np.ndarray) -> str:
        """Transcribes one clip."""
        if is_silent(wave):
            return ""
        samples = np.clip(wave, -1, 1) * 32767
        self._decoder.reinit_feat()  # forgets the cepstral mean of the clip before
        self._decoder.start_utt()
        self._decoder.process_raw(samples.astype(np.int16).tobytes(), no_search=False, full_utt=True)
        self._decoder.end_utt()
        best = self._decoder.hyp()
        return best.hypstr if best else ""


class PhoneTranscriber:
    """Phones by an evaluation recogniser, the best class of every step: (T,) at 16 kHz -> names in its alphabet.

    Args:
        recogniser: the network.
        identity: which weights they are.
    """

    def __init__(self, recogniser: PhoneRecogniser, identity: str) -> None:
        self.recogniser = recogniser.eval()
        self.identity = identity

    def __call__(self, wave: np.ndarray) -> list[str]:
        """Phones of one clip."""
        samples = torch.from_numpy(np.array(wave, dtype=np.float32))
        samples = resample(samples, SAMPLE_RATE, self.recogniser.sample_rate)
        with torch.no_grad():
            scores = self.recogniser(samples.reshape(1, 1, -1))
        best = torch.unique_consecutive(scores[0].argmax(-1))
        return [self.recogniser.phone_names[number - 1] for number in best.tolist() if number > 0]
