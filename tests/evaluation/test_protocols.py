"""Protocols: what is spoken and tuned on, for whole corpora and for parts of them; files that stand alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from gsv_lab.cli import main
from gsv_lab.corpora.listfile import read_list as read_recordings
from gsv_lab.errors import DataError
from gsv_lab.evaluation import protocols
from gsv_lab.evaluation.conditions import cross_lingual_sources
from gsv_lab.evaluation.items import Item
from gsv_lab.evaluation.lists import read_list
from gsv_lab.evaluation.protocol_files import CARD, LIST, write_protocol
from gsv_lab.evaluation.protocols import VCTK_SPEAKERS, cross_lingual, ljspeech, vctk

from .makers import toy_list

RATE = 8000


def sound(path: Path, seconds: float, seed: int) -> None:
    """Noise, another one for each seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    wave = np.random.default_rng(seed).normal(0, 0.1, int(seconds * RATE))
    soundfile.write(path, wave, RATE, subtype="PCM_16")


def lj(folder: Path, later: bool = True, kind: str = "wav") -> Path:
    """LJ Speech in its own layout: 50 clips each of LJ001 and LJ002, 5 of LJ003, 40 from LJ004 on."""
    names = {f"LJ{chapter:03d}-{number:04d}": 0.2 for chapter in (1, 2) for number in range(1, 51)}
    names |= {"LJ001-0149": 4.0} | {f"LJ003-{number:04d}": 5.0 for number in range(1, 6)}
    if later:
        names |= {
            f"LJ{4 + number % 3:03d}-{number:04d}": 3 + number % 7 + 0.1 * (number % 4) for number in range(1, 41)
        }
    else:
        names |= {f"LJ001-{number:04d}": 3 + number % 7 + 0.1 * (number % 4) for number in range(60, 90)}
    for seed, (name, seconds) in enumerate(names.items()):
        sound(folder / "wavs" / f"{name}.{kind}", seconds, seed)
    rows = [f"{name}|Text {name}.|Text of {name}." for name in names]
    (folder / "metadata.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def vctk_corpus(folder: Path, speakers: tuple[str, ...], numbers: tuple[int, ...]) -> Path:
    """VCTK in its own layout."""
    for speaker in speakers:
        for number in numbers:
            name = f"{speaker}_{number:03d}"
            sound(folder / "wav48_silence_trimmed" / speaker / f"{name}_mic1.flac", 0.2, len(name) * number)
            text = folder / "txt" / speaker / f"{name}.txt"
            text.parent.mkdir(parents=True, exist_ok=True)
            text.write_text(f"Sentence {number} by {speaker}.\n", encoding="utf-8")
    return folder


def code_of(made: pytest.ExceptionInfo[DataError]) -> str:
    return made.value.code


@pytest.fixture(scope="module")
def whole_lj(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lj(tmp_path_factory.mktemp("lj") / "LJSpeech-1.1")


def test_lj_speech_keeps_what_is_scored_apart_from_what_is_tuned_on(whole_lj: Path) -> None:
    made = ljspeech(whole_lj)
    assert not made.missing and len(made.items) == 80 and len({item.name for item in made.items}) == 80
    assert {item.name[:5] for item in made.items} == {"LJ001", "LJ002"}
    assert {item.reference.path.stem for item in made.items} == {"LJ001-0149"}
    assert "LJ001-0149" not in {item.name for item in made.items}
    assert len(made.draws) == 3 == len({draw.clips for draw in made.draws})
    for draw in made.draws:
        assert {clip.path.stem[:5] for clip in draw.clips} <= {"LJ004", "LJ005", "LJ006"}
        length = sum(soundfile.info(clip.path).duration for clip in draw.clips)
        assert abs(length - 60) <= 2 and length == pytest.approx(draw.seconds)
        assert len(set(draw.clips)) == len(draw.clips)


def test_a_draw_depends_on_the_seed_alone(whole_lj: Path, tmp_path: Path) -> None:
    def names(made: protocols.Protocol) -> list[list[str]]:
        drawn = [[clip.path.stem for clip in draw.clips] for draw in made.draws]
        return [[item.name for item in made.items], *drawn]

    first = names(ljspeech(whole_lj))
    assert names(ljspeech(lj(tmp_path / "elsewhere", kind="flac"))) == first
    assert names(ljspeech(whole_lj, seed=7)) != first
    assert names(ljspeech(whole_lj, seed=1))[1] == first[2], "a draw is that of its own seed"


def test_written_protocols_stand_alone(tmp_path: Path) -> None:
    corpus = lj(tmp_path / "LJSpeech-1.1")
    made = ljspeech(corpus)
    for name in ("one", "two"):
        write_protocol(made, tmp_path / name)
    hashes = {path.name: path.read_bytes() for path in (tmp_path / "one").glob("*.*") if path.is_file()}
    assert all((tmp_path / "two" / name).read_bytes() == data for name, data in hashes.items()) and len(hashes) == 5
    shutil.rmtree(corpus)
    found = read_list(tmp_path / "one" / LIST)
    assert [(item.name, item.text) for item in found.items] == [(item.name, item.text) for item in made.items]
    assert found.items[0].target.path.stem == found.items[0].name and found.items[0].speaker == "LJ"
    card = json.loads((tmp_path / "one" / CARD).read_text(encoding="utf-8"))
    assert card["complete"] and card["list"]["items"] == 80 and card["list"]["sha256"] == found.sha256
    for draw, told in zip(made.draws, card["draws"], strict=True):
        rows = read_recordings(tmp_path / "one" / told["file"])
        assert [row.path.stem for row in rows] == told["clips"] == [clip.path.stem for clip in draw.clips]
        assert rows[0].text == f"Text of {rows[0].path.stem}."
    used = {clip.path.name for draw in made.draws for clip in draw.clips} | {
        item.target.path.name for item in made.items
    }
    assert {Path(name).name for name in card["clips"]} == used | {"LJ001-0149.wav"}
    assert all(sound.startswith("pcm:") for sound in card["clips"].values())


def test_a_part_of_lj_speech_is_refused_or_follows_the_rule_of_parts(tmp_path: Path) -> None:
    part = lj(tmp_path / "part", later=False)
    with pytest.raises(DataError, match="no clip from LJ004 on") as refused:
        ljspeech(part)
    assert code_of(refused) == "PROTOCOL_INCOMPLETE"
    made = ljspeech(part, available=True)
    assert len(made.missing) == 2 and {item.name[:5] for item in made.items} == {"LJ002"}
    tuned = {clip.path.stem for draw in made.draws for clip in draw.clips}
    assert len(made.draws) == 3 and {name[:5] for name in tuned} == {"LJ001"} and "LJ001-0149" not in tuned
    write_protocol(made, tmp_path / "out")
    card = json.loads((tmp_path / "out" / CARD).read_text(encoding="utf-8"))
    assert not card["complete"] and card["missing"] == list(made.missing)


def test_vctk_has_its_speakers_and_never_one_sentence_as_prompt_and_target(tmp_path: Path) -> None:
    corpus = vctk_corpus(tmp_path, (*VCTK_SPEAKERS, "p226"), (1, 5, 24, *range(25, 33)))
    made = vctk(corpus)
    assert not made.missing and len(VCTK_SPEAKERS) == 11
    assert [item.speaker for item in made.items] == [speaker for speaker in VCTK_SPEAKERS for _ in range(5)]
    assert {item.reference.path.stem for item in made.items} == {f"{s}_005_mic1" for s in VCTK_SPEAKERS}
    assert all(int(item.name.split("_")[1]) >= 25 for item in made.items)
    assert len({item.name for item in made.items}) == 55
    assert all(item.reference.path.stem.startswith(item.speaker) for item in made.items)
    assert {item.name for item in vctk(corpus, seed=3).items} != {item.name for item in made.items}
    write_protocol(made, tmp_path / "out")
    assert len(read_list(tmp_path / "out" / LIST).items) == 55


def test_a_part_of_vctk_says_what_it_lacks(tmp_path: Path) -> None:
    corpus = vctk_corpus(tmp_path, ("p225", "p226"), (1, 2, 3, 4, 5, 6, 30))
    vctk_corpus(tmp_path, ("p234",), (5,))
    vctk_corpus(tmp_path, ("p238",), tuple(range(25, 31)))
    with pytest.raises(DataError) as refused:
        vctk(corpus)
    told = str(refused.value)
    assert code_of(refused) == "PROTOCOL_INCOMPLETE" and "speakers p245, p248" in told and "--available" in told
    assert "p225 has 1 of 5" in told and "p234 has 0 of 5" in told and "p238 has no sentence 005 and 5 of 5" in told
    made = vctk(corpus, available=True)
    numbers = [int(item.name.split("_")[1]) for item in made.items]
    assert {item.speaker for item in made.items} == {"p225"} and len(numbers) == 5
    assert numbers[0] == 30 and set(numbers[1:]) <= {1, 2, 3, 4, 6}
    assert made.missing
    everybody = vctk(corpus, available=True, speakers=None)
    assert [item.speaker for item in everybody.items] == ["p225"] * 5 + ["p226"] * 5
    assert "it is taken with all of its 2 speakers who have sentence 005" in everybody.missing
    with pytest.raises(DataError, match="leaves nothing to speak"):
        vctk(vctk_corpus(tmp_path / "other", ("p226",), (5, 25)), available=True)


@pytest.mark.parametrize("make", [ljspeech, vctk])
def test_other_corpora_are_refused(make, tmp_path: Path) -> None:  # noqa: ANN001
    toy = tmp_path / "toy"
    sound(toy / "a.wav", 0.5, 0)
    (toy / "list.txt").write_text("a.wav|ann|en|one\n", encoding="utf-8")
    for corpus, code in ((toy, "DATA_MISSING"), (tmp_path / "absent", "DATA_MISSING"), (tmp_path, "DATA_ROW")):
        with pytest.raises(DataError) as refused:
            make(corpus, available=True)
        assert code_of(refused) == code


def test_each_voice_says_texts_of_the_other_language(tmp_path: Path) -> None:
    given = read_list(toy_list(tmp_path))
    made = cross_lingual(given)
    sources = cross_lingual_sources(given.items)
    for item, old in zip(made.items, given.items, strict=True):
        assert item.language != old.language and (item.speaker, item.reference) == (old.speaker, old.reference)
        assert item.target is None and item.text == sources[old.target.key].text
    folder = write_protocol(made, tmp_path / "out")
    again = read_list(folder / LIST)
    assert [(i.name, i.speaker, i.language, i.text, i.target) for i in again.items] == [
        (i.name, i.speaker, i.language, i.text, None) for i in made.items
    ]
    assert {len({i.text for i in made.items if i.language == language}) for language in ("en", "zh")} == {2}


def test_lists_without_two_languages_or_references_have_no_cross_lingual_set(tmp_path: Path) -> None:
    given = read_list(toy_list(tmp_path))
    english = given.__class__("en", "0", tuple(item for item in given.items if item.language == "en"))
    with pytest.raises(DataError) as refused:
        cross_lingual(english)
    assert code_of(refused) == "LANG_UNKNOWN"
    with pytest.raises(DataError, match="1 items .* no reference, first 'x'") as refused:
        cross_lingual(given.__class__("x", "0", (*given.items, Item("x", "ann", "en", "one"))))
    assert code_of(refused) == "DATA_MISSING"


def test_the_command(tmp_path: Path, whole_lj: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "out"
    assert main(["protocol", "ljspeech", str(whole_lj), "--output", str(output)]) == 0
    assert "80 items, 3 draws to tune on" in capsys.readouterr().out
    listed = toy_list(tmp_path)
    assert main(["protocol", "cross-lingual", str(listed), "--output", str(output)]) == 0, "an earlier one is replaced"
    assert len(read_list(output / LIST).items) == 8 and not (output / "tune_0.list").exists()
    capsys.readouterr()
    for wrong, code in (
        (["vctk", whole_lj, "--output", tmp_path / "new"], "DATA_MISSING"),
        (["cross-lingual", listed, "--available", "--output", tmp_path / "new"], "USAGE"),
        (["ljspeech", whole_lj, "--language", "en", "--output", tmp_path / "new"], "USAGE"),
        (["cross-lingual", listed, "--output", tmp_path], "OUTPUT_EXISTS"),
        (["libri", listed, "--output", tmp_path / "new"], "USAGE"),
    ):
        assert main(["protocol", *map(str, wrong)]) == 2
        assert f"[{code}]" in capsys.readouterr().err
        assert not (tmp_path / "new").exists()


def test_the_prepared_extracts(shared: Path, tmp_path: Path) -> None:
    """The small sets of LJ Speech and VCTK hold a part of the protocols."""
    made = ljspeech(shared / "speech" / "ljspeech_mini", available=True)
    assert len(made.items) == 23 and len(made.draws) == 3 and len(made.missing) == 2
    assert {clip.path.stem[:5] for draw in made.draws for clip in draw.clips} == {"LJ001"}
    assert len(vctk(shared / "speech" / "vctk_mini", available=True).items) == 5
