"""git ekf diff: what changed between two deploy records, in files or in the manifests built from them."""

from __future__ import annotations

import os
import posixpath
from difflib import get_close_matches, unified_diff
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand

from git_ekf import deploy, render
from git_ekf.commands.options import Json
from git_ekf.errors import DONE, FINDINGS, Refused, UsageError
from git_ekf.manifests.fields import Change, Special
from git_ekf.manifests.resources import Identity
from git_ekf.names import KUSTOMIZATIONS
from git_ekf.output import counted, document, say, unicode_text
from git_ekf.render import Choice, Comparison
from git_ekf.repository import Repository
from git_ekf.terminal import paged, paint

_REASONS = {
    "arguments": "named on the command line",
    "apply.paths": "from apply.paths",
    "overlays": f"every {render.OVERLAY}",
    "configuration": "your own that configuration commits touched",
    "command": "as render.command builds everything at once",
}
_HELP = "git ekf diff -h"

# A value of more characters is shown on lines of its own.
_WIDEST = 100

# Where the words behind `--` are kept for the command: typer would mix them with those before it.
_PATHS = "git_ekf.diff.paths"


class DiffCommand(TyperCommand):
    """Keeps apart what stands before and behind `--`, as git does."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if "--" in args:
            at = args.index("--")
            args, ctx.meta[_PATHS] = args[:at], args[at + 1 :]
        return super().parse_args(ctx, args)


app = typer.Typer(rich_markup_mode=None, add_completion=False)


class End(NamedTuple):
    """One of the two that are compared: as it was named, the deploy record it is if any, and its commit."""

    name: str
    record: str | None
    commit: str


@app.command(cls=DiffCommand, context_settings={"help_option_names": ["-h", "--help"], "ignore_unknown_options": True})
def diff(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[A] [B] [PATH]...", help="Records or revisions, by default the last record and HEAD; then paths."),
    ] = None,
    stat: Annotated[bool, typer.Option("--stat", help="Show only how much changed, not what.")] = False,
    rendered: Annotated[bool, typer.Option("--rendered", help="Compare the built manifests, resource by resource.")] = False,
    json: Json = False,
) -> int:
    """Show what changed between two deploy records."""
    options = [word for word in words or [] if word.startswith("-")]
    for option in options:
        close = get_close_matches(option, ["--stat", "--rendered", "--json"], n=1, cutoff=0.85)
        if close or rendered or json:
            raise UsageError(f"no such option: {option}", f"git ekf diff {close[0]}" if close else _HELP)
    repo = Repository()
    plain = [word for word in words or [] if not word.startswith("-")]
    old, new, paths = _ends(repo, plain, context.meta.get(_PATHS))
    if not rendered and not json:
        repo.git.hand_over("diff", *(["--stat"] if stat else []), *options, old.commit, new.commit, "--", *paths)
    if not rendered:
        print(document("diff", {**_ends_json(old, new), "files": _files(repo, old, new, paths), "chosen": None, "kustomizations": None}))
        return DONE
    return _rendered(repo, old, new, _from_top(repo, paths), stat=stat, json=json)


# --- what is compared ---


def _ends(repo: Repository, words: list[str], behind: list[str] | None) -> tuple[End, End, list[str]]:
    """A, B and the paths, told apart as git diff does: behind `--` are only paths, before it without one anything.

    Raises UsageError, Refused when there is no record to begin with.
    """
    ends: list[End] = []
    while words and len(ends) < 2:
        word = words[0]
        found = _range(repo, word) if not ends else []
        if not found:
            end = _end(repo, word)
            found = [end] if end else []
        if not found:
            break
        if behind is None and os.path.lexists(word):
            raise UsageError(
                f"{word} is both a revision and a path", f"git ekf diff {word} -- for the revision, git ekf diff -- {word} otherwise"
            )
        ends += found
        words = words[1:]
    if behind is not None and words:
        raise UsageError(f"{words[0]} is neither a deploy record nor a revision", "git ekf log lists the records")
    if not ends:
        last = deploy.find(repo, "")
        ends.append(End(str(last.name), str(last.name), last.commit))
    if len(ends) == 1:
        if repo.head is None:
            raise Refused("there is no commit to compare with yet", "git ekf status")
        ends.append(End("HEAD", None, repo.head))
    old, new = ends
    for word in words:
        if not _is_path(repo, old, new, word):
            raise UsageError(f"{word} is neither a deploy record, a revision nor a path", "git ekf log lists the records")
    return old, new, words if behind is None else behind


def _range(repo: Repository, word: str) -> list[End]:
    """Both ends of A..B, where an empty one is HEAD; none when the word is no such range."""
    left, dots, right = word.partition("..")
    if not dots or right.startswith("."):
        return []
    ends = [_end(repo, name or "HEAD") for name in (left, right)]
    return [end for end in ends if end] if all(ends) else []


def _end(repo: Repository, word: str) -> End | None:
    """What a word names: a revision, or a record in a spelling that is none. Raises UsageError when it could be several records."""
    if not word:
        return None
    commit = repo.git.commit(word)
    if commit:
        name = word.removeprefix("refs/").removeprefix("tags/")
        return End(word, name if name in repo.record_names() else None, commit)
    try:
        record = deploy.find(repo, word)
    except UsageError as error:
        if " could be " in error.message and not os.path.lexists(word):
            raise
        return None
    return End(str(record.name), str(record.name), record.commit)


def _is_path(repo: Repository, old: End, new: End, word: str) -> bool:
    """Whether it is there now, or was in one of the two; a pattern of git's is taken as it is."""
    if os.path.lexists(word) or word.startswith(":") or set(word) & set("*?["):
        return True
    if not word:
        return False
    path = _top_path(repo, word)
    return path == "." or any(repo.git.run("ls-tree", "-z", "--full-tree", end.commit, "--", path)[1] for end in (old, new))


