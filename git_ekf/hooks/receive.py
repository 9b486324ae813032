"""The judge on the server: what git tells pre-receive becomes a Receiver, and that a judgment.

Nothing is written to refs or objects, and nothing that is pushed is read as configuration.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from git_ekf.errors import Refused
from git_ekf.git.refs import parse_receive
from git_ekf.hooks import fast_receive, settings, spawn
from git_ekf.policy.finding import Finding
from git_ekf.policy.judges import judge_receive
from git_ekf.policy.receiver import Receiver


def judge(stdin: bytes) -> list[Finding]:
    """The findings of the policy in a push. Raises EkfError, also where the server cannot judge."""
    pusher = dict(os.environ)
    if pusher.get("GIT_NAMESPACE"):
        raise Refused(
            "git-ekf does not judge a push into a namespace of git",
            "push to a repository without GIT_NAMESPACE",
        )
    with _server_environment():
        repo = Receiver(parse_receive(os.fsdecode(stdin)), pusher)
        if not repo.config.server_judge:
            return []
        found = judge_receive(repo)
        _remember(repo)
        return found


@contextmanager
def _server_environment() -> Iterator[None]:
    """Leaves only those of git's variables that git itself sets for the hook.

    Others may be the client's, through ssh.
    """
    before = dict(os.environ)
    ours = spawn.server_environment()
    os.environ.clear()
    os.environb.update(ours)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _remember(repo: Receiver) -> None:
    """Lets the fast path know what this configuration comes to, where it asks for rules only."""
    config = repo.config
    if config.server_signed in ("off", "records"):
        grants = fast_receive.grants(config.server_user, config.server_may_push)
        kept = [config.scheme.pattern, config.primary, config.internal, *grants]
        settings.remember(spawn.git_dir("."), repo.toml, repo.git_config, kept, server=True)
