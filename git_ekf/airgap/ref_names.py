"""The names of channels and tags in a bundle, which both sides have to have room for."""

from __future__ import annotations

import os
import re
from collections.abc import Collection

from git_ekf.git.refs import HEADS, RECORDS, TAGS
from git_ekf.names import valid_branch

# The bytes of a name, and of a part of it: more than a file system has room for.
_NAME, _PART = 1000, 250
# Names of which git makes another ref than one would think (gitrevisions(7)), or an object id.
_MISLEADING = re.compile(
    r"(?i:(\w+_)?HEAD|[0-9a-f]{40}|[0-9a-f]{64})|(refs|heads|tags|remotes)/.*", re.DOTALL
)


def can_carry(ref: str) -> bool:
    """Whether a bundle may have this channel or tag: no deploy record, and no misleading name."""
    name = ref.removeprefix(HEADS if ref.startswith(HEADS) else TAGS)
    return not ref.startswith(RECORDS) and not _MISLEADING.fullmatch(name)


def is_name(name: object) -> bool:
    """Whether git can have a branch of this name.

    JSON may also hold halves of characters, which stand for no byte.
    """
    if not isinstance(name, str) or not valid_branch(name):
        return False
    try:
        raw = os.fsencode(name)
    except UnicodeEncodeError:
        return False
    return len(raw) <= _NAME and max(map(len, raw.split(b"/"))) <= _PART


def clash(refs: Collection[str]) -> bool:
    """Whether one of them is below another, so that git cannot have both."""
    for ref in refs:
        above = ref
        while above := above.rpartition("/")[0]:
            if above in refs:
                return True
    return False
