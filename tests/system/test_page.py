"""Reports as pages: whole, quiet, escaped, readable by a program that reads pages to people."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from gsv_lab.system import page

EVIL = '<img src=x onerror="alert(1)">\u202e\x1b[2J'
VOID = {"meta", "img", "br"}


class Reader(HTMLParser):
    """Reads a page strictly: every element that is opened is closed in turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.words.append(data)

    def elements(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.seen if name == tag]


def whole() -> str:
    """A page with every part, each of which holds something evil."""
    return page.document(
        EVIL,
        page.heading(EVIL),
        page.paragraph(EVIL, page.strong(EVIL), page.foreign(EVIL, "zh"), page.warning(EVIL), kind="note"),
        page.listing([EVIL, page.link(EVIL)], "warning"),
        page.code(f"a:\n  - {EVIL}"),
        page.table([EVIL, "n"], [[EVIL, 1.23456], [None, "28 %"]], stack=True),
        page.records([{"a": EVIL}]),
        page.player("a #1?.wav", EVIL, EVIL),
        page.picture(b"\x89PNG", EVIL),
        page.picture("b c.png", EVIL, 240, 64),
        page.fold(EVIL, EVIL),
        page.beside(EVIL, page.card(EVIL)),
    )


def test_whatever_comes_from_others_is_shown_and_not_obeyed() -> None:
    read = Reader(whole())
    assert [picture["src"] for picture in read.elements("img")] == ["data:image/png;base64,iVBORw==", "b%20c.png"]
    assert not read.elements("script") and not any("onerror" in attributes for _, attributes in read.seen)
    text = "".join(read.words)
    assert text.count('<img src=x onerror="alert(1)">') >= 15 and "\u202e" not in whole() and "\x1b" not in whole()
    assert "\\u202e" in text, "what cannot be shown is written out"


def test_a_page_says_what_it_is_and_asks_for_nothing() -> None:
    read = Reader(whole())
    assert read.elements("html") == [{"lang": "en"}] and read.elements("span")[0] == {"lang": "zh"}
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in read.elements("meta")
    assert all(picture["alt"] for picture in read.elements("img")) and read.elements("audio")[0]["aria-label"]
    assert not read.elements("link") and "@import" not in whole() and "url(" not in whole()
    assert all(head["scope"] == "col" for head in read.elements("th")) and "@media print" in whole()
    assert len(read.elements("h1")) == 1


def test_files_with_odd_names_are_found() -> None:
    (sound,) = Reader(whole()).elements("audio")
    assert sound["src"] == "a%20%231%3F.wav"
    assert page.address("data:audio/wav;base64,AA==") == "data:audio/wav;base64,AA=="
    assert page.address("javascript:alert(1)") == "javascript%3Aalert%281%29", "a path, whatever it begins with"


@pytest.mark.parametrize(
    ("value", "kind"),
    [("28 %", "number"), (-1.5, "number"), ("−0.3", "number"), ("4.6 s", "number"), ("two", ""), ("", "")],
)
def test_numbers_stand_in_columns(value: object, kind: str) -> None:
    (cell,) = Reader(page.table(["x"], [[value]])).elements("td")
    assert cell == ({"class": kind} if kind else {})


def test_small_things() -> None:
    assert page.html(None) == "–" and page.html(1 / 3) == "0.3333" and page.html(page.Html("<b>")) == "<b>"
    assert page.joined("a ", page.strong("b"), " c") == "a <strong>b</strong> c", "blanks between parts stay"
    assert page.html(" ") == " " and page.html("") == "" and page.html("a\n b") == "a b"
    assert page.foreign("x", "en") == "x" and page.listing([]) == "" and page.records([]) == "" == page.warning("")
    assert "<pre>a:\n  - &lt;b&gt;</pre>" == page.code("a:\n  - <b>\n")
    with pytest.raises(ValueError, match="shorter"):
        page.table(["a", "b"], [["only one"]])
