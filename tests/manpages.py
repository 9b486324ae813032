"""Reading the man pages: sections, entries and displays, as a person sees them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from git_ekf.manual import roff

ROOT = Path(__file__).resolve().parents[1]
MAN = ROOT / "man"
PAGES = sorted(page.name for page in MAN.iterdir())

DISPLAY = re.compile(r"^\.nf\n(.*?)^\.fi$", re.MULTILINE | re.DOTALL)


def plain(source: str) -> str:
    """The text of a piece of roff: fonts and escapes taken out, macro lines reduced to their words."""
    lines = []
    for line in source.split("\n"):
        if line.startswith((".B ", ".I ")):
            lines.append(roff.plain(line.partition(" ")[2]))
        elif line.startswith(".BR "):
            lines.append(roff.plain("".join(shlex.split(line.replace("\\", "\\\\"))[1:])))
        elif not line.startswith("."):
            lines.append(roff.plain(line))
    return "\n".join(lines)


def source(page: str) -> str:
    return (MAN / page).read_text(encoding="utf-8")


def sections(page: str) -> dict[str, str]:
    """Heading -> roff of each section of a page."""
    parts = re.split(r"^\.SH (.*)\n", source(page), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def entries(section: str) -> dict[str, str]:
    """Head -> text of each .TP entry, in order."""
    found = {}
    for part in section.split(".TP\n")[1:]:
        head, _, body = re.split(r"^\.PP$", part, flags=re.MULTILINE)[0].partition("\n")
        found[plain(head)] = plain(body)
    return found


def blocks(section: str) -> list[str]:
    """The displays between .nf and .fi, as a person reads them."""
    return [plain(block) for block in DISPLAY.findall(section)]
