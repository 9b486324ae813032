"""A check of what the internal repository takes: only a push that is made really tells."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from git_ekf.doctor.finding import Case, Diagnosis, fail, ok, skip, warn
from git_ekf.doctor.remotes import PATIENCE
from git_ekf.errors import EkfError
from git_ekf.git.calls import Git
from git_ekf.git.unattended import unattended
from git_ekf.shown import shell

# What git-ekf can keep the vendor's commits and backups below.
_NAMESPACES = ("refs/ekf/", "refs/heads/ekf/", "refs/tags/ekf/")


def server(case: Case) -> Iterator[Diagnosis]:
    """The internal repository takes what git-ekf keeps there; a small ref is pushed and deleted."""
    repo, internal = case.repo, case.repo.config.internal
    tips = list(repo.saved_branches.values())
    if internal not in repo.remotes or not tips:
        yield skip(f"{internal} has no release branch yet: git ekf save")
        return
    git = repo.git.variant(env=unattended(repo.git_setting, PATIENCE))
    chosen = repo.namespace.root
    taken = []
    for namespace in dict.fromkeys((chosen, *_NAMESPACES)):
        # A name that no rule of ours knows, so that what judges there does not keep it for good.
        ref = f"{namespace}doctor/{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
        said = _push(git, internal, f"{tips[-1]}:{ref}", ref)
        if "git-ekf: push refused" in said:
            yield ok(f"{internal} judges pushes by git-ekf; it has to know {chosen} too")
            return
        if not said:
            taken.append(namespace)
            left = _push(git, internal, f":{ref}", ref)
            if left:
                delete = f"git push --no-verify {shell(internal, f':{ref}')}"
                yield warn(f"{internal} does not let {ref} be deleted again: {left}", delete)
        elif namespace == chosen:
            refused = said
    if chosen in taken:
        yield ok(f"{internal} takes what is kept below {chosen}; it takes {', '.join(taken)}")
    elif taken:
        setting = f"git config {shell('ekf.internal.namespace', taken[0])}"
        yield fail(
            f"{internal} takes nothing below {chosen} ({refused}), so that a save after a rewrite"
            f" cannot keep a backup there; it takes {', '.join(taken)}",
            f"{setting} && git ekf init",
        )
    else:
        yield fail(
            f"{internal} takes no new ref: {refused}", f"git push --dry-run {shell(internal)}"
        )


def _push(git: Git, remote: str, refspec: str, ref: str) -> str:
    """Why a push of one ref was refused, "" where it was not."""
    try:
        pushed = git.push(remote, [refspec], expected={}, atomic=False, verify=False)
    except EkfError as error:
        return error.message
    if pushed.code == 0:
        return ""
    if "git-ekf: push refused" in pushed.messages:
        return "git-ekf: push refused"
    lines = [line for line in pushed.messages.split("\n") if line.strip()]
    return pushed.rejected.get(ref) or next(iter(lines), "it does not say why")
