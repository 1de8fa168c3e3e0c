"""Recognisers that evaluate: text by Whisper or pocketsphinx, phones by the networks that ship with a family.

Each has a short name, and an identity that names its weights and settings. Both are known at once; the model itself is
loaded when it hears its first clip.
Letters: T samples at 16 kHz, F frames, V classes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import numpy as np
import torch

from gsv_lab.audio import resample
from gsv_lab.audio.whisper import check_folder, is_multilingual, load_whisper
from gsv_lab.evaluation.lists import SAMPLE_RATE
from gsv_lab.evaluation.measures import is_silent
from gsv_lab.evaluation.measures.sharing import OnFirstUse, Remembered, wave_key
from gsv_lab.extensions.phone_recogniser import PhoneRecogniser
from gsv_lab.system.extras import check_installed, require, version

_SHORTEST = SAMPLE_RATE // 10  # samples; shorter clips get silence behind them
EVALUATION = "evaluation recogniser"
"""How identities call a recogniser of phones that has no part in the synthesis."""

Transcribe = Callable[[np.ndarray], Sequence[str]]
"""Wave (T,) at 16 kHz -> phone names in the folded alphabet of `gsv_lab.text`."""


class TextRecogniser(Protocol):
    """Writes down what is said: wave (T,) at 16 kHz and its language -> text.

    Attributes:
        name: short name, the `evaluator` of what is measured with it.
        identity: its weights, version and settings.
    """

    name: str
    identity: str

    def __call__(self, wave: np.ndarray, language: str) -> str:
        """Text of one clip."""
        ...


class PocketSphinx:
    """English words by pocketsphinx with the model inside its package; no network. (T,) at 16 kHz -> text.

    Every clip is decoded from the same initial state, so results do not depend on the order of clips.

    Raises:
        LabError: `EXTRA_MISSING`, pocketsphinx is not installed.
    """

    name = "pocketsphinx"

    def __init__(self) -> None:
        check_installed("pocketsphinx")
        self.identity = f"pocketsphinx {version('pocketsphinx')} en-us"
        self._decoder = OnFirstUse(_sphinx_decoder)
        self._lock = Lock()

    def __call__(self, wave: np.ndarray, language: str = "en") -> str:
        """Transcribes one clip; `language` must be English."""
        if is_silent(wave):
            return ""
        samples = np.clip(wave, -1, 1) * 32767
        with self._lock:
            decoder = self._decoder()
            decoder.reinit_feat()  # forgets the cepstral mean of the clip before
            decoder.start_utt()
            decoder.process_raw(samples.astype(np.int16).tobytes(), no_search=False, full_utt=True)
            decoder.end_utt()
            best = decoder.hyp()
        return best.hypstr if best else ""


def _sphinx_decoder() -> Any:
    package = require("pocketsphinx")
    folder = package.get_model_path("en-us")
    return package.Decoder(
        hmm=f"{folder}/en-us",
        lm=f"{folder}/en-us.lm.bin",
        dict=f"{folder}/cmudict-en-us.dict",
        cmn="batch",
        loglevel="FATAL",
    )


class Whisper:
    """Text in a known language by a Whisper model through faster-whisper, from a folder on this disk; no network.

    Beam search without sampling, each clip by itself, so that a clip always gives the same text. The last texts are
    remembered, for whoever counts them in several units.
    Source: Radford et al. 2022, arXiv:2212.04356.

    Args:
        folder: one model in CTranslate2's layout; its name gives the name of the recogniser: `tiny_en` is called
            `whisper-tiny.en`.
        beams: width of the beam search.
        compute_type: precision of its matrices.

    Attributes:
        multilingual: whether it knows other languages than English.

    Raises:
        LabError: `EXTRA_MISSING`, faster-whisper is not installed.
        CheckpointError: `CKPT_MISSING`, a file is absent. The first call raises `CKPT_CORRUPT`, see `load_whisper`.
    """

    def __init__(self, folder: str | Path, beams: int = 5, compute_type: str = "int8") -> None:
        folder = Path(folder)
        check_folder(folder)
        check_installed("faster_whisper", extra="asr")
        self.name = whisper_name(folder)
        self.multilingual = is_multilingual(folder)
        self.beams = beams
        with (folder / "model.bin").open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        package = f"faster-whisper {version('faster-whisper')}, ctranslate2 {version('ctranslate2')}"
        self.identity = f"{self.name} {digest[:8]}, {package}, {compute_type}, {beams} beams"
        self._model = OnFirstUse(lambda: load_whisper(folder, compute_type))
        self._texts: Remembered[str] = Remembered()

    def __call__(self, wave: np.ndarray, language: str = "en") -> str:
        """(T,) at 16 kHz -> text."""
        if is_silent(wave):
            return ""
        samples = np.ascontiguousarray(np.clip(wave, -1, 1), dtype=np.float32)
        return self._texts.get((wave_key(samples), language), lambda: self._text(samples, language))

    def _text(self, samples: np.ndarray, language: str) -> str:
        segments, _ = self._model().transcribe(
            samples,
            language=language,
            beam_size=self.beams,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
        )
        return "".join(segment.text for segment in segments).strip()


def whisper_name(folder: Path) -> str:
    """Short name of the model in a folder.

    >>> whisper_name(Path("models/tiny_en")), whisper_name(Path("faster-whisper-base"))
    ('whisper-tiny.en', 'whisper-base')
    """
    size = re.sub(r"^(faster-)?(whisper-)?", "", folder.resolve().name)
    return "whisper-" + re.sub(r"[_-]en$", ".en", size)


class PhoneTranscriber:
    """Phones by an evaluation recogniser, the best class of every step: (T,) at 16 kHz -> names in its alphabet.

    Args:
        load: gives the network; called at the first clip.
        name: short name.
        identity: which weights they are.
    """

    def __init__(self, load: Callable[[], PhoneRecogniser], name: str, identity: str) -> None:
        self._network = OnFirstUse(lambda: load().eval())
        self.name = name
        self.identity = identity
        self._scores: Remembered[torch.Tensor] = Remembered()

    @property
    def recogniser(self) -> PhoneRecogniser:
        """The network."""
        return self._network()

    def scores(self, wave: np.ndarray) -> torch.Tensor:
        """Log-probabilities (F, V) of the recogniser's phones in one clip, column 0 the blank."""
        return self._scores.get(wave_key(wave), lambda: self._heard(wave))

    def scores_of_speech(self, wave: np.ndarray) -> np.ndarray:
        """The same as an array, without a frame where the clip is silent."""
        if is_silent(wave):
            return np.zeros((0, len(self.recogniser.phone_names) + 1))
        return self.scores(wave).numpy()

    def _heard(self, wave: np.ndarray) -> torch.Tensor:
        lacking = max(0, _SHORTEST - len(wave))  # less than a window cannot be framed
        samples = torch.from_numpy(np.pad(np.asarray(wave, dtype=np.float32), (0, lacking)))
        samples = resample(samples, SAMPLE_RATE, self.recogniser.sample_rate)
        with torch.no_grad():
            return self.recogniser(samples.reshape(1, 1, -1))[0]

    def __call__(self, wave: np.ndarray) -> list[str]:
        """Phones of one clip."""
        best = torch.unique_consecutive(self.scores(wave).argmax(-1))
        return [self.recogniser.phone_names[number - 1] for number in best.tolist() if number > 0]
