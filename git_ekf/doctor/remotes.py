"""Checks of the remotes. Both are asked at once, in the background, and neither may ask a person."""

from __future__ import annotations

import os
import shlex
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from subprocess import Popen

from git_ekf.doctor.finding import ERROR, OK, SKIPPED, WARNING, Case, Diagnosis, reason
from git_ekf.errors import EkfError, GitFailed
from git_ekf.git.refs import MIRROR
from git_ekf.names import without_credentials
from git_ekf.policy.finding import findings
from git_ekf.policy.remotes import remote_missing, remote_same
from git_ekf.repository import Repository
from git_ekf.setup.remotes import MIRROR_REFSPEC

# Seconds that a remote may take to answer.
PATIENCE = 5.0
_AT_LEAST = 0.5  # …and when the other one has used them up: its answer may be there already


@contextmanager
def asked(repo: Repository) -> Iterator[dict[str, Popen[bytes]]]:
    """Remote -> `git ls-remote` under way, for the two remotes. Ends those that were not waited for."""
    started: dict[str, Popen[bytes]] = {}
    try:
        with suppress(
            EkfError, OSError
        ):  # a configuration that cannot be read is another check's matter
            for name in (repo.config.primary, repo.config.internal):
                if name in repo.remotes:
                    started[name] = repo.git.start(
                        "ls-remote", "--end-of-options", name, "HEAD", MIRROR, env=_unattended(repo)
                    )
        yield started
    finally:
        for process in started.values():
            with suppress(EkfError):
                repo.git.finish(process, timeout=0)


def _unattended(repo: Repository) -> dict[str, str]:
    """The environment in which git and ssh fail where they would ask. A program that answers for the person stays."""
    environment = {
        "GIT_TERMINAL_PROMPT": "0",
        "SSH_ASKPASS_REQUIRE": "never",
        "GCM_INTERACTIVE": "never",
    }
    if not os.environ.get("GIT_ASKPASS") and not repo.git_setting("core.askpass"):
        environment["GIT_ASKPASS"] = ""  # else git opens the window of SSH_ASKPASS
    ssh = (
        os.environ.get("GIT_SSH_COMMAND")
        or repo.git_setting("core.sshcommand")
        or ("" if os.environ.get("GIT_SSH") else "ssh")
    )
    if os.path.basename(ssh.split(" ")[0]) == "ssh":  # others have other options
        environment["GIT_SSH_COMMAND"] = f"{ssh} -o BatchMode=yes -o ConnectTimeout={PATIENCE:.0f}"
    return environment


def remotes(case: Case) -> Iterator[Diagnosis]:
    """Both remotes exist, are not the same, and answer within a few seconds."""
    repo = case.repo
    for rule in (remote_missing, remote_same):
        for found in findings(rule, repo):
            yield Diagnosis(found.severity, found.message, found.fix)
    for name in (repo.config.primary, repo.config.internal):
        if name in case.asked:
            yield from _answer(case, name)
        elif name in repo.remotes:
            yield Diagnosis(SKIPPED, f"{name} was not asked")


def _answer(case: Case, name: str) -> Iterator[Diagnosis]:
    url = without_credentials(next(iter(case.repo.remotes[name].urls), ""))
    fix = f"git ls-remote {shlex.quote(name)}"
    try:
        _, out = case.repo.git.finish(
            case.asked[name], timeout=max(_AT_LEAST, case.until - time.monotonic())
        )
    except EkfError as error:
        said = error.stderr if isinstance(error, GitFailed) else error.message
        late = said.startswith("no answer within")
        why = f"no answer within {PATIENCE:g} seconds" if late else reason(error)
        if "could not read Username" in said or "could not read Password" in said:
            yield Diagnosis(WARNING, f"{name} asks for a name and password ({url})", fix)
        else:
            yield Diagnosis(ERROR, f"{name} cannot be read ({url}): {why}", error.hint or fix)
        return
    yield Diagnosis(OK, f"{name} answers ({url})")
    if (
        name == case.repo.config.primary
        and MIRROR.encode() in out
        and MIRROR_REFSPEC not in case.repo.git_settings(f"remote.{name}.fetch")
    ):
        fix = f"git config --add remote.{shlex.quote(name)}.fetch '{MIRROR_REFSPEC}' && git fetch {shlex.quote(name)}"
        yield Diagnosis(
            WARNING, f"{name} is a mirror, and a fetch does not bring when it was updated", fix
        )


def credentials(case: Case) -> Iterator[Diagnosis]:
    """A credential helper answers for the internal repository, where a push over https wants a name and password."""
    repo = case.repo
    internal = repo.remotes.get(repo.config.internal)
    urls = (
        [url for url in internal.push_urls if url.startswith(("http://", "https://"))]
        if internal
        else []
    )
    if not urls:
        yield Diagnosis(OK, "none needed")
    for url in urls:
        _, out = repo.git.run(
            "config", "--get-urlmatch", "credential.helper", without_credentials(url), ok=(0, 1)
        )
        helper = os.fsdecode(out).strip()
        if helper and not _is_there(repo, helper):
            yield Diagnosis(
                WARNING,
                f"the credential helper {helper} is not on this machine",
                f"install git-credential-{helper.split()[0]}",
            )
        elif helper:
            yield Diagnosis(OK, f"{repo.config.internal}: helper {helper}")
        elif without_credentials(url) != url or _answers_by_itself(repo):
            yield Diagnosis(OK, f"{repo.config.internal}: given without a helper")
        else:
            what = f"nothing keeps the password for {without_credentials(url)}, so every save asks for it"
            yield Diagnosis(WARNING, what, "git config --global credential.helper cache")


def _is_there(repo: Repository, helper: str) -> bool:
    """As git finds it: a shell snippet, a path, or git-credential-HELPER."""
    program = helper.split()[0]
    if helper.startswith("!"):
        return True
    if "/" in program:
        return os.access(os.path.expanduser(program), os.X_OK)
    path = os.pathsep.join((repo.git.text("--exec-path"), os.environ.get("PATH", "")))
    return bool(shutil.which(f"git-credential-{program}", path=path))


def _answers_by_itself(repo: Repository) -> bool:
    """Whether a program is asked in the person's place, or curl has a file of passwords."""
    asks = (
        os.environ.get("GIT_ASKPASS")
        or repo.git_setting("core.askpass")
        or os.environ.get("SSH_ASKPASS")
    )
    return bool(asks) or os.path.exists(os.path.expanduser("~/.netrc"))
