"""The autoregressive network against independent oracles: torch's own layers, explicit masks, full re-computation."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
import torch
from torch import Tensor, nn

from gsv_lab.errors import ConfigError
from gsv_lab.hooks.tap import BoundTap, Component
from gsv_lab.nn import decoding, losses_gpt
from gsv_lab.nn.decoding import Inputs
from gsv_lab.nn.gpt_layer import SelfAttention, SinePosition, sine_table
from gsv_lab.nn.sampling import Sampling
from gsv_lab.nn.semantic_gpt import SemanticGPT

N_PHONES, N_CODES, CONTEXT = 20, 11, 6
GREEDY = Sampling(top_k=1, repetition_penalty=1.0, min_new=0, max_new=24, argmax_stop=False)


def make(**options: object) -> SemanticGPT:
    torch.manual_seed(3)
    sizes = {"n_phones": N_PHONES, "n_codes": N_CODES, "context_dim": CONTEXT, "dim": 16, "n_heads": 4}
    return SemanticGPT(**{**sizes, "n_layers": 3, "ffn_dim": 32, **options}).eval()


def inputs(batch: int = 2, phones: int = 5, codes: int = 7) -> tuple[Tensor, Tensor, Tensor]:
    g = torch.Generator().manual_seed(batch + phones + codes)
    return (
        torch.randint(N_PHONES, (batch, phones), generator=g),
        torch.randn(batch, CONTEXT, phones, generator=g),
        torch.randint(N_CODES, (batch, codes), generator=g),
    )


@contextmanager
def watching(tap: BoundTap, edit: Callable[[Tensor], Tensor] = lambda x: x) -> Iterator[list[Tensor]]:
    seen: list[Tensor] = []

    def keep(value: Tensor) -> Tensor:
        seen.append(value)
        return edit(value)

    tap.observe(keep)
    try:
        yield seen
    finally:
        tap.observe(None)


def torch_oracle(model: SemanticGPT, phones: Tensor, context: Tensor, codes: Tensor) -> Tensor:
    """The same computation with torch's own encoder layers and a mask written out cell by cell."""
    p, t, dim = phones.shape[1], codes.shape[1], model.predict.in_features
    text = model.phone_embedding.weight[phones] + context.transpose(1, 2) @ model.context_projection.weight.T
    text = text + model.context_projection.bias + model.phone_position.scale * sine_table(p, dim)
    audio = model.code_embedding.weight[codes] + model.code_position.scale * sine_table(t, dim)
    blocked = torch.zeros(p + t, p + t, dtype=torch.bool)
    for row in range(p + t):
        for column in range(p + t):
            blocked[row, column] = column >= p if row < p else column > row
    x = torch.cat([text, audio], dim=1)
    for ours in model.layers:
        layer = nn.TransformerEncoderLayer(dim, 4, 32, 0.0, "relu", batch_first=True, norm_first=False)
        layer.self_attn.in_proj_weight.data, layer.self_attn.in_proj_bias.data = (
            ours.attention.qkv.weight.data,
            ours.attention.qkv.bias.data,
        )
        for theirs, part in (
            (layer.self_attn.out_proj, ours.attention.output),
            (layer.linear1, ours.expand),
            (layer.linear2, ours.contract),
            (layer.norm1, ours.attention_norm),
            (layer.norm2, ours.mlp_norm),
        ):
            theirs.load_state_dict(part.state_dict())
        x = layer.train()(x, src_mask=blocked)  # training mode with dropout 0: not torch's fused inference path
    return (x @ model.predict.weight.T)[:, p - 1 :]


def test_equals_torch_transformer_layers() -> None:
    model, batch = make(), inputs()
    with torch.no_grad():
        model.phone_position.scale.fill_(1.7)
        model.code_position.scale.fill_(0.6)
        torch.testing.assert_close(model(*batch), torch_oracle(model, *batch), rtol=1e-5, atol=1e-5)


def test_attention_equals_torch_multihead_attention() -> None:
    torch.manual_seed(0)
    ours, theirs = SelfAttention(12, 3), nn.MultiheadAttention(12, 3, batch_first=True)
    theirs.in_proj_weight.data, theirs.in_proj_bias.data = ours.qkv.weight.data, ours.qkv.bias.data
    theirs.out_proj.load_state_dict(ours.output.state_dict())
    x = torch.randn(2, 6, 12)
    mask = torch.zeros(6, 6).masked_fill(torch.ones(6, 6).triu(1).bool(), float("-inf"))
    wanted, pattern = theirs(x, x, x, attn_mask=mask, average_attn_weights=False)
    with watching(ours.pattern) as seen:
        torch.testing.assert_close(ours(x, mask), wanted)
    torch.testing.assert_close(seen[0], pattern)


