"""Training of the plain baseline: regressors of durations, latents and pitch, and nothing else.

What codes, an autoregressive network, a flow and sampling are worth shows against it. The sound itself comes from a
SoVITS that has learnt already, whose posterior and vocoder stay as they are.
Letters: B batch, P phones, F25 codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from gsv_lab.corpora.sovits_data import SoVITSBatch
from gsv_lab.errors import ConfigError
from gsv_lab.extensions.duration_predictor import PlannedSemanticGPT, duration_losses, spoken_durations
from gsv_lab.extensions.latent_discriminator import LatentTraining
from gsv_lab.nn.ops import sequence_mask
from gsv_lab.nn.sovits import SoVITS
from gsv_lab.system.ranges import NonNegativeFloat, NonNegativeInt, PositiveFloat
from gsv_lab.training.sovits_task import Generated, SoVITSTask


class BaselineTask(SoVITSTask):
    """Losses by name: `latent`, how far the expected latent is from the recording's; `f0`, `f0_variance` and `voicing`
    of the pitch predictor; `duration` and `there` of the duration predictor, see `duration_losses`. `mel` (nat), that
    of the frozen vocoder, and `kl` are shown and teach nothing: no variance is learnt.

    Source: the regressors of FastSpeech 2, Ren et al. 2020, arXiv:2006.04558, 2, on latents in place of spectrograms.

    Args:
        sovits: its prior and pitch predictor learn. Its prior should read no codes, and its flow change nothing.
        semantic_gpt: its duration predictor learns; the rest stays as it is, and nobody reads its codes.
        weights, learning_rate, warm_up, weight_decay, gradient_clip: see `Task`; a weight of `latent` is needed.

    Raises:
        ConfigError: CONFIG_INCONSISTENT, there is no weight of `latent`.
    """

    def __init__(
        self,
        sovits: SoVITS,
        semantic_gpt: PlannedSemanticGPT,
        weights: Mapping[str, NonNegativeFloat],
        learning_rate: PositiveFloat = 1e-3,
        warm_up: NonNegativeInt = 100,
        weight_decay: NonNegativeFloat = 0.01,
        gradient_clip: NonNegativeFloat = 20.0,
    ) -> None:
        super().__init__(
            sovits,
            weights=weights,
            learning_rate=learning_rate,
            warm_up=warm_up,
            weight_decay=weight_decay,
            gradient_clip=gradient_clip,
            phone_index_dropout=0.0,
            latent_training=LatentTraining(),
        )
        if "latent" not in self.weights:
            raise ConfigError("CONFIG_INCONSISTENT", "The weights of the baseline lack 'latent'", "one above 0")
        self.semantic_gpt = semantic_gpt.requires_grad_(False)
        semantic_gpt.duration_predictor.requires_grad_(True)

    def components(self) -> dict[str, nn.Module]:
        """SoVITS, and the SemanticGPT that plans."""
        return {**super().components(), "semantic_gpt": self.semantic_gpt}

    def configure_optimizers(self) -> Any:
        """One AdamW for all regressors."""
        return [self.optimizer_for(self.sovits, self.semantic_gpt, betas=(0.8, 0.99))]

    def generate(self, batch: SoVITSBatch) -> Generated:
        """One pass over a batch."""
        made = super().generate(batch)
        terms = made.terms | {"kl": made.terms["kl"].detach()}
        spoken_phone = self.phone_index(batch)
        if spoken_phone is None:
            return made._replace(terms=terms)
        phone_mask = sequence_mask(batch.phone_lengths, batch.phones.shape[1])
        code_mask = sequence_mask(batch.frames // self.sovits.quantizer.hop, spoken_phone.shape[1])
        found = self.semantic_gpt.duration_predictor(batch.phones, None, phone_mask)
        spoken = spoken_durations(spoken_phone, code_mask, batch.phones.shape[1])
        return made._replace(terms=terms | duration_losses(found, spoken, phone_mask))
