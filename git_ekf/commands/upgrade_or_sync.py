"""What upgrade and sync have in common: their options, and how they run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial, wraps
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, get_type_hints

from git_ekf.at_once import ask_at_once
from git_ekf.commands.internal_asked import fetch_remotes
from git_ekf.commands.output.superseded import Droppable, note_nothing_dropped, who_decides
from git_ekf.commands.output.upgrade_plan import show_plan
from git_ekf.commands.without_part import (
    note_without_a_file,
    note_without_part,
    refuse_without_part,
)
from git_ekf.declared import Option, Parameter, parameters
from git_ekf.errors import DONE, UsageError
from git_ekf.git.calls import Git
from git_ekf.internal import require_current
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.terminal.screen import counting, transfer_progress
from git_ekf.terminal.text import say
from git_ekf.transaction.preconditions import release_branch
from git_ekf.upgrade.prefer import parse
from git_ekf.upgrade.target import SYNC, Target
from git_ekf.upgrade.work import Options

if TYPE_CHECKING:
    from git_ekf.commands.output.upgrade import Afterwards


_BUILDS = partial(counting, "Building kustomizations")


class Request(NamedTuple):
    """The options of both commands."""

    plan: Annotated[
        bool,
        Option("--plan", "-n", help="Say what would become of each commit, and change nothing."),
    ] = False
    json: Annotated[
        bool,
        Option("--json", help="Print the plan as one JSON document, and change nothing."),
    ] = False
    proceed: Annotated[bool, Option("--continue", help="Go on after conflicts were resolved.")] = (
        False
    )
    skip: Annotated[bool, Option("--skip", help="Go on without the commit it stopped at.")] = False
    abort: Annotated[bool, Option("--abort", help="Go back to where it began.")] = False
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


def with_request(
    act: Callable[..., int], names: Sequence[str] = Request._fields
) -> Callable[..., int]:
    """Makes a command of a function that returns an exit code.

    The command has the options of Request, or those in `names`, in place of the function's
    parameter `request`.
    """
    hints = get_type_hints(Request, include_extras=True)
    defaults = Request._field_defaults
    options = [Parameter(name, hints[name], defaults[name]) for name in names]
    known: list[Parameter] = []
    for parameter in parameters(act):
        known += options if parameter.name == "request" else [parameter]

    @wraps(act)
    def command(**values: Any) -> int:
        request = Request(**{name: values.pop(name) for name in names})
        return act(request=request, **values)

    command.parameters = known  # type: ignore[attr-defined]
    return command


def run(
    command: str,
    find: Callable[[Repository], Target],
    request: Request,
    *,
    release: str | None = None,
    squash: bool = False,
) -> int:
    """Does what is asked for, and shows it. The exit code.

    `find` tells the target, once the vendor's repository was fetched; `release` is what was named.
    """
    options_given = _given(request, release, squash=squash)
    afterwards = _words(request, _AFTERWARDS)
    check = _check(request.verify)
    if request.build and request.no_build:
        raise UsageError("--build and --no-build exclude each other", f"git ekf {command} -h")
    how = how_to_go_on(command, request)
    if how:
        refuse_without_part(command, how, options_given)
        return go_on(how, _afterwards(request, check))
    only_plans = request.plan or request.json
    builds = request.build if only_plans else not request.no_build
    words = _words(request, _CARRYING) + ["--migrate-squash"] * squash + afterwards
    again = [release, *words] if release else words
    options = Options(
        tuple(parse(text) for text in request.prefer or []),
        request.flatten,
        squash,
        who_decides(request.drop, only_plans=only_plans),
        not request.no_save_check,
        partial(counting, "Looking at commits"),
        f" {shell(*again)}" if again else "",
        effects=True,
        builds=_BUILDS if builds else None,
    )
    git = Git(progress=transfer_progress())
    repo = ask_at_once(git) if only_plans else _recovered()
    release_branch(repo)
    if not request.no_fetch:
        repo = fetch_remotes(repo)
        if repo.config.resolutions:
            from git_ekf.commands.resolutions_fetched import note_resolutions

            note_resolutions(repo)
    target = find(repo)
    note_without_a_file(repo, target, options.prefer)
    if request.flatten and command == SYNC:
        from git_ekf.upgrade.flatten import above_what_stays, has_merges

        # `save` takes no merges, and what was is kept.
        merges = has_merges(repo, target)
        options = options._replace(flatten=merges, save_check=options.save_check and not merges)
        target = above_what_stays(repo, target)
    if only_plans:
        note_without_part(options_given)
    nothing_new = target.nothing_new and not options.flatten
    if only_plans and (request.json or not nothing_new):
        return show_plan(repo, target, options, shell(*words), json=request.json)
    if nothing_new:
        require_current(repo, target.branch, "nothing was changed", goal=target.goal)
        channel = f"{repo.config.primary}/{target.goal}"
        say(f"{target.branch} already stands on {channel} at {target.onto[:7]}; nothing to do")
        note_nothing_dropped(options.drop, dropped=False)
        return DONE
    from git_ekf.commands.output.upgrade import note_outcome, show_outcome
    from git_ekf.upgrade.carry import carry_out

    result = carry_out(repo, target, options)
    note_outcome(result, options.drop)
    return show_outcome(repo, result, _afterwards(request, check))


# What a plan does without is imported when it is needed: it is a third of all.


def _recovered() -> Repository:
    from git_ekf.commands.recovered import recovered

    return recovered()


def _afterwards(request: Request, check: list[str]) -> Afterwards:
    from git_ekf.commands.output.upgrade import Afterwards

    flags = shell(*_words(request, _AFTERWARDS))
    return Afterwards(check, request.range_diff, not request.no_build, flags)


def _given(request: Request, release: str | None, *, squash: bool) -> list[str]:
    """The options that are set, but for --continue, --skip and --abort."""
    defaults = Request._field_defaults
    names = [name for name, value in request._asdict().items() if value != defaults[name]]
    others = [name for name in names if name not in ("proceed", "skip", "abort")]
    options = [f"--{name.replace('_', '-')}" for name in others]
    return options + ["--migrate-squash"] * squash + ["X.Y"] * (release is not None)


# The options that say how commits are carried over, and those about what comes then. (Whether it
# fetches is no matter of the plan's.)
_CARRYING = ("drop", "flatten", "prefer", "no_save_check")
_AFTERWARDS = ("verify", "no_build", "build", "range_diff")


def _words(request: Request, names: Iterable[str]) -> list[str]:
    """Options as they were given, for a sentence that names the command again."""
    words = []
    for name in names:
        option = "--" + name.replace("_", "-")
        value = getattr(request, name)
        if value is True:
            words.append(option)
        elif value:
            for one in [value] if isinstance(value, str) else value:
                words += [option, one]
    return words


def _check(verify: str) -> list[str]:
    if not verify:
        return []
    from git_ekf.upgrade.verify import parse_command

    return parse_command(verify)


def how_to_go_on(command: str, request: Request) -> str:
    """The one of continue, skip and abort that is asked for, "" for none. Raises UsageError."""
    flags = {"continue": request.proceed, "skip": request.skip, "abort": request.abort}
    given = [name for name, is_set in flags.items() if is_set]
    if len(given) > 1:
        raise UsageError(
            f"--{given[0]} and --{given[1]} exclude each other", f"git ekf {command} -h"
        )
    return next(iter(given), "")


def go_on(how: str, then: Afterwards, what: str = "upgrade or sync") -> int:
    """Goes on with the rebase in progress, or takes it back; `what` is that. The exit code."""
    from git_ekf.commands.output.upgrade import note_outcome, show_outcome
    from git_ekf.transaction.perform import exclusive
    from git_ekf.upgrade import rebase

    repo = _recovered()
    with exclusive(repo) as journal:
        if how == "abort":
            target = rebase.abort(repo, journal, what)
            say(
                f"Back on {target.branch} at {target.tip[:7]}; nothing was changed."
                " Resolutions are remembered."
            )
            return DONE
        builds = _BUILDS if then.build else None
        result = rebase.proceed(repo, journal, how, what, who_decides(None), builds)
    note_outcome(result)
    return show_outcome(repo, result, then)
