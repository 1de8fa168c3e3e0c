"""The quantizer: k-means start, moving averages, revival, gradients, projections; no process group anywhere."""

from __future__ import annotations

import pytest
import torch

from gsv_lab.errors import ConfigError
from gsv_lab.extensions.continuous_content import ContinuousContent
from gsv_lab.nn.quantizer import Codebook, VectorQuantizer, code_vectors


def clusters(n: int = 4, each: int = 50) -> tuple[torch.Tensor, torch.Tensor]:
    centres = torch.eye(n) * 10
    return centres, (centres[:, None] + 0.1 * torch.randn(n, each, n)).flatten(0, 1)


def test_kmeans_start_finds_the_clusters() -> None:
    """The first training batch fills the table with the centres of its clusters."""
    centres, points = clusters()
    # k-means depends on its start; among three starts one is right.
    errors = []
    for seed in range(5):
        book = Codebook(4, 4)
        book.start(points, torch.Generator().manual_seed(seed))
        errors.append(torch.cdist(centres, book.table).min(1).values.max().item())
        assert bool(book.started) and float(book.counts.sum()) == len(points)
    assert min(errors) < 0.1


def test_start_happens_once_and_only_in_training() -> None:
    """Evaluation reads the random table; training starts it; a second batch does not start it again."""
    quantizer = VectorQuantizer(4, 4, projection="none", hop=1)
    x = clusters()[1].t()[None]
    before = quantizer.books[0].table.clone()
    quantizer.eval()(x)
    assert torch.equal(quantizer.books[0].table, before) and not quantizer.books[0].started
    quantizer.train()(x)
    started = quantizer.books[0].table.clone()
    assert quantizer.books[0].started and not torch.equal(started, before)
    quantizer(x + 0.5)
    moved = (quantizer.books[0].table - started).abs().max()
    assert 0 < moved < 0.1


def test_a_dead_code_comes_back_to_life_and_stays() -> None:
    """A code that nothing uses is put on a vector of the batch, and the next step does not undo it."""
    _, points = clusters()
    book = Codebook(4, 5, dead_below=2.0)
    book.assign(torch.cat((torch.eye(4) * 10, torch.full((1, 4), 100.0))), torch.tensor([50.0, 50, 50, 50, 1]))
    book.follow(points, book(points).argmin(-1))
    revived = book.table[4].clone()
    assert (points - revived).norm(dim=1).min() < 1e-6 and float(book.counts[4]) == 2.0
    codes = book(points).argmin(-1)
    assert (codes == 4).any()
    book.follow(points, codes)
    assert (book.table[4] - revived).norm() < 1.0
    book.dead_below = 0.0
    book.assign(torch.cat((torch.eye(4) * 10, torch.full((1, 4), 100.0))), torch.tensor([50.0, 50, 50, 50, 1]))
    book.follow(points, book(points).argmin(-1))
    assert book.table[4].min() > 90


def test_moving_average_by_hand() -> None:
    """One step of equations 6 to 8."""
    book = Codebook(1, 2, decay=0.9, dead_below=0.0)
    book.assign(torch.tensor([[0.0], [10.0]]), torch.tensor([4.0, 4.0]))
    points = torch.tensor([[1.0], [2.0], [9.0]])
    book.follow(points, book(points).argmin(-1))
    counts = torch.tensor([0.9 * 4 + 0.1 * 2, 0.9 * 4 + 0.1 * 1])
    sums = torch.tensor([0.1 * 3, 0.9 * 40 + 0.1 * 9])
    torch.testing.assert_close(book.counts, counts)
    torch.testing.assert_close(book.table[:, 0], sums / counts, rtol=1e-4, atol=1e-4)


