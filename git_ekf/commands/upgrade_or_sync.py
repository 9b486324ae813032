"""What upgrade and sync have in common on the terminal: the plan, the stop at a conflict, and the outcome."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from git_ekf.commands.recovered import recovered
from git_ekf.commands.upgrade_shown import Afterwards, show_outcome, show_plan
from git_ekf.errors import DONE, UsageError
from git_ekf.git.calls import Git
from git_ekf.repository import Repository, asked_ahead
from git_ekf.terminal.screen import transfer_progress
from git_ekf.terminal.text import say
from git_ekf.transaction.journal import locked
from git_ekf.upgrade import rebase
from git_ekf.upgrade.carry import Options, carry_out
from git_ekf.upgrade.prefer import parse
from git_ekf.upgrade.rebase import Ended
from git_ekf.upgrade.target import Target, branch_here, require_ready
from git_ekf.upgrade.target import fetch as hear

PlanJson = Annotated[
    bool, typer.Option("--json", help="Print the plan as one JSON document, and change nothing.")
]
Verify = Annotated[
    str,
    typer.Option(
        "--verify",
        metavar="COMMAND",
        help="Run a check of your own afterwards; when it fails, exit with 1.",
    ),
]
NoBuild = Annotated[
    bool, typer.Option("--no-build", help="Do not build the kustomizations afterwards.")
]
RangeDiff = Annotated[
    bool,
    typer.Option("--range-diff", help="Show the commits before and after, as git range-diff does."),
]
PlanOnly = Annotated[
    bool,
    typer.Option("--plan", "-n", help="Say what would become of each commit, and change nothing."),
]
Continue = Annotated[bool, typer.Option("--continue", help="Go on after conflicts were resolved.")]
Skip = Annotated[bool, typer.Option("--skip", help="Go on without the commit it stopped at.")]
Abort = Annotated[bool, typer.Option("--abort", help="Go back to where it began.")]
NoFetch = Annotated[
    bool,
    typer.Option(
        "--no-fetch", help="Go by what is known here, without asking the vendor's repository."
    ),
]
NoSaveCheck = Annotated[
    bool,
    typer.Option(
        "--no-save-check", help="Also where the branch is not saved to the internal repository."
    ),
]
Prefer = Annotated[
    list[str] | None,
    typer.Option(
        "--prefer",
        metavar="SIDE[:PATTERN]",
        help="Settle conflicts in the content of files: local or vendor; again for more.",
    ),
]
Flatten = Annotated[
    bool,
    typer.Option("--flatten", help="Make one line of a history with merges, along first parents."),
]


def afterwards(verify: str, range_diff: bool, no_build: bool) -> Afterwards:
    """Raises UsageError."""
    words = []
    if verify:
        from git_ekf.upgrade.verify import parse_command

        words = parse_command(verify)
    return Afterwards(words, range_diff, not no_build)


def options(prefer: list[str] | None, flatten: bool, squash: bool = False) -> Options:
    """Raises UsageError."""
    return Options(tuple(parse(text) for text in prefer or []), flatten, squash)


def going_on(command: str, proceed: bool, skip: bool, abort: bool, then: Afterwards) -> int | None:
    """Goes on with what is in progress, where one of the three options says how. The exit code; None without one."""
    given = [
        name for name, flag in (("continue", proceed), ("skip", skip), ("abort", abort)) if flag
    ]
    if not given:
        return None
    if len(given) > 1:
        raise UsageError(
            f"--{given[0]} and --{given[1]} exclude each other", f"git ekf {command} -h"
        )
    repo = recovered()
    with locked(repo) as journal:
        if abort:
            target = rebase.abort(repo, journal)
            say(
                f"Back on {target.branch} at {target.tip[:7]}; nothing was changed. Resolutions are remembered."
            )
            return DONE
        result = rebase.proceed(repo, journal, given[0])
    return show_outcome(repo.fresh(), result, then)


def begin(
    find: Callable[[Repository], Target],
    chosen: Options,
    then: Afterwards,
    *,
    plan: bool,
    json: bool,
    fetch: bool,
    save_check: bool,
) -> int:
    """Plans it, or does it, for the target that is found once the vendor's repository was asked. The exit code."""
    git = Git(progress=transfer_progress())
    repo = asked_ahead(git) if plan or json else recovered()
    branch_here(repo)
    if fetch:
        hear(repo)
        repo = asked_ahead(git)
    target = find(repo)
    if plan or json:
        return show_plan(repo, target, chosen, json=json)
    return run(repo, target, chosen, then, save_check=save_check)


def run(
    repo: Repository, target: Target, chosen: Options, then: Afterwards, *, save_check: bool
) -> int:
    """Carries the commits over, and says what came of it. The exit code."""
    if target.nothing_new:
        say(
            f"{target.branch} already stands on {repo.config.primary}/{target.goal} at {target.onto[:7]}; nothing to do"
        )
        return DONE

    def ready() -> None:
        require_ready(repo, target, save_check=save_check, flatten=chosen.flatten)

    result = carry_out(repo, target, chosen, ready)
    return show_outcome(repo.fresh() if isinstance(result, Ended) else repo, result, then)
