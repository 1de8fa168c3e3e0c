"""The tracks of a released family's store, and the networks that make them.

| track | frames | made by |
| --- | --- | --- |
| `symbols` | (P,) phone ids | the text alone |
| `hubert-ID` | (F50, 768) half precision | HuBERT; its missing last frame repeats the one before |
| `codes-CODEBOOK-HUBERT` | (F25,) | the family's quantizer, from the stored content |
| `context-ID` | (P, 1024) half precision | BERT; zeros where the text is not Mandarin |
| `verification-ID` | (1, 20480) half precision | the verification network of the Pro sizes |

An ID is the identity of weights, so that a track made by other weights is another track. Letters: P phones, F50 and F25
frames at 50 and 25 Hz, T samples.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from gsv_lab import audio
from gsv_lab.checkpoint import load_component
from gsv_lab.corpora.released_clips import read_phones
from gsv_lab.corpora.store import ClipStore
from gsv_lab.corpora.tracks import codebook_identity, identity
from gsv_lab.errors import CheckpointError, DataError, LabError, TextError
from gsv_lab.nn.interfaces import Quantizer
from gsv_lab.nn.ops import fit_frames
from gsv_lab.nn.sovits import SoVITS
from gsv_lab.released.catalogue import MODELS
from gsv_lab.released.companions import BertContext, HubertContent, load_bert, load_hubert, transformers
from gsv_lab.released.eres2net import ERes2NetV2
from gsv_lab.released.loading import find, imported_file, load_verifier, missing_files
from gsv_lab.released.synthesizer import ReleasedSynthesizer

ROLES = ("sovits", "content_encoder", "context_encoder", "speaker_verification")
"""What a store is made with; no SemanticGPT, no discriminators."""


class Networks(NamedTuple):
    """What makes the tracks of a family's store; `n_phones` that the family reads, rates in Hz."""

    content_encoder: HubertContent
    context_encoder: BertContext
    quantizer: Quantizer
    verifier: ERes2NetV2 | None
    n_phones: int
    sample_rate: int
    frame_rate: int

    def identities(self) -> dict[str, str]:
        """A few digits for each network, which tell its weights from others."""
        words = json.dumps(self.context_encoder.vocabulary, sort_keys=True).encode()
        vocabulary = {"vocabulary": torch.frombuffer(bytearray(words), dtype=torch.uint8)}
        found = {
            "hubert": identity(self.content_encoder.state_dict()),
            "codebook": codebook_identity(self.quantizer),
            "bert": identity({**self.context_encoder.state_dict(), **vocabulary}),
        }
        if self.verifier is not None:
            found["verifier"] = identity(self.verifier.state_dict())
        return found


def networks_of(synthesizer: ReleasedSynthesizer) -> Networks:
    """Those of a family that is loaded, on the CPU, where stores are."""
    on_cpu = synthesizer if synthesizer.device.type == "cpu" else copy.deepcopy(synthesizer).cpu()
    sovits = on_cpu.sovits
    rate, hop = int(sovits.frontend.sample_rate), int(sovits.vocoder.hop_length)
    return Networks(
        cast(HubertContent, on_cpu.content_encoder),
        cast(BertContext, on_cpu.context_encoder),
        sovits.quantizer,
        on_cpu.verifier,
        sovits.prior.n_phones,
        rate,
        rate // hop,
    )


