"""Checks of notebook 06, "From latent to sound".

Letters: C latent width, F frames. Each check takes the answer, and gives a card.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from gsv_lab.nn.losses import adversarial_loss, discriminator_loss
from gsv_lab.teaching.exercises.answers import numbers
from gsv_lab.teaching.exercises.card import ask, exercise, expect, expect_shape, number


@exercise(
    "Draw a latent",
    "A normal number times a deviation, plus a mean. Which of the four arguments is the deviation, and in what form?",
    "`mean + noise_scale * ... * noise`, where the dots make a deviation of its logarithm.",
)
def draw(answer: Callable[[Tensor, Tensor, Tensor, float], Tensor]) -> str:
    """`draw(mean, log_scale, noise, noise_scale)`: three (C, F) and a number -> (C, F)."""
    random = torch.Generator().manual_seed(0)
    mean, log_scale, noise = torch.randn(3, 4, 5, generator=random)
    found = numbers(ask(answer, mean.clone(), log_scale.clone(), noise.clone(), 0.5), "The latent")
    expect_shape(found, (4, 5), "The latent")
    scale = log_scale.exp()

    def is_like(other: Tensor) -> bool:
        return torch.allclose(found, other, atol=1e-5)

    expect(not is_like(mean), "That is the mean alone: every draw would sound the same, and dull.")
    expect(
        not is_like(mean + noise * log_scale * 0.5), "log_scale is a logarithm: it may be negative. A scale may not."
    )
    expect(not is_like(mean + noise * (log_scale / 2).exp() * 0.5), "It is the log of a deviation, not of a variance.")
    expect(not is_like(mean + noise * scale), "The noise scale has no effect: 0 should give the mean.")
    expect(not is_like((mean + noise * scale) * 0.5), "The noise scale turns the mean down, too: only noise is scaled.")
    expect(not is_like(noise * scale * 0.5), "Where is the mean?")
    expect(not is_like(mean + scale * 0.5), "Nothing is random: the noise is missing.")
    wrong = int((~torch.isclose(found, mean + noise * scale * 0.5, atol=1e-5)).sum())
    expect(wrong == 0, f"{wrong} of 20 values differ: mean, and noise times scale times noise scale.")
    return "Written so, gradients reach mean and scale through a draw: the trick that made VAEs possible."


def _couple(z: Tensor, shift: Callable[[Tensor], Tensor]) -> Tensor:
    kept, moved = z.chunk(2)
    return torch.cat([kept, moved + shift(kept)]).flip(0)


def undo_coupling(y: Tensor, shift: Callable[[Tensor], Tensor]) -> Tensor:
    """What went into a coupling: (C, F) -> (C, F); stands in until the reader has written it."""
    kept, moved = y.flip(0).chunk(2)
    return torch.cat([kept, moved - shift(kept)])


def _shift(kept: Tensor) -> Tensor:
    """Nobody could solve this for `kept`, and nobody has to."""
    return (3 * kept).sin() + kept.square().sum(0)


@exercise(
    "Undo a coupling",
    "Take the steps of the coupling backwards, the last one first. The kept half comes out as it went in.",
    "Reverse the channels, halve them, and put `moved - shift(kept)` behind `kept`.",
)
def undo(answer: Callable[[Tensor, Callable[[Tensor], Tensor]], Tensor]) -> str:
    """`undo(y, shift)`: what came out of a coupling (C, F), and its function of the kept half -> what went in."""
    z = torch.randn(4, 6, generator=torch.Generator().manual_seed(1))
    y = _couple(z, _shift)
    found = numbers(ask(answer, y.clone(), _shift), "What went in")
    expect_shape(found, (4, 6), "What went in")
    upside, again = y.flip(0), _couple(z, _shift)

    def is_like(other: Tensor) -> bool:
        return torch.allclose(found, other, atol=1e-4)

    expect(not is_like(y), "Nothing was undone.")
    expect(not is_like(upside), "The order is right again. The second half is still shifted.")
    kept, moved = upside.chunk(2)
    twice = torch.cat([kept, moved + _shift(kept)])
    expect(not is_like(twice), "You shifted once more: to undo it, subtract.")
    expect(not is_like(_couple(again, _shift)), "That is the coupling itself, done twice. It is not its own inverse.")
    first, second = y.chunk(2)
    order = "The channels were reversed last, so that comes first when going back."
    expect(not is_like(torch.cat([first, second - _shift(first)])), order)
    expect(not is_like(torch.cat([first, second - _shift(first)]).flip(0)), order + " Yours reverses at the end.")
    expect(not is_like(torch.cat([kept, moved - _shift(moved)])), "The shift depends on the half that was kept.")
    lost = float((found - z).abs().max())
    expect(lost < 1e-4, f"Some values are off by {lost:.2f}.")
    return "The shift itself need not be invertible, however wild it is. That is the whole idea."


@exercise(
    "How far it sees",
    "Begin with one frame. How many frames does each layer add on both sides together?",
    "A kernel of k has k - 1 steps, each as long as its dilation. Add them up for all layers, and 1.",
)
def reach(answer: Callable[[Sequence[tuple[int, int]]], int]) -> str:
    """`reach(layers)`: (kernel, dilation) of convolutions, one after the other -> frames that one result depends on."""
    stacks = {((7, 1),): 7, ((3, 1), (3, 1)): 5, ((5, 1), (3, 2), (3, 4)): 17, ((7, 1),) * 6: 37, ((1, 1), (1, 8)): 1}
    given = {layers: number(ask(answer, list(layers)), "The reach should be one number.") for layers in stacks}

    def is_like(rule: Callable[[Sequence[tuple[int, int]]], int]) -> bool:
        return all(given[layers] == rule(layers) for layers in stacks)

    many = "That is the sum of the kernels. Two kernels of 3 see 5 frames, since the middle is counted only once."
    expect(not is_like(lambda layers: sum(k for k, _ in layers)), many)
    undilated = "With dilation 2 a kernel of 3 looks at frames -2, 0 and 2: its arms are twice as long."
    expect(not is_like(lambda layers: 1 + sum(k - 1 for k, _ in layers)), undilated)
    without = "Nearly: the frame itself is missing. A kernel of 7 sees 7 frames, not 6."
    expect(not is_like(lambda layers: sum((k - 1) * d for k, d in layers)), without)
    gaps = "A dilated kernel of 3 does not see 3 · d frames: between its ends lie (3 − 1) · d steps."
    expect(not is_like(lambda layers: 1 + sum(k * d - 1 for k, d in layers)), gaps)
    wide = "That is the widest single layer. Each layer sees what the one before has seen already."
    expect(not is_like(lambda layers: max(1 + (k - 1) * d for k, d in layers)), wide)
    for layers, frames in stacks.items():
        expect(given[layers] == frames, f"{list(layers)} sees {frames} frames, yours says {given[layers]:g}.")
    return "Every layer adds its two arms. Dilations that double make the reach grow exponentially with the layers."


@exercise(
    "Two losses of the same scores",
    "For each: which score would it like for a natural wave, which for a made one? Square how far it is from that.",
    "`((1 - real) ** 2).mean() + (fake ** 2).mean()`; the generator only sees `fake`, and would like it to be 1.",
)
def adversarial(discriminator: Callable[[Tensor, Tensor], Any], generator: Callable[[Tensor], Any]) -> str:
    """`discriminator(real, fake)` and `generator(fake)`, the losses of discriminator and vocoder, from scores."""
    real, fake = torch.tensor([0.9, 0.4, 1.2]), torch.tensor([0.3, -0.2, 0.6])
    first = number(ask(discriminator, real.clone(), fake.clone()), "The discriminator's loss should be one number.")
    second = number(ask(generator, fake.clone()), "The generator's loss should be one number.")
    # Half of both is the same aim; the paper writes it so.
    if abs(2 * first - float(discriminator_loss([real], [fake]))) < 1e-4:
        first, second = 2 * first, 2 * second
    right = float(discriminator_loss([real], [fake]))
    wanted = float(adversarial_loss([fake]))

    def near(value: float, other: Any) -> bool:
        return abs(value - float(other)) < 1e-4

    turned = real.square().mean() + (1 - fake).square().mean()
    expect(not near(first, turned), "Your discriminator pays for being right: real should score 1, made 0.")
    half = "Your discriminator only uses one side. It should learn from natural waves and from made ones."
    expect(not near(first, fake.square().mean()) and not near(first, (1 - real).square().mean()), half)
    level = "Without squares the loss falls without end as scores grow. Square the distance from 1 and from 0."
    expect(not near(first, (1 - real).mean() + fake.mean()), level)
    total = "Those are sums: a longer recording would count for more. Take means."
    expect(not near(first, (1 - real).square().sum() + fake.square().sum()), total)
    expect(near(first, right), f"The discriminator's loss should be {right:.3f} here, yours is {first:.3f}.")
    expect(not near(second, fake.square().mean()), "Your generator wants a score of 0: made waves should score 1.")
    expect(not near(second, -fake.mean()), "Wanted is a score of 1, not of infinity: square the distance from 1.")
    expect(near(second, wanted), f"The generator's loss should be {wanted:.3f} here, yours is {second:.3f}.")
    return "Two losses that want opposite things of the same scores. Neither loss says what speech is."


def _normal_kl(mean: Tensor, log_scale: Tensor, prior_mean: Tensor, prior_log_scale: Tensor) -> Tensor:
    """Divergence of one normal distribution from another, value by value, in nats."""
    squares = (2 * log_scale).exp() + (mean - prior_mean).square()
    return prior_log_scale - log_scale - 0.5 + squares * (-2 * prior_log_scale).exp() / 2


@exercise(
    "Stretch: how far is the posterior from the prior?",
    "It has four parts: two logarithms of deviations, a half, and a quotient that holds a variance and a distance.",
    "Per value: `ls_p - ls_q - 1/2 + (exp(2 ls_q) + (m_q - m_p)**2) / (2 exp(2 ls_p))`; sum over channels, mean "
    "over frames.",
)
def divergence(answer: Callable[[Tensor, Tensor, Tensor, Tensor], Any]) -> str:
    """`divergence(m_q, logs_q, m_p, logs_p)`: four (C, F) -> nats per frame, from the posterior q to the prior p."""
    random = torch.Generator().manual_seed(2)
    m_q, logs_q, m_p, logs_p = torch.randn(4, 3, 5, generator=random) / 2
    value = ask(answer, m_q.clone(), logs_q.clone(), m_p.clone(), logs_p.clone())
    found = numbers(value, "The divergence")
    expect(found.numel() == 1, "One number for the whole sentence: sum over channels, mean over frames.")
    right = _normal_kl(m_q, logs_q, m_p, logs_p)

    def is_like(other: Tensor) -> bool:
        return torch.allclose(found.reshape(()), other, rtol=1e-3, atol=1e-4)

    per_value = "That is the mean over channels, too. Nats add up over the channels of a frame."
    expect(not is_like(right.mean()), per_value)
    expect(not is_like(right.sum()), "That is the sum over frames, too: a longer recording would seem farther away.")
    turned = "That is the prior seen from the posterior. It is not the same both ways: which one is drawn from?"
    expect(not is_like(_normal_kl(m_p, logs_p, m_q, logs_q).sum(0).mean()), turned)
    same = "For two equal distributions yours gives half a nat a channel. It should be 0."
    expect(not is_like((right + 0.5).sum(0).mean()), same)
    no_variance = "The posterior's own spread is missing beside the distance of the means: it misses the prior, too."
    without = right - (2 * (logs_q - logs_p)).exp() / 2
    expect(not is_like(without.sum(0).mean()), no_variance)
    plain = logs_p - logs_q - 0.5 + (logs_q.exp() + (m_q - m_p).square()) * (-logs_p).exp() / 2
    variances = "`logs` are logarithms of deviations. The formula has variances: twice the logarithm, then exp."
    expect(not is_like(plain.sum(0).mean()), variances)
    wanted = float(right.sum(0).mean())
    expect(is_like(right.sum(0).mean()), f"It should be {wanted:.3f} nats here, yours is {float(found):.3f}.")
    return "Zero only if both are equal. In training the posterior may be as far from the prior as the sound needs."
