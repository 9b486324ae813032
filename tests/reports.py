"""A page of a report as tests read it: its elements, its text, and what it lets in."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

_EMPTY = {"meta", "br", "input"}


class Element:
    """An element with all the text inside of it."""

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag = tag
        self.attributes = attributes
        self.text = ""


class Page(HTMLParser):
    """A page, whose elements have to be closed in the order in which they were opened."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(source)
        self.close()
        assert self._open == [], [one.tag for one in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in _EMPTY:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag, tag

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """The elements of a tag with these attributes."""
        return [
            one
            for one in self.elements
            if one.tag == tag and attributes.items() <= one.attributes.items()
        ]

    def texts(self, tag: str) -> list[str]:
        """What the elements of a tag say, blanks made one."""
        return [" ".join(one.text.split()) for one in self.all(tag)]

    def rows(self, table: str) -> list[list[str]]:
        """The cells of the rows of a table, by its id."""
        whole = self.source.partition(f'<table id="{table}"')[2].partition("</table>")[0]
        found = []
        for row in whole.partition("<tbody>")[2].split("<tr")[1:]:
            cells = re.findall(r"<t[hd]\b[^>]*>(.*?)</t[hd]>", row, re.S)
            found.append([" ".join(Page(cell).said.split()) for cell in cells])
        return found

    @staticmethod
    def title(source: str) -> str:
        """The title of a document that need not be a page of ours."""
        return source.partition("<title>")[2].partition("</title>")[0]

    @property
    def said(self) -> str:
        """All text of a part of a page."""
        return _Text(self.source).text


class _Text(HTMLParser):
    def __init__(self, source: str) -> None:
        super().__init__()
        self.text = ""
        self.feed(source)
        self.close()

    def handle_data(self, data: str) -> None:
        self.text += data


def assert_stands_alone(page: Page) -> None:
    """It refers to nothing but itself, and its own policy forbids the rest."""
    [policy] = page.all("meta", **{"http-equiv": "Content-Security-Policy"})
    [style], [script] = page.all("style"), page.all("script")
    assert policy.attributes["content"].split("; ") == [
        "default-src 'none'",
        f"style-src '{digest(style.text)}'",
        f"script-src '{digest(script.text)}'",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    ids = [one.attributes["id"] for one in page.elements if "id" in one.attributes]
    assert len(ids) == len(set(ids))
    for one in page.elements:
        for name, value in one.attributes.items():
            assert name != "style", one.tag
            assert not name.startswith("on"), one.tag
            if name in ("href", "src", "action", "data", "poster", "srcset", "xlink:href"):
                assert one.tag == "a", one.tag
                assert value.removeprefix("#") in ids, value
            if name in ("aria-labelledby", "for"):
                assert set(value.split()) <= set(ids)
    assert not re.search(r"@import|url\(|https?:", style.text + script.text)


def digest(text: str) -> str:
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()
