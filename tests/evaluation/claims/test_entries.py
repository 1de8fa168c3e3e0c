"""What is written of a claim: verdict, numbers, reason; what decides nothing stands apart, and clocks elsewhere."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gsv_lab.evaluation.claims.entries import Outcome, Place, commands, entry, shown
from gsv_lab.evaluation.claims.file import Claim, Needs
from gsv_lab.evaluation.claims.measured import Measured
from gsv_lab.evaluation.claims.packs import Pack, power

from .samples import FILE, by_ears, claim, nearest

FOUND = Measured(2.0, 1.5, 2.5, 4, "clips", "some clips", details={"beside": 7.0})


def results(one: Claim, outcome: Outcome) -> dict[str, Any]:
    made, _ = entry(one, outcome, FILE, Place())
    json.dumps(made, allow_nan=False)
    assert made["verdict"] != "supported" or made["exact"] or made["n"] > 1
    return made


def test_what_was_measured_decides() -> None:
    made = results(claim(), Outcome(FOUND))
    assert (made["verdict"], made["value"], made["low"], made["high"], made["n"]) == ("supported", 2.0, 1.5, 2.5, 4)
    assert made["threshold"] == 1.0 and made["sources"] == ["部署指南 (guide)"] and made["nearest"] is None
    assert "wholly within what is asked for (above 1 MB)" in made["reason"] and made["details"] == {"beside": 7.0}
    assert made["command"] == "gsv-lab reproduce a-claim --output DIR"
    counted = results(claim(), Outcome(Measured(12_345_678, exact=True)))
    assert counted["value"] == 12_345_678 and "Counted: 12,345,678 MB" in counted["reason"]
    alone = results(claim(), Outcome(Measured(2.0, n=1, over="clips")))
    assert alone["verdict"] == "inconclusive" and "no interval, since n is 1" in alone["reason"]
    same = results(claim(), Outcome(Measured(2.0, 2.0, 2.0, 9, "clips")))
    assert same["verdict"] == "inconclusive" and "nothing varied" in same["reason"]


def test_a_demonstration_decides_nothing() -> None:
    shown_only = Measured(2.0, 1.5, 2.5, 4, "clips", instead="no person speaks")
    made = results(claim(), Outcome(shown_only))
    assert made["verdict"] == "not measured" and made["value"] is None and made["n"] == 0
    assert made["nearest"]["value"] == 2.0 and made["nearest"]["verdict"] is None
    assert "Demonstration only: no person speaks." in made["reason"] and "Needed: scales." in made["reason"]
    other = results(claim(measure="", unmeasurable="No.", nearest=nearest()), Outcome(shown_only))
    assert other["nearest"]["verdict"] is None


def test_what_cannot_be_measured_has_a_nearest_claim() -> None:
    made = results(claim(measure="", unmeasurable="No unit is named.", nearest=nearest()), Outcome(FOUND))
    assert made["verdict"] == "not measurable as stated" and made["value"] is None
    assert made["nearest"]["verdict"] == "supported" and made["nearest"]["threshold"] == 3.0
    assert made["reason"].startswith("No unit is named. Nearest: The interval lies wholly within")
    alone = results(claim(measure="", unmeasurable="No."), Outcome())
    assert alone["verdict"] == "not measurable as stated" and alone["command"] == "" and alone["nearest"] is None


def test_what_is_absent_is_said() -> None:
    made = results(claim(), Outcome(absent="The package 'x' is not installed."))
    assert made["verdict"] == "not measured" and "Not measured here: The package 'x'" in made["reason"]


@pytest.mark.parametrize(
    "machine, card, verdict",
    [
        ("RTX 3060", "", "not measured"),
        ("RTX 3060", "NVIDIA GeForce RTX 4090", "not measured"),
        ("RTX 3060", "NVIDIA GeForce RTX 3060", "supported"),
        ("GPU", "", "not measured"),
        ("GPU", "NVIDIA H200", "supported"),
        ("", "", "supported"),
    ],
)
def test_numbers_of_a_clock_stand_elsewhere(machine: str, card: str, verdict: str) -> None:
    one = claim(measure="request_ms", needs=Needs("weights", machine=machine))
    made, timing = entry(one, Outcome(FOUND), FILE, Place(card))
    assert made["verdict"] == verdict and made["value"] is None and made["details"] == {}
    assert timing is not None and timing["value"] == 2.0 and timing["verdict"] == verdict
    text = json.dumps(made)
    assert "1.5" not in text and "2.5" not in text and "timing.json has it" in text
    if machine:
        assert "--device cuda" in made["command"]


def test_a_claim_about_released_weights_is_not_decided_by_others() -> None:
    one = claim(needs=Needs("released weights", model="v2", steps=20000))
    for released, verdict in ((False, "not measured"), (True, "supported")):
        made, _ = entry(one, Outcome(FOUND), FILE, Place(released=released))
        assert made["verdict"] == verdict
    assert commands(one) == ["gsv-lab reproduce a-claim --model v2 --steps 20000 --output DIR"]


def test_a_nearest_claim_of_a_clock_is_decided_there() -> None:
    one = claim(measure="", unmeasurable="No text is named.", nearest=nearest("request_ms"))
    made, timing = entry(one, Outcome(FOUND), FILE, Place())
    assert made["nearest"]["verdict"] is None and made["nearest"]["value"] is None
    assert timing is not None and timing["verdict"] == "supported" and timing["text"] == "It weighs at most 3 kg."


def test_ears() -> None:
    """Without votes the command, the raters, and what so many can prove; with votes the same rule."""
    one = by_ears()
    pack = Pack("listening/x", "0", 2, ("natural", "fine_tuned"), "no person speaks")
    made = results(one, Outcome(pack=pack))
    assert made["verdict"] == "not measured" and made["listening"]["folder"] == "listening/x"
    for said in (
        "Needed: LJ Speech.",
        "40 raters on 40 sentences",
        "±0.19",
        "4.16",
        "0.28",
        "listening/x, 2 sentences",
        "but no person",
    ):
        assert said in made["reason"]
    votes = Measured(4.3, 4.1, 4.5, 800, "votes", "40 raters")
    rated = results(one, Outcome(votes, rated=True))
    assert rated["verdict"] == "supported" and rated["n"] == 800
    assert power(claim()) == ""


def test_commands() -> None:
    lines = commands(by_ears("tacotron2"))
    assert lines[0].endswith("--corpus ljspeech=LJSpeech-1.1 --system tacotron2=WAVES --output DIR")
    assert "--primary fine_tuned tacotron2" in lines[2] and "--ratings a-claim=votes/ratings.json" in lines[3]


def test_numbers_in_words() -> None:
    numbers = {"value": 1234567.0, "low": None, "high": None, "n": 3, "over": "runs", "exact": False}
    assert shown(numbers, "MB") == "1,234,567 MB, n = 3 runs" and shown({"value": None}, "MB") == ""
