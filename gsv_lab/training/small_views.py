"""What the smaller networks look like while they learn: content encoder, recogniser, letter-to-sound, verifier.

Letters: B batch, F frames, P phones, V classes, D embedding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gsv_lab.corpora.content_data import ContentBatch
from gsv_lab.corpora.letter_data import LetterBatch
from gsv_lab.corpora.recogniser_data import RecogniserBatch
from gsv_lab.corpora.verifier_data import VerifierBatch
from gsv_lab.hooks.probe import probe
from gsv_lab.nn.ops import sequence_mask
from gsv_lab.text import CTC_SYMBOLS, letters
from gsv_lab.training.log_writer import LogWriter, Points
from gsv_lab.training.task import Tag, alignment_tags
from gsv_lab.training.views import SYNTHETIC, log_alignment

if TYPE_CHECKING:
    from gsv_lab.training.content_task import PhoneTask
    from gsv_lab.training.g2p_task import G2PTask
    from gsv_lab.training.recogniser_task import RecogniserTask
    from gsv_lab.training.verifier_task import VerifierTask


def phone_tags(name: str) -> tuple[Tag, ...]:
    """Tags of a network that writes phones."""
    return (
        *alignment_tags(name, "probability of each phone of the text in each frame (CTC)"),
        Tag(f"{name}/blank", "scalar", "share of frames that say nothing; near 1 in the first minutes of CTC"),
        Tag(f"{name}/projector", "points", "its content, a frame each, with the phone that it finds and the language"),
    )


CONTENT_TAGS = (
    Tag("mel/input", "image", "the log-mel that the encoder reads, changed as in training"),
    *phone_tags("content_encoder"),
)
TEACHER_TAGS = phone_tags("teacher")
VERIFIER_TAGS = (
    Tag("speaker/projector", "points", "embeddings of all validation clips, with the speaker's number"),
    Tag("speaker/space", "image", "those of the first batch on two axes, and how alike speakers are"),
    Tag("speaker_verifier/attention", "image", "weight of each frame of one clip in the pooling"),
)
RECOGNISER_TAGS = (
    Tag("valid/phone_error", "scalar", "phones recognised wrongly, missed or added, over phones spoken"),
    Tag("recogniser/ratio", "scalar", "phones recognised over phones spoken: below 1 it misses some"),
    Tag("recogniser/blank", "scalar", "share of steps that say nothing; near 1 where CTC has not taken hold"),
    Tag("recogniser/input", "image", "the ERB bands that it reads, normalised by clip"),
    *alignment_tags("recogniser", "probability of each phone of the text in each step (CTC)"),
)
G2P_TAGS = alignment_tags("letter_to_sound", "probability of each phone of a word at each of its steps")


def content(task: PhoneTask, batch: ContentBatch, log: LogWriter) -> None:
    """What the network reads, if that is a log-mel, and which frames say which phone of the text."""
    from gsv_lab import figures

    n_frames = int(batch.frames[0])
    (name,) = task.components()
    if batch.mel is not None:
        with log.attempt("mel/input"):
            mel = batch.mel[0, :, : 2 * n_frames]
            log.figure("mel/input", figures.tensor_view(mel, ("band", "frame"), rate=100.0))
    scores = task.losses(batch)[1][0, :, :n_frames].float().cpu()
    with log.attempt(f"align/{name}"):
        labels = batch.labels[0, : int(batch.label_lengths[0])].cpu()
        log.scalar(f"{name}/blank", float((scores.argmax(0) == 0).float().mean()))
        _log_ctc(log, f"align/{name}", scores, labels, 50.0)


def content_points(task: PhoneTask, batch: ContentBatch) -> dict[str, Points]:
    """The content in the frames of a batch, with the phone that the network itself finds there, and the language."""
    (name,) = task.components()
    content = task.network().encode(task.heard(batch)).float()
    scores = task.network().phone_scores(content).float()
    labels: dict[str, list[str]] = {"phone": [], "language": []}
    vectors = []
    for row, n_frames in enumerate(batch.frames.tolist()):
        vectors.append(content[row, :, :n_frames].T)
        # The blank says that a phone goes on: the likeliest class beside it.
        best = scores[row, 1:, :n_frames].argmax(0) + 1
        labels["phone"] += _class_names(best, scores.shape[1])
        labels["language"] += [batch.languages[row]] * n_frames
    return {f"{name}/projector": Points(torch.cat(vectors), labels)}


def _class_names(classes: Tensor, n_classes: int) -> list[str]:
    """Names of the classes of a network that has so many; numbers where they are not known."""
    for known in (CTC_SYMBOLS, SYNTHETIC):
        if n_classes == len(known):
            return [known[number] for number in classes.tolist()]
    return [str(number) for number in classes.tolist()]


def verifier_points(task: VerifierTask, batch: VerifierBatch) -> dict[str, Points]:
    """Embeddings of a batch with their speakers."""
    speakers = [f"speaker {number}" for number in batch.speaker.tolist()]
    return {"speaker/projector": Points(task.verifier(batch.wave), {"speaker": speakers})}


def recogniser(task: RecogniserTask, batch: RecogniserBatch, log: LogWriter) -> None:
    """What the recogniser reads, which of its steps say which phone, and whether it finds as many as there are."""
    from gsv_lab import figures

    network = task.recogniser
    n_frames, n_labels = int(batch.frames[0]), int(batch.label_lengths[0])
    with log.attempt("recogniser/input"):
        bands = batch.levels[0, :, :n_frames].cpu()
        log.figure("recogniser/input", figures.tensor_view(bands, ("band", "frame"), rate=100.0))
    scores = task.losses(batch)[1].transpose(1, 2).float().cpu()
    steps = network.steps(batch.frames).cpu()
    with log.attempt("recogniser"):
        best = scores.argmax(1)
        valid = sequence_mask(steps, best.shape[-1])[:, 0].bool()
        log.scalar("recogniser/blank", float((best[valid] == 0).float().mean()))
        found = 0
        for row, n in zip(best, steps, strict=True):
            recognised = torch.unique_consecutive(row[: int(n)])
            found += int((recognised > 0).sum())
        log.scalar("recogniser/ratio", found / int(batch.label_lengths.sum()))
    with log.attempt("align/recogniser"):
        labels = batch.labels[0, :n_labels].cpu()
        pattern = scores[0, :, : int(steps[0])][labels].exp().T[None]
        names = [network.phone_names[k - 1] for k in labels.tolist()]
        log_alignment(log, "align/recogniser", pattern, network.frame_rate, names)


def letter_to_sound(task: G2PTask, batch: LetterBatch, log: LogWriter) -> None:
    """Which step of a word's letters says which phone of its first reading."""
    from gsv_lab import figures

    scores = task.losses(batch)[1].float().cpu()
    with log.attempt("align/letter_to_sound"):
        word = batch.words[0]
        targets = letters.targets(word)[0]
        pattern = scores[0].exp()[targets]
        log.scalar("align/letter_to_sound/diagonality", figures.diagonality(pattern.T.numpy()))
        labels = [letters.PHONES[k] for k in targets]
        title = f"{word}: three steps a letter"
        picture = figures.tensor_view(pattern, ("phone", "step"), phones=labels, title=title)
        log.figure("align/letter_to_sound", picture)


def verifier(task: VerifierTask, batch: VerifierBatch, log: LogWriter) -> None:
    """Where voices lie, and which frames of a clip decide."""
    from gsv_lab import figures

    with probe(task.verifier, "attention") as seen, torch.no_grad():
        embedding = task.verifier(batch.wave).cpu()
    who = [f"speaker {number}" for number in batch.speaker.tolist()]
    with log.attempt("speaker"):
        log.figure("speaker/space", figures.speaker_space(embedding, who))
    with log.attempt("speaker_verifier/attention"):
        log.figure("speaker_verifier/attention", seen["attention"].show())


def _log_ctc(log: LogWriter, tag: str, scores: Tensor, labels: Tensor, rate: float) -> None:
    """Log-probabilities (V, F) of the labels that are spoken (P,), as an alignment (1, F, P)."""
    log_alignment(log, tag, scores[labels].exp().T[None], rate, _class_names(labels, scores.shape[0]))