def test_positions_are_sines_grow_and_are_not_saved() -> None:
    position = SinePosition(6, size=2)
    table = position(torch.zeros(1, 9, 6))[0]
    assert len(position.table) >= 9
    assert list(position.state_dict()) == ["scale"]
    for n in (0, 1, 8):
        for pair in range(3):
            angle = torch.tensor(n / 10000 ** (2 * pair / 6))
            torch.testing.assert_close(table[n, 2 * pair : 2 * pair + 2], torch.stack([angle.sin(), angle.cos()]))
    torch.testing.assert_close(position(torch.zeros(1, 2, 6), start=7), table[None, 7:9])


def test_a_code_never_changes_the_logits_before_it() -> None:
    model = make()
    phones, context, codes = inputs()
    before = model(phones, context, codes)
    for t in range(codes.shape[1]):
        changed = codes.clone()
        changed[:, t] = (changed[:, t] + 1) % N_CODES
        after = model(phones, context, changed)
        torch.testing.assert_close(after[:, : t + 1], before[:, : t + 1])
        assert not torch.allclose(after[:, t + 1], before[:, t + 1])


def test_every_phone_reaches_the_first_logits() -> None:
    model = make()
    phones, context, codes = inputs()
    before = model(phones, context, codes)
    for p in range(phones.shape[1]):
        changed = phones.clone()
        changed[:, p] = (changed[:, p] + 1) % N_PHONES
        assert not torch.allclose(model(changed, context, codes)[:, 0], before[:, 0])


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_changes_nothing(side: str) -> None:
    """Texts and codes of different length in one batch give what each gives alone."""
    model = make()
    lengths = [(5, 7), (3, 4), (1, 6)]
    alone = [inputs(1, p, t) for p, t in lengths]

    def pad(x: Tensor, total: int, left: bool) -> Tensor:
        gap = total - x.shape[-1]
        return nn.functional.pad(x, (gap, 0) if left else (0, gap), value=3)

    left = side == "left"
    phones = torch.cat([pad(x[0], 8, left) for x in alone])
    context = torch.cat([pad(x[1], 8, left) for x in alone])
    codes = torch.cat([pad(x[2], 9, False) for x in alone])
    phone_mask = torch.cat([pad(torch.ones(1, 1, p), 8, left) == 1 for p, _ in lengths])
    code_mask = torch.cat([pad(torch.ones(1, 1, t), 9, False) == 1 for _, t in lengths])
    together = model(phones, context, codes, phone_mask, code_mask)
    assert torch.isfinite(together).all()
    for row, (x, (_, t)) in enumerate(zip(alone, lengths, strict=True)):
        torch.testing.assert_close(together[row, : t + 1], model(*x)[0], rtol=1e-5, atol=1e-5)


def test_reference_padding_hides_first_columns_whichever_side() -> None:
    """The named quirk: for right-padded texts the first phones are invisible and padding is not."""
    model = make()
    phones, context, codes = inputs()
    mask = torch.tensor([[[1, 1, 1, 0, 0]]] * 2).bool()

    def logits(x: Tensor, mode: str) -> Tensor:
        return model(x, context, codes, mask, text_padding=mode)[:, 0]

    first, last = phones.clone(), phones.clone()
    first[:, 0], last[:, -2] = (first[:, 0] + 1) % N_PHONES, (last[:, -2] + 1) % N_PHONES
    assert torch.allclose(logits(first, "reference"), logits(phones, "reference"))
    assert not torch.allclose(logits(last, "reference"), logits(phones, "reference"))
    assert not torch.allclose(logits(first, "align"), logits(phones, "align"))
    assert torch.allclose(logits(last, "align"), logits(phones, "align"))


@pytest.mark.parametrize("watched", [False, True])
def test_cached_steps_equal_the_full_pass(watched: bool) -> None:
    """Logits of every step from the cache are those of teacher forcing, beyond the first room of the cache too."""
    model = make()
    phones, context, codes = inputs(2, 5, 150)
    with torch.no_grad(), ExitStack() as stack:
        full = model(phones, context, codes)
        cache, start = model.new_cache(), 4
        if watched:
            stack.enter_context(watching(model.layers[1].attention.pattern))
        first = model(phones, context, codes[:, :start], cache=cache)
        torch.testing.assert_close(first, full[:, : start + 1], rtol=1e-4, atol=1e-5)
        for t in range(start, codes.shape[1]):
            torch.testing.assert_close(model.step(codes[:, t], cache), full[:, t + 1], rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="the cache has been used"):
        model(phones, context, codes, cache=cache)


