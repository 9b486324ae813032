"""Reading the documents in Markdown: the README, CONTRIBUTING.md, and those in docs/."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# A document's path from the top -> its text.
DOCUMENTS = {
    str(file.relative_to(ROOT)): file.read_text(encoding="utf-8")
    for file in [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *sorted(ROOT.joinpath("docs").glob("*.md")),
    ]
}
README = DOCUMENTS["README.md"]

CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(document: str, language: str) -> list[str]:
    """The contents of a document's blocks in a language, in order."""
    block = re.compile(rf"^```{language}\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return block.findall(DOCUMENTS[document])


def links(document: str) -> list[str]:
    """The paths to which a document links, from the top of the repository; no URLs."""
    folder = (ROOT / document).parent
    targets = re.findall(r"\]\(([^)#]+)", DOCUMENTS[document])
    paths = [folder / target for target in targets if "://" not in target]
    return [str(path.resolve().relative_to(ROOT)) for path in paths]
