"""What is remembered of each repository beside its refs: when it was fetched, and why not since."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from git_ekf.smallfile import STATE, read_small, write_small

UNREACHABLE = "unreachable"  # it gave no answer
BROKEN = "broken"  # it gave one that cannot be taken


class Fetched(NamedTuple):
    """A repository as it was last fetched.

    `url` is where, without credentials; another one is another repository. `seconds` is when its
    state was last taken whole (since 1970; 0: never). `failure` is UNREACHABLE or BROKEN where a
    later attempt failed, and `error` why, in a sentence; "" both where none did.
    """

    url: str
    seconds: float = 0.0
    failure: str = ""
    error: str = ""


def read_fetched(store: str) -> dict[str, Fetched]:
    """Name -> what is remembered; {} of a store that nothing was fetched for. Never raises."""
    found = {}
    with suppress(OSError, ValueError, TypeError):
        entries = json.loads(read_small(_path(store), STATE) or b"{}")
        for name, entry in entries.items():
            found[name] = Fetched(**entry)
    return found


def write_fetched(store: str, fetched: Mapping[str, Fetched]) -> None:
    """Remembers all of it, in the place of what was remembered. Raises OSError."""
    entries = {name: one._asdict() for name, one in fetched.items()}
    write_small(_path(store), json.dumps(entries, indent=0, sort_keys=True).encode())


def _path(store: str) -> str:
    return os.path.join(store, "ekf", "fetched.json")
