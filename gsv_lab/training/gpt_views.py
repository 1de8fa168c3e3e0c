"""What SemanticGPT looks like while it learns: views of the first clips of a validation batch.

Letters: B batch, P phones, T codes, H heads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from gsv_lab.corpora.gpt_data import GPTBatch
from gsv_lab.hooks.probe import probe
from gsv_lab.nn.ops import sequence_mask
from gsv_lab.training.guided_attention import Watch
from gsv_lab.training.log_writer import LogWriter
from gsv_lab.training.task import CODE_TAGS, Tag, alignment_tags
from gsv_lab.training.views import LIMIT_MB, log_alignment, phone_names

if TYPE_CHECKING:
    from gsv_lab.training.gpt_task import GPTTask

TAGS = (
    Tag("semantic_gpt/accuracy", "scalar", "how often the likeliest code is the one that was spoken"),
    Tag("semantic_gpt/entropy", "scalar", "uncertainty about the next code, nat"),
    Tag("semantic_gpt/stop", "scalar", "probability of the stop token where the codes end"),
    Tag("semantic_gpt/early_stop", "scalar", "the same before the end; should stay near 0"),
    Tag(
        "semantic_gpt/phone_rate",
        "scalar",
        "phones per second that the network would go on by (with monotonic alignment); speech has 10 to 15",
    ),
    Tag("semantic_gpt/candidates", "image", "entropy, and the likeliest codes of each step with the one spoken"),
    *alignment_tags("semantic_gpt", "most diagonal of all heads, from codes to phones"),
    *CODE_TAGS,
)


def log_views(task: GPTTask, batch: GPTBatch, log: LogWriter) -> None:
    """How often and how surely the next code is right, whether it stops at the end, where it looks in the text."""
    gpt = task.semantic_gpt
    taps = ["semantic_gpt.layers.*.attention.pattern"] if gpt.text_attention(0) is not None else []
    with probe(task, *taps, limit_mb=LIMIT_MB) as seen, Watch(gpt.advance_scores()) as advance:
        scored = task.losses(batch, False)
    targets, logits = scored.targets.cpu(), scored.logits.float().cpu()
    log_p = logits.log_softmax(-1)
    lengths = batch.code_lengths.cpu()
    spoken = sequence_mask(lengths, logits.shape[1])[:, 0].bool()
    ends = torch.arange(logits.shape[1]) == lengths[:, None]
    with log.attempt("semantic_gpt"):
        right = logits.argmax(-1) == targets
        stop = log_p[..., gpt.eos].exp()
        entropy = -(log_p.exp() * log_p.clamp(min=-1e4)).sum(-1)
        log.scalar("semantic_gpt/accuracy", right[spoken].float().mean().item())
        log.scalar("semantic_gpt/entropy", entropy[spoken].mean().item())
        log.scalar("semantic_gpt/stop", stop[ends].mean().item())
        log.scalar("semantic_gpt/early_stop", stop[spoken].mean().item())
        if advance.seen:
            advances = advance.seen[0].argmax(-1).cpu()
            log.scalar("semantic_gpt/phone_rate", advances[spoken].float().mean().item() * gpt.frame_rate)
    n_codes, n_phones, columns = int(lengths[0]), int(batch.phone_lengths[0]), batch.phones.shape[1]
    with log.attempt("semantic_gpt/candidates"):
        from gsv_lab import figures

        spoken_codes = batch.codes[0, :n_codes]
        picture = figures.sampling_candidates(logits[0, :n_codes], spoken_codes, rate=gpt.frame_rate, stop=gpt.eos)
        log.figure("semantic_gpt/candidates", picture)
    patterns = [record.value for name, record in seen.items() if name.endswith("pattern")]
    if patterns:
        with log.attempt("align/semantic_gpt"):
            # Texts stand at the right edge of the phone columns; the row that makes code t is the one before it.
            rows, text = slice(columns - 1, columns - 1 + n_codes), slice(columns - n_phones, columns)
            heads = torch.cat([pattern[0, :, rows, text] for pattern in patterns])
            log_alignment(
                log, "align/semantic_gpt", heads, gpt.frame_rate, phone_names(batch.phones[0, :n_phones], gpt.n_phones)
            )
