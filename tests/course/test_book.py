"""The book: formulas without scripts, cells as pages, runs that go on where they were, nothing from elsewhere."""

from __future__ import annotations

import base64
import io
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gsv_lab.cli import main
from gsv_lab.errors import DataError, LabError
from gsv_lab.teaching.course import book, pages
from gsv_lab.teaching.course.book import make_book
from gsv_lab.teaching.course.chapters import chapters, read_chapter
from gsv_lab.teaching.course.pages import chapter_body, frame, key_of, notes, outputs, prose
from gsv_lab.teaching.course.running import run_chapter, still, without_widget
from gsv_lab.teaching.course.training_page import _density, events_body

PNG = base64.b64encode(b"\x89PNG\r\n").decode()
ONE = """# %% [markdown]
# # 00 · A small one
#
# The mean $\\mu$ and
#
# $$z = \\mu + \\sigma \\odot \\epsilon$$
#
# **Minutes** 5 **Difficulty** ●●○
#
# **You will hear** a tone,
# and another.
#
# Next: [01](01_two.ipynb), and [a paper](https://arxiv.org/abs/1711.00937).

# %% tags=["setup"]
from gsv_lab.teaching.exercises import notebook as check
import types
say = lambda answer: f"passed | {answer}"
check = types.SimpleNamespace(help=lambda: "see above", half=say, twice=say)
print("x" * 300)

# %% [markdown]
# **Exercise 1.** Half of four?

# %% tags=["exercise"]
print(check.help())
# BEGIN SOLUTION: half = None
half = 2
# END SOLUTION
card = check.half(half)
card

# %% tags=["widget"]
explorer = types.SimpleNamespace(view="a live thing", snapshot=lambda: "<p>a still thing</p>")
explorer.view

# %% [markdown]
# **Exercise 2, stretch.** Twice four?

# %% tags=["exercise"]
# BEGIN SOLUTION: twice = None
twice = 8
# END SOLUTION
card = check.twice(twice)
card
"""
TWO = "# %% [markdown]\n# # 01 · Two\n\n# %%\n1 + 1\n"


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offline_kernels: Path) -> Path:
    """A course of two small notebooks."""
    source = tmp_path / "course" / "src"
    source.mkdir(parents=True)
    (source / "00_one.py").write_text(ONE, encoding="utf-8")
    (source / "01_two.py").write_text(TWO, encoding="utf-8")
    monkeypatch.setattr(book, "chosen", lambda names: chapters(tmp_path / "course"))
    return tmp_path / "course"


def test_a_chapter_tells_what_it_is(course: Path) -> None:
    one = read_chapter(course / "src" / "00_one.py")
    assert (one.number, one.title, one.minutes, one.dots, one.hear) == (
        "00",
        "A small one",
        5,
        "●●○",
        "a tone, and another.",
    )
    assert [(e.check, e.number, e.stretch) for e in one.exercises] == [
        ("notebook.half", 1, False),
        ("notebook.twice", 2, True),
    ]


@pytest.mark.parametrize(
    "wrong", ["card = check.half(half)\ncard = check.twice(half)", "print(half)", "card = other.half(half)"]
)
def test_an_exercise_has_one_card(course: Path, wrong: str) -> None:
    path = course / "src" / "00_one.py"
    path.write_text(ONE.replace("card = check.half(half)\ncard", wrong), encoding="utf-8")
    with pytest.raises(DataError, match=r"00_one.py: an exercise has \d cards"):
        read_chapter(path)


def test_no_two_exercises_have_one_check(course: Path) -> None:
    (course / "src" / "01_two.py").write_text(ONE, encoding="utf-8")
    with pytest.raises(DataError, match="01_two and 00_one both have the exercise notebook.half"):
        chapters(course)


@pytest.mark.parametrize(
    ("latex", "parts"),
    [
        (r"\mathbb{E}_{q(z\mid x)}\left[\log p(x\mid z)\right]", ["<msub>", "log"]),
        (r"\arg\min_k \lVert z-e_k\rVert_2^2", ["<mo>arg</mo>", "min"]),
        (r"\begin{aligned} a &= b \\ c &= d \end{aligned}", ["<mtable", "<mtr>"]),
        (r"z \sim \mathcal N(0, I)", ["∼", "&#x1D4A9;"]),
        (r"\log p + \log(q)", ['log</mi><mspace width="0.167em" /><mi>p</mi>', 'log</mi><mo stretchy="false">']),
        (r"\hat{x} = \operatorname{softmax}\!\left(\frac{QK^\top}{\sqrt{d}}\right)", ["<mfrac>", "<msqrt>", "softmax"]),
    ],
)  # fmt: skip
def test_formulas_become_elements_of_the_page(latex: str, parts: list[str]) -> None:
    pytest.importorskip("latex2mathml", reason="latex2mathml is in the extra [course]")
    made = prose(f"so $${latex}$$")
    assert made.count("<math") == made.count("</math>") == 1 and 'display="block"' in made
    assert "\\" not in made and "$" not in made and all(part in made for part in parts)
    assert 'display="inline"' in prose(f"a ${latex}$ b")


