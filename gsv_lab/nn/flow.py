"""Flow: an invertible map between the posterior's latent and the one that the prior can predict.

The volume is kept (the couplings only shift), so the likelihood needs no determinant.
Letters: B batch, C latent width, F frames at 50 Hz, G speaker width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gsv_lab.errors import ConfigError
from gsv_lab.hooks.tap import Component, Tap
from gsv_lab.nn.interfaces import Conditioning, Flow
from gsv_lab.nn.ops import full_mask
from gsv_lab.nn.wavenet import WaveNet
from gsv_lab.system.ranges import NonNegativeInt, PositiveInt


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
        self.in_proj = nn.Conv1d(latent_dim // 2, width, 1)
        self.stack = WaveNet(width, layers, kernel, speaker_dim)
        self.out_proj = nn.Conv1d(width, latent_dim // 2, 1)
        # The flow starts as the identity (apart from the order of channels).
        for value in self.out_proj.parameters():
            nn.init.zeros_(value)

    def forward(self, z: Tensor, mask: Tensor, speaker: Tensor | None, inverse: bool = False) -> Tensor:
        """See the class; `inverse=True` undoes it."""
        if inverse:
            z = z.flip(1)
        kept, moved = z.chunk(2, dim=1)
        inner = self.stack(self.in_proj(kept) * mask, mask, speaker)
        shift = self.out_proj(inner) * mask
        if inverse:
            return self.z(torch.cat((kept, (moved - shift) * mask), dim=1))
        return self.z(torch.cat((kept, moved * mask + shift), dim=1).flip(1))


class CouplingFlow(Flow):
    """A chain of additive couplings: z (B, C, F), conditioning -> z_p (B, C, F), and back with `inverse=True`.

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
        self,
        latent_dim: PositiveInt,
        speaker_dim: NonNegativeInt,
        width: PositiveInt = 192,
        layers: PositiveInt = 4,
        kernel: PositiveInt = 5,
        couplings: PositiveInt = 4,
    ) -> None:
        super().__init__()
        if latent_dim % 2:
            problem = f"latent_dim of the flow is {latent_dim}"
            raise ConfigError("CONFIG_RANGE", problem, "an even number, since it is halved")
        self.latent_dim = latent_dim
        self.speaker_dim = speaker_dim
        self.steps = nn.ModuleList()
        for _ in range(couplings):
            self.steps.append(Coupling(latent_dim, speaker_dim, width, layers, kernel))

    def forward(self, z: Tensor, mask: Tensor | None, conditioning: Conditioning, inverse: bool = False) -> Tensor:
        """See the class."""
        mask = full_mask(z) if mask is None else mask
        for step in reversed(self.steps) if inverse else self.steps:
            z = step(z, mask, conditioning.speaker, inverse)
        return self.z(z)


class IdentityFlow(Flow):
    """No flow: (B, C, F) -> (B, C, F) unchanged. For the ablation that asks what the flow is worth.

    Args:
        latent_dim: C.
        speaker_dim: G, not used.
    """

    z = Tap("batch dim frame", rate=50.0, meaning="latent, unchanged")

    def __init__(self, latent_dim: PositiveInt, speaker_dim: NonNegativeInt) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.speaker_dim = speaker_dim

    def forward(self, z: Tensor, mask: Tensor | None, conditioning: Conditioning, inverse: bool = False) -> Tensor:
        """See the class."""
        return self.z(z)
