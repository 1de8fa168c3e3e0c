"""The acoustic half of a model, which turns sound into codes and codes into sound, and what evaluates its phones.

Letters: T samples, F25 codes, G speaker width.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from gsv_lab.audio import resample
from gsv_lab.audio.alignment import phone_errors
from gsv_lab.checkpoint import load_component
from gsv_lab.errors import CheckpointError, DataError
from gsv_lab.evaluation.lists import SAMPLE_RATE
from gsv_lab.evaluation.measures.own import recognisers
from gsv_lab.evaluation.probes.material import SpokenClip
from gsv_lab.inference.lab import Lab
from gsv_lab.nn.interfaces import ContentEncoder
from gsv_lab.nn.sovits import SoVITS
from gsv_lab.system.seeds import seeded

SYNTHETIC_RUNS = ("synthetic-content", "synthetic-sovits", "synthetic-evaluator")
"""Names of the runs of `configs/synthetic` whose weights make an `Acoustic`."""


class PhoneEvaluator(Protocol):
    """What counts the phones that are recognised otherwise than they should be; `identity` says which network it is."""

    identity: str

    def errors(self, wave: Tensor, clip: SpokenClip) -> int:
        """Phone errors of a wave (T,) that should say the phones of a clip."""
        ...


class ContentEvaluator:
    """Phone errors by the CTC scores of a content encoder, for clips of the synthetic corpus.

    Args:
        content_encoder: trained on the phones of that corpus; not the one that made the codes.
    """

    identity = "content encoder"

    def __init__(self, content_encoder: ContentEncoder) -> None:
        self.content_encoder = content_encoder

    def errors(self, wave: Tensor, clip: SpokenClip) -> int:
        """Labels of a clip that are not recognised in a wave (T,) that should say them."""
        return phone_errors(clip.labels, self.recognised(wave))

    @torch.no_grad()
    def recognised(self, wave: Tensor) -> list[int]:
        """Labels on the best path of the scores of a wave (T,)."""
        scores = self.content_encoder(wave.reshape(1, 1, -1)).log_probs
        assert scores is not None, "an encoder of the synthetic corpus scores phones"
        best = torch.unique_consecutive(scores[0].argmax(-1))
        return [label for label in best.tolist() if label]


class LabEvaluator:
    """Phone errors by the recognisers of a lab's base model, one for each language.

    Args:
        lab: whose evaluation recognisers are taken; where it has none, the shipped ones (see `own.recognisers`).
    """

    def __init__(self, lab: Lab) -> None:
        self.recognisers, self.identity = recognisers(lab)
        self.sample_rate = lab.sample_rate

    def errors(self, wave: Tensor, clip: SpokenClip) -> int:
        """Phones of a clip that are recognised otherwise in a wave (T,) that should say them.

        Raises:
            DataError: LANG_UNKNOWN, the clip is of no language, as a synthetic one.
        """
        if clip.language not in self.recognisers:
            problem = f"{clip.name} is in no language that the evaluators know"
            raise DataError("LANG_UNKNOWN", problem, " or ".join(self.recognisers))
        recogniser = self.recognisers[clip.language]
        recognised = recogniser(resample(wave, self.sample_rate, SAMPLE_RATE).numpy())
        return phone_errors(clip.phones, recognised)


class Acoustic:
    """Content encoder and SoVITS of a model, without text and SemanticGPT.

    Args:
        content_encoder: says what a wave says.
        sovits: quantizer, speaker encoder, prior, posterior, flow, vocoder.
        evaluator: counts phone errors.
    """

    def __init__(self, content_encoder: ContentEncoder, sovits: SoVITS, evaluator: PhoneEvaluator) -> None:
        self.content_encoder = content_encoder
        self.sovits = sovits
        self.evaluator = evaluator
        self.sample_rate = int(sovits.vocoder.sample_rate)

    def components(self) -> dict[str, nn.Module]:
        """Every part under its own name, as probes address them."""
        return {"content_encoder": self.content_encoder, **self.sovits.components()}

    @torch.no_grad()
    def encode(self, wave: Tensor) -> Tensor:
        """The codes of a wave: (T,) -> (1, F25)."""
        content = self.content_encoder(wave.reshape(1, 1, -1)).content
        return self.sovits.quantizer.encode(content)

    @torch.no_grad()
    def voice(self, waves: Sequence[Tensor]) -> Tensor:
        """Who speaks, from one or more recordings (T,): -> (1, G, 1)."""
        references = [self.sovits.frontend.reference(wave.reshape(1, 1, -1)) for wave in waves]
        return self.sovits.voice(references)

    @torch.no_grad()
    def run_posterior(self, wave: Tensor, speaker: Tensor) -> None:
        """Run the posterior on a wave (T,) of `speaker` (1, G, 1), so that its taps fire; nothing without one."""
        if self.sovits.posterior is not None:
            features = self.sovits.frontend(wave.reshape(1, 1, -1))
            self.sovits.posterior_mean(features, speaker, torch.Generator().manual_seed(0))

    @torch.no_grad()
    def speak(
        self,
        codes: Tensor,
        clip: SpokenClip,
        speaker: Tensor,
        noise_scale: float = 0.0,
        seed: int = 0,
    ) -> Tensor:
        """A wave (T,) from codes (1, F25) and the phones of a clip, spoken by `speaker` (1, G, 1)."""
        phone_index = torch.from_numpy(clip.phone_index(codes.shape[-1]))
        made = self.sovits.decode(
            codes,
            torch.tensor([clip.ids]),
            speaker,
            noise_scale,
            generator=seeded(seed),
            phone_index=phone_index[None],
        )
        return made.vocoded.wave[0, 0]


def acoustic(model: Any) -> Acoustic:
    """The acoustic half of a `Lab`, of a folder of runs of `configs/synthetic`, or what is one already.

    Raises:
        CheckpointError: CKPT_MISSING, the folder lacks the weights, or what was given is no model.
    """
    if isinstance(model, Acoustic):
        return model
    if isinstance(model, (str, Path)):
        return _trained_on_synthetic_speech(Path(model))
    if not isinstance(model, Lab):
        raise CheckpointError("CKPT_MISSING", f"{type(model).__name__} is no model", "a lab, or a folder of runs")
    synthesizer = model.family.synthesizer
    return Acoustic(synthesizer.content_encoder, synthesizer.sovits, LabEvaluator(model))


def _trained_on_synthetic_speech(folder: Path) -> Acoustic:
    content, sovits, evaluator = (folder / run / "weights" for run in SYNTHETIC_RUNS)
    return Acoustic(
        load_component(content / "content_encoder.safetensors", ContentEncoder),
        load_component(sovits / "sovits.safetensors", SoVITS),
        ContentEvaluator(load_component(evaluator / "content_encoder.safetensors", ContentEncoder)),
    )