def test_greedy_decode_equals_full_recomputation() -> None:
    model = make()
    phones, context, prompt = inputs(1, 6, 3)
    made = decoding.generate(model, Inputs(phones, context, prompt), GREEDY).codes[0]
    so_far = prompt
    for code in made.tolist():
        best = model(phones, context, so_far)[0, -1].argmax()
        assert int(best) == code
        so_far = torch.cat([so_far, best.reshape(1, 1)], dim=1)
    assert len(made) == GREEDY.max_new or int(model(phones, context, so_far)[0, -1].argmax()) == model.eos


def test_a_batch_decodes_as_its_rows_alone() -> None:
    """Texts and prompts of different length, one of them empty, rows that end early; a speaker for each."""
    model = make(speaker_dim=4)
    with torch.no_grad():
        model.predict.weight[N_CODES] *= 3
    sizes = [(6, 3), (2, 5), (4, 0), (9, 1)]
    rows = [inputs(1, p, max(n, 1)) for p, n in sizes]
    prompts = [row[2][0, :n] for row, (_, n) in zip(rows, sizes, strict=True)]
    speaker = torch.randn(4, 4, 1, generator=torch.Generator().manual_seed(1))
    texts, features = [row[0][0] for row in rows], [row[1][0] for row in rows]
    made = decoding.generate(model, Inputs(texts, features, prompts, speaker=speaker), GREEDY)
    assert len({len(codes) for codes in made.codes}) > 1, (
        "rows should end at different steps for this test to mean much"
    )
    for i in range(4):
        single = Inputs(texts[i][None], features[i][None], prompts[i][None], speaker=speaker[i : i + 1])
        alone = decoding.generate(model, single, GREEDY)
        assert made.codes[i].tolist() == alone.codes[0].tolist()
        assert made.reasons[i] == alone.reasons[0]


def test_taps_fire_in_teacher_forcing_and_in_decoding() -> None:
    model = make(speaker_dim=4)
    phones, context, codes = inputs(1)
    speaker = torch.randn(1, 4, 1)
    modules = [m for m in model.modules() if isinstance(m, Component)]
    taps = {(i, name): tap for i, m in enumerate(modules) for name, tap in m.taps().items()}
    assert len(taps) == 5 + 3 * 4
    with ExitStack() as stack:
        seen = {key: stack.enter_context(watching(tap)) for key, tap in taps.items()}
        model(phones, context, codes, speaker=speaker)
        assert {len(values) for values in seen.values()} == {1}
        decoding.generate(model, Inputs(phones, context, codes, speaker=speaker), Sampling(min_new=5, max_new=5))
    for key, values in seen.items():
        # Text and speaker are read once a decode; all else fires at its start and at each of the four further steps.
        assert len(values) == (1 + 1 if key in {(0, "context"), (0, "speaker")} else 1 + 5), key
        assert all(value.dim() == len(taps[key].tap.axes) for value in values), key


def test_watching_does_not_change_numbers_and_patterns_are_distributions() -> None:
    model = make()
    phones, context, codes = inputs(2)
    mask = torch.tensor([[[1, 1, 1, 1, 1]], [[0, 0, 1, 1, 1]]]).bool()
    plain = model(phones, context, codes, mask)
    with watching(model.layers[0].attention.pattern) as seen, watching(model.stop) as stop:
        with watching(model.entropy) as entropy:
            torch.testing.assert_close(model(phones, context, codes, mask), plain, rtol=0, atol=1e-5)
    pattern = seen[0]
    assert pattern.shape == (2, 4, 12, 12)
    torch.testing.assert_close(pattern.sum(-1), torch.ones(2, 4, 12))
    assert (pattern[:, :, :5, 5:] == 0).all() and (pattern[1, :, :, :2] == 0).all()
    assert (pattern[:, :, 5:, 5:].triu(1) == 0).all()
    p = plain.softmax(-1)
    torch.testing.assert_close(stop[0].sigmoid(), p[..., model.eos])
    torch.testing.assert_close(entropy[0], -(p * p.log()).sum(-1))


