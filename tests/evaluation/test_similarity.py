"""Speaker similarity: places by hand, cosines of a list, embedders that load late, GE2E on real voices."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from gsv_lab.errors import LabError
from gsv_lab.evaluation.lists import Item, read_list
from gsv_lab.evaluation.measures import Found, Measure
from gsv_lab.evaluation.measures.similarity import (
    GE2E,
    Compared,
    NetworkEmbedder,
    SpeakerEmbedder,
    SpeakerSimilarity,
    Threshold,
    normalised_similarity,
    places,
    unit,
)
from gsv_lab.system import extras

from .makers import RATE, PitchEmbedder, job, tone, toy_list


def test_normalised_similarity() -> None:
    assert normalised_similarity(0.9, 0.9, 0.5) == 1
    assert normalised_similarity(0.5, 0.9, 0.5) == 0
    assert normalised_similarity(0.3, 0.9, 0.5) == pytest.approx(-0.5)
    assert math.isnan(normalised_similarity(0.3, 0.5, 0.5))


def compared(item: str, cosines: Mapping[str, float], natural: bool = True, language: str = "en") -> Compared:
    """A clip of the item `<speaker>.<number>`; each speaker has one reference, called as the speaker."""
    speaker = item.partition(".")[0]
    return Compared(item, speaker, language, natural, speaker, {name: {name: cosines[name]} for name in cosines})


NATURAL = [
    compared("ann.1", {"ann": 0.90, "bob": 0.60}),
    compared("ann.2", {"ann": 0.80, "bob": 0.50}),
    compared("bob.1", {"ann": 0.40, "bob": 0.95}),
    compared("bob.2", {"ann": 0.45, "bob": 0.85}),
    compared("bob.3", {"ann": 0.50, "bob": 0.75}),
    # Another language: never counted among those above.
    compared("cai.1", {"cai": 0.70, "dan": 0.10}, language="zh"),
    compared("dan.1", {"cai": 0.20, "dan": 0.30}, language="zh"),
]


def test_places_by_hand() -> None:
    made = [
        compared("ann.1", {"ann": 0.675, "bob": 0.6}, natural=False),
        compared("bob.2", {"ann": 0.7, "bob": 0.7}, natural=False),
        compared("cai.1", {"cai": 0.35, "dan": 0.1}, natural=False, language="zh"),
    ]
    found = places([*made, *NATURAL])
    ann, bob, cai = found.values[:3]
    # Ceiling of the item's own recording; floor over the clips of the others alone, 0.45 and not 0.61.
    assert ann["ceiling"] == 0.9 and ann["floor"] == pytest.approx(0.45)
    assert ann["similarity_normalised"] == pytest.approx(0.5) and ann["nearest"] == 1
    assert bob["ceiling"] == 0.85 and bob["floor"] == pytest.approx(0.55) and bob["nearest"] == 0  # a tie is nobody's
    assert cai["floor"] == pytest.approx(0.2) and cai["similarity_normalised"] == pytest.approx(0.15 / 0.5)
    # Same pairs 0.75 to 0.95, different 0.4 to 0.6; in Mandarin 0.3 and 0.7 against 0.1 and 0.2.
    assert found.thresholds == {"en": Threshold(pytest.approx(0.675), 0), "zh": Threshold(pytest.approx(0.25), 0)}
    assert (ann["accepted"], bob["accepted"], cai["accepted"]) == (0, 1, 1)  # at the threshold is not above it
    for values in found.values[3:8]:
        assert values["similarity_normalised"] == 1 and values["accepted"] == 1


def test_without_natural_speech_nearest_alone_can_be_told() -> None:
    found = places([compared("ann.1", {"ann": 0.7, "bob": 0.6}, natural=False)])
    assert found.values == [{"nearest": 1}] and not found.thresholds
    other_items = places([compared("ann.9", {"ann": 0.7, "bob": 0.6}, natural=False), *NATURAL])
    assert set(other_items.values[0]) == {"floor", "nearest", "accepted"}  # no recording of this text: no ceiling


def test_one_speaker_has_neither_floor_nor_rivals() -> None:
    clips = [compared("ann.1", {"ann": 0.9}), compared("ann.2", {"ann": 0.8}), compared("ann.1", {"ann": 0.7}, False)]
    found = places(clips)
    assert found.values == [{"ceiling": 0.9}, {"ceiling": 0.8}, {"ceiling": 0.9}] and not found.thresholds


def test_unknown_speakers_are_not_one_person() -> None:
    unknown = [Compared(f"x{n}", "", "en", True, f"r{n}", {"": {f"r{n}": 0.5 + n / 10}}) for n in range(3)]
    made = Compared("x1", "", "en", False, "r1", {"": {"r1": 0.58}})
    found = places([made, *unknown])
    assert found.values[0] == {"ceiling": 0.6} and not found.thresholds
    beside = places([made, *unknown, *NATURAL])
    assert set(beside.values[0]) == {"ceiling", "accepted"}
    assert beside.values[4]["floor"] == pytest.approx(0.45)  # nor do they count as somebody else
    assert beside.thresholds == places(NATURAL).thresholds


def toy(folder: Path) -> tuple[Item, ...]:
    return read_list(toy_list(folder)).items


def cosines(found: Found | None) -> dict[str, float]:
    """Speaker -> cosine to the only reference."""
    assert found is not None
    return {speaker: next(iter(row.values())) for speaker, row in found["cosines"].items()}


def test_measure_gives_a_cosine_to_every_reference_of_the_language(tmp_path: Path) -> None:
    items = toy(tmp_path)
    measure = SpeakerSimilarity(PitchEmbedder(), items)
    assert isinstance(measure.embedder, SpeakerEmbedder) and isinstance(measure, Measure)
    assert measure.evaluator == "pitch" and set(measure.needs) == {"reference"}
    assert items[0].target is not None
    found = measure(items[0].target.read(), job(item=items[0]))
    assert set(cosines(found)) == {"ann", "bob"}
    assert cosines(found)["ann"] == pytest.approx(1, abs=1e-4) and cosines(found)["bob"] < 0.7
    assert found is not None and found["similarity"] == cosines(found)["ann"]
    assert found["cosines"]["ann"] == {found["own"]: found["similarity"]}
    assert found["similarity_seconds"] == pytest.approx(0.6)
    longer = measure(tone(220.0, 7.0), job(item=items[0]))
    assert longer is not None and longer["similarity_seconds"] == 6
    silent = measure(np.zeros(0, dtype=np.float32), job(item=items[0]))
    assert set(cosines(silent).values()) == {0.0}
    assert measure(tone(220.0), job()) is None  # an item without a reference
    # A voice that speaks another language is compared with the references of its own.
    assert set(cosines(measure(tone(180.0), job(language="en", item=items[4])))) == {"cai", "dan"}


def test_references_of_unknown_speakers_stand_alone(tmp_path: Path) -> None:
    items = toy(tmp_path)
    nobody = [
        replace(item, speaker="", reference=replace(item.reference, speaker="")) for item in items if item.reference
    ]
    found = SpeakerSimilarity(PitchEmbedder(), nobody)(tone(220.0), job(item=nobody[0]))
    assert set(cosines(found)) == {""} and found is not None and found["similarity"] > 0.99
    mixed = SpeakerSimilarity(PitchEmbedder(), [nobody[0], *items[2:]])
    assert set(cosines(mixed(tone(110.0), job(item=items[2])))) == {"bob"}
    assert set(cosines(mixed(tone(220.0), job(item=nobody[0])))) == {""}


class Counting(PitchEmbedder):
    """Counts what it embeds."""

    def __init__(self) -> None:
        self.calls = 0

    def embed(self, wave: np.ndarray) -> np.ndarray:
        self.calls += 1
        return super().embed(wave)


def test_references_are_embedded_once_and_when_needed(tmp_path: Path) -> None:
    items = toy(tmp_path)
    embedder = Counting()
    measure = SpeakerSimilarity(embedder, items)
    assert embedder.calls == 0
    for item in items[:4]:
        measure(tone(220.0), job(item=item))
    assert embedder.calls == 4 + 2


def test_the_set_of_references_and_the_embedder_are_part_of_the_identity(tmp_path: Path) -> None:
    items = toy(tmp_path)
    whole = SpeakerSimilarity(PitchEmbedder(), items).identity
    assert whole == SpeakerSimilarity(PitchEmbedder(), items[::-1]).identity  # whatever their order
    assert "pitch of a tone" in whole and "4 references" in whole
    other = PitchEmbedder()
    other.identity = "other weights"
    changed = [SpeakerSimilarity(other, items), SpeakerSimilarity(PitchEmbedder(), items[:6])]
    renamed = [replace(item, reference=replace(item.reference, speaker="x")) for item in items if item.reference]
    changed.append(SpeakerSimilarity(PitchEmbedder(), renamed))
    soundfile.write(tmp_path / "clips" / "ann_0.wav", tone(221.0), RATE)
    again = read_list(tmp_path / "lists" / "list.csv").items
    changed.append(SpeakerSimilarity(PitchEmbedder(), again))
    assert len({whole, *(measure.identity for measure in changed)}) == 5


def test_network_embedder_loads_late_cuts_scales_and_knows_silence() -> None:
    seen: list[tuple[int, ...]] = []
    loaded: list[int] = []

    def network(wave: torch.Tensor) -> torch.Tensor:
        seen.append(tuple(wave.shape))
        return torch.stack([wave.mean(-1), 1 + wave.abs().mean(-1)], dim=1)

    def load() -> object:
        loaded.append(1)
        return network

    embedder = NetworkEmbedder(load, "toy", "toy 0123", seconds=1.0)  # type: ignore[arg-type]
    assert not loaded and (embedder.name, embedder.identity) == ("toy", "toy 0123, first 1 s")
    assert not embedder.embed(np.zeros(100, dtype=np.float32)).any()
    vector = embedder.embed(tone(200.0, 3.0))
    assert seen[-1] == (1, 1, 16000) and loaded == [1]
    assert np.linalg.norm(vector) == pytest.approx(1)
    assert embedder.embed(np.zeros(0, dtype=np.float32)).tolist() == [0, 0]
    assert not unit(np.zeros(3)).any()


def test_ge2e_is_looked_for_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "webrtcvad" else "there")
    with pytest.raises(LabError, match=r"'webrtcvad'.*pip install --no-deps Resemblyzer==0.1.4"):
        GE2E()


def test_ge2e_tells_real_speakers_apart(shared: Path) -> None:
    pytest.importorskip("resemblyzer")
    items = read_list(shared / "speech" / "evaluation_list.csv").items
    chosen = [next(item for item in items if item.speaker == name) for name in ("kathleen", "32", "S0150")]
    embedder = GE2E()
    waves = [item.reference.read() for item in chosen if item.reference]
    references = [embedder.embed(wave) for wave in waves]
    targets = [embedder.embed(item.target.read()) for item in chosen if item.target]
    table = np.array(targets) @ np.array(references).T
    assert np.allclose(np.linalg.norm(references, axis=1), 1, atol=1e-5)
    assert table.argmax(1).tolist() == [0, 1, 2]
    assert table.diagonal().min() > 0.7
    assert (table[~np.eye(3, dtype=bool)] < 0.75).all()
    # Only the first six seconds count, and silence is nobody.
    longer = np.concatenate([np.tile(waves[1], 3)[: 6 * 16000], waves[0]])
    assert np.allclose(embedder.embed(longer), embedder.embed(longer[: 6 * 16000]))
    assert not embedder.embed(np.zeros(32000, dtype=np.float32)).any()
