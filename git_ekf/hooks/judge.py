"""The hooks: what git hands them becomes a judgment, and the judgment a message and an exit code.

Loaded by every hook that the fast path cannot pass, so it imports neither typer nor pygit2.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import redirect_stderr, suppress
from functools import partial

from git_ekf.errors import (
    DONE,
    FAILED,
    FINDINGS,
    INTERRUPTED,
    CallFailed,
    EkfError,
    SystemFailed,
    UsageError,
)
from git_ekf.git.refs import parse_push
from git_ekf.hooks import settings_cache, spawn
from git_ekf.hooks.fastpath import PROTOCOL
from git_ekf.policy.finding import Finding
from git_ekf.policy.judges import judge_commit, judge_merge, judge_push
from git_ekf.policy.pushes import Push
from git_ekf.policy.report import report_text
from git_ekf.repository import Repository
from git_ekf.terminal.screen import print_error
from git_ekf.terminal.text import say


def main(argv: list[str], stdin: bytes = b"") -> int:
    """Runs a hook, and returns its exit code, which is for git to go by.

    `argv` is the shim's protocol, the hook's name and git's arguments to it.
    """
    if argv[1:2] != ["pre-receive"]:
        return _main(argv, stdin)
    messages = io.StringIO()
    with redirect_stderr(messages):
        code = _main(argv, stdin)
    # GitLab shows people only the lines that begin so.
    begin = "GL-HOOK-ERR: " if os.environ.get("GL_ID") else ""
    lines = messages.getvalue().split("\n")[:-1]
    with suppress(OSError):  # whoever pushed may be gone; the verdict stands
        sys.stderr.write("".join(f"{begin}{line}\n" for line in lines))
        sys.stderr.flush()
    return code


def _main(argv: list[str], stdin: bytes) -> int:
    try:
        findings = hook_findings(argv, stdin)
    except EkfError as error:
        print_error(error)
        return error.code
    except OSError as error:
        print_error(SystemFailed(error))
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    if not findings:
        return DONE
    refused = any(finding.severity == "error" for finding in findings)
    act = {"pre-commit": "commit", "pre-merge-commit": "merge"}.get(argv[1], "push")
    verdict = "refused" if refused else "goes ahead, but"
    say(f"git-ekf: {act} {verdict}", stream=sys.stderr)
    print(report_text(findings, sys.stderr), file=sys.stderr)
    return FINDINGS if refused else DONE


def hook_findings(argv: list[str], stdin: bytes = b"") -> list[Finding]:
    """The findings of the policy.

    Raises EkfError, also for a shim that is newer than this program.
    """
    if argv[:1] != [PROTOCOL]:
        # Its text cannot be told from one that somebody has edited.
        install = "git ekf hooks install --force"
        if argv[1:2] == ["pre-receive"]:
            install += " --server, on the server"
        raise UsageError("the hook was installed by another version of git-ekf", install)
    if argv[1:] == ["pre-receive"]:
        return _judge_receive(stdin)
    repo = Repository()
    match argv[1:]:
        case ["pre-commit", *_]:
            found = judge_commit(_with_tracking(repo))
        case ["pre-merge-commit", *_]:
            found = judge_merge(repo)
        case ["pre-push", remote, url]:
            # A path counts from where git runs, which need not be the top of the work tree.
            if os.path.exists(url):
                url = os.path.abspath(url)
            updates = parse_push(os.fsdecode(stdin))
            found = judge_push(repo, Push(remote, url, updates, partial(repo.git.ls_remote, url)))
        case words:
            raise UsageError(f"there is no hook {' '.join(words)!r}", "git ekf hooks install")
    # So that the fast path of the next hook knows what this configuration comes to.
    plain = [name for name in repo.config.branches_allow if not set(name) & set("*?[")]
    settings_cache.remember(spawn.git_dir(), repo, plain)
    return found


def _with_tracking(repo: Repository) -> Repository:
    """The repository, branches that git switch has just made tracking their channels."""
    from git_ekf.transaction.tracking import restore_tracking  # which the other hooks do without

    restored = []
    with suppress(CallFailed):  # then it is found
        restored = restore_tracking(repo, only_new=True)
    for sentence in restored:
        say(f"git-ekf: {sentence}", stream=sys.stderr)
    return repo.fresh() if restored else repo


def _judge_receive(stdin: bytes) -> list[Finding]:
    from git_ekf.hooks import receive

    try:
        return receive.server_findings(stdin)
    except (OSError, ValueError) as error:
        raise CallFailed(
            f"the push cannot be judged on the server: {error}", "tell its administrator"
        ) from None
    finally:
        spawn.end_all()
