"""Comparisons with toy voices: identical speech keeps everything, swapped speakers nothing; killed runs go on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from gsv_lab.errors import ConfigError, DataError, LabError, TextError
from gsv_lab.evaluation.comparison import RowLog, evaluate_list
from gsv_lab.evaluation.conditions import Condition, cross_lingual_sources
from gsv_lab.evaluation.lists import Clip, TestList, read_list
from gsv_lab.evaluation.measures import Job, Measure, Row
from gsv_lab.evaluation.measures.prosody import Prosody
from gsv_lab.evaluation.report import comparison_markdown, transcripts_markdown
from gsv_lab.evaluation.measures.similarity import SpeakerSimilarity

from .makers import SPEAKERS, PitchEmbedder, tone, toy_list

NATURAL_ERRORS, COUNT = 1, 5


class Counter:
    """Stands for a word recogniser: one error of five on the recordings, and as many more as the wave is loud."""

    name, identity = "words", "counter 1"

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, wave: np.ndarray, job: Job) -> Row | None:
        self.calls += 1
        if job.language != "en":
            return None
        errors = (
            COUNT if wave.size == 0 else NATURAL_ERRORS + int(round(10 * max(0.0, float(np.abs(wave).max()) - 0.6)))
        )
        return {"errors": errors, "count": COUNT, "words": COUNT, "skipped": errors, "repeated": 0}


class Quality:
    """Stands for DNSMOS: louder is better."""

    name, identity = "quality", "loudness"

    def __call__(self, wave: np.ndarray, job: Job) -> Row | None:
        return {"ovrl": float(np.abs(wave).max())} if wave.size else None


class Shelf:
    """Keeps waves by their sound, at half their level, to show which of them is measured."""

    def __init__(self) -> None:
        self.waves: dict[str, tuple[np.ndarray, Row]] = {}

    def read(self, row: Row) -> np.ndarray | None:
        return self.waves[row["sound"]][0] if row["sound"] in self.waves else None

    def write(self, wave: np.ndarray, row: Row) -> None:
        self.waves[row["sound"]] = (wave / 2, row)


def same(target: Clip, reference: Clip, seed: int) -> np.ndarray:
    return target.read()


def someone_else(target: Clip, reference: Clip, seed: int) -> np.ndarray:
    other = {"ann": "bob", "bob": "ann", "cai": "dan", "dan": "cai"}[target.speaker]
    return tone(SPEAKERS[other][1])


def louder(target: Clip, reference: Clip, seed: int) -> np.ndarray:
    wave = target.read()
    return wave * (1 if seed else 0.8 / np.abs(wave).max())


def measures(toy: TestList) -> list[Measure]:
    return [Counter(), SpeakerSimilarity(PitchEmbedder(), toy.items), Quality()]


@pytest.fixture
def toy(tmp_path: Path) -> TestList:
    return read_list(toy_list(tmp_path))


def run(toy: TestList, conditions: Any, log: Path, **options: Any) -> dict[str, Any]:
    chosen = options.pop("measures", None) or measures(toy)
    return evaluate_list(toy, conditions, chosen, log=log, draws=100, **options)


def test_identical_speech_keeps_everything(toy: TestList, tmp_path: Path) -> None:
    result = run(toy, {"copy_synthesis": same}, tmp_path / "rows.jsonl")
    english = result["conditions"]["copy_synthesis"]["languages"]["en"]
    assert english["retained_word_accuracy"] == {"value": 1, "low": 1, "high": 1, "clips": 4, "groups": 2}
    assert english["word_error_rate"]["value"] == NATURAL_ERRORS / COUNT
    for language in ("en", "zh"):
        table = result["conditions"]["copy_synthesis"]["languages"][language]
        assert table["normalised_similarity"]["value"] == pytest.approx(1)
        assert table["nearest_share"]["value"] == table["accepted_share"]["value"] == 1
        assert table["dnsmos_difference"]["value"] == 0
    assert "retained_word_accuracy" not in result["conditions"]["copy_synthesis"]["languages"]["zh"]
    assert result["thresholds"]["en"]["rate"] == 0


def test_swapped_speakers_are_never_nearest(toy: TestList, tmp_path: Path) -> None:
    result = run(toy, {"swapped": someone_else}, tmp_path / "rows.jsonl")
    for language in ("en", "zh"):
        table = result["conditions"]["swapped"]["languages"][language]
        assert table["nearest_share"]["value"] == table["accepted_share"]["value"] == 0
        assert table["normalised_similarity"]["value"] == pytest.approx(0, abs=1e-3)
    speakers = result["conditions"]["swapped"]["speakers"]
    assert set(speakers) == set(SPEAKERS)
    assert speakers["ann"]["similarity"]["clips"] == 2


def test_seeds_are_averaged_and_natural_speech_is_measured_once(toy: TestList, tmp_path: Path) -> None:
    result = run(toy, [Condition("zero_shot", louder)], tmp_path / "rows.jsonl", seeds=(0, 1))
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert sum(row["condition"] == "natural" for row in rows) == 8
    assert sum(row["condition"] == "zero_shot" for row in rows) == 16
    english = result["conditions"]["zero_shot"]["languages"]["en"]
    # Seed 0 is loud: 1 + 2 errors of 5; seed 1 is the recording: 1 of 5.
    assert english["word_error_rate"]["value"] == pytest.approx(2 / 5)
    assert english["word_error_rate"]["clips"] == 4
    assert english["retained_word_accuracy"]["value"] == pytest.approx((3 / 5) / (4 / 5))
    assert result["seeds"] == [0, 1]


def test_killed_run_goes_on_where_it_was(toy: TestList, tmp_path: Path) -> None:
    log, calls = tmp_path / "rows.jsonl", []

    def speaking(target: Clip, reference: Clip, seed: int) -> np.ndarray:
        calls.append(target.key)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return target.read()

    with pytest.raises(KeyboardInterrupt):
        run(toy, {"zero_shot": speaking}, log)
    whole = log.read_bytes()
    log.write_bytes(whole + whole.splitlines()[-1][:40])  # the kill came in the middle of a line
    result = run(toy, {"zero_shot": speaking}, log)
    assert len(calls) == 4 + 5
    fresh = run(toy, {"zero_shot": same}, tmp_path / "fresh.jsonl")
    assert json.dumps(result, sort_keys=True) == json.dumps(fresh, sort_keys=True)
    assert run(toy, {"zero_shot": speaking}, log) == result
    assert len(calls) == 9


def test_other_evaluator_or_system_measures_anew(toy: TestList, tmp_path: Path) -> None:
    log, made = tmp_path / "rows.jsonl", []

    def speaking(target: Clip, reference: Clip, seed: int) -> np.ndarray:
        made.append(1)
        return target.read()

    run(toy, {"zero_shot": speaking}, log, system="one")
    newer = measures(toy)
    newer[0].identity = "counter 2"
    run(toy, {"zero_shot": speaking}, log, system="one", measures=newer)
    assert len(made) == 16
    assert newer[0].calls == 16  # natural and synthesis, this measure only
    again = measures(toy)
    again[0].identity = "counter 2"
    run(toy, {"zero_shot": speaking}, log, system="two", measures=again)
    assert len(made) == 24
    assert again[0].calls == 8  # natural speech does not depend on the system


def test_kept_waves_are_measured_and_not_made_again(toy: TestList, tmp_path: Path) -> None:
    made = []

    def speaking(target: Clip, reference: Clip, seed: int) -> np.ndarray:
        made.append(target.key)
        return target.read()

    kept, log = Shelf(), tmp_path / "rows.jsonl"
    first = run(toy, {"zero_shot": speaking}, log, kept=kept)
    english = first["conditions"]["zero_shot"]["languages"]["en"]
    natural = first["conditions"]["natural"]["languages"]["en"]
    # Quality is the level: that of the kept wave, which is half of the made one.
    assert english["dnsmos_ovrl"]["value"] == pytest.approx(natural["dnsmos_ovrl"]["value"] / 2, rel=1e-3)
    newer = measures(toy)
    newer[0].identity = "counter 2"
    assert len(made) == 8 and run(toy, {"zero_shot": speaking}, log, kept=kept, measures=newer)["clips"]
    assert len(made) == 8 and newer[0].calls == 16


@pytest.mark.parametrize("changed", ["identity", "reference", "target", "seed", "text", "system"])
def test_whatever_makes_another_sound_is_measured_anew(toy: TestList, tmp_path: Path, changed: str) -> None:
    made = []

    def speaking(target: Clip, reference: Clip, seed: int) -> np.ndarray:
        made.append(target.key)
        return target.read()

    log, rows = tmp_path / "rows.jsonl", tmp_path / "lists" / "list.csv"
    condition = Condition("zero_shot", speaking, identity="weights 1")
    run(toy, [condition], log, system="one", measures=[Quality()])
    run(read_list(rows), [condition], log, system="one", measures=[Quality()])
    assert len(made) == 8  # nothing had changed
    options: dict[str, Any] = {"system": "two" if changed == "system" else "one"}
    options["seeds"] = (1,) if changed == "seed" else (0,)
    if changed == "identity":
        condition = Condition("zero_shot", speaking, identity="weights 2")
    if changed == "text":
        rows.write_text(rows.read_text("utf-8").replace("one two three", "one two four"), encoding="utf-8")
    if changed in ("reference", "target"):
        clip = toy.items[0].reference if changed == "reference" else toy.items[0].target
        soundfile.write(clip.path, tone(333.0), 16000)
    run(read_list(rows), [condition], log, measures=[Quality()], **options)
    anew = {"identity": 8, "seed": 8, "system": 8, "text": 2, "reference": 2, "target": 1}
    assert len(made) == 8 + anew[changed]


def test_natural_rows_of_an_earlier_run(toy: TestList, tmp_path: Path) -> None:
    first = run(toy, [], tmp_path / "natural.jsonl")
    later = measures(toy)
    second = run(toy, [], tmp_path / "rows.jsonl", measures=later, natural_log=tmp_path / "natural.jsonl")
    assert second == first
    assert later[0].calls == 0


def test_failure_counts_as_silence_and_is_listed(toy: TestList, tmp_path: Path) -> None:
    def failing(target: Clip, reference: Clip, seed: int) -> np.ndarray:
        if target.speaker == "ann":
            raise TextError("SYNTH_RUNAWAY", "It did not end")
        return target.read()

    kept = Shelf()
    log = tmp_path / "rows.jsonl"
    result = run(toy, {"zero_shot": failing}, log, kept=kept)
    table = result["conditions"]["zero_shot"]
    assert [clip["code"] for clip in table["failed"]] == ["SYNTH_RUNAWAY"] * 2
    assert table["speakers"]["ann"]["word_error_rate"]["value"] == 1
    assert table["speakers"]["ann"]["nearest_share"]["value"] == 0
    assert table["speakers"]["bob"]["retained_word_accuracy"]["value"] == 1
    assert "dnsmos_ovrl" not in table["speakers"]["ann"]
    assert sorted({row["speaker"] for _, row in kept.waves.values()}) == ["bob", "cai", "dan"]
    assert "SYNTH_RUNAWAY" in comparison_markdown(result)

    def broken(target: Clip, reference: Clip, seed: int) -> np.ndarray:
        raise RuntimeError("a fault of the program is no silence")

    with pytest.raises(RuntimeError):
        run(toy, {"zero_shot": broken}, tmp_path / "other.jsonl")


def test_cross_lingual_speaks_the_other_texts_with_the_own_ceiling(toy: TestList, tmp_path: Path) -> None:
    sources = cross_lingual_sources(toy.items)
    assert sources["clips/cai_1.wav"].text == "one two three"
    assert sources["clips/dan_1.wav"].speaker == "bob"  # the third English text for the third Mandarin target
    spoken = []

    def speaking(target: Clip, reference: Clip, seed: int) -> np.ndarray:
        spoken.append((target.speaker, target.text, target.language, reference.language))
        return reference.read()

    chosen = [*measures(toy), Prosody(lambda wave: np.full(wave.size // 160, 100.0), "fixed")]
    result = run(toy, [Condition("cross_lingual", speaking, sources=sources)], tmp_path / "rows.jsonl", measures=chosen)
    assert ("cai", "one two three", "en", "zh") in spoken
    table = result["conditions"]["cross_lingual"]["languages"]["en"]  # by what is spoken: Mandarin voices
    assert table["retained_word_accuracy"]["groups"] == 2
    assert table["normalised_similarity"]["value"] == pytest.approx(1, abs=1e-3)
    assert "duration_ratio" not in table
    assert result["conditions"]["natural"]["languages"]["en"]["duration_ratio"]["value"] == 1


def test_condition_without_a_voice_for_a_target_leaves_it_out(toy: TestList, tmp_path: Path) -> None:
    result = run(toy, {"fine_tuned": lambda t, r, s: t.read() if t.speaker == "bob" else None}, tmp_path / "rows.jsonl")
    assert result["conditions"]["fine_tuned"]["targets"] == 2
    assert list(result["conditions"]["fine_tuned"]["languages"]) == ["en"]


def test_progress_is_reported(toy: TestList, tmp_path: Path) -> None:
    calls: list[tuple[int, int, str]] = []
    run(toy, {"zero_shot": same}, tmp_path / "rows.jsonl", progress=lambda *what: calls.append(what))
    assert [number for number, _, _ in calls] == list(range(16))
    assert calls[8][2] == "zero_shot clips/ann_1.wav"


def test_bad_logs_and_no_measures(toy: TestList, tmp_path: Path) -> None:
    log = tmp_path / "rows.jsonl"
    log.write_text("no json\n")
    with pytest.raises(DataError, match="Line 1") as caught:
        RowLog(log)
    assert caught.value.code == "DATA_ROW"
    with pytest.raises(LabError) as failed:
        run(toy, [], tmp_path / "no" / "rows.jsonl")
    assert failed.value.code == "SAVE_FAILED"
    with pytest.raises(ConfigError):
        evaluate_list(toy, [], [], log=tmp_path / "x.jsonl")


def test_report_has_every_condition_language_and_speaker(toy: TestList, tmp_path: Path) -> None:
    conditions = [Condition("copy_synthesis", same, seeded=False), Condition("zero_shot", someone_else)]
    result = run(toy, conditions, tmp_path / "rows.jsonl", system="toy-1")
    result["missing"] = {"phones": "No phone recogniser was given."}
    text = comparison_markdown(result)
    understood, sound = (block.splitlines() for block in text.split("\n\n")[2:4])
    assert understood[0].startswith("| condition | word error (pocketsphinx) |")
    assert [line.split(" | ")[:2] for line in understood[2:4]] == [
        ["| natural", "20.0% (20.0% to 20.0%)"],
        ["| copy synthesis", "20.0% (20.0% to 20.0%)"],
    ]
    assert "| normalised similarity |" in sound[0] and "| zero-shot (predicted codes) |" in sound[4]
    assert "to its own reference (ceiling) 1.000" in text
    assert "### English" in text and "### Mandarin" in text
    assert "| ann | " in text and "| dan | " in text
    assert "toy-1" in text and "counter 1" in text and "phones: not measured" in text
    tables = [block for block in text.split("\n\n") if block.startswith("|")]
    for table in tables:
        widths = {line.count("|") for line in table.splitlines()}
        assert len(widths) == 1, table
    with pytest.raises(ConfigError):
        comparison_markdown(result | {"schema": 0})


class Heard:
    """Stands for a Whisper model of one language."""

    name, identity = "words_tiny", "Whisper tiny 0a0b, faster-whisper 9, 5 beams"

    def __call__(self, wave: np.ndarray, job: Job) -> Row | None:
        if job.language != "en":
            return None
        counts = {"errors": 1, "count": 3, "words": 3, "skipped": 1, "repeated": 0}
        return counts | {"expected": job.text, "recognised": "five six" if "six" in job.text else "one two"}


def test_what_was_recognised_stands_beside_what_was_to_be_said(toy: TestList, tmp_path: Path) -> None:
    result = run(toy, {"zero_shot": same}, tmp_path / "rows.jsonl", measures=[Heard()], seeds=(0, 1))
    table = result["conditions"]["zero_shot"]["languages"]["en"]
    assert table["word_error_rate_by_tiny"]["value"] == pytest.approx(1 / 3, abs=1e-5)
    assert table["skipped_repeated_per_100_by_words_tiny"]["value"] == pytest.approx(100 / 3, abs=1e-4)
    assert "| word error (tiny) |" in comparison_markdown(result)
    page = transcripts_markdown(result)
    first = page.split("\n\n## ")[1]
    assert first.splitlines() == [
        "ann: clips/ann_1.wav",
        "",
        "words_tiny: one two three",
        "",
        "- natural: one two",
        "- zero-shot (predicted codes), seed 0: one two",
        "- zero-shot (predicted codes), seed 1: one two",
    ]
    assert "cai" in page and json.loads(json.dumps(result)) == result


class Phones:
    """Stands for a phone recogniser that mishears one phone of five in English and three of five in Mandarin."""

    name, identity = "phones", "en: evaluation recogniser 1a2b; zh: toy-1 content encoder"

    def __call__(self, wave: np.ndarray, job: Job) -> Row | None:
        errors = 1 if job.language == "en" else 3
        return {"errors": errors, "count": COUNT, "words": 2, "skipped": 0, "repeated": 0}


def test_a_language_that_the_recogniser_mishears_is_marked_invalid(toy: TestList, tmp_path: Path) -> None:
    result = evaluate_list(toy, {"zero_shot": same}, [Phones()], log=tmp_path / "rows.jsonl", system="toy-1", draws=50)
    assert result["invalid"] == ["phones zh"]
    english, mandarin = comparison_markdown(result).split("### Mandarin")
    for kind in ("phone error", "retained phone accuracy"):
        assert f"| {kind} (evaluation recogniser) |" in english
        assert f"| {kind} (own recogniser; invalid: natural error above 40 %) |" in mandarin
    assert "- invalid: phones zh, natural error rate above 40 %" in mandarin
