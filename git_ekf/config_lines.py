"""Where in a file of configuration a key is set: tomli keeps no positions."""

from __future__ import annotations


def line_of(text: str, section: str, name: str) -> int:
    """The number of the line that sets `name` in `[section]`, for a message."""
    here = ""
    section_line = 1
    for number, line in enumerate(text.splitlines(), 1):
        words = line.strip().replace('"', "").replace("'", "")
        if words.startswith("["):
            here = words.strip("[]# \t")
            if here == f"{section}.{name}":
                return number
            if here == section:
                section_line = number
        key = words.partition("=")[0].replace(" ", "").replace("\t", "")
        if here == section and key.partition(".")[0] == name:
            return number
        if not here and key in (f"{section}.{name}", section):
            return number
    return section_line
