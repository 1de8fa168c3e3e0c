"""Quantizer: continuous content at 50 Hz to one of a few hundred codes at 25 Hz, and back.

Statistics are summed over processes if a process group exists, and only then.
Letters: B batch, D width, F frames, N vectors, K number of codes, Q number of books.
"""

from __future__ import annotations

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional

from gsv_lab.errors import ConfigError
from gsv_lab.hooks.tap import Tap
from gsv_lab.nn.interfaces import Quantized, Quantizer
from gsv_lab.nn.losses import commitment_loss
from gsv_lab.system.ranges import ClosedUnitInterval, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt


class Codebook(nn.Module):
    """A table of code vectors that follows the data by moving averages instead of gradients.

    vectors (B, F, D) -> squared distances (B, F, K)

    Source: van den Oord et al. 2017, arXiv:1711.00937, appendix A.1, eqs. 6-8; k-means start and revival of dead codes:
    Dhariwal et al. 2020, arXiv:2005.00341, 3.1, and Zeghidour et al. 2021, arXiv:2107.03312, III-C.
    Differs from the papers: a revived code also gets a new average, so that the next step does not undo the revival.

    Args:
        dim: D.
        n_codes: K.
        decay: share of the moving averages that a step keeps, in (0, 1).
        dead_below: a code whose average use in a step falls below this many vectors is re-seeded from the batch; 0 for
            never.
        kmeans_steps: steps of k-means with which the first training batch fills the table; 0 keeps the random start.

    Raises:
        ConfigError: `decay` is not between 0 and 1.
    """

    table: Tensor
    sums: Tensor
    counts: Tensor
    started: Tensor

    def __init__(
        self,
        dim: int,
        n_codes: int,
        decay: float = 0.99,
        dead_below: float = 2.0,
        kmeans_steps: int = 50,
    ) -> None:
        super().__init__()
        if not 0 < decay < 1:
            raise ConfigError("CONFIG_RANGE", f"decay is {decay}", "a number between 0 and 1")
        self.n_codes = n_codes
        self.decay = decay
        self.dead_below = dead_below
        self.kmeans_steps = kmeans_steps
        table = torch.randn(n_codes, dim) * dim**-0.5
        started = float(kmeans_steps == 0)
        self.register_buffer("table", table)
        self.register_buffer("sums", table.clone())
        self.register_buffer("counts", torch.ones(n_codes))
        self.register_buffer("started", torch.tensor([started]))

    def forward(self, vectors: Tensor) -> Tensor:
        """See the class."""
        lengths = vectors.square().sum(-1, keepdim=True)
        squares = lengths + self.table.square().sum(1)
        return squares - 2 * vectors @ self.table.t()

    def lookup(self, codes: Tensor) -> Tensor:
        """Codes (B, F) -> their vectors (B, F, D)."""
        return functional.embedding(codes, self.table)

    @torch.no_grad()
    def start(self, vectors: Tensor, generator: torch.Generator | None = None) -> None:
        """Fill the table by k-means on the vectors (N, D)."""
        self.assign(_draw(vectors, self.n_codes, generator))
        for _ in range(self.kmeans_steps):
            codes = self(vectors).argmin(-1)
            counts, sums = _summed(vectors, codes, self.n_codes)
            means = sums / counts.clamp(min=1)[:, None]
            used = counts[:, None] > 0
            self.assign(torch.where(used, means, self.table), counts)

    @torch.no_grad()
    def assign(self, table: Tensor, counts: Tensor | None = None) -> None:
        """Set the table (K, D), for example to centres found elsewhere; `counts` (K,) is each code's use in a step."""
        if counts is None:
            counts = torch.ones_like(self.counts)
        self.table.copy_(table)
        self.counts.copy_(counts)
        self.sums.copy_(self.table * self.counts[:, None])
        self.started.fill_(1)

    @torch.no_grad()
    def follow(self, vectors: Tensor, codes: Tensor, generator: torch.Generator | None = None) -> None:
        """One step of the moving averages, then revival of the codes that nothing uses."""
        vectors = vectors.float()
        counts, sums = _summed(vectors, codes, self.n_codes)
        self.counts.lerp_(counts, 1 - self.decay)
        self.sums.lerp_(sums, 1 - self.decay)
        # Laplace smoothing keeps a code without use from a division by zero.
        small = 1e-5
        total = self.counts.sum()
        shares = (self.counts + small) / (total + self.n_codes * small)
        smoothed = shares * total
        self.table.copy_(self.sums / smoothed[:, None])
        dead = self.counts < self.dead_below
        if dead.any():
            self._revive(dead, vectors, generator)

    def _revive(self, dead: Tensor, vectors: Tensor, generator: torch.Generator | None) -> None:
        """Put the codes that are `dead` (K,) on vectors (N, D) of the batch."""
        drawn = _draw(vectors, int(dead.sum()), generator)
        self.table[dead] = drawn
        self.counts[dead] = self.dead_below
        self.sums[dead] = drawn * self.dead_below


