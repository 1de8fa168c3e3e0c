"""Chunked streaming inside a sentence, and batches of sentences, for networks of both kinds."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

from gsv_lab.inference.batching import buckets, predict_codes
from gsv_lab.inference.loading import load_family
from gsv_lab.inference.streaming import ChunkDecoder, Joiner, stream_sentence
from gsv_lab.inference.synthesizer import Prompt, Synthesizer
from gsv_lab.nn.sampling import Sampling
from gsv_lab.system.config import build
from gsv_lab.text import phonemize
from released_files import N_CODES, SPEAKER, sovits_spec
from tiny import GPT, SOVITS, make_family

SAMPLING = Sampling(top_k=5, min_new=30, max_new=60)


def plain() -> dict[str, dict[str, Any]]:
    """Specs of networks that know no phone of any code: the published SemanticGPT and prior."""
    gpt, sovits = copy.deepcopy(GPT), copy.deepcopy(SOVITS)
    del gpt["init_args"]["max_advance"]
    gpt["class_path"] = "gsv_lab.nn.semantic_gpt.SemanticGPT"
    sovits["init_args"]["prior"]["class_path"] = "gsv_lab.nn.prior.TextContentPrior"
    return {"semantic_gpt": gpt, "sovits": sovits}


@pytest.fixture(scope="module", params=["plain", "aligned"])
def nano(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Synthesizer:
    """With and without a monotonic alignment."""
    specs = plain() if request.param == "plain" else {}
    made = load_family(str(make_family(tmp_path_factory.mktemp("family"), seed=2, **specs))).synthesizer
    assert bool(made.semantic_gpt.max_advance) == (request.param == "aligned")
    return made


@pytest.fixture(scope="module")
def vits() -> Any:
    torch.manual_seed(1)
    return build(sovits_spec(pro=False)).eval()


def sine(samples: Any, period: float = 160.0) -> torch.Tensor:
    return torch.sin(2 * torch.pi * torch.as_tensor(samples) / period)


@pytest.mark.parametrize("moved", [0, 7, -23])
def test_joints_of_a_tone_leave_no_trace(moved: int) -> None:
    """Renditions of one tone, each out of step with the last, come out as the tone: same size, no jump."""
    joiner = Joiner(fade=320, search=100)
    signal, ends = [], [4000, 8000, 12000]
    for number, end in enumerate(ends):
        begin = 0 if number == 0 else ends[number - 1]
        start = max(0, begin - 1000)
        wave = sine(torch.arange(start, end + 600) + moved * number)
        signal.append(joiner.add(wave, begin - start, end - start))
    whole = torch.cat(signal)
    assert abs(whole.numel() - 12000) <= 2 * 100
    step = float(sine(torch.arange(200)).diff().abs().max())
    assert float(whole.diff().abs().max()) <= 1.02 * step
    assert float(whole[3000:9500].unfold(0, 160, 160).abs().amax(1).min()) > 0.97


def test_without_search_the_joint_is_a_plain_cross_fade() -> None:
    joiner = Joiner(fade=4, search=0)
    first = joiner.add(torch.ones(10), 0, 6)
    second = joiner.add(torch.zeros(20), 2, 12)
    assert first.tolist() == [1.0] * 6 and second.numel() == 10
    falling = second[:4]
    assert bool((falling.diff() < 0).all()) and second[4:].abs().max() == 0
    torch.testing.assert_close(falling + falling.flip(0), torch.ones(4))


def test_all_at_once_is_plain_decoding(vits: Any) -> None:
    codes, phones, speaker = torch.randint(N_CODES, (1, 20)), torch.randint(700, (1, 9)), torch.randn(1, SPEAKER, 1)
    made = ChunkDecoder(vits, phones, speaker, 0.5, torch.Generator().manual_seed(4))
    with torch.no_grad():
        wave = made.add(codes, final=True)
        plain = vits.decode(codes, phones, speaker, 0.5, generator=torch.Generator().manual_seed(4)).vocoded.wave
    torch.testing.assert_close(wave, plain[0, 0])


def test_pieces_near_plain_decoding(vits: Any) -> None:
    """Codes that come in pieces, with the whole past before them: the newest frames apart, that is the same sound."""
    codes, phones, speaker = torch.randint(N_CODES, (1, 60)), torch.randint(700, (1, 9)), torch.randn(1, SPEAKER, 1)
    made = ChunkDecoder(vits, phones, speaker, 0.0)
    with torch.no_grad():
        sizes = [12, 30, 48, 60]
        pieces = [made.add(codes[:, :n], final=n == 60) for n in sizes]
        plain = vits.decode(codes, phones, speaker, 0.0).vocoded.wave[0, 0]
    assert [piece.numel() // 640 for piece in pieces][0] == 20
    whole = torch.cat(pieces)
    assert abs(whole.numel() - plain.numel()) <= 3 * 256
    # The sound behind the last joint is made with everything known; its level must be that of the plain one.
    levels = [wave.square().mean().sqrt() for wave in (whole, plain)]
    torch.testing.assert_close(*levels, rtol=0.1, atol=1e-4)
    likeness = torch.nn.functional.cosine_similarity(whole[-10000:], plain[-10000:], dim=0)
    assert float(likeness) > 0.95


def test_nothing_new_gives_nothing(vits: Any) -> None:
    made = ChunkDecoder(vits, torch.zeros(1, 3, dtype=torch.long), torch.zeros(1, SPEAKER, 1))
    with torch.no_grad():
        assert made.add(torch.zeros(1, 2, dtype=torch.long)).numel() == 0
        assert made.add(torch.zeros(1, 2, dtype=torch.long), final=True).numel() == 4 * 640


@pytest.mark.parametrize("chunk", [10, 25, 1000])
def test_nano_speaks_in_pieces(nano: Synthesizer, chunk: int) -> None:
    """The codes are those of plain prediction, whatever the chunk; the samples cover them; the reason comes last."""
    phones, speaker = phonemize("We walk home now."), torch.randn(1, 16, 1)
    before = phonemize("Good day.")
    prompt = Prompt(torch.arange(8), before, torch.arange(8).clamp(max=len(before) - 1))
    whole = predict_codes(nano, [phones], prompt, SAMPLING, torch.Generator().manual_seed(3))[0]
    pieces = list(
        stream_sentence(
            nano, phones, speaker, prompt, sampling=SAMPLING, generator=torch.Generator().manual_seed(3), chunk=chunk,
            first=min(chunk, 12),
        )
    )  # fmt: skip
    assert torch.equal(torch.cat([piece.codes for piece in pieces]), whole.codes[0])
    assert len(pieces) > 1
    samples = sum(piece.wave.numel() for piece in pieces)
    assert abs(samples - whole.codes.shape[1] * 640) <= 128 * len(pieces)
    assert [bool(piece.reason) for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert pieces[-1].reason == whole.reason
    assert all(torch.isfinite(piece.wave).all() for piece in pieces)


def test_first_piece_does_not_wait(nano: Synthesizer) -> None:
    phones = phonemize("We walk home now.")
    with_codes = []
    stream = stream_sentence(nano, phones, torch.randn(1, 16, 1), sampling=SAMPLING, chunk=20, first=8)
    for piece in stream:
        with_codes.append(len(piece.codes))
    assert with_codes[0] == 9 and all(count == 21 for count in with_codes[1:-1])


@pytest.mark.parametrize(
    ("lengths", "most", "wanted"),
    [
        ([], 4, []),
        ([5], 4, [[0]]),
        ([3, 100, 4, 3], 4, [[0, 3, 2], [1]]),
        ([10, 10, 10, 10, 10], 2, [[0, 1], [2, 3], [4]]),
        # Middle 2 of mean 27: nobody waits for the long one; shrunk until 2 of mean 2.
        ([2, 2, 2, 100], 4, [[0, 1, 2], [3]]),
        ([4, 8], 1, [[0], [1]]),
    ],
)
def test_buckets(lengths: list[int], most: int, wanted: list[list[int]]) -> None:
    assert buckets(lengths, most) == wanted
    assert sorted(index for bucket in buckets(lengths, most) for index in bucket) == list(range(len(lengths)))


def test_many_sentences_as_one_by_one(nano: Synthesizer) -> None:
    """Greedy decoding draws nothing, so a batch must say exactly what its sentences say alone, in their order."""
    texts = [phonemize(text) for text in ("We walk home now.", "Good.", "She said it was a good day.", "我们回家吧。")]
    before = phonemize("Good day.")
    prompt = Prompt(torch.arange(8), before, torch.arange(8).clamp(max=len(before) - 1))
    greedy = Sampling(top_k=1, min_new=5, max_new=30)
    many = predict_codes(nano, texts, prompt, greedy, max_batch=3, evenness=0.1)
    for text, found in zip(texts, many, strict=True):
        alone = predict_codes(nano, [text], prompt, greedy)[0]
        assert torch.equal(found.codes, alone.codes) and found.reason == alone.reason
        assert (found.phone_index is None) == (alone.phone_index is None) == (not nano.semantic_gpt.max_advance)
        if found.phone_index is not None and alone.phone_index is not None:
            assert torch.equal(found.phone_index, alone.phone_index)


def test_released_family_streams_too(tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="transformers is in the extra [released]")
    from released_files import write_family

    made = load_family(str(write_family(tmp_path))).synthesizer
    pieces = list(stream_sentence(made, phonemize("今天天气很好。"), torch.randn(1, SPEAKER, 1), sampling=SAMPLING))
    assert len(pieces) > 1 and sum(piece.wave.numel() for piece in pieces) > 25 * 1280
