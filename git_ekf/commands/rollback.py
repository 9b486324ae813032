"""git ekf rollback: back to a deploy record."""

from __future__ import annotations

from typing import Annotated

from git_ekf.commands.internal_asked import ask_internal
from git_ekf.commands.options import NoFetch
from git_ekf.commands.output.upgrade import show_outcome, show_rolled_back
from git_ekf.commands.recovered import recovered
from git_ekf.commands.upgrade_options import GoBack, PlanJson, Proceed, Request
from git_ekf.commands.upgrade_or_sync import go_on
from git_ekf.declared import Argument, Option
from git_ekf.deploy import read
from git_ekf.errors import DONE, FINDINGS, Refused, UsageError
from git_ekf.internal import require_whole
from git_ekf.repository import Repository
from git_ekf.terminal.text import counted, document, say
from git_ekf.upgrade.plan import why_not_in_memory
from git_ekf.upgrade.rebase_state import under_way
from git_ekf.upgrade.rollback import RollbackPlan, plan, roll_back
from git_ekf.upgrade.target import ROLLBACK

# Of the files in conflict so many are named.
_NAMED = 20


def rollback(
    name: Annotated[
        str,
        Argument(metavar="[TAG]", help="The deploy record to go back to."),
    ] = "",
    dry_run: Annotated[
        bool, Option("-n", "--dry-run", help="Say what would change, and change nothing.")
    ] = False,
    json: PlanJson = False,
    exact: Annotated[
        bool,
        Option("--exact", help="Take exactly the record's files, with the vendor's of that time."),
    ] = False,
    proceed: Proceed = False,
    abort: GoBack = False,
    no_fetch: NoFetch = False,
) -> int:
    """Bring the configuration back to a deploy record, keeping history linear."""
    if proceed or abort:
        if name or dry_run or json or exact or (proceed and abort):
            raise UsageError("--continue and --abort stand alone", "git ekf rollback -h")
        repo = recovered()
        if under_way(repo) != ROLLBACK:
            raise Refused(
                "no rollback is in progress",
                "git ekf status; git ekf undo takes back a finished one",
            )
        return go_on(repo, "continue" if proceed else "abort", Request(no_build=True))
    if not name:  # a variable of the shell that is not set; for `show` it is the newest record
        raise UsageError("the deploy record has to be named", "git ekf log lists them")
    repo = Repository() if dry_run or json else recovered()
    repo = ask_internal(repo, no_fetch=no_fetch)
    deployment = read.find(repo, name)
    if not no_fetch:
        require_whole(repo, deployment.name.branch, deployment.commit, "nothing was changed")
    planned = plan(repo, deployment, exact=exact)
    if json:
        print(document("rollback", _as_json(planned)))
        return FINDINGS if planned.conflicts else DONE
    say(*_sentences(planned, repo))
    if planned.action == "nothing":
        return DONE
    if planned.stat:
        say(*planned.stat.split("\n"))
    if dry_run:
        return FINDINGS if planned.conflicts else DONE
    result = roll_back(repo, planned)
    if not isinstance(result, str):
        return show_outcome(repo, result, Request(no_build=True))
    show_rolled_back(planned.branch, result)
    return DONE


def _as_json(planned: RollbackPlan) -> dict[str, object]:
    vendor = planned.vendor
    return {
        "record": str(planned.deployment.name),
        "commit": planned.deployment.commit,
        "from": planned.here,
        "to": planned.branch,
        "action": planned.action,
        "exact": planned.exact,
        "record_base": vendor.then or None,
        "base": vendor.now or None,
        "vendor_ahead": vendor.taken,
        "vendor_behind": vendor.lacking,
        "vendor_files": vendor.files,
        "clean": not planned.conflicts if planned.foretold else None,
        "conflicts": planned.conflicts,
    }


def _sentences(planned: RollbackPlan, repo: Repository) -> list[str]:
    """What is done, and what that does to the vendor's changes."""
    vendor = planned.vendor
    lines = [_sentence(planned, repo)]
    if not vendor.known:
        lines[0] += f"; what {planned.branch} and the record stand on is not known here"
    if not vendor.moved or planned.action == "nothing":
        return lines
    files = counted(len(vendor.files), "file")
    taken = f"{counted(vendor.taken, 'vendor commit')} ({files})"
    lacking = f"{counted(vendor.lacking, 'vendor commit')} ({files})"
    if planned.exact:
        back = f"this also takes back what the vendor has changed since: {taken}"
        away = f"this also brings what {planned.branch} does not have of the vendor's: {lacking}"
    else:
        back = f"what the vendor has changed since stays: {taken}; --exact would take that back"
        away = f"what the record has of the vendor's beyond that stays away: {lacking}"
        away += "; --exact would bring that"
    if vendor.taken:
        lines.append(f"  {back}")
    if vendor.lacking:
        lines.append(f"  {away}")
    if planned.conflicts:
        count = counted(len(planned.conflicts), "file")
        lines.append(f"  it would stop for you to resolve {count}, in an ordinary rebase:")
        lines += [f"    {path}" for path in planned.conflicts[:_NAMED]]
        if len(planned.conflicts) > _NAMED:
            lines.append(f"    … and {counted(len(planned.conflicts) - _NAMED, 'more file')}")
    elif not planned.foretold:
        lines.append(
            f"  whether it would stop at a conflict cannot be told: {why_not_in_memory(repo)}"
        )
    return lines


def _sentence(planned: RollbackPlan, repo: Repository) -> str:
    name, branch, here = planned.deployment.name, planned.branch, planned.here
    commit = planned.deployment.commit[:7]
    switch = f"HEAD goes from {here} to"
    what = f"{'files' if planned.exact else 'configuration'} of {name}"
    match planned.action:
        case "nothing":
            return f"{branch} already has the {what}; nothing to do"
        case "switch":
            return f"{switch} {branch}, which has the {what}"
        case "create":
            upstream = f"{repo.config.primary}/{branch}"
            return f"Branch {branch} is made at {commit}, tracking {upstream}; {switch} it"
        case "forward":
            return f"Branch {branch} is moved up to {commit}; {switch} it"
    sentence = f"A new commit on {branch} with the {what}"
    if not planned.exact:
        sentence += f", on the vendor's {planned.vendor.now[:7]}"
    return sentence if branch == here else f"{sentence}; {switch} it"
