"""Harmonic-plus-noise vocoder: a pulse train and a noise, filtered frame by frame in the Fourier domain, then added.

z (B, C, F50) -> two log-envelopes (100 Hz) -> wave (B, 1, T)

The voice has its harmonics from the first step, because they are built in and not learned; the network only says how
strong each band of pulses and of noise is.
Letters: B batch, C latent width, F frames, K bins, G speaker width, T samples.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from gsv_lab.errors import ConfigError
from gsv_lab.extensions.convnext import ConvNeXtStack
from gsv_lab.extensions.f0 import TYPICAL_F0, f0_loss, recorded_pitch, voicing_loss
from gsv_lab.extensions.istft_vocoder import ShortTimeFourier, frames_per_latent
from gsv_lab.extensions.ltas import bin_positions, cosines
from gsv_lab.hooks.tap import Tap
from gsv_lab.nn.interfaces import Conditioning, Features, Vocoded, Vocoder
from gsv_lab.nn.ops import standard_normal
from gsv_lab.system.ranges import NonNegativeInt, PositiveInt


def pulse_train(f0: Tensor, sample_rate: float) -> Tensor:
    """All harmonics of F0 below half the sample rate, in cosine phase, with unit power.

    f0 in Hz for every sample (B, T) -> (B, T)

    The sum cos(p) + ... + cos(N p) over N harmonics has a closed form (Dirichlet's kernel):
    (sin((N + 1/2) p) / sin(p / 2) - 1) / 2. The phase p is summed in double precision where the device has it, because
    high harmonics multiply its error.
    """
    exact = torch.float64 if f0.device.type != "mps" else torch.float32
    f0 = f0.to(exact).clamp(min=1.0)
    cycles = torch.remainder((f0 / sample_rate).cumsum(-1), 1.0)
    half_phase = math.pi * cycles
    count = torch.ceil(sample_rate / 2 / f0) - 1
    count = count.clamp(min=1)
    bottom = torch.sin(half_phase)
    near_pulse = bottom.abs() < 1e-6
    bottom = bottom.masked_fill(near_pulse, 1.0)
    top = torch.sin((2 * count + 1) * half_phase)
    total = (top / bottom - 1) / 2
    total = torch.where(near_pulse, count, total)
    return (total * (2 / count).sqrt()).float()


class SourceFilterVocoder(Vocoder):
    """z (B, C, F), conditioning -> Vocoded(wave (B, 1, T), log_f0, voicing (B, 1, f0_frames * F)).

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
        own_pitch: predict F0 and voicing from the latent; else the vocoder needs them, and the envelopes see them.
        ltas_dim: cosines of the long-term average spectrum that is put into both envelopes; 0 for none.

    A `postfilter` changes the log-envelopes (B, 2, K, F100), harmonic ones first.
    """

    curves: Tensor
    reads = frozenset({"log_f0", "voicing"})

    f0 = Tap(
        "batch channel frame",
        rate="spectral_rate",
        unit="Hz",
        meaning="fundamental frequency of the pulses",
    )
    envelopes = Tap(
        "batch bin frame",
        rate="spectral_rate",
        unit="nat",
        meaning="log-envelopes: harmonic bins, then noise bins",
    )
    harmonic = Tap("batch sample", rate="sample_rate", meaning="harmonic part of the wave")
    noise = Tap("batch sample", rate="sample_rate", meaning="noise part of the wave")
    wave = Tap("batch channel sample", rate="sample_rate", meaning="wave, about in [-1, 1]")

    def __init__(
        self,
        latent_dim: PositiveInt = 64,
        speaker_dim: NonNegativeInt = 192,
        sample_rate: PositiveInt = 16000,
        hop_length: PositiveInt = 320,
        width: PositiveInt = 192,
        layers: NonNegativeInt = 6,
        kernel: PositiveInt = 7,
        expansion: PositiveInt = 3,
        n_fft: PositiveInt = 512,
        frame_hop: PositiveInt = 160,
        phase: bool = False,
        own_pitch: bool = True,
        ltas_dim: NonNegativeInt = 0,
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.speaker_dim = speaker_dim
        self.sample_rate = sample_rate
        self.hop_length = hop_length
        self.frame_hop = frame_hop
        self.f0_frames = frames_per_latent(hop_length, frame_hop)
        self.spectral_rate = sample_rate / frame_hop
        self.ltas_dim = ltas_dim
        self.needs = _needs(own_pitch, ltas_dim)
        bins = n_fft // 2 + 1
        self.net = ConvNeXtStack(
            latent_dim,
            speaker_dim,
            width,
            layers,
            kernel,
            expansion,
            self.f0_frames,
        )
        self.pitch_head = nn.Conv1d(width, 2, 1) if own_pitch else None
        self.pitch_in = None if own_pitch else nn.Conv1d(2, width, 1)
        self.envelope_head = nn.Conv1d(width, 2 * bins, 1)
        # Start near quiet speech (about 0.03 of full scale) and at a typical pitch.
        self.envelope_head.bias.data.fill_(-4.0)
        self.phase_head = nn.Conv1d(width, bins, 1) if phase else None
        _start_at_zero(self.pitch_in)
        _start_at_zero(self.phase_head)
        self.fourier = ShortTimeFourier(n_fft, frame_hop)
        curves = cosines(bin_positions(sample_rate, n_fft, 80), ltas_dim)
        self.register_buffer("curves", curves, persistent=False)

    def forward(
        self,
        z: Tensor,
        conditioning: Conditioning,
        generator: torch.Generator | None = None,
    ) -> Vocoded:
        """See the class. The returned pitch is the own prediction, if there is one; a given one makes the pulses.

        Args:
            z: latents.
            conditioning: `speaker`; `log_f0` and `voicing` (B, 1, f0_frames * F), share of voice in [0, 1], to use
                instead of the own prediction; `ltas` (B, K, 1).
            generator: source of the noise.

        Raises:
            ConfigError: there is no pitch, neither given nor an own one.
        """
        frames, own_f0, own_voicing = self._frames(z, conditioning)
        log_f0, voicing = conditioning.log_f0, conditioning.voicing
        if log_f0 is None:
            log_f0 = own_f0
        if voicing is None:
            voicing = (own_voicing > 0).float()
        # No gradient through the phase: it turns thousands of times, and the loss on F0 is direct.
        harmonic, noise = self.excite(log_f0.detach().float(), voicing.detach().float(), generator)
        wave = self.filter(frames, harmonic, noise, self.ltas_offset(conditioning.ltas))
        return Vocoded(self.wave(wave[:, None]), own_f0, own_voicing)

    def _frames(
        self,
        z: Tensor,
        conditioning: Conditioning,
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Frames (B, width, F100), and the own log-F0 and voicing (logit), (B, 1, F100), if they are predicted."""
        if self.pitch_head is not None:
            frames = self.net(z, conditioning.speaker)
            log_f0, voicing = self.pitch_head(frames).float().chunk(2, dim=1)
            return frames, log_f0 + math.log(TYPICAL_F0), voicing
        if self.pitch_in is None or conditioning.log_f0 is None or conditioning.voicing is None:
            raise ConfigError(
                "CONFIG_INCONSISTENT",
                "this vocoder predicts no pitch",
                "log_f0 and voicing",
            )
        level = conditioning.log_f0 - math.log(TYPICAL_F0)
        pitch = torch.cat((level, conditioning.voicing), dim=1)
        offset = self.pitch_in(pitch.to(z.dtype))
        return self.net(z, conditioning.speaker, offset), None, None

    def losses(self, made: Vocoded, target: Features) -> dict[str, Tensor]:
        """`f0` (nat) and `voicing`, of the own prediction."""
        if made.log_f0 is None or made.voicing is None:
            return {}
        log_f0, voicing = recorded_pitch(target)
        return {
            "f0": f0_loss(made.log_f0, log_f0, voicing),
            "voicing": voicing_loss(made.voicing, voicing),
        }

    def excite(self, log_f0: Tensor, voicing: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Pulses and noise of unit power: two (B, 1, F100) -> two (B, T)."""
        highest = math.log(self.sample_rate / 8)
        limited = log_f0.clamp(math.log(30.0), highest)
        f0 = self._to_samples(self.f0(limited.exp()))
        share = self._to_samples(voicing)
        pulses = pulse_train(f0, self.sample_rate) * share
        return pulses, standard_normal(pulses, generator)

    def ltas_offset(self, ltas: Tensor | None) -> Tensor | float:
        """What the long-term average spectrum adds to both log-envelopes of every bin: (B, K, 1) -> (B, 1, bins, 1)."""
        if ltas is None or not self.ltas_dim:
            return 0.0
        curve = self.curves.T @ ltas.float()
        return curve[:, None]

    def filter(
        self,
        x: Tensor,
        harmonic: Tensor,
        noise: Tensor,
        offset: Tensor | float = 0.0,
    ) -> Tensor:
        """Filter the two excitations (B, T) by the envelopes of the frames x (B, width, F100), and add them: (B, T)."""
        envelopes = self.envelope_head(x).float().unflatten(1, (2, -1))
        envelopes = envelopes + offset
        if self.postfilter is not None:
            envelopes = self.postfilter(envelopes)
        limited = envelopes.flatten(1, 2).clamp(-14.0, 5.0)
        for_harmonic, for_noise = self.envelopes(limited).exp().chunk(2, dim=1)
        if self.phase_head is not None:
            phase = torch.tanh(self.phase_head(x).float())
            for_harmonic = torch.polar(for_harmonic, math.pi * phase)
        harmonic = self.fourier.inverse(self.fourier(harmonic) * for_harmonic)
        noise = self.fourier.inverse(self.fourier(noise) * for_noise)
        return self.harmonic(harmonic) + self.noise(noise)

    def _to_samples(self, frames: Tensor) -> Tensor:
        # (B, 1, F100) -> (B, T); a frame's value holds at its centre.
        samples = functional.interpolate(frames, scale_factor=self.frame_hop, mode="linear")
        return samples[:, 0]


def _needs(own_pitch: bool, ltas_dim: int) -> frozenset[str]:
    needs = set()
    if not own_pitch:
        needs |= {"log_f0", "voicing"}
    if ltas_dim:
        needs.add("ltas")
    return frozenset(needs)


def _start_at_zero(head: nn.Conv1d | None) -> None:
    if head is not None:
        for parameter in head.parameters():
            nn.init.zeros_(parameter)