def _from_top(repo: Repository, paths: list[str]) -> list[str]:
    """Directories to build, as the repository knows them. Raises UsageError for one outside it."""
    found = []
    for word in paths:
        path = _top_path(repo, word)
        found.append((posixpath.dirname(path) or ".") if posixpath.basename(path) in KUSTOMIZATIONS else path)
    return found


def _top_path(repo: Repository, word: str) -> str:
    here = os.path.join(os.getcwd(), word)
    path = os.path.relpath(here, repo.place.top) if repo.place.top else posixpath.normpath(word)
    if path.startswith("../") or path == ".." or os.path.isabs(path):
        raise UsageError(f"{word} is outside the repository", _HELP)
    return path


# --- files ---


def _files(repo: Repository, old: End, new: End, paths: list[str]) -> list[dict[str, object]]:
    """Changed files; added and deleted count lines and are None for a binary file."""
    fields = repo.git.fields("diff-tree", "-r", "--raw", "--numstat", "-z", "-M", "--no-relative", old.commit, new.commit, "--", *paths)
    states: list[tuple[str, str, str]] = []
    at = 0
    while at < len(fields) and fields[at].startswith(":"):
        state = fields[at].rsplit(" ", 1)[1][0]
        moved = state in "RC"
        states.append((state, fields[at + 1], fields[at + 2] if moved else fields[at + 1]))
        at += 3 if moved else 2
    found: list[dict[str, object]] = []
    for state, before, path in states:
        added, deleted, _ = fields[at].split("\t", 2)
        at += 3 if state in "RC" else 1
        found.append(
            {
                "path": unicode_text(path),
                "old_path": unicode_text(before) if before != path else None,
                "status": state,
                "added": None if added == "-" else int(added),
                "deleted": None if deleted == "-" else int(deleted),
            }
        )
    return found


# --- built manifests ---


def _rendered(repo: Repository, old: End, new: End, paths: list[str], *, stat: bool, json: bool) -> int:
    same = repo.git.text("rev-parse", f"{old.commit}^{{tree}}") == repo.git.text("rev-parse", f"{new.commit}^{{tree}}")
    choice = render.choose(repo, old.commit, new.commit, paths)
    # What is built from the same files is the same.
    found = [] if same else render.compare(repo, old.commit, new.commit, choice.kustomizations)
    if json:
        compared = [_comparison_json(comparison) for comparison in found]
        print(document("diff", {**_ends_json(old, new), "files": None, "chosen": choice.reason, "kustomizations": compared}))
    else:
        with paged():
            say(f"{_named(old)} -> {_named(new)}")
            if same:
                say("The same files: there is nothing to build.")
            else:
                _print(choice, found, {"old": old, "new": new}, stat=stat)
    return FINDINGS if any(comparison.failures for comparison in found) else DONE


