"""Trees that are sure to be sound, told at a glance: nearly all of those that are pushed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from git_ekf.policy.limits import DIRECTORY
from git_ekf.policy.trees import is_suspicious, parse_tree, wrong_entry

_PATTERN = rb"(40000|100644|100755|120000|160000) ([^\0]+)\0(?s:.{%d})"


def unsound(trees: Iterable[tuple[str, bytes | None]]) -> Iterator[tuple[str, str]]:
    """(object id, why it is not sound) of some trees, which are given with their content.

    That is None for one of more than DIRECTORY bytes.
    """
    # Thousands of commits bring trees that differ in object ids only, which make none unsound. By
    # its length, the last one that was sound: where its names and modes are, and which.
    sound: dict[int, tuple[int, int]] = {}
    for oid, content in trees:
        if content is None:
            yield oid, f"has more than {DIRECTORY >> 20} MB"
            continue
        id_length = len(oid) // 2
        number = int.from_bytes(content, "little")
        where, names = sound.get(len(content), (0, 1))
        if number & where == names:
            continue
        if not is_sound(content, id_length):
            wrong = wrong_entry(parse_tree(content, id_length))
            if wrong:
                yield oid, wrong
        elif len(content) < _SHORT:
            # NUL only where ids are.
            pattern = rb"\0(?s:.{%d})" % id_length
            others = re.sub(pattern, b"\xff" + bytes(id_length), content)
            where = int.from_bytes(others.translate(_WHERE), "little")
            sound[len(content)] = where, number & where


# How long a tree is that is remembered (bytes).
_SHORT = 1 << 13
# Each byte but NUL becomes one whose bits are set.
_WHERE = b"\0" + b"\xff" * 255


def is_sound(content: bytes, id_length: int) -> bool:
    """Whether `trees.wrong_entry` is sure to find nothing in a tree object; takes half as long.

    `id_length` in bytes. What is not plainly sound need not be wrong.
    """
    entries = re.findall(_PATTERN % id_length, content)
    names = [name for _, name in entries]
    if not names:
        return not content
    if is_suspicious(names):
        return False
    order = [name + b"/" if mode == b"40000" else name for mode, name in entries]
    # A mode has six digits, but for a directory's; a space, the end of a name, and the id.
    letters = sum(map(len, names))
    directories = sum(map(len, order)) - letters
    length = letters - directories + len(names) * (6 + 1 + 1 + id_length)
    if length != len(content) or len(set(names)) < len(names):
        return False
    return order == sorted(order)
