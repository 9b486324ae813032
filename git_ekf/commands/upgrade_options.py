"""The options of upgrade, sync and pull: what they are, and which go together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Annotated, Any, NamedTuple, get_type_hints

from git_ekf.commands.output.conflicts import Droppable
from git_ekf.commands.records_kept import note
from git_ekf.declared import Argument, Option, Parameter, parameters
from git_ekf.errors import UsageError

PlanJson = Annotated[
    bool, Option("--json", help="Print the plan as one JSON document, and change nothing.")
]
Proceed = Annotated[bool, Option("--continue", help="Go on after conflicts were resolved.")]
GoBack = Annotated[bool, Option("--abort", help="Go back to where it began.")]


class Request(NamedTuple):
    """The options of upgrade, of which sync and pull have some."""

    plan: Annotated[
        bool,
        Option("--plan", "-n", help="Say what would become of each commit, and change nothing."),
    ] = False
    json: PlanJson = False
    proceed: Proceed = False
    skip: Annotated[bool, Option("--skip", help="Go on without the commit it stopped at.")] = False
    abort: GoBack = False
    prefer: Annotated[
        list[str] | None,
        Option(
            metavar="SIDE[:PATTERN]",
            help="Settle conflicts in files: local or vendor; again for more.",
        ),
    ] = None
    drop: Annotated[
        Droppable | None,
        Option(
            metavar="superseded",
            help="Leave out the commits that would conflict and that the vendor has already.",
        ),
    ] = None
    flatten: Annotated[
        bool,
        Option("--flatten", help="Make one line of a history with merges, along first parents."),
    ] = False
    no_fetch: Annotated[
        bool,
        Option("--no-fetch", help="Go by what is known here, without asking either repository."),
    ] = False
    no_save_check: Annotated[
        bool,
        Option(
            "--no-save-check",
            help="Also where the branch is not saved to the internal repository.",
        ),
    ] = False
    verify: Annotated[
        str,
        Option(
            metavar="COMMAND",
            help="Run a check of your own afterwards; when it fails, exit with 1.",
        ),
    ] = ""
    no_build: Annotated[
        bool, Option("--no-build", help="Do not build the kustomizations afterwards.")
    ] = False
    build: Annotated[
        bool,
        Option(
            "--build", help="Build both releases too, and say what becomes of fields and images."
        ),
    ] = False
    range_diff: Annotated[
        bool,
        Option("--range-diff", help="Show the commits before and after, as git range-diff does."),
    ] = False
    migrate_squash: Annotated[
        bool,
        Option(
            "--migrate-squash",
            help="Migrate only the final state, and carry the configuration over as one commit.",
        ),
    ] = False
    release: Annotated[
        str | None,
        Argument(
            metavar="[X.Y]",
            help="The release to go to; the next one without it.",
        ),
    ] = None


OF_SYNC = tuple(name for name in Request._fields if name not in ("migrate_squash", "release"))
# About what comes once the commits are carried over, which a plan does without.
AFTERWARDS = ("verify", "no_build", "range_diff")


def with_request(*names: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Makes a command of a function that returns an exit code.

    The command has the options of these names in place of the first parameter, a Request.
    """
    hints = get_type_hints(Request, include_extras=True)
    options = [Parameter(name, hints[name], Request._field_defaults[name]) for name in names]

    def made(act: Callable[..., int]) -> Callable[..., int]:
        @wraps(act)
        def command(**values: Any) -> int:
            request = Request(**{name: values.pop(name) for name in names})
            return act(request, **values)

        command.parameters = [*options, *parameters(act)[1:]]  # type: ignore[attr-defined]
        return command

    return made


def words(request: Request, names: Iterable[str]) -> list[str]:
    """Options as they were given, for a sentence that names the command again."""
    found = []
    for name in names:
        value = getattr(request, name)
        if value is True:
            found.append(_spelt(name))
        elif value:
            for one in [value] if isinstance(value, str) else value:
                found += [_spelt(name), one]
    return found


def how_to_go_on(command: str, request: Request) -> str:
    """The one of continue, skip and abort that is asked for, "" for none. Raises UsageError."""
    flags = {"continue": request.proceed, "skip": request.skip, "abort": request.abort}
    given = [name for name, is_set in flags.items() if is_set]
    if len(given) > 1:
        raise UsageError(
            f"--{given[0]} and --{given[1]} exclude each other", f"git ekf {command} -h"
        )
    return next(iter(given), "")


def refuse_without_part(command: str, how: str, request: Request) -> None:
    """Raises UsageError where an option is given that `how` (continue, skip, abort) leaves out.

    Above all a preference that comes too late: whoever gives one counts on it.
    """
    without = [name for name in _given(request) if how == "abort" or name not in AFTERWARDS]
    if without:
        raise UsageError(
            f"{', '.join(map(_spelt, without))} would have no effect with --{how}:"
            f" the {command} goes by what it began with",
            f"git ekf {command} --{how}",
        )


def note_without_part(request: Request) -> None:
    """Says which options have no effect on a plan."""
    without = [_spelt(name) for name in _given(request) if name in AFTERWARDS]
    if without:
        note(f"{', '.join(without)}: without effect on a plan, for nothing is carried over")


def _given(request: Request) -> list[str]:
    """The names of the options that are set, but for --continue, --skip and --abort."""
    defaults = Request._field_defaults
    names = [name for name, value in request._asdict().items() if value != defaults[name]]
    return [name for name in names if name not in ("proceed", "skip", "abort")]


def _spelt(name: str) -> str:
    return "X.Y" if name == "release" else f"--{name.replace('_', '-')}"