@pytest.mark.parametrize("latex", [r"\nosuchword x", r"\left( x", r"a & b"])
def test_a_formula_that_cannot_be_shown_is_named(latex: str) -> None:
    pytest.importorskip("latex2mathml", reason="latex2mathml is in the extra [course]")
    with pytest.raises(DataError, match="cannot be shown") as caught:
        prose(f"$${latex}$$")
    assert caught.value.code == "BOOK_FORMULA"


@pytest.mark.parametrize("chapter", chapters(), ids=lambda chapter: chapter.stem)
def test_every_text_of_the_course_can_be_shown(chapter: Any) -> None:
    pytest.importorskip("latex2mathml", reason="latex2mathml is in the extra [course]")
    for cell in chapter.cells:
        if cell.kind == "markdown":
            shown = re.sub(r"<(pre|code)\b.*?</\1>", "", prose(cell.source), flags=re.DOTALL)
            assert "$" not in shown and "\\" not in shown
            assert len(re.findall(r"<math\b", shown)) == len(formulas(cell.source))
        elif "widget" in cell.tags:
            assert "_still(" in without_widget(cell.source)


def formulas(text: str) -> list[str]:
    """Formulas of a text, in dollar signs."""
    text = re.sub(r"`[^`]*`", "", text)
    return re.findall(r"\$\$.+?\$\$|\$[^$]+\$", text, re.DOTALL)


def test_links_to_notebooks_are_links_to_pages() -> None:
    assert 'href="01_two.html"' in prose("[on](01_two.ipynb)") and 'href="https://x.y/01_two.ipynb"' in prose(
        "[on](https://x.y/01_two.ipynb)"
    )


def test_every_kind_of_output_is_shown() -> None:
    def shown(**data: str) -> str:
        return outputs([SimpleNamespace(output_type="execute_result", data=data)])

    html, png, text, widget = "text/html", "image/png", "text/plain", "application/vnd.jupyter.widget-view+json"
    assert "<b>x</b>" in shown(**{html: "<b>x</b>", png: PNG, text: "x"})
    assert f"data:image/png;base64,{PNG}" in shown(**{png: PNG, text: "x"}) and "alt=" in shown(**{png: PNG})
    assert "a &lt; b" in shown(**{text: "a < b"})
    assert "needs a kernel" in shown(**{widget: "{}", text: "VBox()"})
    stream = SimpleNamespace(output_type="stream", name="stdout", text="1 < 2\n")
    assert "1 &lt; 2" in outputs([stream])


def test_warnings_are_shown_without_paths() -> None:
    caught = "/somebody/ipykernel_1/2.py:1: UserWarning: REF_LONG: it lasts 31 s\n  voice = lab.clone(path)\n"
    assert notes(caught) == ["REF_LONG: it lasts 31 s"] and notes("plain\n\n") == ["plain"]
    page = outputs([SimpleNamespace(output_type="stream", name="stderr", text=caught)])
    assert "somebody" not in page and "REF_LONG" in page


def test_the_last_line_of_a_widget_becomes_what_it_shows() -> None:
    assert without_widget("a = 1\nmade(a).view").splitlines()[-1] == "_still(made(a))"
    assert without_widget("a = 1\na.shown") == "a = 1\na.shown" and without_widget("") == ""
    assert still(SimpleNamespace(snapshot=lambda: "<p>x</p>"))._repr_html_() == "<p>x</p>"


