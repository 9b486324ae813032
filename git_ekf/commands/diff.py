"""git ekf diff: what changed between two records, in files or in the manifests built from them."""

from __future__ import annotations

from difflib import get_close_matches, unified_diff
from typing import Annotated, Any

import typer

from git_ekf.commands.options import Json
from git_ekf.commands.paths_apart import WithPaths, behind_dashes
from git_ekf.commands.records_kept import with_records
from git_ekf.declared import Argument, Option
from git_ekf.deploy.ends import HELP, End, changed_files, from_top, read_ends
from git_ekf.errors import DONE, FINDINGS, UsageError
from git_ekf.manifests.build import ComparedBuilds, compare
from git_ekf.manifests.choice import OVERLAY, BuildChoice, choose
from git_ekf.manifests.difference import Difference
from git_ekf.manifests.fields import FieldChange, Special
from git_ekf.program import program
from git_ekf.repository import Repository
from git_ekf.terminal.screen import counting_builds, paged, paint
from git_ekf.terminal.text import counted, document, say

_REASONS = {
    "arguments": "named on the command line",
    "apply.paths": "from apply.paths",
    "overlays": f"every {OVERLAY}",
    "configuration": "your own that configuration commits touched",
    "command": "as render.command builds everything at once",
}

# A value of more characters is shown on lines of its own.
_WIDEST = 100

app = program()


@app.command(cls=WithPaths, context_settings={"ignore_unknown_options": True})
def diff(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        Argument(
            metavar="[A] [B] [PATH]...",
            help="Records or revisions, by default the last record and HEAD; then paths.",
        ),
    ] = None,
    stat: Annotated[bool, Option(help="Show only how much changed, not what.")] = False,
    rendered: Annotated[
        bool, Option(help="Compare the built manifests, resource by resource.")
    ] = False,
    json: Json = False,
) -> int:
    """Show what changed between two deploy records."""
    options = [word for word in words or [] if word.startswith("-")]
    plain = [word for word in words or [] if not word.startswith("-")]
    for option in options:
        close = get_close_matches(option, ["--stat", "--rendered", "--json"], n=1, cutoff=0.85)
        if close or rendered or json:
            raise UsageError(
                f"no such option: {option}", f"git ekf diff {close[0]}" if close else HELP
            )
    if stat and json:
        raise UsageError(
            "--stat and --json exclude each other: the document has all of it",
            f"git ekf diff {'--rendered --json' if rendered else '--json'}",
        )
    repo = with_records()
    old, new, paths = read_ends(repo, plain, behind_dashes(context))
    if not rendered and not json:
        if stat:
            options.insert(0, "--stat")
        repo.git.become_diff(options, old.commit, new.commit, paths)
    if not rendered:
        _print_json(old, new, {"files": changed_files(repo, old, new, paths)})
        return DONE
    return _rendered(repo, old, new, from_top(repo, paths), stat=stat, json=json)


# --- built manifests ---


def _rendered(
    repo: Repository, old: End, new: End, paths: list[str], *, stat: bool, json: bool
) -> int:
    same = repo.git.tree_of(old.commit) == repo.git.tree_of(new.commit)
    choice = choose(repo, old.commit, new.commit, paths)
    found: list[ComparedBuilds] = []
    if not same:  # what is built from the same files is the same
        found = compare(repo, old.commit, new.commit, choice.kustomizations, counting_builds)
    if json:
        compared = [_comparison_json(comparison) for comparison in found]
        _print_json(old, new, {"chosen": choice.reason, "kustomizations": compared})
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


def _print(
    choice: BuildChoice, found: list[ComparedBuilds], ends: dict[str, End], *, stat: bool
) -> None:
    say(f"{counted(len(found), 'kustomization')}, {_REASONS[choice.reason]}")
    for comparison in found:
        say()
        print(f"{paint(comparison.kustomization.path, 'bold')}: {_summary(comparison)}")
        for failure in comparison.failures:
            say(f"  the build of {_named(ends[failure.side])} failed:")
            for line in failure.lines:
                say(f"    {line}")
        if comparison.difference:
            _print_difference(comparison.difference, stat=stat)


def _print_difference(difference: Difference, *, stat: bool) -> None:
    for one in difference.added:
        print(paint(f"  + {one}", "green"))
    for one in difference.removed:
        print(paint(f"  - {one}", "red"))
    for resource, fields in difference.changed:
        count = f": {counted(len(fields), 'field')}" if stat else ""
        print(paint(f"  ~ {resource}", "yellow") + count)
        for change in [] if stat else fields:
            for line in _change_lines(change):
                say(f"      {line}".rstrip())


def _summary(comparison: ComparedBuilds) -> str:
    kustomization, difference = comparison.kustomization, comparison.difference
    if difference is None:
        return "not compared"
    if not (kustomization.in_old or kustomization.in_new):
        return "in neither commit"
    words = [f"{len(found)} {state}" for state, found in difference._asdict().items() if found]
    summary = ", ".join(words) or "no difference"
    if not kustomization.in_old:
        return f"{summary} (new)"
    return summary if kustomization.in_new else f"{summary} (gone)"


def _change_lines(change: FieldChange) -> list[str]:
    """A field on one line where it fits, a long text as a diff."""
    path, old, new = change
    if Special.HIDDEN in (old, new):
        return [f"{path}: {_kind(change)} (values of a Secret are not shown)"]
    if old is Special.ABSENT:
        return [f"+ {path}: {_shown(new)}"]
    if new is Special.ABSENT:
        return [f"- {path}: {_shown(old)}"]
    if isinstance(old, str) and isinstance(new, str) and "\n" in old + new:
        return [f"{path}:", *(f"  {line}" for line in _text_diff(old, new))]
    before, after = _shown(old), _shown(new)
    if len(before) + len(after) > _WIDEST:
        return [f"{path}:", f"  - {before}", f"  + {after}"]
    return [f"{path}: {before} -> {after}"]


def _text_diff(old: str, new: str) -> list[str]:
    """The lines of a unified diff; a last line end that both have is not shown."""
    if old.endswith("\n") and new.endswith("\n"):
        old, new = old[:-1], new[:-1]
    return list(unified_diff(old.split("\n"), new.split("\n"), n=2, lineterm=""))[2:]


def _kind(change: FieldChange) -> str:
    if change.old is Special.ABSENT:
        return "added"
    return "removed" if change.new is Special.ABSENT else "changed"


def _shown(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)


# --- the document ---


def _print_json(old: End, new: End, found: dict[str, object]) -> None:
    nothing = dict.fromkeys(("files", "chosen", "kustomizations"))
    print(document("diff", {"old": old, "new": new, **nothing, **found}))


def _comparison_json(comparison: ComparedBuilds) -> dict[str, object]:
    path, in_old, in_new = comparison.kustomization
    added, removed, changed = comparison.difference or Difference([], [], [])
    failures = [{"side": side, "message": "\n".join(lines)} for side, lines in comparison.failures]
    listed = []
    for resource, fields in changed:
        listed.append({**resource._asdict(), "fields": list(map(_change_json, fields))})
    return {
        "path": path,
        "in_old": in_old,
        "in_new": in_new,
        "added": added,
        "removed": removed,
        "changed": listed,
        "failures": failures,
    }


def _change_json(change: FieldChange) -> dict[str, object]:
    path, old, new = change
    return {
        "field": path,
        "change": _kind(change),
        "old": None if isinstance(old, Special) else old,
        "new": None if isinstance(new, Special) else new,
        "hidden": Special.HIDDEN in (old, new),
    }
