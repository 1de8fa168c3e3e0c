"""The folder of a test: what is in it, what the test must not tell, and what is refused before anything is written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from gsv_lab.cli import main
from gsv_lab.errors import ConfigError, DataError, LabError
from gsv_lab.evaluation import listening
from gsv_lab.evaluation.listening import Decisions, Options
from gsv_lab.evaluation.listening.files import read_key, read_test, sealed, to_bytes
from gsv_lab.evaluation.listening.methods import METHODS
from gsv_lab.evaluation.listening.page import panel_page
from gsv_lab.evaluation.listening.texts import TEXTS
from listening_clips import SYSTEMS

Made = Callable[..., Path]


@pytest.mark.parametrize("design", METHODS)
def test_everything_is_there_and_the_test_tells_no_system(design: str, made: Made) -> None:
    folder = made(design)
    assert {path.name for path in folder.iterdir()} == {"test.json", "key.json", "stimuli", "panel.html", "README.md"}
    test, key = read_test(folder), read_key(folder / "key.json")
    assert key.test.content == test.content and len(test.places) == 6
    files = {path.name for path in (folder / "stimuli").iterdir()}
    assert files == {entry["file"] for entry in test.content["stimuli"].values()}
    assert all(re.fullmatch(r"s\d+\.flac", name) for name in files)
    for name in ("test.json", "panel.html"):
        text = re.sub(r"base64,[\w+/=]+", "", (folder / name).read_text(encoding="utf-8"))
        assert ".flac" in text
        for word in ("ours", "theirs", r"item\d", "lp35", "mnru", "gold", "trap", '"natural"'):
            assert not re.search(rf"(?<!\w){word}(?!\w)", text), f"{name} tells {word!r}"
    assert {entry.system for entry in key.stimuli.values()} - {"lp35", "mnru"} == set(SYSTEMS)
    for pages in test.places:
        for page in pages:
            items = {key.stimuli[clip.stimulus].item for clip in page.clips}
            assert len(items) == 1 and all(question.needs for question in page.questions)


def test_a_mentioned_reference_and_x_are_stimuli_of_their_own(made: Made) -> None:
    for design, form in (("mushra", "reference"), ("smos", "reference"), ("abx", "x")):
        key = read_key(made(design) / "key.json")
        own = {name for name, entry in key.stimuli.items() if entry.form == form}
        assert own and not any(question.name in own for pages in key.test.places for page in pages
                               for question in page.questions)  # fmt: skip
        assert all(sum(clip.stimulus in own for clip in page.clips) == 1 for page in key.test.places[0])


def test_the_mushra_without_a_mentioned_reference_plays_none(made: Made) -> None:
    key = read_key(made("mushra-nmr") / "key.json")
    assert {entry.form for entry in key.stimuli.values()} == {"clip"}
    assert "reference" not in key.test.content["texts"]["question"]
    assert all(len(page.clips) == 5 == len(page.questions) for page in key.test.places[0])


def test_the_same_seed_makes_the_same_bytes(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1790000000")
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        listening.make(clips, tmp_path / name, "ccr", 3, seed)
    one, again, other = ([path.read_bytes() for path in sorted((tmp_path / name).rglob("*")) if path.is_file()]
                         for name in ("one", "again", "other"))  # fmt: skip
    assert one == again != other


def test_the_notice_is_there_only_where_clips_are_synthetic(clips: Path, made: Made, tmp_path: Path) -> None:
    said = read_test(made("acr")).content["texts"]
    assert said["synthetic"] == TEXTS["synthetic"] and said["tones"] == ""
    options = Options(natural=SYSTEMS, traps=1)
    natural = read_test(listening.make(clips, tmp_path / "natural", "acr", 2, 0, options)).content["texts"]
    assert natural["synthetic"] == "" and natural["tones"] == TEXTS["tones"]


def test_decisions_are_in_the_test_before_any_vote(clips: Path, tmp_path: Path) -> None:
    decided = Decisions(("gold", "same-button"), ("theirs", "ours"), "two-way")
    folder = listening.make(clips, tmp_path / "t", "acr", 2, 0, Options(gold=1), decided)
    found, key = read_test(folder).content["decisions"], read_key(folder / "key.json")
    assert found["screening"] == ["gold", "same-button"] and found["primary_interval"] == "two-way"
    assert [key.content["systems"][code] for code in found["primary_contrast"]] == ["theirs", "ours"]
    assert key.decisions["primary_contrast"] == ["theirs", "ours"]
    guide = (folder / "README.md").read_text(encoding="utf-8")
    assert "theirs minus ours" in guide and "gold, same-button" in guide
    assert read_test(listening.make(clips, tmp_path / "m", "mushra", 1)).content["decisions"]["screening"] == [
        "hidden-reference"
    ]


def test_words_can_be_replaced(clips: Path, tmp_path: Path) -> None:
    texts = {"title": "听力测试", "language": "zh", "scale": "很差|差|一般|好|很好", "consent": "<b>同意</b>"}
    folder = listening.make(clips, tmp_path / "t", "acr", 1, 0, Options(texts=texts))
    content = read_test(folder).content
    assert [choice["label"] for choice in content["scale"]["choices"]] == texts["scale"].split("|")
    page = (folder / "panel.html").read_text(encoding="utf-8")
    assert '<html lang="zh">' in page and "<b>" not in page and "\\u003cb>同意" in page


def test_the_page_asks_nobody_for_anything(made: Made) -> None:
    page = (made("abx") / "panel.html").read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert (
        policy and "default-src 'none'" in policy[1] and "unsafe" not in policy[1] and "media-src data:;" in policy[1]
    )
    plain = re.sub(r"base64,[\w+/=]+", "", page)
    assert not re.search(r"https?:|//[a-z]|@import|url\(|\bfetch\(|XMLHttp|WebSocket|sendBeacon|import\(", plain)
    assert not re.search(r"innerHTML|insertAdjacent|document\.write|eval\(|new Function|\sstyle=", plain)


def test_many_sounds_lie_beside_the_page(made: Made) -> None:
    folder = made("acr")
    test = read_test(folder)
    sounds = {
        name: (folder / "stimuli" / entry["file"]).read_bytes() for name, entry in test.content["stimuli"].items()
    }
    page = panel_page(test, sounds, most=1000)
    assert "base64,i" not in page and '"stimuli/s' in page and "media-src 'self' file:;" in page


@pytest.mark.parametrize(
    ("options", "decided", "words"),
    [
        ({"suffix": "mp3"}, {}, "flac or wav"),
        ({"bandwidth": "any"}, {}, "lowest or refuse"),
        ({"texts": {"titel": "x"}}, {}, "no text 'titel'"),
        ({"texts": {"title": " "}}, {}, "'title' is ' '"),
        ({"texts": {"scale": "a|b"}}, {}, "5 labels"),
        ({}, {"screening": ("mood",)}, "no rule 'mood'"),
        ({}, {"primary_contrast": ("ours", "nobody")}, "two of natural, ours, theirs"),
        ({}, {"primary_contrast": ("ours", "ours")}, "two of"),
        ({}, {"primary_interval": "Wide!"}, "primary interval"),
    ],
)
def test_bad_requests_leave_nothing_behind(
    options: dict, decided: dict, words: str, clips: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=words):
        listening.make(clips, tmp_path / "t", "acr", 2, 0, Options(**options), Decisions(**decided))
    assert not list(tmp_path.iterdir())


def test_a_folder_with_votes_is_not_replaced(copied: Made, clips: Path) -> None:
    folder = copied("acr")
    (folder / "votes.sqlite").write_text("votes", encoding="utf-8")
    before = (folder / "key.json").read_bytes()
    with pytest.raises(LabError, match="holds other files"):
        listening.make(clips, folder, "ccr", 2)
    assert (folder / "key.json").read_bytes() == before


def broken(content: dict, change: Callable[[dict], object]) -> bytes:
    change(content)
    return to_bytes(sealed(content))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.pop("stimuli"), "lacks 'stimuli'"),
        (lambda c: c.update(design=3), "test.design is 3"),
        (lambda c: c.update(format="gsv_lab listening test 9"), "its format"),
        (lambda c: c.update(places=[]), "place without pages"),
        (lambda c: c["places"][1].append(c["places"][0][0]), "have one number"),
        (lambda c: c["places"][0][0]["clips"].append({"stimulus": "s999", "label": "x"}), "stimulus that is not there"),
        (lambda c: next(iter(c["stimuli"].values())).update(file="../../secret.wav"), "not a file in its folder"),
        (lambda c: c["places"][0][0]["questions"].clear(), "asks nothing"),
    ],
)
def test_a_test_that_is_none(change: Callable[[dict], object], words: str, copied: Made) -> None:
    folder = copied("acr")
    content = json.loads((folder / "test.json").read_bytes())
    (folder / "test.json").write_bytes(broken(content, change))
    with pytest.raises(DataError, match=words) as caught:
        read_test(folder)
    assert caught.value.code == "LISTEN_FILE"


def test_a_test_that_was_changed(copied: Made) -> None:
    folder = copied("acr")
    text = (folder / "test.json").read_text(encoding="utf-8")
    (folder / "test.json").write_text(text.replace("voluntary", "compulsory"), encoding="utf-8")
    with pytest.raises(DataError, match="was changed") as caught:
        read_test(folder)
    assert caught.value.code == "LISTEN_CHANGED"
    for content, words in ((b"[1]", "no table"), (b"{", "no JSON"), (b"\xff", "no JSON")):
        (folder / "test.json").write_bytes(content)
        with pytest.raises(DataError, match=words):
            read_test(folder)
    with pytest.raises(DataError, match="No such file"):
        read_test(folder / "nowhere")


def test_the_command_line(clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = tmp_path / "words.json"
    words.write_text('{"title": "Which one?"}', encoding="utf-8")
    output = tmp_path / "test"
    arguments = ["listening", "make", str(clips), "--design", "ab", "--raters", "4", "--seed", "9", "--no-preference"]
    more = ["--gold", "1", "--traps", "1", "--against", "ours", "--contrast", "theirs", "ours", "--texts", str(words)]
    assert main([*arguments, *more, "--format", "wav", "--output", str(output)]) == 0
    assert "keep" in capsys.readouterr().out
    key = read_key(output / "key.json")
    assert key.test.scale == ("first", "second", "none") and key.content["seed"] == 9
    assert key.test.content["texts"]["title"] == "Which one?" and len(key.test.places) == 4
    assert all(path.suffix == ".wav" for path in (output / "stimuli").iterdir())
    assert main([*arguments, "--output", str(output)]) == 2
    assert "[OUTPUT_EXISTS]" in capsys.readouterr().err
    for bad, code in (
        (["--design", "smell"], "USAGE"),
        (["--raters", "0"], "USAGE"),
        (["--screening", "mood"], "USAGE"),
        (["--anchors", "lp35"], "LISTEN_DESIGN"),
        (["--texts", str(tmp_path / "nowhere")], "LISTEN_TEXTS"),
    ):
        assert main([*arguments, *bad, "--output", str(tmp_path / "other")]) == 2
        assert f"[{code}]" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_help_is_readable(run_cli: Callable[..., CompletedProcess[str]]) -> None:
    shown = run_cli("listening", "make", "--help")
    assert shown.returncode == 0 and "BS.1534" in shown.stdout and "15 %" in shown.stdout
