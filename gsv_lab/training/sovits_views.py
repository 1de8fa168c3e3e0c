"""What SoVITS looks like while it learns: views of the first clips of a validation batch.

Letters: B batch, F frames at 50 Hz, P phones, H heads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gsv_lab import audio
from gsv_lab.corpora.sovits_data import SoVITSBatch
from gsv_lab.hooks.probe import probe
from gsv_lab.nn.interfaces import Discriminator, VITSOutput, Vocoded
from gsv_lab.nn.ops import sequence_mask
from gsv_lab.training.guided_attention import Watch
from gsv_lab.training.log_writer import LogWriter, Points
from gsv_lab.training.task import CODE_TAGS, Tag, alignment_tags
from gsv_lab.training.views import LIMIT_MB, SILENCE, log_alignment, phone_names

if TYPE_CHECKING:
    from gsv_lab.training.sovits_task import SoVITSTask

NOISE_SCALE = 0.3
"""Factor on the prior's deviation in what is spoken for views and validation."""

TAGS = (
    Tag("audio/reference", "audio", "the recording that the voice is taken from"),
    Tag("audio/target", "audio", "the recording whose codes are spoken"),
    Tag(
        "audio/copy_synthesis",
        "audio",
        "synthetic, and marked so: the target through posterior and vocoder, what the vocoder can do",
    ),
    Tag(
        "audio/resynthesis",
        "audio",
        "synthetic, and marked so: the target's codes and phones through prior, flow and vocoder",
    ),
    Tag("mel/compare", "image", "target, resynthesis, and their difference"),
    Tag("f0/overlay", "image", "pitch of the target and of the resynthesis (vocoders with a source)"),
    *alignment_tags("prior", "most diagonal head of the attention from frames to phones"),
    *CODE_TAGS,
    Tag("latent/kl", "scalar", "divergence of posterior and prior, nat per frame"),
    Tag("latent/active", "scalar", "share of latent dimensions that move more than their noise"),
    Tag("latent/spread", "image", "the posterior's means, and their spread against the noise"),
    Tag("latent/flow", "image", "the latent in units of the prior, before and after each coupling"),
    Tag("latent/posterior", "histogram", "the latent that the posterior draws"),
    Tag(
        "latent/normalised", "histogram", "behind the flow, in units of the prior: standard normal where all three fit"
    ),
    Tag("latent/projector", "points", "the posterior's means, a frame each, with phone, speaker and pitch in Hz"),
    Tag("speaker/projector", "points", "speaker vectors of all validation clips, with speaker and pitch in Hz"),
    Tag("discriminator/natural", "scalar", "mean score that the discriminators give recordings (with discriminators)"),
    Tag("discriminator/made", "scalar", "the same for what the vocoder made; both alike: it cannot be told apart"),
    Tag("discriminator/distance", "scalar", "distance of the discriminators' features between the two, relative"),
)


def log_views(task: SoVITSTask, batch: SoVITSBatch, log: LogWriter) -> None:
    """One clip as recorded, copied and resynthesised; attention, latents, flow, voices, discriminators."""
    with probe(task.sovits, "flow*.z", limit_mb=LIMIT_MB) as seen:
        out, real, terms = _watched_pass(task, batch, log)
    n_frames = int(batch.frames[0])
    with log.attempt("latent"):
        log.scalar("latent/kl", float(terms["kl"]))
        steps = [record.value[0] for name, record in seen.items() if name.startswith("flow.steps.")]
        _log_latents(log, out, n_frames, steps)
    with log.attempt("audio"):
        _log_sounds(task, task.view_batch(batch, 1), log)
    if task.discriminators is not None:
        with log.attempt("discriminator"):
            _log_discriminators(task.discriminators, real, out.vocoded.wave, log)


def _watched_pass(task: SoVITSTask, batch: SoVITSBatch, log: LogWriter) -> tuple[VITSOutput, Tensor, dict[str, Tensor]]:
    with Watch(task.sovits.prior.alignment()) as attention:
        made = task.generate(batch)
    if attention.seen:
        n_frames = int(batch.frames[0])
        n_phones = int(batch.phone_lengths[0])
        with log.attempt("align/prior"):
            pattern = attention.seen[0][0, :, :n_frames, :n_phones]
            phones = phone_names(batch.phones[0, :n_phones], task.n_phones())
            log_alignment(log, "align/prior", pattern, 50.0, phones)
    return made.out, made.real, made.terms


