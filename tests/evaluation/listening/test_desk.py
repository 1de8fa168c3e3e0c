"""The desk and the widget without a browser: messages in, answers out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gsv_lab.errors import DataError
from gsv_lab.evaluation.listening.desk import Desk
from gsv_lab.evaluation.listening.simulated import panel_events as events
from gsv_lab.teaching.widgets.listening import ListeningPanel

from .robot import any_answer

Made = Callable[..., Path]


def test_a_rater_is_served_from_the_beginning_to_the_end(copied: Made) -> None:
    folder = copied("ccr")
    (folder / "key.json").unlink()  # it is not needed, and should not be there
    desk = Desk(folder)
    begun, _ = desk.answer({"kind": "begin", "ask": "a-1", "at": 5, "place": None})
    assert begun["ask"] == "a-1" and begun["place"] == 0 and [event["kind"] for event in begun["events"]] == ["agree"]
    rater = begun["rater"]
    said = events(desk.test, 0, any_answer(desk.test))[1:]
    assert desk.answer({"kind": "keep", "ask": 2, "rater": rater, "events": said[:-1]})[0] == {
        "ask": 2, "kept": len(said),
    }  # fmt: skip
    pages = len(desk.test.places[0])
    (about,) = desk.answer({"kind": "open", "ask": 3})[0]["raters"]
    assert about == {"rater": rater, "pages": pages, "done": pages - 1, "finished": False}
    desk.answer({"kind": "keep", "ask": 4, "rater": rater, "events": said})
    assert desk.answer({"kind": "open", "ask": 5})[0]["raters"][0]["finished"]
    read = desk.answer({"kind": "read", "ask": 6, "rater": rater})[0]
    assert [event["seq"] for event in read["events"]] == list(range(len(said) + 1))
    stimulus = next(iter(desk.test.content["stimuli"]))
    answer, (sound,) = desk.answer({"kind": "clip", "ask": 7, "stimulus": stimulus})
    assert answer == {"ask": 7, "media": "audio/flac"} and sound[:4] == b"fLaC"
    assert desk.answer({"kind": "forget", "ask": 8, "rater": rater})[0] == {"ask": 8}
    assert desk.answer({"kind": "open", "ask": 9})[0]["raters"] == []
    desk.store.close()


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"kind": "keep"},
        {"kind": "keep", "rater": "nobody", "events": []},
        {"kind": "keep", "rater": "nobody", "events": [3]},
        {"kind": "begin", "at": "now", "place": 0},
        {"kind": "begin", "at": 1, "place": 99},
        {"kind": "begin", "at": -1, "place": 0},
        {"kind": "clip", "stimulus": "../key.json"},
        {"kind": "read", "rater": "nobody"},
        {"kind": "drop table"},
    ],
)
def test_messages_that_make_no_sense_are_answered(message: dict[str, Any], copied: Made) -> None:
    desk = Desk(copied("ccr"))
    answer, buffers = desk.answer({"ask": 4, **message})
    assert answer["ask"] == 4 and answer["problem"] and answer["refused"] is True and not buffers
    assert desk.store.raters() == []
    desk.store.close()


def test_a_stimulus_that_was_exchanged_is_not_played(copied: Made) -> None:
    folder = copied("ccr")
    desk = Desk(folder)
    first, second = sorted((folder / "stimuli").iterdir())[:2]
    first.write_bytes(second.read_bytes())
    with pytest.raises(DataError, match="another file than the test was made with"):
        desk.clip(first.stem)
    second.unlink()
    with pytest.raises(DataError, match="No such file"):
        desk.clip(second.stem)
    desk.store.close()


def test_the_widget_answers_and_gives_the_votes(copied: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = copied("mushra")
    sent: list[tuple[Any, Any]] = []
    monkeypatch.setattr(ListeningPanel, "send", lambda self, content, buffers=None: sent.append((content, buffers)))
    panel = ListeningPanel(folder)
    assert "decisions" not in panel.test and panel.test["sha256"] == panel.desk.test.sha256
    panel.receive({"kind": "begin", "ask": 1, "at": 1, "place": 0})
    rater = sent[-1][0]["rater"]
    said = events(panel.desk.test, 0, any_answer(panel.desk.test))[1:]
    panel.receive({"kind": "keep", "ask": 2, "rater": rater, "events": said})
    assert sent[-1] == ({"ask": 2, "kept": len(said) + 1}, [])
    assert len(panel.votes(folder / "key.json")) == 3 * 5
    panel.desk.store.close()
    again = ListeningPanel(folder)  # after a restart of the kernel
    again.receive({"kind": "open", "ask": 3})
    assert [entry["rater"] for entry in sent[-1][0]["raters"]] == [rater]
    again.desk.store.close()


def test_a_store_of_another_place_may_be_named(copied: Made, tmp_path: Path) -> None:
    panel = ListeningPanel(copied("mushra"), tmp_path / "elsewhere.sqlite")
    assert (tmp_path / "elsewhere.sqlite").is_file() and not (panel.desk.folder / "votes.sqlite").exists()
    panel.desk.store.close()
