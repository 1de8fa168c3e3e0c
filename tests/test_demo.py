"""The demo's report: what it says of the recording and of the change, and how it looks in a browser."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from gsv_lab import audio
from gsv_lab.cli.demo import demo
from gsv_lab.cli.demo_changes import chance_margin, error_change, similarity_change
from gsv_lab.cli.example import described
from gsv_lab.system.examples import LIBRI, shipped_sample
from tiny import make_family


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Path:
    """Of a tiny untrained family; the recording's name is not a kind one."""
    folder = tmp_path_factory.mktemp("demo")
    recording = folder / "<b>me & you #1.flac"
    recording.write_bytes(sample.read_bytes())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return demo([recording], folder / "out", model=str(make_family(folder / "family")), steps=1)


def bare(page: Path) -> str:
    """A page without the data of its sounds and pictures."""
    return re.sub(r"data:[a-z/]+;base64,[\w+/=]+", "DATA", page.read_text(encoding="utf-8"))


def test_the_recording_comes_first_then_both_voices_of_every_sentence(report: Path) -> None:
    text = bare(report)
    order = re.findall(r"<figcaption>([\w-]+)|<h2>([^<]+)", text)
    heard = ["The", *["Zero-shot", "Fine-tuned"] * 4]
    assert [first for first, _ in order if first] == heard
    assert text.index("<audio") < text.index("<h2>") < text.index("<table")
    assert text.count('class="beside"') == 4 and text.count('<span lang="zh">') == 2 + 2
    folded = re.sub(r"<details>.*?</details>", "", text, flags=re.DOTALL)
    assert text.count("DH AH0 M AO1 R N IH0 NG") == 2 and "DH AH0" not in folded, "phones are folded away"


def test_every_sentence_says_what_changed(report: Path) -> None:
    cards = bare(report).split('<section class="card">')[1:]
    assert len(cards) == 4
    for card in cards:
        assert re.search(r"<strong>Similarity -?[\d.]+ → -?[\d.]+</strong>: \w+", card)
        assert re.search(r"<strong>Phone errors \d+ → \d+ %</strong>: \w+", card)
    assert "your recording" in bare(report) and "&lt;b&gt;me &amp; you #1.flac" in bare(report)
    assert "natural" not in bare(report).lower()


def test_the_prepared_recordings_have_their_page_beside_it(report: Path) -> None:
    assert 'href="prepared/report.html"' in bare(report)
    prepared = bare(report.parent / "prepared" / "report.html")
    (sound, *_) = re.findall(r'<audio[^>]* src="([^"]+)"', prepared)
    assert (report.parent / "prepared" / sound.replace("%23", "#").replace("%26", "&").replace("%20", " ")).is_file()


class TestOrigin:
    def test_the_sample_is_known_wherever_it_is_named(self, sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(sample.parent)
        for path in (sample, Path(sample.name), shipped_sample()):
            source = described([path], [])
            assert "synthesizer" in source.name and "No person speaks" in source.origin

    def test_librosas_example(self) -> None:
        assert "A person reads" in described([Path(f"x/{LIBRI}.ogg")], []).origin

    def test_a_recording_of_ones_own(self, tmp_path: Path) -> None:
        wave = torch.randn(8000) * 0.1
        plain = audio.write(tmp_path / "me.wav", wave, 16000)
        made = audio.write(tmp_path / "it.wav", wave, 16000, audio.Mark("nano-6", "she"))
        assert "only you can know" in described([plain], [plain]).origin
        assert "It is synthetic speech, as its files say: nano-6, voice she" in described([made], [made]).origin
        assert "A part of it is synthetic" in described([plain, made], [plain, made]).origin


class TestChanges:
    def test_similarity(self) -> None:
        assert similarity_change(None, 0.5) is None
        nearer, further, same = (similarity_change(0.61, after) for after in (0.79, 0.4, 0.62))
        assert nearer and further and same
        assert nearer.numbers == "Similarity 0.61 → 0.79" and nearer.words.startswith("nearer") and not nearer.worse
        assert further.worse and "further" in further.words
        assert same.words.startswith("as near") and not same.worse
        edge = similarity_change(0.865, 0.889)
        assert edge and (edge.numbers, edge.words) == ("Similarity 0.86 → 0.89", "nearer to the recording")

    def test_a_rise_of_phone_errors_is_commented(self) -> None:
        within = error_change(0.12, 0.14, 40)
        assert within.numbers == "Phone errors 12 → 14 %" and not within.worse
        assert "2 points more" in within.words and "by chance" in within.words
        worse = error_change(0.12, 0.52, 40)
        assert worse.worse and "40 points more" in worse.words and "listen" in worse.words
        better = error_change(0.52, 0.12, 40)
        assert not better.worse and better.words.startswith("better understood: 40 points fewer")
        assert (
            error_change(0.2, 0.201, 40).words == "unchanged" and "1 point fewer" in error_change(0.2, 0.19, 40).words
        )

    def test_chance_is_what_drawing_phones_gives(self) -> None:
        """19 of 20 pairs of draws with one probability of failing differ by less than the margin."""
        generator = torch.Generator().manual_seed(0)
        for rate, n in ((0.3, 36), (0.1, 140)):
            shares = torch.rand(20000, 2, n, generator=generator).lt(rate).float().mean(-1)
            inside = [abs(p - q) <= chance_margin(p, q, n) for p, q in shares.tolist()]
            assert 0.92 < sum(inside) / len(inside) < 0.97
        assert chance_margin(0.0, 0.0, 30) > 0 and chance_margin(1.4, 1.2, 30) < 1 and chance_margin(0, 0, 0) > 0


@pytest.mark.parametrize("page", ["report.html", "prepared/report.html"])
def test_it_fits_a_phone_and_asks_nobody(report: Path, page: str, browser: Any) -> None:
    for width in (390, 1000):
        shown = browser.new_page(viewport={"width": width, "height": 800})
        asked, said = [], []
        shown.on("request", lambda request, asked=asked: asked.append(request.url))
        shown.on("console", lambda message, said=said: said.append(message.text))
        shown.goto((report.parent / page).as_uri())
        assert shown.evaluate("document.documentElement.scrollWidth") <= width
        narrowest = "Math.min(...[...document.querySelectorAll('audio')].map(e => e.offsetWidth))"
        assert shown.evaluate(narrowest) >= 200
        heads = "[...document.querySelectorAll('.stack thead')].map(e => e.offsetHeight)"
        assert all((height <= 1) == (width == 390) for height in shown.evaluate(heads))
        assert not said and all(url.startswith(("data:", "file:")) for url in asked)
        shown.close()
