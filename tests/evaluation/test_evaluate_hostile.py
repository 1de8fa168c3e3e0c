"""Evaluations as they go wrong: locks, foreign folders, equal waves, odd lists and names, changed inputs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from gsv_lab.errors import ConfigError, DataError, LabError
from gsv_lab.evaluation.cells import Cells
from gsv_lab.evaluation.conditions import LabConditions
from gsv_lab.evaluation.evaluate import evaluate
from gsv_lab.evaluation.lists import Item, TestList, read_list, read_texts, with_folders
from gsv_lab.evaluation.measures.similarity import SpeakerSimilarity
from gsv_lab.evaluation.systems import folder_of, folder_system
from gsv_lab.system.folders import locked

from .makers import RATE, FakeLab, PitchEmbedder, tone, toy_list
from .test_evaluate import Level, Words, folder, warned


@pytest.fixture
def toy(tmp_path: Path) -> TestList:
    return read_list(toy_list(tmp_path))


def code_of(call: Callable[[], Any]) -> str:
    with pytest.raises(LabError) as caught:
        call()
    return caught.value.code


def test_one_evaluation_at_a_time_writes_into_a_folder(toy: TestList, tmp_path: Path) -> None:
    ours, output = folder(tmp_path / "ours", toy.items, 0.1), tmp_path / "out"
    with locked(output, "evaluated in"):
        assert code_of(lambda: evaluate([ours], toy, output, measures=[Level()])) == "IN_USE"
    evaluate([ours], toy, output, measures=[Level()])


def test_reuse_of_what_is_no_evaluation(toy: TestList, tmp_path: Path) -> None:
    ours = folder(tmp_path / "ours", toy.items, 0.1)
    for other in (tmp_path / "absent", ours):
        assert code_of(lambda: evaluate([ours], toy, tmp_path / "out", measures=[Level()], reuse=[other])) == "DATA_MISSING"  # noqa: B023, E501  # fmt: skip
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("asked", [["word_eror"], ["level", "nothing"], ["ceiling"], ["word_count"], "word_error"])
def test_comparing_what_nothing_gives(toy: TestList, tmp_path: Path, asked: Any) -> None:
    ours = folder(tmp_path / "ours", toy.items, 0.1)
    words = Words()
    with pytest.raises(ConfigError) as caught:
        evaluate([ours], toy, tmp_path / "out", measures=[words], compare=asked)
    assert caught.value.code == "MEASURE_UNKNOWN" and not (tmp_path / "out").exists()


def test_the_same_waves_twice_are_measured_once_and_warned_of(toy: TestList, tmp_path: Path) -> None:
    ours = folder(tmp_path / "ours", toy.items, 0.1)
    twice, level = [folder_system(ours, toy.items, name) for name in ("one", "two")], Level()
    results = evaluate(twice, toy, tmp_path / "out", measures=[level], workers=4)
    assert len(level.asked) == 16, "eight natural, eight made"
    assert warned(results, "one and two are the same waves")
    assert not warned(evaluate(twice[:1], toy, tmp_path / "one", measures=[Level()]), "same waves")


def test_narrow_bands_are_warned_of_without_a_measure_of_them(toy: TestList, tmp_path: Path) -> None:
    wide, narrow = folder(tmp_path / "wide", toy.items, 0.1, 48000), folder(tmp_path / "narrow", toy.items, 0.1, 8000)
    results = evaluate([wide, narrow], toy, tmp_path / "out", measures=[Words()])
    assert warned(results, "Bandwidths differ", "wide 24000 Hz", "narrow 4000 Hz")
    soundfile.write(wide / f"{toy.items[0].name}.wav", np.zeros(0), 48000)
    results = evaluate([wide], toy, tmp_path / "out", measures=[Words()])
    assert results["systems"]["wide"]["rates"] == {"48000": 7}, "an empty file has no rate that was heard"


def test_one_speaker_of_a_language_is_said(toy: TestList, tmp_path: Path) -> None:
    some = replace(toy, items=tuple(item for item in toy.items if item.speaker in ("ann", "bob", "cai")))
    results = evaluate([folder(tmp_path / "ours", some.items, 0.1)], some, tmp_path / "out", measures=[Level()])
    assert warned(results, "zh: One speaker", "over clips") and not warned(results, "en: ")


def test_rows_that_are_skipped_are_no_strangers(toy: TestList, tmp_path: Path) -> None:
    ours = folder(tmp_path / "ours", toy.items, 0.1)
    soundfile.write(ours / "stranger.wav", tone(200.0), RATE)
    assert folder_of(ours, toy.every(3)).extra == ("stranger",)
    assert len(folder_of(ours, toy.every(3)).samples) == 3


def test_values_that_follow_from_others_have_an_evaluator(toy: TestList, tmp_path: Path) -> None:
    ours = folder(tmp_path / "ours", toy.items, 0.1)
    measures = [SpeakerSimilarity(PitchEmbedder(), toy.items)]
    results = evaluate([ours], toy, tmp_path / "out", measures=measures)
    named = {(entry["measure"], entry["evaluator"]) for entry in results["evaluators"]}
    assert {(figure["measure"], figure["evaluator"]) for figure in results["figures"]} <= named
    assert ("ceiling", "pitch") in named
    compared = {entry["measure"] for entry in results["differences"]}
    assert "similarity" in compared and not compared & {"ceiling", "floor", "similarity_seconds"}


def test_one_recording_under_two_speakers(tmp_path: Path) -> None:
    for name in ("a", "b"):
        soundfile.write(tmp_path / f"{name}.wav", tone(200.0), RATE)
    rows = ["item|speaker|language|text|reference|target", "x|ann|en|one|a.wav|", "y|bob|en|two|b.wav|"]
    (tmp_path / "list.csv").write_text("\n".join(rows))
    items = read_list(tmp_path / "list.csv").items
    with pytest.raises(DataError, match="two speakers"):
        SpeakerSimilarity(PitchEmbedder(), items)
    SpeakerSimilarity(PitchEmbedder(), [replace(item, speaker="") for item in items])


def test_recordings_of_one_name_are_not_confused(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    for name, hertz in (("y.wav", 200.0), ("more/y.wav", 300.0)):
        soundfile.write(tmp_path / name, tone(hertz), RATE)
    (tmp_path / "list.csv").write_text("item|speaker|language|text|reference|target\nx||en|one|y.wav|\ny||en|two||\n")
    first, second = with_folders(read_list(tmp_path / "list.csv"), tmp_path / "more", None).items
    assert first.reference and second.reference and first.reference.key != second.reference.key
    lab = LabConditions(FakeLab(), [])
    paths = [lab.voice(replace(item.reference, key="y.wav")).path for item in (first, second)]  # type: ignore[type-var, attr-defined]
    assert paths == [str(tmp_path / "y.wav"), str(tmp_path / "more" / "y.wav")]


HEADER = "item|speaker|language|text|reference|target\n"
LONG = "n" * 300
LISTS = {
    "long reference": (HEADER + f"x|a|en|one|{LONG}.wav|\n", "DATA_MISSING"),
    "zero byte": (HEADER + "x|a|en|one|a\0.wav|\n", "DATA_PATH"),
    "long item": (HEADER + f"{LONG}|a|en|one||\n", "DATA_ROW"),
    "item of two bytes": (HEADER + "语" * 80 + "|a|en|one||\n", "DATA_ROW"),
    "escape in item": (HEADER + "a\x1b[2J|a|en|one||\n", "DATA_ROW"),
    "climbing item": (HEADER + "..|a|en|one||\n", "DATA_ROW"),
    "loop of links": (HEADER + "x|a|en|one|loop/a.wav|\n", "DATA_"),
    "link out": (HEADER + "x|a|en|one|out.wav|\n", "DATA_PATH"),
}


@pytest.mark.parametrize("case", LISTS)
def test_lists_with_names_that_no_file_has(case: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "loop").symlink_to("loop")
    soundfile.write(tmp_path / "secret.wav", tone(200.0), RATE)
    (tmp_path / "in" / "out.wav").symlink_to(tmp_path / "secret.wav")
    text, code = LISTS[case]
    (tmp_path / "in" / "list.csv").write_text(text, encoding="utf-8")
    assert code_of(lambda: read_list(tmp_path / "in" / "list.csv")).startswith(code)


def test_lists_as_programs_write_them(tmp_path: Path) -> None:
    texts = ["He said \u201cno\u201d.", "one\u2028two", "three\x85four", "tab\there", '"quoted", text', "😀", "..."]
    rows = [f" item {n} | a b\u8bed | en | {text} | | " for n, text in enumerate(texts)]
    content = "\ufeff" + " item |speaker| language|text|reference|target\r\n" + "\r\n".join(rows) + "\r\n\r\n"
    (tmp_path / "list.csv").write_bytes(content.encode())
    items = read_list(tmp_path / "list.csv").items
    assert [item.text for item in items] == texts and items[0].name == "item 0" and items[0].speaker == "a b\u8bed"
    (tmp_path / "texts.tsv").write_bytes(b"\xef\xbb\xbfone\ten\tHello\xc2\x85there.\r\n")
    assert read_texts(tmp_path / "texts.tsv").items == (Item("one", "", "en", "Hello\x85there."),)


MANIFESTS = {
    "item,file\nx,a\0.wav\n": "DATA_PATH",
    f"item,file\nx,{LONG}.wav\n": "DATA_MISSING",
    "item,file\nx," + "y" * 200_000 + "\n": "DATA_ROW",
    "item,file\nx,out.wav\n": "DATA_PATH",
    "item,file\nx,../secret.wav\n": "DATA_PATH",
}


@pytest.mark.parametrize("content", MANIFESTS, ids=range(len(MANIFESTS)))
def test_manifests_that_lead_nowhere(content: str, tmp_path: Path) -> None:
    place = tmp_path / "ours"
    place.mkdir()
    soundfile.write(tmp_path / "secret.wav", tone(200.0), RATE)
    (place / "out.wav").symlink_to(tmp_path / "secret.wav")
    (place / "manifest.csv").write_text(content)
    assert code_of(lambda: folder_system(place, [Item("x", "", "en", "one")])) == MANIFESTS[content]


def test_a_manifest_with_spaces_and_quotes(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a b, c.wav", tone(200.0), RATE)
    (tmp_path / "manifest.csv").write_text('item, file, seed\r\nx,"a b, c.wav", 3\r\n')
    for name in ("take.wav", "take.flac"):  # of no concern where a manifest names the files
        soundfile.write(tmp_path / name, tone(200.0), RATE)
    (sample,) = folder_system(tmp_path, [Item("x", "", "en", "one")]).samples
    assert (sample.seed, sample.path) == (3, (tmp_path / "a b, c.wav").resolve())


def test_links_out_of_a_folder_and_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    items = [Item("x", "", "en", "one")]
    (tmp_path / "ours").mkdir()
    soundfile.write(tmp_path / "secret.wav", tone(200.0), RATE)
    (tmp_path / "ours" / "x.wav").symlink_to(tmp_path / "secret.wav")
    assert code_of(lambda: folder_system(tmp_path / "ours", items)) == "DATA_PATH"
    (tmp_path / "ours" / "x.wav").unlink()
    soundfile.write(tmp_path / "ours" / "x.wav", tone(200.0), RATE)
    opened = Path.open

    def closed(path: Path, *arguments: Any, **options: Any) -> Any:
        if path.suffix == ".wav":
            raise PermissionError(13, "Permission denied")
        return opened(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", closed)
    with pytest.raises(DataError, match="Permission denied"):
        folder_system(tmp_path / "ours", items)


def test_many_waves_are_matched_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsv_lab.evaluation.systems.file_hash", lambda path: path.name)
    waves = {f"i{n}": tmp_path / f"i{n}.wav" for n in range(10_000)}
    monkeypatch.setattr("gsv_lab.evaluation.systems.sounds_by_item", lambda folder: waves)
    compared = 0

    class Name(str):
        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    items = [Item(Name(name), "", "en", "one") for name in waves]
    assert len(folder_system(tmp_path, items).samples) == 10_000
    assert compared < 100_000, "a look-up each, not every pair"


def test_a_line_that_did_not_fit_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = Cells(tmp_path / "cells.jsonl")
    cells.add("a", {"x": 1})
    opened = Cells._opened

    class Full:
        def __init__(self, file: Any) -> None:
            self.file = file

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()

        def write(self, data: bytes) -> int:
            written: int = self.file.write(data[:5])
            return written

        def seek(self, *place: int) -> int:
            return int(self.file.seek(*place))

        def truncate(self, size: int) -> None:
            self.file.truncate(size)

    monkeypatch.setattr(Cells, "_opened", lambda self, mode: Full(opened(self, mode)))
    assert code_of(lambda: cells.add("b", {"x": 2})) == "SAVE_FAILED"
    monkeypatch.undo()
    cells.add("c", {"x": 3})
    lines = [json.loads(line)["cell"] for line in (tmp_path / "cells.jsonl").read_text().splitlines()]
    assert lines == ["a", "c"] and "b" not in cells
