"""Recognisers that evaluate: text by Whisper or pocketsphinx, phones by the networks that ship with a family.

Letters: T samples at 16 kHz.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from gsv_lab.audio import resample
from gsv_lab.audio.whisper import load_whisper
from gsv_lab.evaluation.lists import SAMPLE_RATE
from gsv_lab.evaluation.measures import is_silent
from gsv_lab.extensions.phone_recogniser import PhoneRecogniser
from gsv_lab.system.extras import require, version

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


class Whisper:
    """Text in a known language by a Whisper model through faster-whisper, from a folder on this disk; no network.

    Beam search without sampling, each clip by itself, so that a clip always gives the same text.
    Source: Radford et al. 2022, arXiv:2212.04356.

    Args:
        folder: one model in CTranslate2's layout; its name is the short name of the recogniser.
        beams: width of the beam search.

    Attributes:
        name: short name.
        multilingual: whether it knows other languages than English.

    Raises:
        LabError: those of `load_whisper`.
    """

    def __init__(self, folder: str | Path, beams: int = 5) -> None:
        folder = Path(folder)
        self._model = load_whisper(folder)
        self.name = folder.name
        self.multilingual = bool(self._model.model.is_multilingual)
        self.beams = beams
        with (folder / "model.bin").open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self.identity = f"Whisper {self.name} {digest[:8]}, faster-whisper {version('faster-whisper')}, {beams} beams"
        self._last: tuple[bytes, str, str] = (b"", "", "")

    def __call__(self, wave: np.ndarray, language: str = "en") -> str:
        """(T,) at 16 kHz -> text; the last one is remembered, for whoever counts it in several units."""
        if is_silent(wave):
            return ""
        samples = np.ascontiguousarray(np.clip(wave, -1, 1), dtype=np.float32)
        key = hashlib.sha256(samples.tobytes()).digest()
        if (key, language) != self._last[:2]:
            segments, _ = self._model.transcribe(
                samples,
                language=language,
                beam_size=self.beams,
                temperature=0.0,
                condition_on_previous_text=False,
                without_timestamps=True,
            )
            self._last = (key, language, "".join(segment.text for segment in segments).strip())
        return self._last[2]


class PhoneTranscriber:
    """Phones by an evaluation recogniser, the best class of every step: (T,) at 16 kHz -> names in its alphabet.

    Args:
        recogniser: the network.
        identity: which weights they are.
    """

    def __init__(self, recogniser: PhoneRecogniser, identity: str) -> None:
        self.recogniser = recogniser.eval()
        self.identity = identity

    def scores(self, wave: np.ndarray) -> torch.Tensor:
        """Log-probabilities (F, V) of the recogniser's phones in one clip, column 0 the blank."""
        samples = torch.from_numpy(np.array(wave, dtype=np.float32))
        samples = resample(samples, SAMPLE_RATE, self.recogniser.sample_rate)
        with torch.no_grad():
            return self.recogniser(samples.reshape(1, 1, -1))[0]

    def __call__(self, wave: np.ndarray) -> list[str]:
        """Phones of one clip."""
        best = torch.unique_consecutive(self.scores(wave).argmax(-1))
        return [self.recogniser.phone_names[number - 1] for number in best.tolist() if number > 0]