def _log_latents(log: LogWriter, out: VITSOutput, n_frames: int, steps: Sequence[Tensor]) -> None:
    """Of the first clip: the posterior's means against its noise, and the latent before and after each coupling."""
    from gsv_lab import figures

    mean = out.m_q[0, :, :n_frames]
    log_scale = out.logs_q[0, :, :n_frames]
    noise = (2 * log_scale).exp().mean(1).sqrt()
    active = mean.std(1) > noise
    log.scalar("latent/active", active.float().mean().item())
    valid = out.mask[:, 0].bool()
    log.histogram("latent/posterior", out.z.transpose(1, 2)[valid])
    normalised = (out.z_p - out.m_p) * (-out.logs_p).exp()
    log.histogram("latent/normalised", normalised.transpose(1, 2)[valid])
    log.figure("latent/spread", figures.latent_spread(mean, log_scale, 50.0))
    shown = {"posterior": out.z[0, :, :n_frames]}
    for number, z in enumerate(steps):
        shown[f"after coupling {number}"] = z[:, :n_frames]
    expected = out.m_p[0, :, :n_frames]
    spread = out.logs_p[0, :, :n_frames]
    log.figure("latent/flow", figures.flow_densities(shown, expected, spread))


def _log_sounds(task: SoVITSTask, one: SoVITSBatch, log: LogWriter) -> None:
    """A batch of one clip as sounds and pictures."""
    sovits = task.sovits
    hop = int(sovits.vocoder.hop_length)
    n_frames = int(one.frames[0])
    reference = one.reference[..., : int(one.reference_frames[0]) * hop]
    target = one.wave[..., : n_frames * hop]
    n_pitch = sovits.frontend.f0_frames * n_frames
    log_f0 = None if one.log_f0 is None else one.log_f0[..., :n_pitch]
    voicing = None if one.voicing is None else one.voicing[..., :n_pitch]
    generator = torch.Generator(one.wave.device).manual_seed(0)
    voice = sovits.voice([sovits.frontend.reference(reference)], [one.verification])
    copied = sovits.reconstruct(sovits.frontend(target, log_f0, voicing), voice, generator)
    made = _resynthesis(task, one, voice, generator)
    mark = audio.Mark(f"a SoVITS after {task.batches} batches of its training", "a validation clip")
    rate = int(sovits.vocoder.sample_rate)
    sounds: dict[str, tuple[Tensor, audio.Mark | None]] = {
        "audio/reference": (reference, None),
        "audio/target": (target, None),
        "audio/copy_synthesis": (copied.wave, mark),
        "audio/resynthesis": (made.wave, mark),
    }
    wanted = {tag.name for tag in task.tags}
    for name, (wave, said) in sounds.items():
        if name in wanted:
            log.audio(name, wave[0], rate, said)
    _log_mels(task, target, made.wave, log)
    if made.log_f0 is not None and made.voicing is not None and log_f0 is not None and voicing is not None:
        _log_pitch(log, made.log_f0, made.voicing, log_f0, voicing, 50.0 * sovits.vocoder.f0_frames)


def spoken_codes(task: SoVITSTask, batch: SoVITSBatch) -> list[Tensor]:
    """The codes (F25,) of each clip, several books one after the other; nothing where there is no codebook."""
    spoken: list[Tensor] = []
    if not task.sovits.quantizer.n_codes:
        return spoken
    for row, frames in zip(batch.codes, batch.frames, strict=True):
        n_codes = math.ceil(int(frames) / task.sovits.quantizer.hop)
        spoken.append(row[..., :n_codes].flatten())
    return spoken


