"""`configs/claims.yaml`: every entry says who says it, how it is measured, what settles it and what that takes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from gsv_lab.errors import ConfigError
from gsv_lab.evaluation.claims.file import CLAIMS, ClaimFile, read_claims
from gsv_lab.evaluation.claims.measured import MEASURES
from source import ROOT

NUMBERS = {
    "mos-one-minute": 4.0, "mos-five-minutes": 4.0, "vctk-similarity": 0.85, "better-than-tacotron2": 0,
    "better-than-fastspeech2": 0, "better-than-yourtts": 0, "tuning-under-one-hour": 60, "tuning-30-minutes": 30,
    "incremental-5-to-10-minutes": [5, 10], "steps-10k-20k": [10000, 20000], "steps-at-most-10k": 10000,
    "characters-400-ms": 400, "latency-300-ms": 300, "latency-200-ms": 200, "request-1-to-3-s": [1000, 3000],
    "delta-5-to-10-mb": [5, 10], "delta-saves-90-percent": 90, "gpt-below-100m": 1e8, "model-below-100-mb": 100,
    "voice-100-to-300-mb": [100, 300], "quantised-below-6-gb": 6, "cloud-1000-yuan": 1000, "pilot-27-percent": 27,
    "snr-30-db": 30, "share-5-to-10-percent": [5, 10],
}  # fmt: skip
"""What the documents say, typed a second time."""
WORDLESS = (
    "ssim-as-similarity",
    "gate-si-snr",
    "gate-lse-cosine",
    "sixty-seconds",
    "snr-30-db",
    "share-5-to-10-percent",
)


@pytest.fixture(scope="module")
def file() -> ClaimFile:
    return read_claims()


def test_every_claim_is_complete(file: ClaimFile) -> None:
    for claim in file.claims:
        assert claim.sources and all(file.titles(claim.sources))
        for text in (claim.text, claim.protocol, claim.settles, claim.needs.data):
            assert text.strip() and text[0] != " "
        assert claim.measured_by or claim.unmeasurable or claim.listening, claim.id
        assert bool(claim.needs.raters) == bool(claim.listening)


def test_the_numbers_are_those_of_the_documents(file: ClaimFile) -> None:
    found = {claim.id: claim.bound.threshold for claim in file.claims if claim.bound}
    assert {name: found[name] for name in NUMBERS} == NUMBERS
    assert {*WORDLESS} <= {claim.id for claim in file.claims}
    assert all(claim.unmeasurable and claim.nearest for claim in file.claims if claim.id in WORDLESS)


def test_titles_name_the_documents(file: ClaimFile) -> None:
    assert len(file.sources) == 5
    for title in file.sources.values():
        assert re.search("[\u4e00-\u9fff]", title) and re.search(r"\([a-z -]+", title)
    assert {key for claim in file.claims for key in claim.sources} == file.sources.keys()


def test_contradictions_are_entries_of_their_own(file: ClaimFile) -> None:
    assert len(file.contradictions) == 16
    for one in file.contradictions:
        assert one.kit and one.settles and len(one.says) >= 2


def test_every_measure_is_asked_for(file: ClaimFile) -> None:
    asked = {claim.measured_by for claim in file.claims} | {
        name for one in file.contradictions for name in one.measures
    }
    assert asked - {""} == MEASURES.keys()


def test_some_of_the_claims(file: ClaimFile) -> None:
    few = file.chosen(["latency-200-ms", "gpt-below-100m"])
    assert [claim.id for claim in few.claims] == ["latency-200-ms", "gpt-below-100m"]
    assert [one.id for one in few.contradictions] == ["output-of-gpt", "latency"]
    with pytest.raises(ConfigError, match="no claim 'gpt-below-100'.*'gpt-below-100m' perhaps") as caught:
        file.chosen(["gpt-below-100"])
    assert caught.value.code == "CLAIM_UNKNOWN"


def _content() -> dict[str, Any]:
    """A small file: the first of the real one that has everything."""
    whole = yaml.safe_load((ROOT / CLAIMS).read_text(encoding="utf-8"))
    claims = {one["id"]: one for one in whole["claims"]}
    chosen = [claims["mos-one-minute"], claims["vctk-similarity"], claims["steps-10k-20k"]]
    about = [one for one in whole["contradictions"] if one["id"] == "upsampling"]
    return {"sources": whole["sources"], "claims": chosen, "contradictions": about}


def _without(key: str) -> Callable[[dict[str, Any]], object]:
    return lambda content: content["claims"][2].pop(key)


def _with(key: str, value: Any) -> Callable[[dict[str, Any]], object]:
    return lambda content: content["claims"][2].update({key: value})


SPOILT = (
    (_without("sources"), "lacks 'sources'"),
    (_without("protocol"), "lacks 'protocol'"),
    (_without("settles"), "lacks 'settles'"),
    (_without("needs"), "lacks 'needs'"),
    (_with("sources", []), "no document that says it"),
    (_with("protocol", " "), "empty 'protocol'"),
    (_with("settles", ""), "empty 'settles'"),
    (_with("needs", {"data": ""}), "empty 'needs.data'"),
    (_with("needs", {"raters": 3}), "lacks 'data'"),
    (_with("needs", {"data": "x", "raters": -1}), "raters is -1"),
    (_with("sources", ["gide"]), "document 'gide'"),
    (_with("measure", "no_such"), "measure 'no_such'"),
    (_with("measur", "x"), "entry 'measur'"),
    (_with("bound", {"direction": "over", "threshold": 1, "unit": "s"}), "direction is 'over'"),
    (_with("bound", {"direction": "between", "threshold": 1, "unit": "s"}), "expected two numbers"),
    (_with("bound", {"direction": "above", "threshold": "much", "unit": "s"}), "threshold is 'much'"),
    (_with("unmeasurable", "no."), "nothing in its place"),
    (_with("listening", {"system": "fine_tuned"}), "without a bound, raters or sentences"),
    (_with("corpus", "libri"), "corpus is 'libri'"),
    (_with("id", "mos-one-minute"), "two entries 'mos-one-minute'"),
    (_with("id", "../x"), "An id of the claims"),
    (lambda content: content["contradictions"][0].update(claims=["no-such"]), "claim 'no-such'"),
    (lambda content: content["contradictions"][0]["says"].pop(), "what contradicts what"),
    (lambda content: content.pop("sources"), "other entries"),
    (lambda content: content.update(claims="all"), "claims is 'all'"),
)


@pytest.mark.parametrize("spoil, said", SPOILT, ids=[said for _, said in SPOILT])
def test_what_is_not_complete_is_refused(spoil: Callable[[Any], object], said: str, tmp_path: Path) -> None:
    content, path = _content(), tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    assert len(read_claims(path).claims) == 3
    spoil(content)
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    with pytest.raises(ConfigError, match=re.escape(said)):
        read_claims(path)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"claims: \xe4")
    for name, code in (("absent.yaml", "CONFIG_MISSING"), ("latin.yaml", "CONFIG_MISSING")):
        with pytest.raises(ConfigError) as caught:
            read_claims(tmp_path / name)
        assert caught.value.code == code


def test_the_page_has_the_claims_of_the_file(file: ClaimFile) -> None:
    """Ids and texts, not what was measured: `docs/claims.md` is written by the command that its head names."""
    page = (ROOT / "docs" / "claims.md").read_text(encoding="utf-8")
    assert "gsv-lab reproduce" in page.split("\n\n")[2]
    sections = dict(re.findall(r"^### (\S+)\n\n(.+)$", page, re.M))
    plain = {name: re.sub(r"\\(.)", r"\1", text) for name, text in sections.items()}
    expected = {claim.id: claim.text for claim in file.claims} | {one.id: one.topic for one in file.contradictions}
    assert plain == {name: " ".join(text.split()) for name, text in expected.items()}
