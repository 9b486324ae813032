"""Checks of the remotes. Both are asked at once, meanwhile, and neither may ask a person."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from git_ekf.doctor.finding import Case, Diagnosis, fail, ok, reason, skip, warn
from git_ekf.errors import EkfError, GitFailed
from git_ekf.git.calls import Git
from git_ekf.git.process import Ahead
from git_ekf.git.refs import MIRROR
from git_ekf.git.unattended import unattended
from git_ekf.names import without_credentials
from git_ekf.policy.finding import findings
from git_ekf.policy.remotes import remote_missing, remote_same
from git_ekf.repository import Repository
from git_ekf.setup.remotes import MIRROR_REFSPEC
from git_ekf.shown import shell

# Seconds that a remote may take to answer.
PATIENCE = 5.0
_AT_LEAST = 0.5  # …and when the other one has used them up: its answer may be there already


@contextmanager
def asked(repo: Repository, asks: bool) -> Iterator[dict[str, Ahead[dict[str, str]]]]:
    """Remote -> `git ls-remote` under way, for the two remotes; none unless `asks`.

    Those that were not waited for are ended.
    """
    started: dict[str, Ahead[dict[str, str]]] = {}
    try:
        # A configuration that cannot be read is another check's matter.
        with suppress(EkfError, OSError):
            for name in (repo.config.primary, repo.config.internal):
                if asks and name in repo.remotes:
                    git = repo.git.variant(env=unattended(repo.git_setting, PATIENCE))
                    started[name] = git.asking_remote(name, "HEAD", MIRROR)
        yield started
    finally:
        for question in started.values():
            question.close()


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
            yield skip(f"{name} was not asked")


def _answer(case: Case, name: str) -> Iterator[Diagnosis]:
    repo = case.repo
    url = without_credentials(next(iter(repo.remotes[name].urls), ""))
    fix = f"git ls-remote {shell(name)}"
    patience = max(_AT_LEAST, case.until - time.monotonic())
    try:
        refs = case.asked[name].result(patience)
    except EkfError as error:
        stderr = error.stderr if isinstance(error, GitFailed) else ""
        if "could not read Username" in stderr or "could not read Password" in stderr:
            yield warn(f"{name} asks for a name and password ({url})", fix)
            return
        is_late = error.message.startswith("no answer within")
        why = f"no answer within {PATIENCE:g} seconds" if is_late else reason(error)
        yield fail(f"{name} cannot be read ({url}): {why}", error.hint or fix)
        return
    yield ok(f"{name} answers ({url})")
    is_mirror = name == repo.config.primary and MIRROR in refs
    if is_mirror and MIRROR_REFSPEC not in repo.git_settings(f"remote.{name}.fetch"):
        add = f"git config --add {shell(f'remote.{name}.fetch', MIRROR_REFSPEC)}"
        yield warn(
            f"{name} is a mirror, and a fetch does not bring when it was updated",
            f"{add} && git fetch {shell(name)}",
        )


def credentials(case: Case) -> Iterator[Diagnosis]:
    """A credential helper answers for the internal repository, where a push over https asks."""
    internal = case.repo.remotes.get(case.repo.config.internal)
    urls = internal.push_urls if internal else ()
    asking = [url for url in urls if url.startswith(("http://", "https://"))]
    if not asking:
        yield ok("none needed")
    for url in asking:
        yield _credentials_for(case.repo, url)


def _credentials_for(repo: Repository, url: str) -> Diagnosis:
    shown = without_credentials(url)
    helper = repo.git.setting_for_url("credential.helper", shown)
    if helper and not _is_there(repo, helper):
        program = f"git-credential-{helper.split()[0]}"
        return warn(
            f"the credential helper {helper} is not on this machine", f"install {shell(program)}"
        )
    if helper:
        return ok(f"{repo.config.internal}: helper {helper}")
    if shown != url or _answers_by_itself(repo):
        return ok(f"{repo.config.internal}: given without a helper")
    return warn(
        f"nothing keeps the password for {shown}, so every save asks for it",
        "git config --global credential.helper cache",
    )


def _is_there(repo: Repository, helper: str) -> bool:
    """As git finds it: a shell snippet, a path, or git-credential-HELPER."""
    program = helper.split()[0]
    if helper.startswith("!"):
        return True
    if "/" in program:
        return os.access(os.path.expanduser(program), os.X_OK)
    path = os.pathsep.join((repo.git.exec_path(), os.environ.get("PATH", "")))
    return bool(shutil.which(f"git-credential-{program}", path=path))


def _answers_by_itself(repo: Repository) -> bool:
    """Whether a program is asked in the person's place, or curl has a file of passwords."""
    programs = [os.environ.get("GIT_ASKPASS"), os.environ.get("SSH_ASKPASS")]
    programs.append(repo.git_setting("core.askpass"))
    return any(programs) or os.path.exists(os.path.expanduser("~/.netrc"))


# --- what the internal one takes: only a push that is made really tells ---

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