def _summed(vectors: Tensor, codes: Tensor, n_codes: int) -> tuple[Tensor, Tensor]:
    """How many vectors each code has and their sum, over all processes: (K,), (K, D)."""
    ones = vectors.new_ones(len(vectors), 1)
    rows = torch.cat((vectors, ones), dim=1)
    sums = vectors.new_zeros(n_codes, rows.shape[1])
    sums.index_add_(0, codes, rows)
    if _in_group():
        distributed.all_reduce(sums)
    return sums[:, -1], sums[:, :-1]


def _draw(vectors: Tensor, n: int, generator: torch.Generator | None) -> Tensor:
    """`n` of the vectors, different ones where there are enough; the same in every process."""
    if len(vectors) >= n:
        index = torch.randperm(len(vectors), generator=generator)[:n]
    else:
        index = torch.randint(len(vectors), (n,), generator=generator)
    drawn = vectors[index.to(vectors.device)].contiguous()
    if _in_group():
        distributed.broadcast(drawn, 0)
    return drawn


def _in_group() -> bool:
    return distributed.is_available() and distributed.is_initialized()


class VectorQuantizer(Quantizer):
    """Projection from 50 Hz to the rate of codes, then one codebook, or several on what the ones before left over.

    content (B, content_dim, F50) -> Quantized(x (B, D, F25), codes (B, F25), commitment ()); with several books codes
    are (B, Q, F25)

    Why: turns content into the alphabet that SemanticGPT predicts.
    Source: van den Oord et al. 2017, arXiv:1711.00937, eqs. 1-3 (straight-through gradient); several books: Zeghidour
    et al. 2021, arXiv:2107.03312, algorithm 1.

    Args:
        dim: D, width of code vectors.
        n_codes: K, codes of a book.
        projection: "conv" (learned, `hop` frames wide), "mean" over `hop` frames, or "none" (then `hop` is 1).
        hop: content frames for one code.
        n_books: Q.
        content_rate: frames of content a second, Hz.
        decay, dead_below, kmeans_steps: see `Codebook`.

    Raises:
        ConfigError: `projection` is unknown, or "none" with a `hop` other than 1.
    """

    projected = Tap(
        "batch dim token",
        rate="frame_rate",
        meaning="content at the rate of codes, before rounding",
    )
    distance = Tap(
        "batch token code",
        rate="frame_rate",
        meaning="squared distance to every code (first book)",
    )
    codes = Tap("batch token", rate="frame_rate", meaning="code of each token (first book)")

    def __init__(
        self,
        dim: PositiveInt,
        n_codes: PositiveInt,
        projection: str = "conv",
        hop: PositiveInt = 2,
        n_books: PositiveInt = 1,
        content_rate: PositiveFloat = 50.0,
        decay: ClosedUnitInterval = 0.99,
        dead_below: NonNegativeFloat = 2.0,
        kmeans_steps: NonNegativeInt = 50,
    ) -> None:
        super().__init__()
        known = projection in ("conv", "mean", "none")
        if not known or (projection == "none" and hop != 1):
            problem = f"projection is {projection!r} and hop is {hop}"
            raise ConfigError("CONFIG_INCONSISTENT", problem, "conv or mean with any hop, or none with hop 1")
        self.dim = dim
        self.n_codes = n_codes
        self.n_books = n_books
        self.hop = hop
        self.projection = projection
        self.frame_rate = content_rate / hop
        self.project_in = nn.Conv1d(dim, dim, hop, stride=hop) if projection == "conv" else None
        self.books = nn.ModuleList()
        for _ in range(n_books):
            self.books.append(Codebook(dim, n_codes, decay, dead_below, kmeans_steps))

    def project(self, content: Tensor) -> Tensor:
        """Content at the rate of codes: (B, D, F50) -> (B, D, F25); a last incomplete token is dropped."""
        if self.project_in is not None:
            content = self.project_in(content)
        elif self.projection == "mean":
            content = functional.avg_pool1d(content, self.hop)
        return self.projected(content)

    def forward(self, content: Tensor) -> Quantized:
        """See the class. In training, gradients pass the rounding unchanged; in evaluation the commitment is 0."""
        x = self.project(content)
        found = self._round(x, self.training)
        if not self.training:
            return found
        straight_through = x + (found.x - x).detach()
        return found._replace(x=straight_through)

    def encode(self, content: Tensor) -> Tensor:
        """(B, D, F50) -> codes (B, F25), or (B, Q, F25) with several books; never moves the tables."""
        return self._round(self.project(content), False).codes

    def _round(self, x: Tensor, learn: bool) -> Quantized:
        """Nearest code vectors of x (B, D, F25); with `learn` the tables follow, and the commitment is computed."""
        left = x.transpose(1, 2)
        total = torch.zeros_like(x)
        commitment = x.new_zeros(())
        codes: list[Tensor] = []
        for book in self.books:
            flat = left.detach().float().flatten(0, 1)
            if learn and not book.started:
                book.start(flat)
            index = self._nearest(book(left.detach()), is_first=not codes)
            codes.append(index)
            chosen = book.lookup(index)
            if learn:
                commitment = commitment + commitment_loss(left, chosen) / self.n_books
                book.follow(flat, index.flatten())
            total = total + chosen.transpose(1, 2)
            left = left - chosen
        joined = codes[0] if self.n_books == 1 else torch.stack(codes, 1)
        return Quantized(total, joined, commitment)

    def _nearest(self, distance: Tensor, is_first: bool) -> Tensor:
        """Distances (B, F25, K) -> codes (B, F25); the first book's pass the taps."""
        if not is_first:
            return distance.argmin(-1)
        return self.codes(self.distance(distance).argmin(-1))

    def decode(self, codes: Tensor) -> Tensor:
        """Codes (B, F25), or (B, Q, F25) -> code vectors (B, D, F25)."""
        if codes.dim() == 2:
            codes = codes[:, None]
        vectors = []
        for number, book in enumerate(self.books):
            vectors.append(book.lookup(codes[:, number]))
        return torch.stack(vectors).sum(0).transpose(1, 2)


def code_vectors(
    quantizer: Quantizer,
    codes: Tensor | None,
    content: Tensor | None,
    frozen: bool,
) -> tuple[Tensor, Tensor]:
    """Code vectors (B, D, F25) of codes (B, F25) or content (B, D, F50), and the commitment loss ().

    A quantizer without codes hands the content on.
    """
    if codes is None and content is not None:
        if not (frozen and quantizer.n_codes):
            quantized = quantizer(content)
            return quantized.x, quantized.commitment
        with torch.no_grad():
            codes = quantizer.encode(content)
    elif codes is None or content is not None:
        raise ConfigError("CONFIG_INCONSISTENT", "codes and content were both given, or neither", "one of them")
    with torch.no_grad():
        vectors = quantizer.decode(codes)
    return vectors, vectors.new_zeros(())
