"""git ekf config: every key of the configuration, its value, and where that is from."""

from __future__ import annotations

import json as as_json
from collections.abc import Iterator
from typing import Annotated, Any

from git_ekf.commands.options import Json
from git_ekf.declared import Argument
from git_ekf.origins import Key, ValueSource, origins
from git_ekf.repository import Repository
from git_ekf.shown import escape
from git_ekf.terminal.text import document


def config(
    key: Annotated[
        str, Argument(metavar="[KEY]", help="The key, as tags.sign; by default all of them.")
    ] = "",
    json: Json = False,
) -> None:
    """Show every key of the configuration, its value, and where that is from."""
    found = origins(Repository(), key)
    if json:
        print(document("config", {"keys": list(map(_listed, found))}))
        return
    width = max(len(one.key) for one in found)
    values = max(min(len(_text(source.value)), 30) for one in found for source in one.sources)
    for one in found:
        name = one.key
        for value, place in _rows(one):
            print(f"{name:<{width}}  {_text(value):<{values}}  {place}")
            name = ""


def _rows(key: Key) -> Iterator[tuple[Any, str]]:
    """The values of a key that are shown, each with the place that it is from."""
    counting = [source for source in key.sources if source.wins]
    if len(counting) > 1:
        yield key.value, "all of these together:"
    for source in key.sources:
        yield source.value, _place(source) + ("" if source.wins else ", does not count")


def _listed(key: Key) -> dict[str, Any]:
    sources = []
    for source in key.sources:
        known = {name: getattr(source, name) or None for name in ("file", "line", "scope")}
        sources.append({**source._asdict(), **known})
    return {**key._asdict(), "sources": sources}


def _text(value: Any) -> str:
    """A value as a person reads it: a text as it is, all else as TOML and JSON have it."""
    if isinstance(value, str):
        return escape(value) or '""'
    return escape(as_json.dumps(value, ensure_ascii=False))


def _place(source: ValueSource) -> str:
    match source.origin:
        case "default":
            return "default"
        case "file":
            return f"{source.file}:{source.line}"
    where = escape(source.file) if source.file else "command line"
    return f"git config, {source.scope} ({where})"
