"""What the commands cost, beside an empty typer program and beside the git calls that they cannot do without."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from bench.generate import BRANCH, Clone, World
from bench.measure import Bound, Case, Table, medians

EMPTY = "an empty typer program"
_EMPTY = """import typer

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def nothing() -> None:
    pass


app()
"""


def empty_program(world: World) -> list[str | Path]:
    path = world.root / "empty.py"
    path.write_text(_EMPTY)
    return [sys.executable, path]


def start(world: World, table: Table, rounds: int = 30) -> None:
    """Help and version: what every start costs."""
    cases = [
        Case(EMPTY, empty_program(world)),
        *(Case(f"git ekf {option}", ["git", "ekf", option]) for option in ("-h", "--version")),
    ]
    took = medians(world, cases, rounds)
    table.heading(f"Start-up, {rounds} rounds")
    _rows(table, took, EMPTY, 1.3)


def status(world: World, table: Table, clone: Clone, what: str, rounds: int = 30) -> None:
    cases = [
        Case(EMPTY, empty_program(world)),
        Case("git ekf status", ["git", "ekf", "status"], clone.path),
    ]
    took = medians(world, cases, rounds)
    table.heading(f"git ekf status on {what}, {rounds} rounds")
    _rows(table, took, EMPTY, 1.6)


def shell(world: World, table: Table, clone: Clone, what: str, rounds: int = 30) -> None:
    """What a person waits for behind TAB, where the shell's script has to ask, and before each prompt.

    Where Python takes 8.6 ms, the targets are 60 and 40 ms.
    """
    bare = "python -c pass"
    asked = [
        Case(f"git-ekf complete {kind}", ["git-ekf", "complete", kind], clone.path)
        for kind in ("channels", "records", "paths")
    ]
    prompt = Case("git-ekf status --prompt", ["git-ekf", "status", "--prompt"], clone.path)
    took = medians(world, [Case(bare, [sys.executable, "-c", "pass"]), *asked, prompt], rounds)
    table.heading(f"In the shell, on {what}, {rounds} rounds")
    took_prompt = took.pop(prompt.name)
    _rows(table, took, bare, 7.0)
    table.row(prompt.name, took_prompt, Bound(took_prompt / took[bare], 4.7))


def check(world: World, table: Table, clone: Clone, what: str, rounds: int = 12) -> None:
    plumbing = _plumbing(clone)
    start = " ".join(shlex.quote(str(word)) for word in empty_program(world))
    started = "the same, after an empty typer program"
    cases = [
        Case("the git calls, one after another", ["sh", "-ec", plumbing], clone.path),
        Case(started, ["sh", "-ec", f"{start}\n{plumbing}"], clone.path),
        Case("git ekf check", ["git", "ekf", "check"], clone.path),
    ]
    took = medians(world, cases, rounds)
    table.heading(f"git ekf check on {what}, {rounds} rounds")
    took_calls = took.pop(cases[0].name)
    table.row(
        cases[0].name,
        took_calls,
        f"git ekf check is {took['git ekf check'] / took_calls:.2f} of it",
    )
    _rows(table, took, started, 2.0)


def _plumbing(clone: Clone) -> str:
    """The questions that nobody can judge a repository without, as a shell script."""
    base = clone.git("merge-base", f"origin/{BRANCH}", BRANCH)
    # Of the SHAs in the records, the tagged commits are known without asking; what is left is the vendor's.
    asked = clone.path / ".git" / "bench-shas"
    asked.write_text(f"{base}^{{commit}}\n")
    diff = f"git diff-tree -r --no-renames -z --name-only {base} {BRANCH}"
    return f"""git rev-parse --path-format=absolute --git-dir --show-toplevel
git config --list -z
git for-each-ref --format='%(objectname) %(refname)' refs/heads refs/remotes refs/ekf
git for-each-ref --format='%(refname)%00%(objectname)%00%(raw:size)%00%(raw)' refs/tags/deploy/
git merge-base origin/{BRANCH} {BRANCH}
git rev-list --parents {BRANCH} --not --glob='refs/remotes/origin/*'
git cat-file --batch-check <{shlex.quote(str(asked))}
{diff} -G'^(<<<<<<<|>>>>>>>)( |$)'
{diff} --diff-filter=A
"""


def _rows(table: Table, took: dict[str, float], against: str, most: float) -> None:
    for name, time in took.items():
        table.row(
            name, time, "" if name == against else f"ratio {Bound(time / took[against], most)}"
        )