def test_a_book_is_made_and_goes_on_where_it_was(course: Path, tmp_path: Path) -> None:
    pytest.importorskip("latex2mathml", reason="latex2mathml is in the extra [course]")
    pytest.importorskip("ipykernel", reason="kernels are in the extra [dev]")
    told: list[float] = []
    target = tmp_path / "new" / "book"
    made = make_book(target, ["all"], progress=lambda share, name: told.append(share))
    assert made.made == ("00_one.html", "01_two.html") and made.index == target / "index.html"
    assert told == sorted(told) and told[-1] == 1 and any(0 < share < 0.5 for share in told)
    one = (target / "00_one.html").read_text(encoding="utf-8")
    # What the reader sees, what is folded, and the widget as it begins.
    assert "half" in one and "<math" in one and "<p>a still thing</p>" in one and "a live thing" in one
    folded = re.findall(r"<details><summary>(.*?)</summary>(.*?)</details>", one, re.DOTALL)
    assert [title for title, _ in folded] == ["Solution of exercise 1", "Solution of exercise 2"]
    assert "passed | 2" in folded[0][1] and "passed | 2" not in one.replace(folded[0][1], "")
    assert 'href="01_two.html"' in one and 'href="index.html"' in one and "BEGIN SOLUTION" not in one
    index = made.index.read_text(encoding="utf-8")
    assert "5 minutes · ●●○ · a tone, and another." in index
    assert make_book(target, ["all"]).kept == made.made
    (target / "01_two.html").unlink()
    (target / "mine.txt").write_text("mine", encoding="utf-8")
    again = make_book(target, ["all"])
    assert (again.made, again.kept) == (("01_two.html",), ("00_one.html",)) and (target / "mine.txt").is_file()
    (course / "src" / "01_two.py").write_text(TWO.replace("1 + 1", "2 + 2"), encoding="utf-8")
    assert make_book(target, ["all"]).made == ("01_two.html",)
    students = make_book(tmp_path / "students", ["all"], starter=True)
    one = (students.index.parent / "00_one.html").read_text(encoding="utf-8")
    assert "<summary>" not in one and "half = 2" not in re.sub(r"<.*?>", "", one) and "passed | None" in one


def test_a_cell_that_fails_is_named_and_finished_pages_stay(course: Path, tmp_path: Path) -> None:
    pytest.importorskip("latex2mathml", reason="latex2mathml is in the extra [course]")
    pytest.importorskip("ipykernel", reason="kernels are in the extra [dev]")
    (course / "src" / "01_two.py").write_text(TWO.replace("1 + 1", "1 / 0"), encoding="utf-8")
    with pytest.raises(LabError, match="Notebook 01_two, cell 2: ZeroDivisionError: division by zero") as caught:
        make_book(tmp_path / "book", ["all"])
    assert caught.value.code == "BOOK_CELL"
    assert {path.name for path in (tmp_path / "book").iterdir()} == {"00_one.html"}


