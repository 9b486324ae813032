"""git ekf diff: what changed between two deploy records, in files or in the manifests built from them."""

from __future__ import annotations

from difflib import get_close_matches, unified_diff
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from git_ekf.commands.options import Json
from git_ekf.deploy.ends import HELP, End, changed_files, from_top, read_ends
from git_ekf.errors import DONE, FINDINGS, UsageError
from git_ekf.manifests.build import Comparison, compare
from git_ekf.manifests.choice import OVERLAY, Choice, choose
from git_ekf.manifests.fields import FieldChange, Special
from git_ekf.manifests.resources import Identity
from git_ekf.repository import Repository
from git_ekf.terminal.screen import paged, paint
from git_ekf.terminal.text import counted, document, say, unicode_text

_REASONS = {
    "arguments": "named on the command line",
    "apply.paths": "from apply.paths",
    "overlays": f"every {OVERLAY}",
    "configuration": "your own that configuration commits touched",
    "command": "as render.command builds everything at once",
}

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


@app.command(
    cls=DiffCommand,
    context_settings={"help_option_names": ["-h", "--help"], "ignore_unknown_options": True},
)
def diff(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[A] [B] [PATH]...",
            help="Records or revisions, by default the last record and HEAD; then paths.",
        ),
    ] = None,
    stat: Annotated[
        bool, typer.Option("--stat", help="Show only how much changed, not what.")
    ] = False,
    rendered: Annotated[
        bool, typer.Option("--rendered", help="Compare the built manifests, resource by resource.")
    ] = False,
    json: Json = False,
) -> int:
    """Show what changed between two deploy records."""
    options = [word for word in words or [] if word.startswith("-")]
    for option in options:
        close = get_close_matches(option, ["--stat", "--rendered", "--json"], n=1, cutoff=0.85)
        if close or rendered or json:
            raise UsageError(
                f"no such option: {option}", f"git ekf diff {close[0]}" if close else HELP
            )
    repo = Repository()
    plain = [word for word in words or [] if not word.startswith("-")]
    old, new, paths = read_ends(repo, plain, context.meta.get(_PATHS))
    if not rendered and not json:
        repo.git.hand_over(
            "diff", *(["--stat"] if stat else []), *options, old.commit, new.commit, "--", *paths
        )
    if not rendered:
        print(
            document(
                "diff",
                {
                    **_ends_json(old, new),
                    "files": changed_files(repo, old, new, paths),
                    "chosen": None,
                    "kustomizations": None,
                },
            )
        )
        return DONE
    return _rendered(repo, old, new, from_top(repo, paths), stat=stat, json=json)


# --- built manifests ---


def _rendered(
    repo: Repository, old: End, new: End, paths: list[str], *, stat: bool, json: bool
) -> int:
    same = repo.git.text("rev-parse", f"{old.commit}^{{tree}}") == repo.git.text(
        "rev-parse", f"{new.commit}^{{tree}}"
    )
    choice = choose(repo, old.commit, new.commit, paths)
    # What is built from the same files is the same.
    found = [] if same else compare(repo, old.commit, new.commit, choice.kustomizations)
    if json:
        compared = [_comparison_json(comparison) for comparison in found]
        print(
            document(
                "diff",
                {
                    **_ends_json(old, new),
                    "files": None,
                    "chosen": choice.reason,
                    "kustomizations": compared,
                },
            )
        )
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
            for mark, identities in (
                ("+", comparison.difference.added),
                ("-", comparison.difference.removed),
            ):
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
        for items, what in (
            (difference.added, "added"),
            (difference.removed, "removed"),
            (difference.changed, "changed"),
        )
        if items
    ]
    if not kustomization.in_old and not kustomization.in_new:
        return "in neither commit"
    where = (
        ""
        if kustomization.in_old and kustomization.in_new
        else " (new)"
        if kustomization.in_new
        else " (gone)"
    )
    return (", ".join(words) or "no difference") + where


def _change_lines(change: FieldChange) -> list[str]:
    """A field on one line where it fits, a long text as a diff."""
    if Special.HIDDEN in (change.old, change.new):
        what = (
            "added"
            if change.old is Special.ABSENT
            else "removed"
            if change.new is Special.ABSENT
            else "changed"
        )
        return [f"{change.path}: {what} (values of a Secret are not shown)"]
    old, new = (
        None if value is Special.ABSENT else _shown(value) for value in (change.old, change.new)
    )
    if old is not None and new is not None:
        if (
            isinstance(change.old, str)
            and isinstance(change.new, str)
            and "\n" in change.old + change.new
        ):
            both_end = change.old.endswith("\n") and change.new.endswith("\n")
            before, after = (
                (text.removesuffix("\n") if both_end else text).split("\n")
                for text in (change.old, change.new)
            )
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
    return {
        side: {**end._asdict(), "name": unicode_text(end.name)}
        for side, end in (("old", old), ("new", new))
    }


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
        "failures": [
            {"side": side, "message": unicode_text("\n".join(said))}
            for side, said in comparison.failures
        ],
    }


def _resource_json(one: Identity) -> dict[str, object]:
    return dict(one._asdict())


def _change_json(change: FieldChange) -> dict[str, object]:
    what = (
        "added"
        if change.old is Special.ABSENT
        else "removed"
        if change.new is Special.ABSENT
        else "changed"
    )
    old, new = (None if isinstance(value, Special) else value for value in (change.old, change.new))
    return {
        "field": change.path,
        "change": what,
        "old": old,
        "new": new,
        "hidden": Special.HIDDEN in (change.old, change.new),
    }