def test_edits_take_effect() -> None:
    """A head switched off at `mix`, context erased, the odds of stopping set to a value."""
    model = make()
    phones, context, codes = inputs(1)
    plain = model(phones, context, codes)
    with watching(model.layers[0].attention.mix, lambda x: x * torch.tensor([0.0, 1, 1, 1])[:, None, None]):
        assert not torch.allclose(model(phones, context, codes), plain)
    with watching(model.context, torch.zeros_like):
        assert not torch.allclose(model(phones, context, codes), plain)
    with watching(model.stop, lambda x: torch.full_like(x, 2.0)):
        p = model(phones, context, codes).softmax(-1)
    torch.testing.assert_close(p[..., model.eos], torch.full((1, 8), 2.0).sigmoid())
    old = plain[..., : model.eos].softmax(-1)
    torch.testing.assert_close(p[..., : model.eos] / (1 - p[..., model.eos :]), old)


def test_autocast_to_bfloat16_in_training_and_decoding() -> None:
    model = make(dropout=0.1)
    phones, context, codes = inputs(2)
    mask = torch.tensor([[[1, 1, 1, 1, 1]], [[0, 0, 1, 1, 1]]]).bool()
    exact = model(phones, context, codes, mask)
    with torch.autocast("cpu", torch.bfloat16):
        rough = model(phones, context, codes, mask)
        cache = model.new_cache()
        with torch.no_grad():
            model(phones, context, codes[:, :5], mask, cache=cache)
            step = model.step(codes[:, 5], cache)
        model.train()(phones, context, codes, mask).float().sum().backward()
    torch.testing.assert_close(rough.float(), exact, rtol=0.1, atol=0.1)
    torch.testing.assert_close(step.float(), exact[:, 6], rtol=0.1, atol=0.1)


def test_speaker_is_optional_and_has_an_effect() -> None:
    plain, model = make(), make(speaker_dim=4)
    assert {k for k in model.state_dict() if k not in plain.state_dict()} == {
        "speaker_projection.weight",
        "speaker_projection.bias",
    }
    batch, speaker = inputs(), torch.randn(2, 4, 1)
    assert not torch.allclose(model(*batch, speaker=speaker), model(*batch))
    with pytest.raises(ConfigError, match="width 5.*speaker_dim of SemanticGPT is 4"):
        model(*batch, speaker=torch.randn(2, 5, 1))
    with pytest.raises(ConfigError, match="width 4.*speaker_dim.*is 0"):
        plain(*batch, speaker=speaker)


def test_context_of_none_is_zeros_and_width_is_checked() -> None:
    model = make()
    phones, context, codes = inputs()
    torch.testing.assert_close(model(phones, None, codes), model(phones, torch.zeros_like(context), codes))
    with pytest.raises(ConfigError, match="width 7.*context_dim of SemanticGPT is 6"):
        model(phones, torch.zeros(2, 7, 5), codes)
    assert make(context_dim=0).context_projection is None
    with pytest.raises(ConfigError, match="16.*n_heads 5"):
        make(n_heads=5)


def test_released_sizes() -> None:
    """Default arguments are the released network: 295 tensors, 77.6 million parameters (counted from two depths)."""
    one, two = (SemanticGPT(n_layers=n) for n in (1, 2))
    tensors = [len(m.state_dict()) for m in (one, two)]
    values = [sum(p.numel() for p in m.parameters()) for m in (one, two)]
    assert inspect.signature(SemanticGPT).parameters["n_layers"].default == 24
    assert tensors[0] + 23 * (tensors[1] - tensors[0]) == 295
    assert values[0] + 23 * (values[1] - values[0]) == 77_606_402


def test_learns_one_batch_by_heart_and_decodes_it() -> None:
    """Loss to near nothing in a few seconds, and greedy decoding gives back each row, ended by stop."""
    model = make(dropout=0.0, n_layers=2).train()
    phones, context, codes = inputs(3, 6, 10)
    mask = (torch.arange(10) < torch.tensor([10, 7, 4])[:, None])[:, None]
    phone_mask = (torch.arange(6) < torch.tensor([4, 6, 5])[:, None])[:, None]
    wanted = losses_gpt.code_targets(codes, model.eos, mask)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(120):
        optimizer.zero_grad()
        loss = losses_gpt.code_loss(
            model(phones, context, wanted.inputs, phone_mask, mask), wanted.targets, wanted.mask
        )
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.05
    model.eval()
    sizes = [(4, 10), (6, 7), (5, 4)]
    rows = [(phones[i, :p], context[i, :, :p]) for i, (p, _) in enumerate(sizes)]
    made = decoding.generate(model, Inputs([r[0] for r in rows], [r[1] for r in rows]), GREEDY)
    assert [c.tolist() for c in made.codes] == [codes[i, :t].tolist() for i, (_, t) in enumerate(sizes)]
    assert made.reasons == ("stop",) * 3