def load_networks(family: str, companions: Path | None) -> Networks:
    """The networks of a family that its stores are made with.

    Raises:
        CheckpointError: CKPT_MISSING; CKPT_FORMAT, the weights are of another family or have other frames.
        DataError: DATA_ROW, no such family. LabError: EXTRA_MISSING.
    """
    if family not in MODELS:
        raise DataError("DATA_ROW", f"There is no family {family!r}", " or ".join(MODELS))
    files = find(family, ROLES, companions)
    if files.absent:
        raise CheckpointError("CKPT_MISSING", *missing_files(files))
    transformers()
    sovits = cast(SoVITS, load_component(imported_file(files.paths["sovits"])))
    encoder = load_hubert(files.paths["content_encoder"])
    rate, hop = int(sovits.frontend.sample_rate), int(sovits.vocoder.hop_length)
    if rate != encoder.frame_rate * hop:
        problem = f"{files.paths['sovits'].name} has {rate / hop:g} frames a second"
        raise CheckpointError("CKPT_FORMAT", problem, f"{encoder.frame_rate:g}, as HuBERT")
    verifier = load_verifier(files.paths.get("speaker_verification"))
    width = sovits.speaker_encoder.verification_dim
    if width != (0 if verifier is None else verifier.vector_dim):
        found = 0 if verifier is None else verifier.vector_dim
        problem = f"{files.paths['sovits'].name} reads verification vectors of {width}, {family} has {found}"
        raise CheckpointError("CKPT_FORMAT", problem, f"weights of {family}")
    context_encoder = load_bert(files.paths["context_encoder"])
    n_phones = sovits.prior.n_phones
    return Networks(encoder, context_encoder, sovits.quantizer, verifier, n_phones, rate, rate // hop)


class ReleasedTracks:
    """The tracks of a store that networks make.

    A clip that one network fails on gets no frames of it and of those that follow.

    Args:
        store: with the track `symbols`.
        networks: of its family.
        identities: see `Networks.identities`.
    """

    def __init__(self, store: ClipStore, networks: Networks, identities: Mapping[str, str]) -> None:
        self.store = store
        self.networks = networks
        self.names = {
            "hubert": f"hubert-{identities['hubert']}",
            "codes": f"codes-{identities['codebook']}-{identities['hubert']}",
            "context": f"context-{identities['bert']}",
            "verification": f"verification-{identities.get('verifier', '')}",
        }
        self.failed: set[str] = set()

    @torch.no_grad()
    def add(self) -> None:
        """Make what is missing.

        Raises:
            LabError: SAVE_FAILED.
        """
        networks = self.networks
        self._grow("hubert", self.content, (networks.content_encoder.dim,), rate=networks.content_encoder.frame_rate)
        self._grow("codes", self.codes, (), np.int16, rate=networks.quantizer.frame_rate)
        self._grow("context", self.context, (networks.context_encoder.dim,))
        if networks.verifier is not None:
            self._grow("verification", self.verification, (networks.verifier.vector_dim,))

    def content(self, index: int) -> Tensor:
        """(F50, D) of a clip."""
        encoder = self.networks.content_encoder
        found = encoder(self._wave(index, encoder.sample_rate)[None, None]).content
        return fit_frames(found, self.store.rows[index].samples // self.store.hop)[0].t()

    def codes(self, index: int) -> Tensor:
        """(F25,) of a clip, from its stored content."""
        stored = self.store.track(self.names["hubert"], index)
        return self.networks.quantizer.encode(torch.from_numpy(stored.astype(np.float32)).t()[None])[0]

    def context(self, index: int) -> Tensor:
        """(P, C) of a clip's text."""
        row = self.store.rows[index]
        phones = read_phones(row.text, row.language, self.networks.n_phones)
        try:
            return self.networks.context_encoder(phones).t()
        except LabError:
            raise
        except ValueError as error:
            raise TextError("TEXT_UNSUPPORTED", f"BERT cannot read the text: {error}") from error

    def verification(self, index: int) -> Tensor:
        """(1, V) of a clip."""
        verifier = cast(ERes2NetV2, self.networks.verifier)
        return verifier.embed(self._wave(index, verifier.sample_rate))

    def _wave(self, index: int, sample_rate: int) -> Tensor:
        """A clip (T,) at the rate of a network."""
        return audio.resample(torch.from_numpy(self.store.wave(index)), self.store.sample_rate, sample_rate)

    def _grow(
        self,
        kind: str,
        make: Callable[[int], Tensor],
        shape: tuple[int, ...],
        dtype: type = np.float16,
        **settings: float,
    ) -> None:
        def frames(index: int) -> np.ndarray:
            if self.store.rows[index].id in self.failed:
                return np.zeros((0, *shape), dtype)
            with np.errstate(over="ignore"):
                made: np.ndarray = make(index).numpy().astype(dtype)
            if not np.isfinite(made).all():
                raise DataError("DATA_NONFINITE", f"Its track '{kind}' is not finite", "numbers of half precision")
            return made

        name = self.names[kind]
        self.store.grow_track(name, frames, shape, dtype, **settings)
        self.failed.update(self.store.track_info(name)["failed"])


def failures(store: ClipStore) -> dict[str, str]:
    """Clips for which a network failed, and why."""
    found: dict[str, str] = {}
    for kind in ("hubert", "codes", "context", "verification"):
        for name in store.variants(kind):
            found |= store.track_info(name)["failed"]
    return found
