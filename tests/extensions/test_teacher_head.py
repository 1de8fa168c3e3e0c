"""The phone head on a large recogniser's frames."""

from __future__ import annotations

import torch

from gsv_lab.extensions.teacher_head import TeacherHead
from gsv_lab.hooks import probe


def test_shapes_and_probabilities() -> None:
    head = TeacherHead(11, teacher_dim=6, width=8, layers=2, kernel=3, dim=5).eval()
    features = torch.randn(2, 6, 20)
    with probe(head, "content", "phones") as records:
        content = head(features)
        scores = head.phone_scores(content)
    labels = head.label_scores(content)
    assert content.shape == (2, 5, 20) and scores.shape == labels.shape == (2, 11, 20)
    assert torch.equal(records["content"].value, content) and torch.equal(records["phones"].value, scores)
    for found in (scores, labels):
        torch.testing.assert_close(found.exp().sum(1), torch.ones(2, 20))
    assert not torch.equal(scores, labels), "two readings of the same content"


def test_everything_learns() -> None:
    head = TeacherHead(11, teacher_dim=6, width=8, layers=2, dim=5)
    content = head.encode(torch.randn(2, 6, 20))
    (head.phone_scores(content)[:, 3].mean() + head.label_scores(content)[:, 4].mean()).backward()
    assert all(part.grad is not None and part.grad.abs().sum() > 0 for part in head.parameters())


def test_levels_of_channels_do_not_matter_once_it_is_trained() -> None:
    """Whisper's channels have very different sizes; their statistics are gathered in training and kept after it."""
    features = torch.randn(4, 6, 200)
    scale = torch.tensor([0.3, 0.5, 1.0, 10.0, 100.0, 1.0])[:, None]
    found = []
    for given in (features, features * scale + 3 * scale):
        torch.manual_seed(0)
        head = TeacherHead(11, teacher_dim=6, width=8, layers=1, dim=5, dropout=0.0)
        head.norm.momentum = None  # the mean of what was seen
        head(given)
        found.append(head.eval()(given))
    torch.testing.assert_close(found[0], found[1], rtol=1e-2, atol=1e-3)
    assert torch.equal(head(given), found[1]), "nothing is gathered after it"
