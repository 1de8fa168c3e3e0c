"""Flow: an invertible map between what the posterior hears and what the prior can predict.

Letters: B batch, C latent width, F frames at 50 Hz, G speaker width.
The volume is kept (the couplings only shift), so the likelihood needs no determinant.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gsv_lab.errors import ConfigError
from gsv_lab.hooks.tap import Component, Tap
from gsv_lab.nn.interfaces import Flow
from gsv_lab.nn.ops import full_mask
from gsv_lab.nn.wavenet import WaveNet


class Coupling(Component):
    """Shift one half of the channels by a function of the other half, then reverse the order of channels.

    (B, C, F) -> (B, C, F)

    Source: Dinh et al. 2014, arXiv:1410.8516, eqs. 5-8 (additive coupling).

    Args:
        latent_dim: C, even.
        speaker_dim: G; 0 for no condition.
        width, layers, kernel: of the `WaveNet` that computes the shift.
    """

    z = Tap("batch dim frame", rate=50.0, meaning="latent after this coupling")

    def __init__(self, latent_dim: int, speaker_dim: int, width: int, layers: int, kernel: int) -> None:
        super().__init__()
        self.enter = nn.Conv1d(latent_dim // 2, width, 1)
        self.stack = WaveNet(width, layers, kernel, speaker_dim)
        self.leave = nn.Conv1d(width, latent_dim // 2, 1)
        # The flow starts as the identity (apart from the order of channels).
        for value in self.leave.parameters():
            nn.init.zeros_(value)

    def forward(self, z: Tensor, mask: Tensor, speaker: Tensor | None, inverse: bool = False) -> Tensor:
        """See the class; `inverse=True` undoes it."""
        kept, moved = (z.flip(1) if inverse else z).chunk(2, dim=1)
        shift = self.leave(self.stack(self.enter(kept) * mask, mask, speaker)) * mask
        moved = (moved - shift) * mask if inverse else moved * mask + shift
        z = torch.cat((kept, moved), dim=1)
        return self.z(z if inverse else z.flip(1))


class CouplingFlow(Flow):
    """A chain of additive couplings: z (B, C, F), speaker (B, G, 1) -> z_p (B, C, F), and back with `inverse=True`.

    Why: the prior is a plain normal; the flow bends it to the shape of real latents, with the speaker as its condition.
    Source: VITS, Kim et al. 2021, arXiv:2106.06103, eq. 5.

    Args:
        latent_dim: C, even.
        speaker_dim: G.
        width, layers, kernel: of the stack in each coupling.
        couplings: number of couplings.

    Raises:
        ConfigError: `latent_dim` is odd.
    """

    z = Tap("batch dim frame", rate=50.0, meaning="latent on the other side of the flow")

    def __init__(
        self, latent_dim: int, speaker_dim: int, width: int = 192, layers: int = 4, kernel: int = 5, couplings: int = 4
    ) -> None:
        super().__init__()
        if latent_dim % 2:
            problem = f"latent_dim of the flow is {latent_dim}"
            raise ConfigError("CONFIG_RANGE", problem, "an even number, since it is halved")
        self.latent_dim, self.speaker_dim = latent_dim, speaker_dim
        self.steps = nn.ModuleList(Coupling(latent_dim, speaker_dim, width, layers, kernel) for _ in range(couplings))

    def forward(self, z: Tensor, mask: Tensor | None, speaker: Tensor, inverse: bool = False) -> Tensor:
        """See the class."""
        mask = full_mask(z) if mask is None else mask
        for step in reversed(self.steps) if inverse else self.steps:
            z = step(z, mask, speaker, inverse)
        return self.z(z)


class IdentityFlow(Flow):
    """No flow: (B, C, F) -> (B, C, F) unchanged. For the ablation that asks what the flow is worth.

    Args:
        latent_dim: C.
        speaker_dim: G, not used.
    """

    z = Tap("batch dim frame", rate=50.0, meaning="latent, unchanged")

    def __init__(self, latent_dim: int, speaker_dim: int) -> None:
        super().__init__()
        self.latent_dim, self.speaker_dim = latent_dim, speaker_dim

    def forward(self, z: Tensor, mask: Tensor | None, speaker: Tensor, inverse: bool = False) -> Tensor:
        """See the class."""
        return self.z(z)
