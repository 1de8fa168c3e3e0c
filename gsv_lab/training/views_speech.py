"""What SoVITS and SemanticGPT look like while they learn: views of the first clips of a validation batch.

Every view is a function of the task, a batch and a `Board`; it reads taps and outputs, and changes nothing. The tags
are listed in `gsv_lab.training.logging_callback`. Letters: B batch, F frames at 50 Hz, P phones, T codes, H heads.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from gsv_lab.corpora.gpt_data import GPTBatch
from gsv_lab.corpora.sovits_data import SoVITSBatch
from gsv_lab.hooks.probe import probe
from gsv_lab.nn.ops import sequence_mask
from gsv_lab.nn.sovits import SoVITS, VITSOutput
from gsv_lab.text.symbols import SYMBOLS
from gsv_lab.training.gpt_task import GPTTask
from gsv_lab.training.log_writer import Board
from gsv_lab.training.sovits_task import RESOLUTIONS, SoVITSTask

LIMIT_MB = 1024.0
NOISE_SCALE = 0.3


def sovits(task: SoVITSTask, batch: SoVITSBatch, board: Board) -> None:
    """One clip as heard, copied and made from its codes; attention, latents, flow, voices, judges."""
    model = task.sovits
    taps = ("prior.cross_attention.pattern", "flow*.z", "speaker_encoder.speaker")
    with probe(model, *taps, limit_mb=LIMIT_MB) as seen:
        out, real, terms = task.generate(batch)
    with board.attempt("align/prior"):
        frames, phones = int(batch.frames[0]), int(batch.phone_lengths[0])
        pattern = seen["prior.cross_attention.pattern"].value[0, :, :frames, :phones]
        show_alignment(board, "align/prior", pattern, 50.0, names(batch.phones[0, :phones]))
    with board.attempt("latent"):
        board.scalar("latent/kl", float(terms["kl"]))
        steps = {name: record.value[0] for name, record in seen.items() if name.startswith("flow.steps.")}
        _latents(board, out, int(batch.frames[0]), steps)
    with board.attempt("speaker/projector"):
        vectors = seen["speaker_encoder.speaker"].value[..., 0]
        board.points("speaker/projector", vectors, [f"clip {i}" for i in range(len(vectors))])
    with board.attempt("audio"):
        _sounds(task, model, batch, board)
    if task.discriminators is not None:
        opinions = ("discriminators.judges.*.scores", "discriminators.judges.*.features")
        with board.attempt("judge"), probe(task, *opinions) as judged:
            task.discriminators(real)
            task.discriminators(out.vocoded.wave)
            scores = [record.steps for name, record in judged.items() if name.endswith("scores")]
            features = [record.steps for name, record in judged.items() if name.endswith("features")]
            for place, who in enumerate(("natural", "made")):
                board.scalar(f"judge/{who}", sum(float(steps[place].mean()) for steps in scores) / len(scores))
            apart = [float((made - natural).abs().mean() / natural.abs().mean()) for natural, made in features]
            board.scalar("judge/distance", sum(apart) / len(apart))


def _latents(board: Board, out: VITSOutput, frames: int, steps: dict[str, Tensor]) -> None:
    from gsv_lab import figures

    mean, log_scale = out.m_q[0, :, :frames], out.logs_q[0, :, :frames]
    expected, spread = out.m_p[0, :, :frames], out.logs_p[0, :, :frames]
    board.scalar("latent/active", (mean.std(1) > (2 * log_scale).exp().mean(1).sqrt()).float().mean().item())
    board.figure("latent/spread", figures.latent_spread(mean, log_scale, 50.0))
    after = {f"after coupling {i}": z[:, :frames] for i, z in enumerate(steps.values())}
    shown = {"posterior": out.z[0, :, :frames], **after} if after else {"posterior": out.z_p[0, :, :frames]}
    board.figure("latent/flow", figures.flow_densities(shown, expected, spread))


def _sounds(task: SoVITSTask, model: SoVITS, batch: SoVITSBatch, board: Board) -> None:
    from gsv_lab import figures

    rate, hop = int(model.vocoder.sample_rate), int(model.vocoder.hop_length)
    frames, phones, codes = int(batch.frames[0]), int(batch.phone_lengths[0]), math.ceil(int(batch.frames[0]) / 2)
    generator = torch.Generator(batch.wave.device).manual_seed(0)
    reference = batch.reference[:1, :, : int(batch.reference_frames[0]) * hop]
    target, pitch = batch.wave[:1, :, : frames * hop], int(model.vocoder.pitch_frames) * frames
    log_f0, voicing = batch.log_f0[:1, :, :pitch], batch.voicing[:1, :, :pitch]
    speaker = model.voice([task.analysis.voice(reference)])
    spec = task.analysis(target, log_f0, voicing)
    heard_pitch = None if model.pitch_predictor is None else (log_f0, voicing)
    copied = model.reconstruct(spec, speaker, generator, heard_pitch).wave
    spoken, places = batch.phones[:1, :phones], task.places(batch)
    places = None if places is None else places[:1, :codes]
    made = model.decode(batch.codes[:1, :codes], spoken, speaker, NOISE_SCALE, places=places, generator=generator)
    for name, sound in (
        ("reference", reference), ("target", target), ("resynthesis", copied), ("generated", made.vocoded.wave),
    ):  # fmt: skip
        board.audio(f"audio/{name}", sound[0], rate)
    mels = [task.mels[1](wave.float())[0] for wave in (target, made.vocoded.wave)]
    picture = figures.mel_compare(*mels, rate / RESOLUTIONS[1][1], names=("recording", "from its codes"))
    board.figure("mel/compare", picture)
    if made.vocoded.log_f0 is not None and made.vocoded.voicing is not None:
        heard = torch.where(voicing > 0.5, log_f0.exp(), 0.0)
        said = torch.where(made.vocoded.voicing > 0, made.vocoded.log_f0.exp(), 0.0)
        lines = {"recording": heard.flatten(), "from its codes": said.flatten()}
        pitches = 50.0 * int(model.vocoder.pitch_frames)
        board.figure("f0/overlay", figures.f0_overlay(lines, pitches, semitones=False))


def semantic_gpt(task: GPTTask, batch: GPTBatch, board: Board) -> None:
    """How often and how surely the next code is right, whether it stops at the end, where it looks in the text."""
    from gsv_lab import figures

    model = task.semantic_gpt
    taps = [
        "semantic_gpt.layers.*.attention.pattern",
        "semantic_gpt.logits",
        "semantic_gpt.entropy",
        "semantic_gpt.stop",
    ]
    if model.pointer is not None:
        taps.append("semantic_gpt.pointer.move")
    with probe(task, *taps, limit_mb=LIMIT_MB) as seen:
        targets = task.losses(batch, False)[2]
    logits = seen["semantic_gpt.logits"].value.float()
    steps, last = logits.shape[1], batch.code_lengths.cpu()
    spoken = sequence_mask(last, steps)[:, 0].bool()
    ends = torch.arange(steps) == last[:, None]
    with board.attempt("semantic_gpt"):
        right = logits.argmax(-1) == targets.cpu()
        stop = seen["semantic_gpt.stop"].value.float().sigmoid()
        board.scalar("semantic_gpt/accuracy", right[spoken].float().mean().item())
        board.scalar("semantic_gpt/entropy", seen["semantic_gpt.entropy"].value[spoken].mean().item())
        board.scalar("semantic_gpt/stop", stop[ends].mean().item())
        board.scalar("semantic_gpt/early_stop", stop[spoken].mean().item())
        if model.pointer is not None:
            moves = seen["semantic_gpt.pointer.move"].value.argmax(-1)
            board.scalar("semantic_gpt/pace", moves[spoken].float().mean().item() * model.frame_rate)
    codes, phones, columns = int(last[0]), int(batch.phone_lengths[0]), batch.phones.shape[1]
    with board.attempt("semantic_gpt/ladder"):
        taken = batch.codes[0, :codes]
        ladder = figures.sampling_ladder(logits[0, :codes], taken, rate=model.frame_rate, stop=model.eos)
        board.figure("semantic_gpt/ladder", ladder)
    with board.attempt("align/semantic_gpt"):
        # Texts stand at the right edge of the phone columns; the row that makes code t is the one before it.
        rows, text = slice(columns - 1, columns - 1 + codes), slice(columns - phones, columns)
        patterns = [record.value[0, :, rows, text] for name, record in seen.items() if name.endswith("pattern")]
        labels = names(batch.phones[0, :phones])
        show_alignment(board, "align/semantic_gpt", torch.cat(patterns), model.frame_rate, labels)


def show_alignment(board: Board, tag: str, patterns: Tensor, rate: float, phones: list[str]) -> None:
    """The most diagonal of some alignments (H, F, P) as a picture, and its diagonality as a number."""
    from gsv_lab import figures

    scores = [figures.diagonality(pattern.float().numpy()) for pattern in patterns.cpu()]
    best = max(range(len(scores)), key=scores.__getitem__)
    board.scalar(f"{tag}/diagonality", scores[best])
    title = f"head {best + 1} of {len(scores)}" if len(scores) > 1 else ""
    board.figure(tag, figures.alignment(patterns[best].float().cpu(), rate, phones, title=title))


def names(phones: Tensor) -> list[str]:
    """Symbols of phone ids (P,)."""
    return [SYMBOLS[i] if i < len(SYMBOLS) else str(i) for i in phones.tolist()]


def first(batch: Any, items: int) -> Any:
    """The first items of a batch of any task."""
    return type(batch)(*(track[:items] for track in batch))
