"""What the smaller networks look like while they learn: content encoder, recogniser, letter-to-sound, verifier.

See `gsv_lab.training.views_speech`. Letters: B batch, F frames, P phones, V classes, D embedding.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gsv_lab.corpora.content_data import ContentBatch
from gsv_lab.corpora.letter_data import LetterBatch
from gsv_lab.corpora.recogniser_data import RecogniserBatch
from gsv_lab.corpora.verifier_data import VerifierBatch
from gsv_lab.hooks.probe import probe
from gsv_lab.nn.ops import sequence_mask
from gsv_lab.text import CTC_SYMBOLS, letters
from gsv_lab.training.content_task import ContentTask
from gsv_lab.training.g2p_task import G2PTask
from gsv_lab.training.log_writer import Board
from gsv_lab.training.recogniser_task import RecogniserTask
from gsv_lab.training.verifier_task import VerifierTask
from gsv_lab.training.views_speech import show_alignment


def content(task: ContentTask, batch: ContentBatch, board: Board) -> None:
    """What the network reads, and which frames say which phone of the text."""
    from gsv_lab import figures

    with probe(task, "content_encoder.phones") as seen:
        task.losses(batch)
    scores, frames = seen["content_encoder.phones"].value[0].float(), int(batch.frames[0]) // 2
    with board.attempt("mel/input"):
        mel = batch.mel[0, :, : int(batch.frames[0])]
        board.figure("mel/input", figures.tensor_view(mel, ("band", "frame"), rate=100.0))
    with board.attempt("align/content_encoder"):
        said = batch.labels[0, : int(batch.label_lengths[0])].cpu()
        board.scalar("content_encoder/blank", float((scores[:, :frames].argmax(0) == 0).float().mean()))
        _ctc(board, "align/content_encoder", scores[:, :frames], said, 50.0)


def recogniser(task: RecogniserTask, batch: RecogniserBatch, board: Board) -> None:
    """What the judge reads, which of its steps say which phone, and whether it hears as many phones as there are."""
    from gsv_lab import figures

    judge, frames, said = task.recogniser, int(batch.frames[0]), int(batch.label_lengths[0])
    with probe(task, "*.bands", "*.scores") as seen:
        task.losses(batch)
    bands, scores = (next(record.value for name, record in seen.items() if name.endswith(f".{tap}"))
                     for tap in ("bands", "scores"))  # fmt: skip
    with board.attempt("recogniser/input"):
        board.figure("recogniser/input", figures.tensor_view(bands[0, :, :frames], ("band", "frame"), rate=100.0))
    with board.attempt("recogniser"):
        steps, best = judge.steps(batch.frames).cpu(), scores.argmax(1)
        valid = sequence_mask(steps, best.shape[-1])[:, 0].bool()
        heard = [torch.unique_consecutive(row[: int(n)]) for row, n in zip(best, steps, strict=True)]
        board.scalar("recogniser/blank", float((best[valid] == 0).float().mean()))
        found, there = sum(int((row > 0).sum()) for row in heard), int(batch.label_lengths.sum())
        board.scalar("recogniser/heard", found / there)
    with board.attempt("align/recogniser"):
        labels = batch.labels[0, :said].cpu()
        pattern = scores[0, :, : int(steps[0])].float()[labels].exp().T[None]
        names = [judge.phone_names[k - 1] for k in labels.tolist()]
        show_alignment(board, "align/recogniser", pattern, judge.frame_rate, names)


def letter_to_sound(task: G2PTask, batch: LetterBatch, board: Board) -> None:
    """Which step of a word's letters says which phone of its first reading."""
    from gsv_lab import figures

    with probe(task, "letter_to_sound.scores") as seen:
        task.losses(batch)
    with board.attempt("align/letter_to_sound"):
        word, said = batch.words[0], letters.targets(batch.words[0])[0]
        pattern = seen["letter_to_sound.scores"].value[0].float().exp()[said]
        board.scalar("align/letter_to_sound/diagonality", figures.diagonality(pattern.T.numpy()))
        labels, title = [letters.PHONES[k] for k in said], f"{word}: three steps a letter"
        board.figure(
            "align/letter_to_sound", figures.tensor_view(pattern, ("phone", "step"), phones=labels, title=title)
        )


def verifier(task: VerifierTask, batch: VerifierBatch, board: Board) -> None:
    """Where voices lie, and which frames of a clip decide."""
    from gsv_lab import figures

    with probe(task, "verifier.embedding", "verifier.attention") as seen, torch.no_grad():
        task.verifier(batch.wave)
    who = [f"speaker {number}" for number in batch.speaker.tolist()]
    with board.attempt("speaker"):
        embedding = seen["verifier.embedding"].value
        board.points("speaker/projector", embedding, who)
        board.figure("speaker/space", figures.speaker_space(embedding, who))
    with board.attempt("verifier/attention"):
        board.figure("verifier/attention", seen["verifier.attention"].show())


def _ctc(board: Board, tag: str, scores: Tensor, said: Tensor, rate: float) -> None:
    """Log-probabilities (V, F) of the labels that are said (P,), as an alignment (1, F, P)."""
    spelt = scores.shape[0] == len(CTC_SYMBOLS)
    labels = [CTC_SYMBOLS[k] if spelt else str(k) for k in said.tolist()]
    show_alignment(board, tag, scores[said].exp().T[None], rate, labels)
