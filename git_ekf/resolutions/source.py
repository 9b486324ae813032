"""The team's repository of resolutions: what is new there is fetched."""

from __future__ import annotations

from git_ekf.errors import CallFailed, GitFailed, Refused
from git_ekf.git.calls import Git
from git_ekf.git.complaints import complaints
from git_ekf.git.refs import RESOLUTIONS, RefUpdate
from git_ekf.repository import Repository
from git_ekf.resolutions.kept import git_for, known_tip
from git_ekf.shown import folder, scrub, shell


def require_source(repo: Repository) -> str:
    """The URL or remote of the repository, as git's configuration has it.

    Raises Refused where none is set, and where it is the vendor's: what is answered here is the
    team's own.
    """
    source = repo.config.resolutions
    if not source:
        raise Refused("no repository of resolutions is set", "git config ekf.resolutions URL")
    vendors = repo.remotes.get(repo.config.primary)
    known = repo.remotes.get(source)
    urls = known.push_urls if known else (source,)
    for url in urls:
        for vendor in (*vendors.urls, *vendors.push_urls) if vendors else ():
            if repo.same_repository(url, vendor):
                raise Refused(
                    f"ekf.resolutions is the vendor's repository: {scrub(source)}",
                    "git config ekf.resolutions URL",
                )
    return source


def fetch_resolutions(repo: Repository) -> str:
    """Brings what the team's repository has. Its commit there; "" where it has none yet.

    One question where nothing is new. Raises Refused where it has lost what was known here,
    CallFailed.
    """
    source = require_source(repo)
    git = git_for(repo)
    there = git.ls_remote(source, RESOLUTIONS).get(RESOLUTIONS, "")
    here = known_tip(repo)
    if there == here:
        return there
    failure = None
    if there:
        try:
            git.fetch_copy(source, f"{RESOLUTIONS}:{RESOLUTIONS}")
        except GitFailed as error:
            failure = error
    if here and _is_lost(git, here, there):
        raise Refused(
            f"{scrub(source)} no longer has all resolutions that were known here:"
            f" {here[:12]} is not below {there[:12] or 'anything'}",
            f"see that this is right, then: {_git(repo)} update-ref -d {RESOLUTIONS} {shell(here)}",
        )
    if failure:
        raise failure
    tip = known_tip(repo)
    if tip and not git.commit(tip):
        git.update_refs([RefUpdate(RESOLUTIONS, tip, here or "0" * len(tip))])
        raise CallFailed(f"{RESOLUTIONS} is not a commit there")
    return tip


def _git(repo: Repository) -> str:
    """The command that is git in there: nobody is inside of a bare one, such as a fleet's store."""
    return "git" if repo.place.top else f"git -C {folder(repo.place.git_dir)}"


def _is_lost(git: Git, here: str, there: str) -> bool:
    """Whether what was known is not below what is there now; False where that was not fetched."""
    return not there or bool(git.commit(there) and not git.is_ancestor(here, there))


def why_not_fetched(error: CallFailed) -> str:
    """The error in a few words."""
    reason = complaints(error.stderr)[:1] if isinstance(error, GitFailed) else []
    return scrub(next(iter(reason), error.message))
