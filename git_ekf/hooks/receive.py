"""The judge on the server: what git tells pre-receive becomes a judgment of a ServerRepository.

Nothing is written to refs or objects, and nothing that is pushed is read as configuration.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from git_ekf.errors import Refused
from git_ekf.git.calls import Git
from git_ekf.git.refs import HEADS, RECORDS, TAGS, RefNamespace, parse_receive
from git_ekf.hooks import fast_receive, forerun, settings_cache, spawn
from git_ekf.hooks.budget import budget
from git_ekf.names import RecordName, record_name
from git_ekf.policy import limits
from git_ekf.policy.finding import Finding
from git_ekf.policy.server import ServerRepository
from git_ekf.policy.server_judge import judge_receive
from git_ekf.shown import shell


def server_findings(stdin: bytes) -> list[Finding]:
    """The findings of the policy in a push. Raises EkfError, also where the server cannot judge."""
    if os.environ.get("GIT_NAMESPACE"):
        raise Refused(
            "git-ekf does not judge a push into a namespace of git",
            "push to a repository without GIT_NAMESPACE",
        )
    with _server_environment() as pusher:
        git = Git(asked=forerun.answer)
        repo = ServerRepository(parse_receive(os.fsdecode(stdin)), pusher, git)
        config = repo.config
        if not config.server_judge:
            return []
        with budget(config.server_seconds, config.server_megabytes):
            _require_few(repo)
            found = judge_receive(repo)
        # The fast path is to know what this configuration comes to, where it asks for rules only.
        if config.server_signed in ("off", "records") and config.namespace == RefNamespace().root:
            grants = fast_receive.grants(config.server_user, config.server_may_push)
            settings_cache.remember(spawn.git_dir("."), repo, grants, server=True)
        return found


def _require_few(repo: ServerRepository) -> None:
    """Raises Refused for a push of more refs, or of longer names, than are judged."""
    internal = shell(repo.config.internal)
    one = next((shell(update.ref) for update in repo.updates), "")
    few = f"git push --no-follow-tags {internal} {one}, and the others after it"
    if len(repo.updates) > limits.REFS:
        raise Refused(f"the push has more than {limits.REFS:,} refs", few)
    try:
        for update in repo.updates:
            limits.require_short(update.ref)
    except limits.TooMuch as error:
        fix = f"push it by a shorter name: git push {internal} OLD:NEW"
        raise Refused(str(error), fix) from None
    names = {_release(repo, update.ref) for update in repo.updates}
    releases = list(filter(repo.config.scheme.is_release, names))
    # Those without a channel are refused, and are no work.
    if (
        len(releases) > limits.BRANCHES
        and len(list(filter(repo.channel, releases))) > limits.BRANCHES
    ):
        raise Refused(f"the push is about more than {limits.BRANCHES} releases", few)


def _release(repo: ServerRepository, ref: str) -> str:
    """The release branch that a ref of it, of its channel or of a record is about."""
    if ref.startswith(RECORDS):
        name = record_name(ref.removeprefix(TAGS), repo.config.scheme)
        return name.branch if isinstance(name, RecordName) else ""
    return repo.namespace.channel(ref).removeprefix(HEADS)


@contextmanager
def _server_environment() -> Iterator[dict[str, str]]:
    """Leaves only those of git's variables that git itself sets for the hook.

    Others may be the client's, through ssh. Gives the environment as it was.
    """
    before = dict(os.environ)
    ours = spawn.server_environment()
    os.environ.clear()
    os.environb.update(ours)
    try:
        yield before
    finally:
        os.environ.clear()
        os.environ.update(before)
