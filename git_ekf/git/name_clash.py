"""Refs in the way of a new one: git keeps none below another (gitglossary(7), ref)."""

from __future__ import annotations

from collections.abc import Container

from git_ekf.errors import Refused
from git_ekf.git.refs import HEADS, RECORDS, TAGS
from git_ekf.shown import shell

_REMOTES = "refs/remotes/"


def name_clash(
    ref: str, others: list[str], taken: Container[str] = (), fetched: str = ""
) -> Refused:
    """The error for a ref that cannot be made for others, with the command that moves those.

    `taken` are names that they cannot have then. `fetched` is the remote from which the ref comes,
    "" where it is ours.
    """
    more = f" and {len(others) - 1} more" if len(others) > 1 else ""
    verb = "are" if more else "is"
    return Refused(
        f"{_named(others[0])}{more} {verb} in the way of {_named(ref)}:"
        " to git one is a directory of the other",
        _out_of_the_way(ref, others, taken, fetched),
    )


def _named(ref: str) -> str:
    for prefix, kind in ((HEADS, "the branch "), (TAGS, "the tag "), (_REMOTES, "")):
        if ref.startswith(prefix):
            return kind + ref.removeprefix(prefix)
    return ref


def _out_of_the_way(ref: str, others: list[str], taken: Container[str], fetched: str) -> str:
    if fetched and ref.startswith(TAGS) and others[0].startswith(RECORDS):
        return f"git config {shell(f'remote.{fetched}.tagOpt')} --no-tags"
    if fetched and others[0].startswith(_REMOTES):
        return f"git remote prune {shell(fetched)}"
    commands = []
    given: set[str] = set()
    for other in others:
        new = _free_name(ref, other, taken, given)
        given.add(new)
        commands.append(_rename(other, new))
    return " && ".join(commands)


def _free_name(ref: str, other: str, taken: Container[str], given: set[str]) -> str:
    """A name for the one in the way: with nothing below it, and below nothing."""
    for prefix in (HEADS, TAGS):
        if other.startswith(prefix):
            break
    else:
        prefix = "refs/old/"
    new = prefix + other.removeprefix(prefix).removeprefix("refs/").replace("/", "-")
    if not other.startswith(f"{ref}/"):
        new += "-old"
    while new in taken or new in given:
        new += "-old"
    return new


def _rename(old: str, new: str) -> str:
    if old.startswith(HEADS):
        return f"git branch -m {shell(old.removeprefix(HEADS), new.removeprefix(HEADS))}"
    if old.startswith(_REMOTES):  # the next fetch brings it again, where it is still there
        return f"git update-ref -d {shell(old)}"
    return f"git update-ref {shell(new, old)} && git update-ref -d {shell(old)}"
