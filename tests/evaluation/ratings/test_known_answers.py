"""Published listening tests, by the command, to the digits that were published; and the same from rearranged files.

Data: Voice Conversion Challenge 2020 (Zhao Yi et al.), neural codec MUSHRA (Stahl et al. 2024), ITU-T P.910 sample
votes, paired comparisons of Krasula et al. 2017, Shrout and Fleiss 1979. The files lie outside of the project.
"""

from __future__ import annotations

import csv
import gzip
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gsv_lab.evaluation.ratings.run import analyse
from gsv_lab.evaluation.ratings.settings import Settings

from .vote_files import ratings, write

VCC_COLUMNS = {"rater": "listener", "item": "target+source+utterance"}
TASKS = {"1": "intra", "2": "cross"}
NATURALNESS = {
    "1": {"SRC": 4.712, "TAR": 4.612, "T10": 4.321, "T13": 4.242, "T25": 4.160, "T29": 4.160, "T27": 4.079},
    "2": {"SRC": 4.744, "TAR": 4.573, "T10": 4.328, "T13": 4.191, "T25": 4.142, "T29": 4.037, "T11": 3.951},
}
SIMILARITY = {
    "1": {"TAR": (3.897, 98.9), "T10": (3.856, 97.9), "T22": (3.758, 96.3), "T27": (3.742, 95.3)},
    "2": {"TAR": (3.820, 96.5), "T10": (3.160, 77.9), "T29": (3.144, 77.9)},
}
"""Mean and per cent of "same" votes."""
CODEC = {
    "Reference": (99.07, 98.36), "AudioDec": (66.71, 64.93), "Proposed 5.51": (60.44, 60.04),
    "Proposed 1.38": (54.28, 54.07), "Proposed 5.51 16kHz": (48.64, 49.07), "Proposed 1.38 16kHz": (47.30, 48.35),
    "Lyra 6": (45.55, 45.96), "Lyra 3": (29.64, 29.38), "Anchor": (19.42, 20.30),
}  # fmt: skip
"""Means after and before screening."""
CODEC_OPTIONS = ["--design", "mushra", "--rater", "participant", "--item", "signal", "--system", "condition",
                 "--reference", "Reference", "--anchor", "Anchor"]  # fmt: skip


@pytest.fixture(scope="session")
def published(shared: Path) -> Path:
    """The folder of published votes."""
    folder = shared / "ratings"
    if not folder.is_dir():
        pytest.skip("no published votes: they lie in `ratings` of the shared folder")
    return folder


