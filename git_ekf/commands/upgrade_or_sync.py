"""How upgrade and sync run, and how they go on after a stop, as pull and rollback do."""

from __future__ import annotations

from functools import partial

from git_ekf.commands.at_once import ask_at_once
from git_ekf.commands.internal_asked import fetch_remotes
from git_ekf.commands.output.conflicts import note_nothing_dropped, who_decides
from git_ekf.commands.output.upgrade_plan import show_plan
from git_ekf.commands.records_kept import note
from git_ekf.commands.upgrade_options import (
    Request,
    how_to_go_on,
    note_without_part,
    refuse_without_part,
    words,
)
from git_ekf.errors import DONE, UsageError
from git_ekf.git.calls import Git
from git_ekf.internal import require_current
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.terminal.screen import counting, counting_builds, transfer_progress
from git_ekf.terminal.text import say
from git_ekf.transaction.preconditions import release_branch
from git_ekf.upgrade import target as targets
from git_ekf.upgrade.prefer import parse, without_a_file
from git_ekf.upgrade.work import Options, above_what_stays

# The options that a sentence names again with the command. (Whether it fetches is no matter of the
# plan's.)
_AGAIN = (
    "drop",
    "flatten",
    "prefer",
    "no_save_check",
    "migrate_squash",
    "verify",
    "no_build",
    "build",
    "range_diff",
)


def run(command: str, request: Request) -> int:
    """Does what is asked for, an upgrade or a sync, and shows it. The exit code."""
    if request.verify:
        from git_ekf.upgrade.verify import parse_command

        parse_command(request.verify)  # not to be found wrong once all is done
    if request.build and request.no_build:
        raise UsageError("--build and --no-build exclude each other", f"git ekf {command} -h")
    how = how_to_go_on(command, request)
    if how:
        refuse_without_part(command, how, request)
        return go_on(_recovered(), how, request)
    flags = words(request, _AGAIN)
    again = [request.release, *flags] if request.release else flags
    only_plans = request.plan or request.json
    builds = request.build if only_plans else not request.no_build
    options = Options(
        prefer=tuple(map(parse, request.prefer or [])),
        flatten=request.flatten,
        squash=request.migrate_squash,
        drop=who_decides(request.drop, only_plans=only_plans),
        save_check=not request.no_save_check,
        progress=partial(counting, "Looking at commits"),
        given=f" {shell(*again)}" if again else "",
        effects=True,
        builds=counting_builds if builds else None,
    )
    repo = ask_at_once(Git(progress=transfer_progress())) if only_plans else _recovered()
    release_branch(repo)
    if not request.no_fetch:
        repo = fetch_remotes(repo)
        if repo.config.resolutions:
            from git_ekf.commands.resolutions_fetched import note_resolutions

            note_resolutions(repo)
    if command == targets.SYNC:
        target = targets.sync(repo, flatten=request.flatten)
    else:
        target = targets.upgrade(repo, request.release, flatten=request.flatten)
    for preference in without_a_file(repo, target, options.prefer):
        note(f"--prefer {preference}: your commits change no file that it matches")
    if request.flatten and command == targets.SYNC:
        flattened = above_what_stays(repo, target)
        # A branch with merges cannot have been saved; what it was is kept as a backup.
        save_check = options.save_check and not flattened
        options = options._replace(flatten=bool(flattened), save_check=save_check)
        target = flattened or target
    if only_plans:
        note_without_part(request)
    nothing_new = target.nothing_new and not options.flatten
    if only_plans and (request.json or not nothing_new):
        return show_plan(repo, target, options, shell(*flags), json=request.json)
    if nothing_new:
        require_current(repo, target.branch, "nothing was changed", goal=target.goal)
        channel = f"{repo.config.primary}/{target.goal}"
        say(f"{target.branch} already stands on {channel} at {target.onto[:7]}; nothing to do")
        note_nothing_dropped(bool(request.drop), ())
        return DONE
    from git_ekf.commands.output.upgrade import show_outcome
    from git_ekf.upgrade.carry import carry_out

    return show_outcome(repo, carry_out(repo, target, options), request)


# What a plan does without is imported when it is needed: it is a third of all.


def _recovered() -> Repository:
    from git_ekf.commands.recovered import recovered

    return recovered()


def go_on(repo: Repository, how: str, request: Request, what: str = "upgrade or sync") -> int:
    """Goes on with the rebase in progress, or takes it back; `what` is that. The exit code."""
    from git_ekf.commands.output.upgrade import show_outcome
    from git_ekf.transaction.perform import exclusive
    from git_ekf.upgrade import rebase

    with exclusive(repo) as journal:
        if how == "abort":
            target = rebase.abort(repo, journal, what)
            say(
                f"Back on {target.branch} at {target.tip[:7]}; nothing was changed."
                " Resolutions are remembered."
            )
            return DONE
        builds = None if request.no_build else counting_builds
        result = rebase.proceed(repo, journal, how, what, who_decides(None), builds)
    return show_outcome(repo, result, request)
