"""What tag, log and save cost in a repository with many deploy records, beside the git command that each needs."""

from __future__ import annotations

import shlex

from bench.commands import empty_program
from bench.generate import BRANCH, Clone, World
from bench.measure import Bound, Case, Table, medians


def records(world: World, table: Table, clone: Clone, what: str, rounds: int = 12) -> None:
    """`git tag` and `for-each-ref` are what `tag` and `log` cannot do without; a Python program starts on top of that."""
    start = " ".join(shlex.quote(str(word)) for word in empty_program(world))
    message = clone.path / ".git" / "bench-message"
    message.write_text(
        clone.git("for-each-ref", "--count=1", "--format=%(contents)", "refs/tags/deploy/") + "\n"
    )
    list_records = "git for-each-ref --format='%(refname)%00%(objectname)%00%(raw:size)%00%(raw)' refs/tags/deploy/"
    pairs = {
        "log": (list_records, ["git", "ekf", "log"]),
        "tag": (
            f"git tag -a -F {shlex.quote(str(message))} bench",
            ["git", "ekf", "tag", "-m", "Measured.", "--date", "2001-01-01"],
        ),
    }
    table.heading(f"{what}, {rounds} rounds")
    for command, (plain, ours) in pairs.items():
        cases = [
            _case(clone, f"the git command of {command}", ["sh", "-ec", plain]),
            _case(
                clone,
                f"the same, after an empty typer program ({command})",
                ["sh", "-ec", f"{start}\n{plain}"],
            ),
            _case(clone, f"git ekf {command}", ours),
        ]
        _show(table, cases, medians(world, cases, rounds))


def save(world: World, table: Table, clone: Clone, what: str, rounds: int = 12) -> None:
    """One push and one look at the remote's refs, hooks included on either side."""
    start = " ".join(shlex.quote(str(word)) for word in empty_program(world))
    plain = f"git push -q --atomic internal {BRANCH} && git ls-remote internal 'refs/heads/*' >/dev/null"

    def commit() -> None:
        clone.git("commit", "-q", "--allow-empty", "--no-verify", "-m", "more")

    cases = [
        Case("git push, then git ls-remote", ["sh", "-ec", plain], clone.path, before=commit),
        Case(
            "the same, after an empty typer program (save)",
            ["sh", "-ec", f"{start}\n{plain}"],
            clone.path,
            before=commit,
        ),
        Case("git ekf save", ["git", "ekf", "save"], clone.path, before=commit),
    ]
    table.heading(f"{what}, {rounds} rounds")
    _show(table, cases, medians(world, cases, rounds))


def _case(clone: Clone, name: str, command: list[str]) -> Case:
    def remove() -> None:
        for tag in clone.git("tag", "-l", "bench", "deploy/2001-01-01*").split():
            clone.git("tag", "-d", tag)

    return Case(name, command, clone.path, after=remove)


def _show(table: Table, cases: list[Case], took: dict[str, float]) -> None:
    alone, started, ours = (took[case.name] for case in cases)
    table.row(cases[0].name, alone, f"{cases[2].name} is {ours / alone:.2f} of it")
    table.row(cases[1].name, started)
    table.row(cases[2].name, ours, f"ratio {Bound(ours / started, 2.0)}")