def _named(end: End) -> str:
    return end.name if end.commit.startswith(end.name) else f"{end.name} ({end.commit[:7]})"


def _print(choice: Choice, found: list[Comparison], ends: dict[str, End], *, stat: bool) -> None:
    say(f"{counted(len(found), 'kustomization')}, {_REASONS[choice.reason]}")
    for comparison in found:
        say()
        print(paint(comparison.kustomization.path, "bold") + f": {_summary(comparison)}")
        for failure in comparison.failures:
            say(f"  the build of {_named(ends[failure.side])} failed:")
            for line in failure.said:
                say(f"    {line}")
        if comparison.difference:
            for mark, identities in (("+", comparison.difference.added), ("-", comparison.difference.removed)):
                for one in identities:
                    print(paint(f"  {mark} {one}", "green" if mark == "+" else "red"))
            for changed in comparison.difference.changed:
                fields = f": {counted(len(changed.fields), 'field')}" if stat else ""
                print(paint(f"  ~ {changed.resource}", "yellow") + fields)
                for change in [] if stat else changed.fields:
                    for line in _change_lines(change):
                        say(f"      {line}".rstrip())


def _summary(comparison: Comparison) -> str:
    kustomization, difference = comparison.kustomization, comparison.difference
    if difference is None:
        return "not compared"
    words = [
        f"{len(items)} {what}"
        for items, what in ((difference.added, "added"), (difference.removed, "removed"), (difference.changed, "changed"))
        if items
    ]
    if not kustomization.in_old and not kustomization.in_new:
        return "in neither commit"
    where = "" if kustomization.in_old and kustomization.in_new else " (new)" if kustomization.in_new else " (gone)"
    return (", ".join(words) or "no difference") + where


def _change_lines(change: Change) -> list[str]:
    """A field on one line where it fits, a long text as a diff."""
    if Special.HIDDEN in (change.old, change.new):
        what = "added" if change.old is Special.ABSENT else "removed" if change.new is Special.ABSENT else "changed"
        return [f"{change.path}: {what} (values of a Secret are not shown)"]
    old, new = (None if value is Special.ABSENT else _shown(value) for value in (change.old, change.new))
    if old is not None and new is not None:
        if isinstance(change.old, str) and isinstance(change.new, str) and "\n" in change.old + change.new:
            both_end = change.old.endswith("\n") and change.new.endswith("\n")
            before, after = ((text.removesuffix("\n") if both_end else text).split("\n") for text in (change.old, change.new))
            lines = unified_diff(before, after, n=2, lineterm="")
            return [f"{change.path}:", *(f"  {line}" for line in list(lines)[2:])]
        if len(old) + len(new) > _WIDEST:
            return [f"{change.path}:", f"  - {old}", f"  + {new}"]
        return [f"{change.path}: {old} -> {new}"]
    return [f"+ {change.path}: {new}" if old is None else f"- {change.path}: {old}"]


def _shown(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)


# --- the document ---


def _ends_json(old: End, new: End) -> dict[str, object]:
    return {side: {**end._asdict(), "name": unicode_text(end.name)} for side, end in (("old", old), ("new", new))}


def _comparison_json(comparison: Comparison) -> dict[str, object]:
    path, in_old, in_new = comparison.kustomization
    difference = comparison.difference
    return {
        "path": unicode_text(path),
        "in_old": in_old,
        "in_new": in_new,
        "added": [_resource_json(one) for one in difference.added] if difference else [],
        "removed": [_resource_json(one) for one in difference.removed] if difference else [],
        "changed": [
            {**_resource_json(one), "fields": [_change_json(change) for change in fields]}
            for one, fields in (difference.changed if difference else [])
        ],
        "failures": [{"side": side, "message": unicode_text("\n".join(said))} for side, said in comparison.failures],
    }


def _resource_json(one: Identity) -> dict[str, object]:
    return dict(one._asdict())


def _change_json(change: Change) -> dict[str, object]:
    what = "added" if change.old is Special.ABSENT else "removed" if change.new is Special.ABSENT else "changed"
    old, new = (None if isinstance(value, Special) else value for value in (change.old, change.new))
    return {"field": change.path, "change": what, "old": old, "new": new, "hidden": Special.HIDDEN in (change.old, change.new)}
