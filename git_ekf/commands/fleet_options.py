"""Options that the commands of a fleet share."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from git_ekf.commands.records_kept import note
from git_ekf.errors import Refused, UsageError
from git_ekf.fleet.file import other_file
from git_ekf.fleet.standing import Known
from git_ekf.shown import shell

if TYPE_CHECKING:
    from git_ekf.fleet.processes import Planner

FleetFile = Annotated[
    str,
    typer.Option(
        "--file", metavar="FILE", show_default=False, help="The fleet file, by default fleet.toml."
    ),
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="KEY=VALUE",
        help="Only those with this name, wave, branch, state, rule or label; may be repeated.",
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="NAME|@FILE",
        help="Only this cluster, or those that a file names; may be repeated.",
    ),
]

Jobs = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        show_default=False,
        help="Plan in N processes; by default one for each processor.",
    ),
]
Executor = Annotated[
    str | None,
    typer.Option(
        "--executor",
        metavar="ADDRESS",
        show_default=False,
        help="Plan by the workers of this Dask cluster: tls://HOST:8786.",
    ),
]


def require_fetched(known: Known, file: str) -> None:
    """Raises Refused where the vendor was never fetched: so nothing was."""
    if not known.vendor.seconds:
        command = shell("git", "ekf", "fleet", "status", *other_file(file))
        raise Refused("nothing is known of this fleet yet", command)


def planner_of(
    jobs: int | None, executor: str | None, again: Sequence[str]
) -> AbstractContextManager[Planner | None]:
    """The maker of plans that was chosen, None where none was.

    `again` is the command without these options. Raises UsageError, Refused, CallFailed.
    """
    if executor is None:
        from git_ekf.fleet.processes import Processes

        return nullcontext(Processes(jobs) if jobs else None)
    if jobs:
        raise UsageError(
            "--jobs and --executor exclude each other: the Dask workers have their own number of"
            " threads",
            shell(*again, "--executor", executor),
        )
    from git_ekf.fleet.workers import workers

    return workers(executor, again, note)