@pytest.fixture
def heeding() -> Iterator[Any]:
    """Ctrl-C is heeded, also where the tests run in the background of a shell, which ignores it for them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield signal.default_int_handler
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
def test_a_book_can_be_stopped(course: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], heeding: Any) -> None:
    """Ctrl-C in the middle of a cell: one line, no kernel left, finished pages kept, signals as they were before."""
    pytest.importorskip("latex2mathml", reason="latex2mathml is in the extra [course]")
    pytest.importorskip("ipykernel", reason="kernels are in the extra [dev]")
    left = tmp_path / "kernel"
    stop = f"import os, pathlib, signal, time\npathlib.Path({str(left)!r}).write_text(str(os.getpid()))\n"
    stop += "os.kill(os.getppid(), signal.SIGINT)\ntime.sleep(30)"
    (course / "src" / "01_two.py").write_text(TWO.replace("1 + 1", stop), encoding="utf-8")
    assert main(["course", "book", "--output", str(tmp_path / "book"), "--notebooks", "00"]) == 130
    assert "interrupted; pages that were finished are kept" in capfd.readouterr().err
    assert {path.name for path in (tmp_path / "book").iterdir()} == {"00_one.html"}
    assert signal.getsignal(signal.SIGINT) is heeding
    with pytest.raises(ProcessLookupError):
        os.kill(int(left.read_text(encoding="ascii")), 0)


def test_recordings_of_the_reader_stay_out(course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ipykernel", reason="kernels are in the extra [dev]")
    monkeypatch.setenv("GSV_LAB_SPEECH", str(tmp_path))
    monkeypatch.setenv("GSV_LAB_GRADING", "1")
    cell = "import os\nprint(sorted(name for name in os.environ if name in ('GSV_LAB_SPEECH', 'GSV_LAB_GRADING')))"
    (course / "src" / "01_two.py").write_text(f"# %%\n{cell}\n", encoding="utf-8")
    done = run_chapter(read_chapter(course / "src" / "01_two.py"), tmp_path, True, lambda share, name: None)
    assert done.cells[0].outputs[0].text == "[]\n"


def test_a_file_that_is_no_page_is_not_overwritten(course: Path, tmp_path: Path) -> None:
    pytest.importorskip("latex2mathml", reason="latex2mathml is in the extra [course]")
    (tmp_path / "index.html").write_text("<html>my own page</html>", encoding="utf-8")
    with pytest.raises(LabError, match="exists and is no page of a book") as caught:
        make_book(tmp_path, ["all"])
    assert caught.value.code == "OUTPUT_EXISTS" and not (tmp_path / "00_one.html").exists()


def test_a_page_knows_its_key_and_forbids_to_load_anything() -> None:
    page = frame("A & B", "<p>x</p>", "abc123", on=("01.html", "01 <next>"))
    assert key_of(page) == "abc123" and key_of(b"<html></html>") is None
    text = page.decode()
    assert pages.POLICY.startswith("default-src 'none'") and pages.POLICY in text
    assert "<title>A &amp; B</title>" in text and "01 &lt;next&gt; →" in text
    assert "<nav>" not in frame("A", "", "abc").decode()


def test_events_are_drawn_as_tensorboard_would(tmp_path: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    rng = np.random.default_rng(0)
    with SummaryWriter(str(tmp_path)) as writer:
        for step in range(3):
            for split in ("train", "valid"):
                writer.add_scalar(f"{split}/mel", 1.0 / (step + 1), step)
            writer.add_histogram("latent/z", rng.normal(size=200), step)
            writer.add_audio("audio/target", rng.normal(size=800 * (step + 1)) * 0.1, step, sample_rate=8000)
            writer.add_image("mel/compare", rng.random((3, 8, 8)), step)
            writer.add_embedding(
                rng.normal(size=(8, 5)), metadata=list("aabbccdd"), tag="speaker/projector", global_step=step
            )
    page = events_body(tmp_path)
    assert page.count('<audio controls src="data:audio/') == 1 and "audio/target" in page
    sound = re.search(r'src="data:audio/wav;base64,(.*?)"', page)
    assert sound and len(base64.b64decode(sound[1])) == 44 + 2 * 2400  # the last one, 16 bit
    shown = re.findall(r'<img alt="(.*?)" src="data:image/png;base64,(.*?)">', page)
    assert [alt for alt, _ in shown] == [
        "mel", "the view mel/compare at step 2", "latent/z, density", "the points of speaker/projector on two axes",
    ]  # fmt: skip
    from PIL import Image

    assert all(Image.open(io.BytesIO(base64.b64decode(data))).size[0] >= 8 for _, data in shown)


def test_a_histogram_is_drawn_as_a_density() -> None:
    """Buckets that are narrow near 0 hold few values; the density of a uniform sample is level all the same."""
    limits = [-0.5, -0.1, 0.0, 0.1, 0.5, 1.0]
    at, density = _density(SimpleNamespace(bucket_limit=limits, bucket=[0, 40, 10, 10, 40, 0]))
    assert np.allclose(at[1:], [-0.3, -0.05, 0.05, 0.3, 0.75]) and np.allclose(density[1:5], 1.0)
    assert density[0] == density[5] == 0


def test_pages_read_well_in_a_browser_and_load_nothing(tmp_path: Path, browser: Any) -> None:
    """Real Chromium, at the widths of a phone and of a desk."""
    pytest.importorskip("latex2mathml", reason="latex2mathml is in the extra [course]")
    wide = "| a | b |\n| --- | --- |\n" + f"| {'word ' * 60} | {'x' * 200} |\n\n$${' + '.join(['x_1'] * 60)}$$\n"
    loud = '<audio controls src="data:audio/wav;base64,AAAA"></audio><img src="https://example.org/x.png">'
    shown = SimpleNamespace(output_type="stream", name="stdout", text="y" * 400)
    body = prose(f"# Wide\n\n{wide}") + pages.code("z = " + "1 + " * 80 + "1") + outputs([shown]) + loud
    (tmp_path / "page.html").write_bytes(frame("Wide", body, "abc", ("a.html", "A " * 20), ("b.html", "B " * 20)))
    asked: list[str] = []
    refused: list[str] = []
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.on("request", lambda request: asked.append(request.url))
    page.on("requestfailed", lambda request: refused.append(f"{request.failure} {request.url}"))
    for width in (390, 1100):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto((tmp_path / "page.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.querySelector('math').getBoundingClientRect().height") > 10
    page.close()
    # The picture from elsewhere is forbidden by the page itself, before anybody is asked for it.
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == ["https://example.org/x.png"] * 2
    assert [line for line in refused if "https" in line] == ["csp https://example.org/x.png"] * 2


def test_the_body_of_a_chapter_has_its_cells_in_order(course: Path) -> None:
    one = read_chapter(course / "src" / "00_one.py")
    executed = SimpleNamespace(cells=[SimpleNamespace(outputs=[]) for _ in one.cells])
    pytest.importorskip("latex2mathml", reason="latex2mathml is in the extra [course]")
    body = chapter_body(one, executed, with_solutions=True)
    places = [body.index(word) for word in ("A small one", "Half of four?", "Solution of exercise 1", "Twice four?")]
    assert places == sorted(places)
    with pytest.raises(ValueError):
        chapter_body(one, SimpleNamespace(cells=executed.cells[1:]), with_solutions=True)
