"""Which phones were said: a small recogniser for one language, for evaluation only.

wave (B, 1, T) -> levels of ERB bands (B, M, 100 Hz) -> states (B, S, 33 Hz) -> phone scores (B, V, 33 Hz)

It is kept as far from the content encoder as ten hours of speech allow: another window, scale and normalisation of the
spectrum, another architecture (factorised time delays and recurrences instead of ConvNeXt blocks), another rate,
another alphabet, another seed. So it does not share the faults that codes inherit from the content encoder.
Letters: B batch, T samples, M bands, F frames, W width, S state width, V classes (index 0 is the CTC blank).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from gsv_lab.hooks.tap import Tap
from gsv_lab.nn.interfaces import Role
from gsv_lab.nn.ops import sequence_mask
from gsv_lab.nn.spectral import LinearSpectrogram
from gsv_lab.system.ranges import ClosedUnitInterval, PositiveInt


class PhoneRecogniser(Role):
    """Role: which phones were said, (B, 1, T) -> log-probabilities (B, F, V), row 0 of V the CTC blank.

    Declares: `phone_names` of the classes after the blank, `language`, `sample_rate` in Hz, `frame_rate` in Hz.
    """

    phone_names: tuple[str, ...]
    language: str
    sample_rate: int
    frame_rate: float

    @abstractmethod
    def forward(self, wave: Tensor) -> Tensor:
        """(B, 1, T) -> log-probabilities (B, F, V)."""


def erb_filters(
    sample_rate: int,
    n_fft: int,
    bands: int,
    low: float = 80.0,
    high: float = 7600.0,
) -> Tensor:
    """Bell curves of one ERB, evenly spaced on the ERB-rate scale, each with the sum one: (bands, n_fft // 2 + 1).

    Source: B. Glasberg and B. Moore 1990, "Derivation of auditory filter shapes from notched-noise data", eq. 4 for
    the scale. Differs from it: bells instead of rounded exponentials.

    Args:
        sample_rate: Hz.
        n_fft: points of the Fourier transform.
        bands: number of bands.
        low: centre of the first band, Hz.
        high: centre of the last band, Hz.
    """
    first = _erb_rate(torch.tensor(low, dtype=torch.float64))
    last = _erb_rate(torch.tensor(min(high, sample_rate / 2), dtype=torch.float64))
    centres = torch.linspace(first, last, bands, dtype=torch.float64)
    hz = torch.linspace(0, sample_rate / 2, n_fft // 2 + 1, dtype=torch.float64)
    distances = _erb_rate(hz) - centres[:, None]
    bells = torch.exp(-0.5 * (distances / 0.5).square())
    sums = bells.sum(1, keepdim=True)
    return (bells / sums).float()


def _erb_rate(hz: Tensor) -> Tensor:
    """Frequencies on the scale of equivalent rectangular bandwidths."""
    return 21.4 * torch.log10(1 + 0.00437 * hz)


class BandLevels(nn.Module):
    """Logarithm of the magnitude in ERB bands, 25 ms windows every 10 ms: (B, 1, T) -> (B, M, F100).

    Args:
        sample_rate: Hz.
        bands: M.
    """

    filters: Tensor

    def __init__(self, sample_rate: int = 16000, bands: int = 40) -> None:
        super().__init__()
        window = sample_rate // 40
        n_fft = 1 << (window - 1).bit_length()
        self.bands = bands
        self.spectrogram = LinearSpectrogram(n_fft, sample_rate // 100, window)
        filters = erb_filters(sample_rate, n_fft, bands)
        self.register_buffer("filters", filters, persistent=False)

    def forward(self, wave: Tensor) -> Tensor:
        """See the class."""
        magnitude = self.filters @ self.spectrogram(wave)
        return magnitude.clamp(min=1e-5).log()


def normalise_bands(levels: Tensor) -> Tensor:
    """Each band minus its mean, over its deviation, by clip: (B, M, F) -> (B, M, F). Takes microphone and room away."""
    mean = levels.mean(dim=-1, keepdim=True)
    deviation = levels.std(dim=-1, keepdim=True, unbiased=False)
    return (levels - mean) / deviation.clamp(min=1e-2)


class FactorisedDelay(nn.Module):
    """Two narrow convolutions, one back and one ahead, with a bottleneck between them; normalised, residual.

    (B, W, F) -> (B, W, F)

    Source: D. Povey et al. 2018, "Semi-orthogonal low-rank matrix factorization for deep neural networks",
    section 3.2 (TDNN-F). Differs from the paper: no orthogonality constraint, layer norm instead of batch norm.

    Args:
        width: W.
        inner: width of the bottleneck.
        reach: frames back, and frames ahead.
        dropout: share dropped in training.
    """

    def __init__(self, width: int, inner: int, reach: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.reach = reach
        self.back = nn.Conv1d(width, inner, 2, dilation=reach, bias=False)
        self.ahead = nn.Conv1d(inner, width, 2, dilation=reach)
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """See the class; `mask` (B, 1, F), true where a frame is valid, the others come out as zeros."""
        inner = self.back(functional.pad(x, (self.reach, 0)))
        if mask is not None:
            inner = inner * mask
        inner = self.ahead(functional.pad(inner, (0, self.reach)))
        added = self.norm(functional.relu(inner).transpose(1, 2))
        x = x + self.dropout(added).transpose(1, 2)
        return x if mask is None else x * mask


class BothWays(nn.Module):
    """Two long short-term memories, one forwards, one backwards from each clip's own last step.

    (B, F, W) with (B,) valid steps -> (B, F, 2 S)

    Why: a bidirectional layer would read the padding of a shorter clip first, and packed sequences are ten times
    slower on a processor; so the valid steps are turned around by hand, and the padding stays behind them.
    Source: Hochreiter and Schmidhuber 1997; both directions: Schuster and Paliwal 1997.

    Args:
        width: W.
        states: S.
    """

    def __init__(self, width: int, states: int) -> None:
        super().__init__()
        self.forwards = nn.LSTM(width, states, batch_first=True)
        self.backwards = nn.LSTM(width, states, batch_first=True)

    def forward(self, x: Tensor, steps: Tensor) -> Tensor:
        """See the class."""
        ahead, _ = self.forwards(x)
        behind, _ = self.backwards(_turned(x, steps))
        return torch.cat([ahead, _turned(behind, steps)], dim=-1)


def _turned(x: Tensor, steps: Tensor) -> Tensor:
    """The valid `steps` (B,) of x (B, F, W) in reverse order; padding stays where it is."""
    last = steps.to(x.device)[:, None] - 1
    index = torch.arange(x.shape[1], device=x.device)
    index = index.expand(len(x), -1)
    mirrored = torch.where(index <= last, last - index, index)
    return x.gather(1, mirrored[..., None].expand_as(x))


class DelayRecogniser(PhoneRecogniser):
    """Time delays, then recurrences in both directions, read off as phones.

    wave (B, 1, T) -> log-probabilities (B, F, V), F = 100 / `stride` a second

    Why: the early stride makes a second of speech 33 steps, few enough for recurrences on one processor core.
    Source: CTC over recurrences in both directions: Graves et al. 2006, section 5.

    Args:
        phones: names of the classes after the blank, in the folded alphabet of `gsv_lab.text`.
        language: `en` or `zh`.
        width: W.
        inner: bottleneck of the time delays.
        reaches: frames that each time-delay layer looks back and ahead.
        states: state width of each direction of the recurrences.
        layers: recurrences.
        stride: 10 ms frames for one step.
        bands: M.
        sample_rate: Hz.
        dropout: share dropped in training.
    """

    bands = Tap(
        "batch band frame",
        rate=100.0,
        unit="deviation",
        meaning="ERB bands, normalised by clip",
    )
    states = Tap(
        "batch dim frame",
        rate="frame_rate",
        meaning="states of the last recurrence, both directions",
    )
    scores = Tap(
        "batch phone frame",
        rate="frame_rate",
        unit="log probability",
        meaning="phones; row 0 is the blank",
    )

    def __init__(
        self,
        phones: Sequence[str],
        language: str,
        width: PositiveInt = 192,
        inner: PositiveInt = 64,
        reaches: Sequence[PositiveInt] = (1, 1, 2, 3),
        states: PositiveInt = 104,
        layers: PositiveInt = 2,
        stride: PositiveInt = 3,
        bands: PositiveInt = 40,
        sample_rate: PositiveInt = 16000,
        dropout: ClosedUnitInterval = 0.1,
    ) -> None:
        super().__init__()
        self.phone_names = tuple(phones)
        self.language = language
        self.sample_rate = sample_rate
        self.stride = stride
        self.frame_rate = 100.0 / stride
        self.levels = BandLevels(sample_rate, bands)
        self.in_proj = nn.Sequential(
            nn.Conv1d(bands, width // 2, 5, padding=2),
            nn.ReLU(),
            nn.Conv1d(width // 2, width, 5, stride=stride, padding=2),
            nn.ReLU(),
        )
        self.delays = nn.ModuleList()
        for reach in reaches:
            self.delays.append(FactorisedDelay(width, inner, reach, dropout))
        self.recur = nn.ModuleList()
        for _ in range(layers):
            self.recur.append(BothWays(width, states))
            width = 2 * states
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(2 * states, len(self.phone_names) + 1)

    def steps(self, frames: Tensor) -> Tensor:
        """Steps that so many 10 ms frames make."""
        return (frames - 1) // self.stride + 1

    def score(self, levels: Tensor, frames: Tensor) -> Tensor:
        """Normalised levels (B, M, F100) with `frames` (B,) valid ones -> log-probabilities (B, F, V).

        Zeros follow a shorter clip; the recurrences leave them out.
        """
        steps = self.steps(frames)
        # Zeros after a shorter clip stay zeros: a clip gets the same scores alone and in company.
        hidden = self.in_proj[:2](self.bands(levels))
        hidden = hidden * sequence_mask(frames, hidden.shape[-1]).to(hidden)
        hidden = self.in_proj[2:](hidden)
        mask = sequence_mask(steps, hidden.shape[-1]).to(hidden)
        hidden = hidden * mask
        for delay in self.delays:
            hidden = delay(hidden, mask)
        hidden = hidden.transpose(1, 2)
        for layer in self.recur:
            hidden = layer(self.dropout(hidden), steps)
        hidden = self.states(hidden.transpose(1, 2))
        scores = self.classify(self.dropout(hidden.transpose(1, 2)))
        log_p = scores.float().log_softmax(-1)
        return self.scores(log_p.transpose(1, 2)).transpose(1, 2)

    def forward(self, wave: Tensor) -> Tensor:
        """See the class; the clips of a batch are equally long."""
        levels = normalise_bands(self.levels(wave))
        frames = torch.full((len(wave),), levels.shape[-1])
        return self.score(levels, frames)
