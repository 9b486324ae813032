"""Our own man pages as plain text, for a machine without man: the macros that they use only."""

from __future__ import annotations

import re
import shlex
import textwrap

_MARGIN = 7  # as man has it
_ESCAPES = {
    r"\-": "-",
    r"\(aq": "'",
    r"\(ha": "^",
    r"\(ti": "~",
    r"\(ga": "`",
    r"\(bu": "*",
    r"\&": "",
    r"\e": "\\",
}


def plain(line: str) -> str:
    """A line of roff without fonts and escapes."""
    return re.sub(r"\\(?:f[BIRP]|\([a-z]{2}|.)", lambda found: _ESCAPES.get(found[0], ""), line)


def text(source: str, width: int) -> str:
    """A page as text of that many columns; lines of a display are not broken."""
    page = _Page(width)
    for line in source.splitlines():
        page.read(line)
    page.end_paragraph()
    return "\n".join(page.lines).strip("\n") + "\n"


class _Page:
    """What was read of a page, and where the next line goes."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.lines: list[str] = []
        self.words: list[str] = []
        self.left = _MARGIN  # of paragraphs; RS and RE move it
        self.hang = 0  # how much further in the text of a tag stands
        self.tag = ""
        self.tag_follows = False
        self.filling = True

    def read(self, line: str) -> None:
        """Takes the next line of the source."""
        macro, _, rest = line.partition(" ") if line.startswith(".") else ("", "", line)
        match macro:
            case "" | ".B" | ".I":
                self.add(plain(rest))
            case ".BR" | ".IB":
                self.add(plain("".join(shlex.split(rest.replace("\\", "\\\\")))))
            case ".TH":
                name, section = plain(rest).split()[:2]
                self.lines.append(f"{name.lower()}({section})")
            case ".SH" | ".SS":
                self.begin_paragraph()
                self.left = _MARGIN
                indent = "   " if macro == ".SS" else ""
                self.lines.append(indent + plain(rest))
            case ".PP":
                self.begin_paragraph()
            case ".TP":
                self.begin_paragraph(_MARGIN)
                self.tag_follows = True
            case ".IP":
                tag, _, hang = plain(rest).partition(" ")
                self.begin_paragraph(int(hang or _MARGIN))
                self.tag = tag
            case ".RS" | ".RE":
                self.end_paragraph()
                self.left += 4 if macro == ".RS" else -4
            case ".nf" | ".fi":
                self.end_paragraph()
                self.filling = macro == ".fi"
            case ".br":
                self.end_paragraph()

    def add(self, words: str) -> None:
        """Puts words where they belong: the tag, the paragraph, or a line of their own."""
        if self.tag_follows:
            self.tag, self.tag_follows = words, False
        elif self.filling:
            self.words.append(words)
        else:
            self.lines.append(" " * (self.left + self.hang) + words)

    def begin_paragraph(self, hang: int = 0) -> None:
        """Ends what was before, with an empty line unless that is a heading."""
        self.end_paragraph()
        self.hang = hang
        if self.lines[-1] and not self.lines[-1].strip().isupper():
            self.lines.append("")

    def end_paragraph(self) -> None:
        """Writes the words gathered so far, filled, beside their tag."""
        inner = " " * (self.left + self.hang)
        first = f"{' ' * self.left}{self.tag:<{self.hang}}"
        if self.tag and len(self.tag) >= self.hang:
            self.lines.append(first)
            first = inner
        self.lines += textwrap.wrap(
            " ".join(self.words),
            max(self.width, 40),
            initial_indent=first,
            subsequent_indent=inner,
            break_long_words=False,
            break_on_hyphens=False,
        )
        self.words, self.tag = [], ""