@pytest.fixture(scope="session")
def vcc(published: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """The four tables of the challenge: (question, task) -> results."""
    found = {}
    for question in ("nat", "sim"):
        for number, task in TASKS.items():
            where = ("valid=1", f"question={question}", f"task={task}")
            similar = {"scale": (1.0, 4.0), "same_from": 3.0} if question == "sim" else {}
            design = "smos" if question == "sim" else "acr"
            settings = Settings(design, VCC_COLUMNS, where, draws=20, **similar)  # type: ignore[arg-type]
            found[question, number] = analyse([published / "vcc2020_english" / "ratings.csv.gz"], settings)
    return found


def pair(results: dict[str, Any], first: str, second: str) -> dict[str, Any]:
    """A pair as it is asked for: first minus second."""
    (found,) = (entry for entry in results["pairs"] if {entry["a"], entry["b"]} == {first, second})
    return {**found, "diff": found["diff"] if found["a"] == first else -found["diff"]}


def test_vcc_means(vcc: dict[tuple[str, str], dict[str, Any]]) -> None:
    for task, expected in NATURALNESS.items():
        found = vcc["nat", task]["systems"]
        assert {name: round(found[name]["mean"], 3) for name in expected} == pytest.approx(expected, abs=5.01e-4)
    for task, pairs in SIMILARITY.items():
        found = vcc["sim", task]["systems"]
        for name, (mean, same) in pairs.items():
            assert found[name]["mean"] == pytest.approx(mean, abs=5e-4)
            assert 100 * found[name]["share_same"] == pytest.approx(same, abs=0.05)
    votes = sum(results["counts"]["votes"] for results in vcc.values())
    raters = {results["counts"]["raters"] for results in vcc.values()}
    assert (votes, raters, vcc["nat", "1"]["counts"]["rows"]) == (53_320, {119}, 59_520)


def test_vcc_counts(vcc: dict[tuple[str, str], dict[str, Any]]) -> None:
    for (question, _), results in vcc.items():
        assert {entry["n"] for name, entry in results["systems"].items() if name != "TAR"} == {430}, question
    natural = {key: results["systems"]["TAR"]["n"] for key, results in vcc.items()}
    assert natural == {("nat", "1"): 170, ("nat", "2"): 260, ("sim", "1"): 174, ("sim", "2"): 256}
    assert sum(len(results["systems"]) for results in vcc.values()) == 126


def test_vcc_what_the_organisers_say(vcc: dict[tuple[str, str], dict[str, Any]]) -> None:
    first, second = vcc["nat", "1"]["systems"], vcc["nat", "2"]["systems"]
    teams = [name for name in first if name not in ("SRC", "TAR")]
    assert max(first[name]["mean"] for name in teams) < min(first[name]["mean"] for name in ("SRC", "TAR"))
    assert pair(vcc["nat", "1"], "SRC", "T10")["p_holm"] < 0.05
    alike, harder = vcc["sim", "1"]["systems"], vcc["sim", "2"]["systems"]
    assert all(pair(vcc["sim", "1"], "TAR", name)["p_holm"] > 0.05 for name in ("T10", "T22", "T27"))
    good = {name for name, entry in second.items() if entry["mean"] > 4}
    assert good == {"SRC", "TAR", "T10", "T13", "T25", "T29"}
    best = [max(found[name]["mean"] for name in found if name not in ("SRC", "TAR")) for found in (alike, harder)]
    assert best[0] > best[1] + 0.5


def test_vcc_every_cell_of_the_table(vcc: dict[tuple[str, str], dict[str, Any]], published: Path) -> None:
    """126 rows of counts, means, deviations and four half-widths, to four digits."""
    with (published / "vcc2020_english" / "expected_summary.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    floors, ratios = [], []
    for row in rows:
        task = next(number for number, name in TASKS.items() if name == row["task"])
        entry = vcc[row["question"], task]["systems"][row["system"]]
        kinds = entry["intervals"]
        found = {
            "n": entry["n"], "listeners": entry["raters"], "stimuli": entry["items"], "mean": entry["mean"],
            "sd": entry["sd"], "ci95_t": kinds["t"]["half"], "ci95_listener": kinds["rater"]["half_196"],
            "ci95_stimulus": kinds["item"]["half_196"], "ci95_twoway": kinds["twoway"]["half_196"],
        }  # fmt: skip
        found |= {"share_same": entry["share_same"]} if row["share_same"] else {}
        assert found == pytest.approx({name: float(row[name]) for name in found}, abs=5.01e-5), row
        printed = [round(found[name], 4) for name in ("ci95_listener", "ci95_t")]
        ratios += [printed[0] / printed[1]] if row["question"] == "nat" else []
        floors += [(row["question"], row["task"], row["system"])] if kinds["twoway"]["floor"] else []
    assert len(rows) == 126 and np.median(ratios) == pytest.approx(1.78, abs=0.005)
    assert floors == [("nat", "intra", "TAR")]


def test_vcc_primary_intervals(vcc: dict[tuple[str, str], dict[str, Any]]) -> None:
    found = vcc["nat", "1"]["systems"]
    t10, tar = found["T10"]["intervals"], found["TAR"]["intervals"]
    assert (t10["twoway"]["half_196"], t10["twoway"]["half"]) == pytest.approx((0.1483, 0.1506), abs=5e-5)
    assert (t10["t"]["half"], t10["rater"]["half_196"]) == pytest.approx((0.073, 0.144), abs=5e-4)
    assert tar["twoway"]["half_196"] == pytest.approx(0.1114, abs=5e-5)
    assert tar["twoway"]["floor"] == "rater" and tar["twoway"]["se"] == tar["rater"]["se"]
    assert tar["twoway"]["half"] > tar["rater"]["half"] > tar["twoway"]["half_196"]


def test_vcc_paired_tests(vcc: dict[tuple[str, str], dict[str, Any]]) -> None:
    found = pair(vcc["nat", "1"], "T10", "T13")
    assert (found["n"], found["W"], found["method"]) == (119, 1177.0, "normal")
    assert (found["diff"], found["p"]) == pytest.approx((0.0945, 0.134), abs=5e-4)
    assert found["sign"] == {"plus": 45, "minus": 31, "p": pytest.approx(0.135, abs=5e-4)}


def test_vcc_all_pairs_of_teams(published: Path) -> None:
    where = ("valid=1", "question=nat", "task=intra", "system=T[0-9]*")
    settings = Settings("acr", VCC_COLUMNS, where, draws=20)
    found = analyse([published / "vcc2020_english" / "ratings.csv.gz"], settings)["pairs"]
    below = [sum(entry[name] < 0.05 for entry in found) for name in ("p", "p_holm", "p_bh")]
    assert (len(found), *below) == (465, 427, 390, 426)


def test_codec_screening_and_means(published: Path, tmp_path: Path) -> None:
    found = ratings(published / "neural_codec_mushra" / "ratings.csv", *CODEC_OPTIONS, output=tmp_path / "out")
    screening = found["screening"]
    assert screening["removed"] == ["6", "17"] and screening["after"] == {"raters": 19, "votes": 1368}
    shares = screening["rules"][0]["values"]
    assert (shares["6"], shares["17"]) == (0.625, 0.25) and max(
        v for k, v in shares.items() if k not in ("6", "17")
    ) == 0.125
    means = {name: (found["systems"][name]["mean"], found["systems_before"][name]["mean"]) for name in CODEC}
    for name, expected in CODEC.items():
        assert means[name] == pytest.approx(expected, abs=0.00501), name
    assert found["friedman"]["chi2"] == pytest.approx(62.139, abs=5e-4)
    assert found["friedman"]["p"] == pytest.approx(1.65e-11, abs=5e-14) and found["friedman"]["systems"] == 7
    lyra = pair(found, "Proposed 1.38", "Lyra 3")
    assert (lyra["n"], lyra["W"]) == (19, 1) and lyra["diff"] == pytest.approx(24.63, abs=0.005)
    assert lyra["p"] == pytest.approx(7.6e-6, abs=5e-8)
    narrow = pair(found, "Proposed 5.51 16kHz", "Lyra 6")
    assert (narrow["diff"], narrow["p"]) == pytest.approx((3.10, 0.14), abs=0.005)


@pytest.mark.parametrize(("corpus", "diff", "p"), [("TSP", 27.15, 1.3e-4), ("VCTK", -10.76, 0.018)])
@pytest.mark.parametrize("kept", [[], ["--where", "kept_by_authors=1"]], ids=["screened here", "by the authors"])
def test_codec_corpora(published: Path, tmp_path: Path, corpus: str, diff: float, p: float, kept: list[str]) -> None:
    """Raters are judged by all signals, also where one corpus is reported."""
    file = published / "neural_codec_mushra" / "ratings.csv"
    found = ratings(file, *CODEC_OPTIONS, "--where", f"signal={corpus}_*", *kept, output=tmp_path / "out")
    entry = pair(found, "AudioDec", "Proposed 5.51")
    assert entry["n"] == 19 and entry["diff"] == pytest.approx(diff, abs=0.005)
    assert entry["p"] == pytest.approx(p, abs=5e-6 if corpus == "TSP" else 5e-4)


def test_p910_subjects(published: Path, tmp_path: Path) -> None:
    folder = published / "p910_sample"
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    found = ratings(folder / "votes.csv", "--design", "matrix", "--rows", "items", output=tmp_path / "out")
    subjects, items = (
        [found[name][str(n + 1)] for n in range(count)] for name, count in (("subjects", 26), ("items", 79))
    )
    assert [one["bias"] for one in subjects] == pytest.approx(expected["bias_i"], abs=1e-6)
    assert [one["inconsistency"] for one in subjects] == pytest.approx(expected["inconsistency_i"], abs=1e-6)
    assert [one["quality"] for one in items] == pytest.approx(expected["mos_j"], abs=1e-6)
    assert [one["sos"] for one in items] == pytest.approx(expected["sos_j"], abs=1e-6)
    assert (items[0]["mos"], items[0]["quality"]) == pytest.approx((4.769, 4.926), abs=5e-4)
    alpha = found["agreement"]["alpha_ordinal"], found["agreement"]["alpha_interval"]
    assert alpha == pytest.approx((0.471, 0.495), abs=5e-4)
    assert found["counts"] == {"rows": 79, "votes": 2053, "missing": 1, "raters": 26, "items": 79, "systems": 1}
    worst = sorted(range(1, 27), key=lambda n: -subjects[n - 1]["inconsistency"])[:5]
    assert sorted(worst) == [1, 2, 3, 4, 5]


def test_textbook_icc(published: Path, tmp_path: Path) -> None:
    found = ratings(published / "icc_textbook" / "ratings.csv", "--design", "matrix", output=tmp_path / "out")
    names = ("icc1", "icc2", "icc3", "icc1k", "icc2k", "icc3k")
    expected = (0.166, 0.290, 0.715, 0.443, 0.620, 0.909)
    assert [found["agreement"][name] for name in names] == pytest.approx(expected, abs=5e-4)
    assert list(found["subjects"]) == ["judge1", "judge2", "judge3", "judge4"] and len(found["items"]) == 6


def moments(found: dict[str, Any]) -> tuple[float, float, float]:
    """Sum, population variance and excess kurtosis of ln p."""
    v = np.array(list(found["bradley_terry"].values()))
    left = v - v.mean()
    return float(v.sum()), float(v.var()), float((left**4).mean() / v.var() ** 2 - 3)


def test_paired_preference(published: Path, tmp_path: Path) -> None:
    options = ["--design", "pairs", "--rater", "observer", "--block", "content"]
    found = ratings(published / "paired_preference" / "votes.csv", *options, output=tmp_path / "out")
    assert moments(found) == pytest.approx((-187.186364, 3.144291, 0.564928), abs=5e-7)
    assert sum(np.exp(list(found["bradley_terry"].values()))) == pytest.approx(1)
    assert (found["counts"]["votes"], found["counts"]["raters"], found["counts"]["ties"]) == (2128, 31, 0)
    assert sum(entry["n"] for entry in found["pairs"]) == 2128 and len(found["pairs"]) == 140


def test_rearranged_files_give_the_same(published: Path, tmp_path: Path) -> None:
    """Other names and delimiters of columns, another order of rows and columns, a byte-order mark, gzip."""
    with (published / "neural_codec_mushra" / "ratings.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    random.Random(1).shuffle(rows)
    moved = [[f"{row['score']},0", row["condition"], row["signal"], f"P{row['participant']}"] for row in rows]
    path = write(tmp_path / "moved.txt", ("punkte", "codec", "satz", "wer"), moved, ";")
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n")))
    options = ["--design", "mushra", "--rater", "wer", "--item", "satz", "--system", "codec", "--score", "punkte"]
    found = ratings(path, *options, "--reference", "Reference", "--anchor", "Anchor", output=tmp_path / "out")
    assert found["screening"]["removed"] == ["P6", "P17"] and found["friedman"]["chi2"] == pytest.approx(
        62.139, abs=5e-4
    )
    straight = ratings(published / "neural_codec_mushra" / "ratings.csv", *CODEC_OPTIONS, output=tmp_path / "straight")
    assert found["systems"] == straight["systems"]


def test_a_transposed_matrix_gives_the_same(published: Path, tmp_path: Path) -> None:
    lines = (published / "p910_sample" / "votes.csv").read_text(encoding="utf-8").splitlines()
    table = [line.split(",") for line in lines]
    turned = [
        [f"s{n + 1}", *(cell.replace("nan", "") for cell in column)]
        for n, column in enumerate(zip(*table, strict=True))
    ]
    path = write(tmp_path / "turned.tsv", ("subject", *(f"clip{n + 1}" for n in range(79))), turned, "\t")
    found = ratings(path, "--design", "matrix", "--rows", "raters", output=tmp_path / "out")
    expected = json.loads((published / "p910_sample" / "expected.json").read_text(encoding="utf-8"))
    assert [found["subjects"][f"s{n + 1}"]["bias"] for n in range(26)] == pytest.approx(expected["bias_i"], abs=1e-6)
    assert found["items"]["clip1"]["quality"] == pytest.approx(4.926, abs=5e-4)
    assert found["agreement"]["alpha_ordinal"] == pytest.approx(0.471, abs=5e-4)
