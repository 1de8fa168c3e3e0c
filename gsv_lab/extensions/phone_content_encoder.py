"""What is said, not who says it: a small phone recogniser whose bottleneck is the content.

wave (B, 1, T) -> log-mel (B, M, 100 Hz) -> content (B, D, 50 Hz) -> phone scores (B, V, 50 Hz)

The network learns to write phones (connectionist temporal classification, then frame labels); its narrow last layer
keeps what phones need and drops most of the speaker.
Letters: B batch, T samples, M mel bands, F frames, D content width, V phone classes (index 0 is the CTC blank).
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from gsv_lab.extensions.convnext import ConvNeXtBlock
from gsv_lab.hooks.tap import Tap
from gsv_lab.nn.interfaces import ContentEncoder, Encoded
from gsv_lab.nn.spectral import LogMel
from gsv_lab.system.ranges import ClosedUnitInterval, NonNegativeInt, PositiveInt


class PhoneContentEncoder(ContentEncoder):
    """Convolutional phone recogniser with a bottleneck at 50 Hz.

    wave (B, 1, T) -> Encoded(content (B, D, F), log_probs (B, F, V)), F = 50 a second

    Why: a self-supervised encoder (HuBERT) of a size that runs on a laptop cannot be trained on ten hours; phones are
    the shortest way to content that carries no voice.
    Source: the idea of phonetic posteriorgrams as content, Sun et al. 2016 (ICME); CTC: Graves et al. 2006, eqs. 5-8;
    blocks: arXiv:2201.03545.

    Args:
        n_phones: classes V, the blank included.
        width: channels of the blocks.
        layers: number of blocks.
        kernel: frames seen by a block.
        dim: content width D.
        sample_rate: Hz.
        n_mels: mel bands M.
        dropout: share dropped in training.
    """

    mel = Tap("batch band frame", rate=100.0, unit="log magnitude", meaning="log-mel spectrogram, the only input")
    block = Tap("batch frame_dim frame", rate=50.0, meaning="frames after the last block")
    content = Tap("batch dim frame", rate=50.0, meaning="bottleneck: what is said")
    phones = Tap("batch phone frame", rate=50.0, unit="log probability", meaning="phone scores (CTC)")

    frame_rate = 50.0

    def __init__(
        self,
        n_phones: PositiveInt,
        width: PositiveInt = 192,
        layers: NonNegativeInt = 8,
        kernel: PositiveInt = 9,
        dim: PositiveInt = 192,
        sample_rate: PositiveInt = 16000,
        n_mels: PositiveInt = 80,
        dropout: ClosedUnitInterval = 0.05,
    ) -> None:
        super().__init__()
        self.dim = dim
        self.n_phones = n_phones
        self.sample_rate = sample_rate
        self.log_mel = LogMel(
            sample_rate,
            n_fft=sample_rate // 25,
            hop_length=sample_rate // 100,
            n_mels=n_mels,
        )
        self.front = nn.Sequential(
            nn.Conv1d(n_mels, width, 5, padding=2),
            nn.GELU(),
            nn.Conv1d(width, width, 4, stride=2, padding=1),
        )
        self.blocks = nn.ModuleList()
        for _ in range(layers):
            self.blocks.append(ConvNeXtBlock(width, kernel, 3, dropout))
        self.bottleneck = nn.Sequential(
            nn.GroupNorm(1, width),
            nn.Conv1d(width, dim, 1),
        )
        self.classify = nn.Conv1d(dim, n_phones, 1)
        self.label = nn.Conv1d(dim, n_phones, 1)

    def features(self, wave: Tensor) -> Tensor:
        """Log-mel frames of a wave, normalised per clip: (B, 1, T) -> (B, M, F100), F100 even."""
        mel = self.log_mel(wave)
        n_frames = mel.shape[-1] // 2 * 2
        return self.mel(normalise(mel[..., :n_frames]))

    def encode(self, mel: Tensor) -> Tensor:
        """Content from normalised log-mel frames: (B, M, F100) -> (B, D, F100 / 2)."""
        x = self.front(mel)
        for block in self.blocks:
            x = block(x)
        return self.content(self.bottleneck(self.block(x)))

    def forward(self, wave: Tensor, mask: Tensor | None = None) -> Encoded:
        """Content and phone scores: (B, 1, T) -> Encoded(content (B, D, F), log_probs (B, F, V))."""
        if mask is not None:
            wave = wave * mask
        content = self.encode(self.features(wave))
        scores = self.phone_scores(content)
        return Encoded(content, scores.transpose(1, 2))

    def phone_scores(self, content: Tensor) -> Tensor:
        """CTC log-probabilities: (B, D, F) -> (B, V, F)."""
        scores = self.classify(functional.gelu(content))
        return self.phones(scores.log_softmax(1))

    def label_scores(self, content: Tensor) -> Tensor:
        """Log-probabilities of the phone that sounds in each frame, 0 is silence: (B, D, F) -> (B, V, F)."""
        scores = self.label(functional.gelu(content))
        return scores.log_softmax(1)


def normalise(mel: Tensor) -> Tensor:
    """Log-mel frames without the recording's level: minus the clip's mean, over its deviation.

    (B, M, F) -> (B, M, F). One mean and one deviation a clip, not per band: the shape of the spectrum carries the
    phones.
    """
    mean = mel.mean(dim=(1, 2), keepdim=True)
    deviation = mel.std(dim=(1, 2), keepdim=True)
    return (mel - mean) / deviation.clamp(min=1e-3)
