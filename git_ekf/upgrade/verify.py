"""What can be said of an upgrade once it is done: the policy, whether what it touches still builds, and the user's own check."""

from __future__ import annotations

import os
import posixpath
import shlex
import subprocess
from typing import NamedTuple

from git_ekf.errors import CallFailed, Refused, UsageError
from git_ekf.names import KUSTOMIZATIONS
from git_ekf.policy import judges
from git_ekf.policy.finding import Finding
from git_ekf.repository import Repository
from git_ekf.upgrade.target import Target


class Verification(NamedTuple):
    """`built` counts the kustomizations that were built, `broken` are those that built before and do not now, with the builder's words.

    `unbuilt` says why none was built, "" where they were or there is none. `findings` are errors of the policy.
    """

    built: int
    broken: list[tuple[str, list[str]]]
    unbuilt: str
    findings: list[Finding]

    @property
    def fine(self) -> bool:
        return not (self.broken or self.findings)


def verify(
    repo: Repository, target: Target, tip: str, *, by_hand: bool, build: bool
) -> Verification:
    """Looks at the release branch as it is now. `by_hand`: somebody has resolved conflicts; `build`: kustomizations are built."""
    findings = (
        [finding for finding in judges.judge_repository(repo, []) if finding.severity == "error"]
        if by_hand
        else []
    )
    if not build:
        return Verification(0, [], "", findings)
    touched = _touched(repo, target.onto, tip)
    from git_ekf.manifests.build import broken  # 12 ms that only a build needs

    try:
        return Verification(
            len(touched), broken(repo, target.tip, tip, touched) if touched else [], "", findings
        )
    except (Refused, CallFailed) as error:
        return Verification(0, [], error.message, findings)


def _touched(repo: Repository, onto: str, tip: str) -> list[str]:
    """The kustomizations that the configuration changes: of each file the nearest directory that is one."""
    files = list(repo.git.diff_trees(onto, tip))
    above: dict[str, list[str]] = {}
    for file in files:
        folder = posixpath.dirname(file)
        while folder not in above:
            above[folder] = [posixpath.join(folder, name) for name in KUSTOMIZATIONS]
            folder = posixpath.dirname(folder)
    names = [name for candidates in above.values() for name in candidates if "\n" not in name]
    infos = repo.git.object_infos(f"{tip}:{name}" for name in names)
    there = {
        posixpath.dirname(name)
        for name, info in zip(names, infos, strict=True)
        if info and info.type == "blob"
    }
    found = set()
    for file in files:
        folder = posixpath.dirname(file)
        while folder not in there and folder:
            folder = posixpath.dirname(folder)
        if folder in there:
            found.add(folder or ".")
    return sorted(found)


def parse_command(text: str) -> list[str]:
    """The words of `--verify`. Raises UsageError."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(
            f"--verify {text} cannot be read: {error}", "--verify 'program argument'"
        ) from None
    if text and not words:
        raise UsageError("--verify names no program", "--verify 'program argument'")
    return words


def run_check(repo: Repository, target: Target, tip: str, words: list[str]) -> str:
    """Runs the user's own check at the top of the work tree. What is wrong, as half a sentence; "" when it succeeds."""
    scheme = repo.config.scheme
    versions = {
        "EKF_FROM": scheme.version(target.branch) or "",
        "EKF_TO": scheme.version(target.goal) or "",
    }
    try:
        code = subprocess.run(
            words,
            cwd=repo.place.top,
            env={**os.environ, **versions, "EKF_COMMIT": tip},
            check=False,
        ).returncode
    except OSError as error:
        return f"cannot be started: {error.strerror}"
    return f"ended by signal {-code}" if code < 0 else f"failed with code {code}" if code else ""
