"""The two files of a listening test: `test.json`, which panels read, and `key.json`, which says what was heard.

The test names stimuli and pages by numbers that were drawn, and never a system. The key holds the test itself, what
each number stands for, and the role of each page. Both carry the hash of their content; that of the test is its
identity, which every result repeats. The hashes find damage, careless edits, and files of another test; they are no
signature.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from gsv_lab.errors import DataError
from gsv_lab.evaluation.listening.methods import Value
from gsv_lab.system.files import read_file, why_unreadable
from gsv_lab.system.schema import misfit

TEST, KEY, STIMULI, STORE = "test.json", "key.json", "stimuli", "votes.sqlite"
TEST_FORMAT, KEY_FORMAT, RESULT_FORMAT = (f"gsv_lab listening {what} 1" for what in ("test", "key", "results"))


@dataclass(frozen=True)
class Shown:
    """A clip on a page: number of the stimulus, and what the page calls it."""

    stimulus: str
    label: str


@dataclass(frozen=True)
class Question:
    """What is asked on a page: its name (a stimulus, or `answer`), its label, and what must have been heard whole."""

    name: str
    label: str
    needs: list[str]


@dataclass(frozen=True)
class TestPage:
    """A page as panels know it."""

    __test__ = False  # not a test case, whatever pytest reads into the name

    id: str
    block: int
    clips: list[Shown]
    questions: list[Question]


@dataclass(frozen=True)
class Choice:
    """An answer and its label."""

    value: Value
    label: str


@dataclass(frozen=True)
class Scale:
    """The answers of all questions: choices, or sliders from 0 to 100 with bands."""

    choices: list[Choice]
    bands: list[str]


@dataclass(frozen=True)
class StimulusFile:
    """A sound: file name, length in seconds, SHA-256."""

    file: str
    seconds: float
    sha256: str


@dataclass(frozen=True)
class _TestFile:
    format: str
    design: str
    kit: str
    texts: dict[str, str]
    scale: Scale
    decisions: dict[str, Any]
    stimuli: dict[str, StimulusFile]
    places: list[list[TestPage]]
    sha256: str


@dataclass(frozen=True)
class KeyStimulus:
    """What a stimulus is: item, system, form (`clip`, `reference`, `x`, `tones-N`)."""

    item: str
    system: str
    form: str


@dataclass(frozen=True)
class KeyPage:
    """What a page is for, and which answers are right on it; none where nobody knows."""

    role: str
    right: list[Value]


@dataclass(frozen=True)
class _KeyFile:
    format: str
    test: _TestFile
    seed: int
    systems: dict[str, str]
    order: list[str]
    reference: str
    anchors: list[str]
    synthetic: list[str]
    stimuli: dict[str, KeyStimulus]
    pages: dict[str, KeyPage]
    sha256: str


@dataclass(frozen=True)
class Test:
    """A test as panels know it; `content` is that of its file."""

    __test__ = False

    content: Mapping[str, Any]

    @property
    def sha256(self) -> str:
        """Its identity."""
        return str(self.content["sha256"])

    @property
    def design(self) -> str:
        """Name of the method."""
        return str(self.content["design"])

    @property
    def seconds(self) -> dict[str, float]:
        """Length of each stimulus."""
        return {name: entry["seconds"] for name, entry in self.content["stimuli"].items()}

    @cached_property
    def scale(self) -> tuple[Value, ...]:
        """The answers among which is chosen; empty for sliders."""
        return tuple(choice["value"] for choice in self.content["scale"]["choices"])

    @cached_property
    def places(self) -> list[list[TestPage]]:
        """The pages of each place."""
        return [[_page(page) for page in pages] for pages in self.content["places"]]

    @property
    def shown(self) -> dict[str, Any]:
        """What a panel needs: all but the decisions."""
        return {name: value for name, value in self.content.items() if name != "decisions"}


@dataclass(frozen=True)
class Key:
    """The key of a test; `content` is that of its file."""

    content: Mapping[str, Any]

    @cached_property
    def test(self) -> Test:
        """The test that it belongs to."""
        return Test(self.content["test"])

    @cached_property
    def stimuli(self) -> dict[str, KeyStimulus]:
        """What each stimulus is."""
        return {name: KeyStimulus(**entry) for name, entry in self.content["stimuli"].items()}

    @cached_property
    def pages(self) -> dict[str, KeyPage]:
        """What each page is for."""
        return {name: KeyPage(**entry) for name, entry in self.content["pages"].items()}

    @property
    def decisions(self) -> dict[str, Any]:
        """What was decided before any vote, with the names of systems in place of their codes."""
        found = dict(self.content["test"]["decisions"])
        contrast = found["primary_contrast"]
        found["primary_contrast"] = None if contrast is None else [self.content["systems"][code] for code in contrast]
        return found


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """A content with the hash of it as `sha256`."""
    plain = {name: value for name, value in content.items() if name != "sha256"}
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return plain | {"sha256": hashlib.sha256(text.encode()).hexdigest()}


def to_bytes(content: Mapping[str, Any]) -> bytes:
    """A content as a file of JSON."""
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()


def read_test(path: str | Path) -> Test:
    """Reads and checks a test; a folder stands for the one in it.

    Raises:
        DataError: `LISTEN_FILE`, it cannot be read, or is no test; `LISTEN_CHANGED`.
    """
    path = Path(path) / TEST if Path(path).is_dir() else Path(path)
    test = Test(_read(path, _TestFile, TEST_FORMAT, "test"))
    if problem := _contradiction(test):
        raise bad_file(path, problem, "test")
    return test


def read_key(path: str | Path) -> Key:
    """Reads and checks a key, and the test in it.

    Raises:
        DataError: `LISTEN_FILE`, `LISTEN_CHANGED`.
    """
    content = _read(Path(path), _KeyFile, KEY_FORMAT, "key")
    key = Key(content)
    if sealed(content["test"])["sha256"] != content["test"]["sha256"]:
        raise changed(Path(path), "key")
    pages = {page.id for pages in key.test.places for page in pages}
    problem = _contradiction(key.test)
    if problem or not key.test.content["stimuli"].keys() <= key.stimuli.keys() or not pages <= key.pages.keys():
        raise bad_file(Path(path), problem or "it lacks some of the stimuli or pages", "key")
    return key


def read_json(path: Path, what: str) -> dict[str, Any]:
    """A file of JSON that should be a table.

    Raises:
        DataError: `LISTEN_FILE`.
    """
    try:
        content = json.loads(read_file(path))
    except OSError as error:
        raise bad_file(path, why_unreadable(error), what) from error
    except (ValueError, RecursionError) as error:
        raise bad_file(path, f"it is no JSON ({error})", what) from error
    if not isinstance(content, dict):
        raise bad_file(path, "it is no table", what)
    return content


def bad_file(path: Path, why: str, what: str) -> DataError:
    """The error for a file that is not what it should be."""
    return DataError(
        "LISTEN_FILE", f"{path.name!r} is no {what} of a listening test: {why}", f"a {what} as it was written"
    )


def changed(path: Path, what: str) -> DataError:
    """The error for a file whose content and hash differ."""
    problem = f"The {what} {path.name!r} was changed after it was made"
    return DataError("LISTEN_CHANGED", problem, "the file as it was written", "Take the original, or make a new test")


def _read(path: Path, kind: type, name: str, what: str) -> dict[str, Any]:
    content = read_json(path, what)
    if content.get("format") != name:
        raise bad_file(path, f"its format is {content.get('format')!r:.60}", what)
    problem = misfit(content, kind, what)
    if problem:
        raise bad_file(path, problem, what)
    if sealed(content)["sha256"] != content["sha256"]:
        raise changed(path, what)
    return content


def _contradiction(test: Test) -> str:
    """What in a test does not go together, in words; empty where all does."""
    stimuli = test.content["stimuli"]
    pages = [page for pages in test.places for page in pages]
    names = [entry["file"] for entry in stimuli.values()]
    shown = {clip.stimulus for page in pages for clip in page.clips}
    if not test.places or not all(test.places):
        return "it has a place without pages"
    if len({page.id for page in pages}) < len(pages):
        return "two of its pages have one number"
    if not shown <= stimuli.keys():
        return "a page shows a stimulus that is not there"
    if not all(re.fullmatch(r"[a-z0-9]+\.(flac|wav)", name) for name in names):
        return "a stimulus is not a file in its folder"
    for page in pages:
        clips = {clip.stimulus for clip in page.clips}
        if not page.questions or not all({*question.needs} <= clips for question in page.questions):
            return f"the page {page.id!r:.40} asks nothing, or for a clip that it does not show"
    return ""


def _page(entry: Mapping[str, Any]) -> TestPage:
    clips = [Shown(**clip) for clip in entry["clips"]]
    return TestPage(entry["id"], entry["block"], clips, [Question(**question) for question in entry["questions"]])