def points(task: SoVITSTask, batch: SoVITSBatch) -> dict[str, Points]:
    """Speaker vectors of the references, and the posterior's means in the frames of the recordings."""
    sovits, reference = task.sovits, task.reference(batch)
    reference_mask = sequence_mask(batch.reference_frames, reference.spec.shape[-1]).to(reference.spec.dtype)
    voices = sovits.embed(reference, reference_mask, batch.verification)
    latents = sovits.posterior_mean(task.features(batch), voices, torch.Generator(voices.device).manual_seed(0))
    spoken: list[Tensor] = []
    labels: dict[str, list[str]] = {"phone": [], "speaker": [], "pitch": []}
    by_clip: dict[str, list[str]] = {"speaker": [], "pitch": []}
    for row, n_frames in enumerate(batch.frames.tolist()):
        speaker = "unknown" if batch.speaker is None else f"speaker {int(batch.speaker[row])}"
        by_clip["speaker"].append(speaker)
        by_clip["pitch"].append(_median_pitch(batch.reference_log_f0, batch.reference_voicing, row))
        spoken.append(latents[row, :, :n_frames].T)
        labels["phone"] += _frame_phones(task, batch, row, n_frames)
        labels["speaker"] += [speaker] * n_frames
        labels["pitch"] += [_median_pitch(batch.log_f0, batch.voicing, row)] * n_frames
    return {"speaker/projector": Points(voices[..., 0], by_clip), "latent/projector": Points(torch.cat(spoken), labels)}


def _frame_phones(task: SoVITSTask, batch: SoVITSBatch, row: int, n_frames: int) -> list[str]:
    """The phone of each frame of a clip, as far as the recordings are aligned."""
    if batch.positions is None:
        return ["unknown"] * n_frames
    names = [*phone_names(batch.phones[row], task.n_phones()), SILENCE]
    return [names[position] for position in batch.positions[row, :n_frames].tolist()]


def _median_pitch(log_f0: Tensor | None, voicing: Tensor | None, row: int) -> str:
    """Hz, of the voiced frames of a clip; 0 where that is not known."""
    if log_f0 is None or voicing is None:
        return "0"
    voiced = log_f0[row, 0][voicing[row, 0] > 0.5]
    return f"{voiced.median().exp().item():.0f}" if len(voiced) else "0"


def _resynthesis(task: SoVITSTask, one: SoVITSBatch, voice: Tensor, generator: torch.Generator) -> Vocoded:
    """The codes of a batch of one clip (its content, where there are none), spoken in a voice (1, G, 1)."""
    quantizer = task.sovits.quantizer
    n_frames = int(one.frames[0])
    n_codes = math.ceil(n_frames / quantizer.hop)
    n_phones = int(one.phone_lengths[0])
    phone_index = task.phone_index(one)
    made = task.sovits.decode(
        one.codes[..., :n_codes] if quantizer.n_codes else None,
        one.phones[:, :n_phones],
        voice,
        NOISE_SCALE,
        generator=generator,
        phone_index=None if phone_index is None else phone_index[:, :n_codes],
        content=None if one.content is None else one.content[..., :n_frames],
    )
    return made.vocoded


def _log_mels(task: SoVITSTask, target: Tensor, made: Tensor, log: LogWriter) -> None:
    from gsv_lab import figures

    mel = task.mels[min(1, len(task.mels) - 1)]
    rate = float(task.sovits.vocoder.sample_rate) / mel.spectrogram.hop_length
    mels = [mel(wave.float())[0] for wave in (target, made)]
    log.figure("mel/compare", figures.mel_compare(*mels, rate, names=("recording", "resynthesis")))


def _log_pitch(
    log: LogWriter,
    made_log_f0: Tensor,
    made_voicing: Tensor,
    log_f0: Tensor,
    voicing: Tensor,
    rate: float,
) -> None:
    """Both pitch curves; `made_voicing` is a logit, `voicing` a share."""
    from gsv_lab import figures

    recorded = torch.where(voicing > 0.5, log_f0.exp(), 0.0)
    predicted = torch.where(made_voicing > 0, made_log_f0.exp(), 0.0)
    lines = {"recording": recorded.flatten(), "resynthesis": predicted.flatten()}
    log.figure("f0/overlay", figures.f0_overlay(lines, rate, semitones=False))


def _log_discriminators(discriminators: Discriminator, real: Tensor, made: Tensor, log: LogWriter) -> None:
    natural = discriminators(real)
    fake = discriminators(made)
    log.scalar("discriminator/natural", _mean([scores.mean() for scores in natural.scores]))
    log.scalar("discriminator/made", _mean([scores.mean() for scores in fake.scores]))
    distances = []
    for one, other in zip(natural.features, fake.features, strict=True):
        difference = (other[-2] - one[-2]).abs().mean()
        distances.append(difference / one[-2].abs().mean())
    log.scalar("discriminator/distance", _mean(distances))


def _mean(values: Sequence[Tensor]) -> float:
    return float(torch.stack(list(values)).mean())
