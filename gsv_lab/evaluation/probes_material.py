"""What is probed and on what: the acoustic half of a model, and clips of which phone, speaker and pitch are known.

Clips come from the synthetic corpus, where everything is true by construction, or from recordings with transcripts,
where phones and pitch are measured.
Letters: T samples, P phones, F frames (rate in the name), G speaker width.
The file does not know probes; it says what a clip is and what a model does with one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gsv_lab.audio import resample
from gsv_lab.audio.alignment import phone_errors
from gsv_lab.checkpoint import load_component
from gsv_lab.corpora.readers import Clip, read
from gsv_lab.corpora.synthetic import PHONES, SyntheticClip, SyntheticCorpus
from gsv_lab.errors import CheckpointError, DataError
from gsv_lab.evaluation.lists import COLUMNS, LANGUAGES, read_list
from gsv_lab.evaluation.lists import SAMPLE_RATE as JUDGE_RATE
from gsv_lab.extensions.f0 import track_pitch
from gsv_lab.nn.sovits import analysis_for

SYNTHETIC_RUNS = ("synthetic-content", "synthetic-sovits", "synthetic-judge")
"""Names of the runs that `configs/synthetic` trains."""


class Recogniser:
    """Phones that a content encoder hears: wave (T,) at its rate -> labels, by the best path of its CTC scores."""

    def __init__(self, content_encoder: Any) -> None:
        self.content_encoder = content_encoder

    @torch.no_grad()
    def __call__(self, wave: Tensor) -> list[int]:
        """See the class."""
        scores = self.content_encoder(wave.reshape(1, 1, -1)).log_probs[0]
        best = torch.unique_consecutive(scores.argmax(-1)).tolist()
        return [label for label in best if label]

    def errors(self, wave: Tensor, clip: SpokenClip) -> int:
        """How many phones of a clip are heard otherwise in a wave that should say them."""
        return phone_errors(clip.labels, self(wave))


class LabJudge:
    """The recognisers that judge a lab's base model, one for each language: phones that they hear otherwise in a wave.

    Args:
        lab: whose evaluation recognisers are taken; where it has none, its content encoder (see `own.recognisers`).
    """

    def __init__(self, lab: Any) -> None:
        from gsv_lab.evaluation.own import recognisers

        self._by_language, self.identity = recognisers(lab)
        self.sample_rate = int(lab.sample_rate)

    def errors(self, wave: Tensor, clip: SpokenClip) -> int:
        """See the class.

        Raises:
            DataError: LANG_UNKNOWN, the clip is of no language, as a synthetic one.
        """
        if clip.language not in self._by_language:
            raise DataError("LANG_UNKNOWN", f"{clip.name} is in no language that the judges know", "en or zh")
        heard = self._by_language[clip.language](resample(wave, self.sample_rate, JUDGE_RATE).numpy())
        return phone_errors(clip.phones, heard)


class Acoustic:
    """The half of a model that turns sound into codes and codes into sound, whatever text it stands behind.

    Args:
        content_encoder: hears what is said.
        sovits: quantizer, speaker encoder, prior, posterior, flow, vocoder.
        analysis: what speaker encoder and posterior read of a wave.
        judge: recogniser of phones, or what has `errors(wave, clip)`; else the content encoder, which made the codes.
    """

    def __init__(self, content_encoder: Any, sovits: Any, analysis: Any, judge: Any = None) -> None:
        self.content_encoder, self.sovits, self.analysis = content_encoder, sovits, analysis
        self.sample_rate = int(sovits.vocoder.sample_rate)
        self.judge = judge if hasattr(judge, "errors") else Recogniser(content_encoder if judge is None else judge)

    def components(self) -> dict[str, nn.Module]:
        """Every part under its own name, as probes address them."""
        parts = ("quantizer", "speaker_encoder", "prior", "pitch_predictor", "posterior", "flow", "vocoder")
        inside = {name: part for name in parts if (part := getattr(self.sovits, name)) is not None}
        return {"content_encoder": self.content_encoder, **inside}

    @torch.no_grad()
    def hear(self, wave: Tensor) -> Tensor:
        """What is said, as codes: (T,) -> (1, F25)."""
        return self.sovits.quantizer.encode(self.content_encoder(wave.reshape(1, 1, -1)).content)

    @torch.no_grad()
    def voice(self, waves: Sequence[Tensor]) -> Tensor:
        """Who speaks, from one or more recordings (T,): -> (1, G, 1)."""
        return self.sovits.voice([self.analysis.voice(wave.reshape(1, 1, -1)) for wave in waves])

    @torch.no_grad()
    def listen(self, wave: Tensor, speaker: Tensor) -> None:
        """Let the posterior hear a wave (T,); for those who watch it."""
        if self.sovits.posterior is not None:
            self.sovits.posterior(self.analysis(wave.reshape(1, 1, -1)), None, speaker)

    @torch.no_grad()
    def say(self, codes: Tensor, clip: SpokenClip, speaker: Tensor, noise_scale: float = 0.0, seed: int = 0) -> Tensor:
        """A wave (T,) from codes (1, F25) and the phones of a clip, spoken by `speaker` (1, G, 1)."""
        generator = torch.Generator().manual_seed(seed)
        ids, places = torch.tensor([clip.ids]), torch.from_numpy(clip.places(codes.shape[-1]))[None]
        made = self.sovits.decode(codes, ids, speaker, noise_scale, generator=generator, places=places)
        return made.vocoded.wave[0, 0]


def acoustic(model: Any) -> Acoustic:
    """The acoustic half of a lab, of a folder of runs of `configs/synthetic`, or what is one already.

    Raises:
        CheckpointError: CKPT_MISSING, the folder lacks the weights, or what was given is no model.
    """
    if isinstance(model, Acoustic):
        return model
    if isinstance(model, str | Path):
        parts = [Path(model) / run / "weights" for run in SYNTHETIC_RUNS]
        files = [p / name for p, name in zip(parts, ("content_encoder", "sovits", "content_encoder"), strict=True)]
        encoder, sovits, judge = (load_component(file.with_suffix(".safetensors")) for file in files)
        return Acoustic(encoder, sovits, analysis_for(sovits).eval(), judge)  # type: ignore[union-attr,arg-type]
    whole = getattr(getattr(model, "family", None), "synthesizer", model)
    if not hasattr(whole, "sovits"):
        raise CheckpointError("CKPT_MISSING", f"{type(model).__name__} is no model", "a lab, or a folder of runs")
    own = LabJudge(model) if hasattr(model, "family") else None
    return Acoustic(whole.content_encoder, whole.sovits, whole.analysis, own)


@dataclass(frozen=True)
class SpokenClip:
    """A clip with everything that a probe may ask about it.

    Args:
        name: of the clip.
        speaker: who speaks.
        wave: (T,) float32.
        sample_rate: Hz.
        ids: phone ids that the prior reads.
        labels: labels that the recogniser should write.
        phones: (P,) names of the phones that sound.
        at: (P,) position of each in `ids`.
        start, end: (P,) seconds.
        f0: (F100,) Hz, 0 where there is no voice.
        tract: length of the vocal tract (1 = 17.5 cm), None where nobody knows.
        text: the `Phones` of the text front end, None where the clip was made without one.
        language: `en` or `zh`; empty where `phones` are of no language.
    """

    name: str
    speaker: str
    wave: Tensor
    sample_rate: int
    ids: tuple[int, ...]
    labels: tuple[int, ...]
    phones: tuple[str, ...]
    at: np.ndarray
    start: np.ndarray
    end: np.ndarray
    f0: np.ndarray
    tract: float | None = None
    text: Any = None
    language: str = ""

    @property
    def seconds(self) -> float:
        """Length of the clip."""
        return len(self.wave) / self.sample_rate

    def owners(self, times: np.ndarray) -> np.ndarray:
        """Which of `phones` sounds at each time, -1 in silence: (F,) seconds -> (F,)."""
        owner = np.clip(np.searchsorted(self.start, times, side="right") - 1, 0, None)
        return np.where((self.start[owner] <= times) & (times < self.end[owner]), owner, -1)

    def names(self, times: np.ndarray) -> np.ndarray:
        """Name of the phone at each time, "" in silence: (F,) seconds -> (F,)."""
        return np.array([*self.phones, ""])[self.owners(times)]

    def log_f0(self, times: np.ndarray) -> np.ndarray:
        """Log-F0 in ln Hz at each time, NaN where there is no voice: (F,) seconds -> (F,)."""
        found = self.f0[np.clip((times * 100).astype(np.int64), 0, len(self.f0) - 1)]
        return np.where(found > 0, np.log(np.maximum(found, 1.0)), np.nan)

    def places(self, n_codes: int, rate: float = 25.0) -> np.ndarray:
        """Position in `ids` of the phone that each code speaks; in silence the one before: (F25,)."""
        owner = np.searchsorted(self.start, (np.arange(n_codes) + 0.5) / rate, side="right") - 1
        return self.at[np.clip(owner, 0, None)].astype(np.int64)


def spoken(clip: SyntheticClip) -> SpokenClip:
    """A synthetic clip as a `SpokenClip`; its phone ids are the labels of the corpus."""
    ids = tuple(clip.ids)
    return SpokenClip(
        clip.name, clip.speaker.name, torch.from_numpy(clip.wave), clip.sample_rate, ids, ids, clip.phones,
        np.arange(len(ids)), clip.start, clip.end, clip.f0, clip.speaker.tract,
    )  # fmt: skip


def synthetic_clips(corpus: SyntheticCorpus, indices: Iterable[int] | None = None) -> list[SpokenClip]:
    """Clips of a synthetic corpus; all of them if no indices are given."""
    return [spoken(corpus[i]) for i in (range(len(corpus)) if indices is None else indices)]


def recorded_clips(
    lab: Any, source: str | Path, speakers: int = 8, clips: int = 6, longest: float = 9.0, language: str = ""
) -> list[SpokenClip]:
    """Recordings with transcripts, aligned by the lab and pitch tracked: the first clips of the first speakers.

    Args:
        lab: aligns with its own recogniser.
        source: a corpus or a list file, see `gsv_lab.corpora.readers.read`; or a test list, see `evaluation.lists`.
        speakers: most speakers; those with fewer than two usable clips do not count.
        clips: most clips of each.
        longest: seconds; longer recordings are left out.
        language: `en` or `zh`; both if empty.

    Raises:
        DataError: DATA_TOO_SHORT, fewer than two speakers with two clips; those of `read`.
    """
    mine: dict[str, list[Any]] = defaultdict(list)
    for row in _rows(Path(source)):
        mine[row.speaker] += [row] if row.text and row.language in ({language} if language else LANGUAGES) else []
    found: list[SpokenClip] = []
    for rows in [rows for rows in mine.values() if len(rows) > 1]:
        made = [clip for row in rows[: 2 * clips] if (clip := _recorded(lab, row, longest)) is not None][:clips]
        found += made if len(made) > 1 else []
        if len({clip.speaker for clip in found}) == speakers:
            break
    if len({clip.speaker for clip in found}) < 2:
        problem = f"{Path(source).name} has fewer than two speakers with two clips each"
        raise DataError("DATA_TOO_SHORT", problem, f"transcribed clips of at most {longest:g} s")
    return found


def _rows(source: Path) -> list[Clip]:
    if source.is_file() and source.read_bytes().startswith("|".join(COLUMNS).encode()):
        listed = [clip for item in read_list(source).items for clip in (item.target, item.reference)]
        return [Clip(c.key, c.path, c.speaker, c.language, c.text) for c in dict.fromkeys(listed)]
    return read(source)


def _recorded(lab: Any, row: Any, longest: float) -> SpokenClip | None:
    from gsv_lab import audio
    from gsv_lab.text import CTC_SYMBOLS, phonemize

    wave = audio.read(row.path, lab.sample_rate).samples
    if not 1.0 <= len(wave) / lab.sample_rate <= longest:
        return None
    phones = phonemize(row.text, row.language)
    labels, at = phones.folded()
    if len(labels) < 3 or len(labels) > 40 * len(wave) / lab.sample_rate:
        return None
    times = lab.align(wave, phones)
    log_f0, voicing = (values[0].numpy() for values in track_pitch(wave[None], lab.sample_rate))
    return SpokenClip(
        row.id, row.speaker, wave, lab.sample_rate, tuple(phones.ids), tuple(labels),
        tuple(CTC_SYMBOLS[label] for label in labels), np.array(at), times.start[at], times.end[at],
        np.where(voicing > 0, np.exp(log_f0), 0.0), None, phones, row.language,
    )  # fmt: skip


__all__ = [
    "PHONES", "SYNTHETIC_RUNS", "Acoustic", "LabJudge", "Recogniser", "SpokenClip", "acoustic", "recorded_clips",
    "spoken", "synthetic_clips",
]  # fmt: skip
