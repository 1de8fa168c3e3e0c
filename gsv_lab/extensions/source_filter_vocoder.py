"""Harmonic-plus-noise vocoder: a pulse train and a noise, coloured frame by frame in the Fourier domain, then added.

z (B, C, F50) -> log-F0, voicing, two log-envelopes (100 Hz) -> wave (B, 1, T)

The voice has its harmonics from the first step, because they are built in and not learned; the network only says how
strong each band of pulses and of noise is. Letters: B batch, C latent width, F frames, K bins, G speaker width, T
samples.
It does not know how F0 is measured: in training it is given, in synthesis predicted.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from gsv_lab.errors import ConfigError
from gsv_lab.extensions.f0 import TYPICAL_F0
from gsv_lab.extensions.istft_vocoder import FrameNet, ShortTimeFourier, frames_per_latent
from gsv_lab.hooks.tap import Tap
from gsv_lab.nn.interfaces import Vocoded, Vocoder
from gsv_lab.nn.ops import standard_normal
from gsv_lab.nn.spectral import mel_positions, smooth_curves


def pulse_train(f0: Tensor, sample_rate: float) -> Tensor:
    """All harmonics of F0 below half the sample rate, in cosine phase, with unit power.

    f0 in Hz for every sample (B, T) -> (B, T)

    The sum cos(p) + ... + cos(N p) over N harmonics has a closed form (Dirichlet's kernel): (sin((N + 1/2) p) / sin(p
    / 2) - 1) / 2. The phase p is summed in double precision where the device has it, because high harmonics multiply
    its error.
    """
    exact = torch.float64 if f0.device.type != "mps" else torch.float32
    f0 = f0.to(exact).clamp(min=1.0)
    phase = math.pi * torch.remainder((f0 / sample_rate).cumsum(-1), 1.0)  # half of p
    count = (torch.ceil(sample_rate / 2 / f0) - 1).clamp(min=1)
    bottom = torch.sin(phase)
    near_pulse = bottom.abs() < 1e-6
    kernel = torch.sin((2 * count + 1) * phase) / torch.where(near_pulse, torch.ones_like(bottom), bottom)
    total = torch.where(near_pulse, count, (kernel - 1) / 2)
    return (total * (2 / count).sqrt()).float()


class SourceFilterVocoder(Vocoder):
    """z (B, C, F), speaker (B, G, 1) -> Vocoded(wave (B, 1, T), log_f0, voicing (B, 1, pitch_frames * F)).

    Why: a plain inverse-STFT head must learn phase from nothing and whispers for an hour of training; here periodicity
    is given.
    Source: the harmonic-plus-noise model, Serra and Smith 1990, CMJ 14(4); with learned envelopes: Engel et al. 2020,
    arXiv:2001.04643, 3.

    Args:
        latent_dim: C.
        speaker_dim: G.
        sample_rate: Hz.
        hop_length: samples for one latent frame.
        width, layers, kernel, expansion: of the ConvNeXt blocks.
        n_fft: points of the transform.
        frame_hop: samples from spectral frame to spectral frame, which are also the pitch frames.
        phase: also learn a rotation of every bin of the harmonic part.
        own_pitch: predict F0 and voicing from the latent; else they must be given, and the envelopes know them.
        colours: cosines of the speaker's colour (see `PitchedLogMel`), put into both envelopes.

    `postfilter`, None at first, changes log-envelopes (B, 2, K, F100), harmonic ones first; nobody trains through it.
    """

    curves: Tensor

    f0 = Tap("batch channel frame", rate="spectral_rate", unit="Hz", meaning="fundamental frequency of the pulses")
    envelopes = Tap(
        "batch bin frame", rate="spectral_rate", unit="nat", meaning="log-envelopes: harmonic bins, then noise bins"
    )
    harmonic = Tap("batch sample", rate="sample_rate", meaning="harmonic part of the wave")
    noise = Tap("batch sample", rate="sample_rate", meaning="noise part of the wave")
    wave = Tap("batch channel sample", rate="sample_rate", meaning="wave, about in [-1, 1]")

    def __init__(
        self,
        latent_dim: int = 64,
        speaker_dim: int = 192,
        sample_rate: int = 16000,
        hop_length: int = 320,
        width: int = 192,
        layers: int = 6,
        kernel: int = 7,
        expansion: int = 3,
        n_fft: int = 512,
        frame_hop: int = 160,
        phase: bool = False,
        own_pitch: bool = True,
        colours: int = 0,
    ) -> None:
        super().__init__()
        self.latent_dim, self.speaker_dim, self.hop_length = latent_dim, speaker_dim, hop_length
        self.sample_rate, self.frame_hop = sample_rate, frame_hop
        self.pitch_frames = frames_per_latent(hop_length, frame_hop)
        self.spectral_rate = sample_rate / frame_hop
        bins = n_fft // 2 + 1
        self.net = FrameNet(latent_dim, speaker_dim, width, layers, kernel, expansion, self.pitch_frames)
        self.pitch_head = nn.Conv1d(width, 2, 1) if own_pitch else None
        self.pitch_in = None if own_pitch else nn.Conv1d(2, width, 1)
        self.envelope_head = nn.Conv1d(width, 2 * bins, 1)
        # Start near quiet speech (about 0.03 of full scale) and at a typical pitch.
        self.envelope_head.bias.data.fill_(-4.0)
        self.phase_head = nn.Conv1d(width, bins, 1) if phase else None
        for head in (self.pitch_in, self.phase_head):
            for value in () if head is None else head.parameters():
                nn.init.zeros_(value)
        self.fourier, self.colours = ShortTimeFourier(n_fft, frame_hop), colours
        self.postfilter: nn.Module | None = None
        self.register_buffer("curves", smooth_curves(mel_positions(sample_rate, n_fft, 80), colours), persistent=False)

    def forward(
        self,
        z: Tensor,
        speaker: Tensor | None = None,
        log_f0: Tensor | None = None,
        voicing: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Vocoded:
        """See the class. The returned pitch is the own prediction, if there is one; a given one makes the pulses.

        Args:
            z: latents.
            speaker: speaker vector.
            log_f0: natural logarithm of F0 in Hz (B, 1, pitch_frames * F) to use instead of the own.
            voicing: share of voice in [0, 1], same shape, to use instead of the own yes or no.
            generator: source of the noise.

        Raises:
            ConfigError: there is no pitch, neither given nor an own one.
        """
        own_f0 = own_voicing = None
        if self.pitch_head is not None:
            x = self.net(z, speaker)
            own_f0, own_voicing = self.pitch_head(x).float().chunk(2, dim=1)
            own_f0 = own_f0 + math.log(TYPICAL_F0)
            log_f0 = own_f0 if log_f0 is None else log_f0
            voicing = (own_voicing > 0).float() if voicing is None else voicing
        elif self.pitch_in is None or log_f0 is None or voicing is None:
            raise ConfigError("CONFIG_INCONSISTENT", "this vocoder predicts no pitch", "log_f0 and voicing")
        else:
            heard = torch.cat((log_f0 - math.log(TYPICAL_F0), voicing), dim=1)
            x = self.net(z, speaker, self.pitch_in(heard.to(z.dtype)))
        # No gradient through the phase: it turns thousands of times, and the loss on F0 is direct.
        harmonic, noise = self.excite(log_f0.detach().float(), voicing.detach().float(), generator)
        wave = self.filter(x, harmonic, noise, self.colour(speaker))
        return Vocoded(self.wave(wave[:, None]), own_f0, own_voicing)

    def excite(self, log_f0: Tensor, voicing: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Pulses and noise of unit power: two (B, 1, F100) -> two (B, T)."""
        f0 = self.f0(log_f0.clamp(math.log(30.0), math.log(self.sample_rate / 8)).exp())
        track, gate = (self._to_samples(v) for v in (f0, voicing))
        pulses = pulse_train(track, self.sample_rate) * gate
        return pulses, standard_normal(pulses, generator)

    def colour(self, speaker: Tensor | None) -> Tensor | float:
        """What the speaker's colour adds to both log-envelopes of every bin: (B, G, 1) -> (B, 1, K, 1), or nothing."""
        k = self.colours
        return 0.0 if speaker is None or not k else (self.curves.T @ speaker[:, -1 - k : -1].float())[:, None]

    def filter(self, x: Tensor, harmonic: Tensor, noise: Tensor, colour: Tensor | float = 0.0) -> Tensor:
        """Filter the two excitations (B, T) by the envelopes of the frames x (B, width, F100), and add them: (B, T)."""
        found = self.envelope_head(x).float().unflatten(1, (2, -1)) + colour
        found = found if self.postfilter is None else self.postfilter(found)
        envelopes = self.envelopes(found.flatten(1, 2).clamp(-14.0, 5.0)).exp()
        for_harmonic, for_noise = envelopes.chunk(2, dim=1)
        if self.phase_head is not None:
            for_harmonic = torch.polar(for_harmonic, math.pi * torch.tanh(self.phase_head(x).float()))
        parts = self.fourier(harmonic) * for_harmonic, self.fourier(noise) * for_noise
        return self.harmonic(self.fourier.inverse(parts[0])) + self.noise(self.fourier.inverse(parts[1]))

    def _to_samples(self, frames: Tensor) -> Tensor:
        # (B, 1, F100) -> (B, T); a frame's value holds at its centre.
        return functional.interpolate(frames, scale_factor=self.frame_hop, mode="linear")[:, 0]