def test_gradient_passes_the_rounding() -> None:
    """Straight-through: the gradient of the output is the gradient of the input; the commitment adds its own."""
    quantizer = VectorQuantizer(3, 8, projection="none", hop=1, kmeans_steps=0).train()
    x = torch.randn(2, 3, 5, requires_grad=True)
    found = quantizer(x)
    weights = torch.randn_like(found.x)
    (found.x * weights).sum().backward()
    torch.testing.assert_close(x.grad, weights)
    x.grad = None
    quantizer(x).commitment.backward()
    assert x.grad.abs().sum() > 0


def test_codes_are_nearest() -> None:
    """Every code vector is the nearest one, by brute force; encode never moves the table, even in training."""
    quantizer = VectorQuantizer(3, 8, projection="none", hop=1, kmeans_steps=0).train()
    x, before = torch.randn(2, 3, 40), quantizer.books[0].table.clone()
    codes = quantizer.encode(x)
    assert torch.equal(codes, torch.cdist(x.transpose(1, 2), before[None]).argmin(-1))
    assert torch.equal(quantizer.books[0].table, before)


def test_projections() -> None:
    """Mean over two frames halves the rate; an odd frame is dropped; a wrong combination is refused."""
    quantizer = VectorQuantizer(3, 8, projection="mean")
    x = torch.randn(1, 3, 7)
    torch.testing.assert_close(quantizer.project(x), (x[..., :6:2] + x[..., 1:6:2]) / 2)
    assert quantizer.frame_rate == 25.0
    assert VectorQuantizer(3, 8, projection="conv", hop=1).project(x).shape == (1, 3, 7)
    for projection, hop in (("none", 2), ("sum", 2)):
        with pytest.raises(ConfigError, match=projection):
            VectorQuantizer(3, 8, projection=projection, hop=hop)


def test_more_books_leave_less() -> None:
    """Each residual book brings the decoded vectors nearer to the input."""
    x = torch.randn(4, 6, 50)
    errors = []
    for n_books in (1, 2, 4):
        torch.manual_seed(0)
        quantizer = VectorQuantizer(6, 16, projection="none", hop=1, n_books=n_books).train()
        quantizer(x)
        quantizer.eval()
        errors.append(float((quantizer.decode(quantizer.encode(x)) - x).square().mean()))
    assert errors[0] > errors[1] > errors[2]


def test_code_vectors_of_codes_and_of_content() -> None:
    """A frozen codebook is read without gradient and never moved; one that is trained passes the gradient on."""
    quantizer = VectorQuantizer(3, 8, projection="none", hop=1, kmeans_steps=0).train()
    content, before = torch.randn(2, 3, 5, requires_grad=True), quantizer.books[0].table.clone()
    codes = quantizer.encode(content)
    for given in ({"codes": codes, "content": None}, {"codes": None, "content": content}):
        vectors, commitment = code_vectors(quantizer, **given, frozen=True)
        assert torch.equal(vectors, quantizer.decode(codes)) and commitment == 0 and not vectors.requires_grad
    assert torch.equal(quantizer.books[0].table, before)
    vectors, commitment = code_vectors(quantizer, None, content, frozen=False)
    assert vectors.requires_grad and commitment > 0 and not torch.equal(quantizer.books[0].table, before)


def test_content_passes_where_there_are_no_codes() -> None:
    """A quantizer without a codebook hands content on, frozen or not."""
    content = torch.randn(2, 3, 6)
    vectors, _ = code_vectors(ContinuousContent(3), None, content, frozen=True)
    torch.testing.assert_close(vectors, (content[..., ::2] + content[..., 1::2]) / 2)


@pytest.mark.parametrize("both", [True, False])
def test_codes_or_content(both: bool) -> None:
    """One of the two is needed, not both."""
    quantizer = VectorQuantizer(3, 8, projection="none", hop=1)
    given = (torch.zeros(1, 5, dtype=torch.int64), torch.zeros(1, 3, 5)) if both else (None, None)
    with pytest.raises(ConfigError, match="both given, or neither"):
        code_vectors(quantizer, *given, frozen=True)
