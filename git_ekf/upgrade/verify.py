"""What can be said of an upgrade once it is done.

The policy, whether what it touches still builds, and the user's own check.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from git_ekf.errors import CallFailed, Refused, UsageError
from git_ekf.policy.finding import Finding
from git_ekf.repository import Repository
from git_ekf.upgrade.ready import policy_errors
from git_ekf.upgrade.target import Target

if TYPE_CHECKING:
    from git_ekf.manifests.build import Progress
    from git_ekf.manifests.four_builds import Customisation
    from git_ekf.manifests.image_coverage import Coverage


class Verification(NamedTuple):
    """The findings.

    `built` counts the kustomizations that were built, `broken` are those that built before and do
    not now, with the builder's lines. `unbuilt` says why none was built, "" where they were or
    there is none. `findings` are errors of the policy. `images` are held against images.registry,
    None where that is not set, or nothing was built. `customisation` has the customised fields,
    None where they were not compared.
    """

    built: int
    broken: list[tuple[str, list[str]]]
    unbuilt: str
    findings: list[Finding]
    images: Coverage | None = None
    customisation: Customisation | None = None

    @property
    def fine(self) -> bool:
        """Whether nothing is wrong."""
        covered = self.images is None or self.images.fine
        return covered and not (self.broken or self.findings or self.loses)

    @property
    def loses(self) -> bool:
        """Whether a customised field is lost."""
        return bool(self.customisation and self.customisation.lost)


def verify(
    repo: Repository, target: Target, tip: str, progress: Progress, *, by_hand: bool, build: bool
) -> Verification:
    """Looks at the release branch as it is now.

    `by_hand`: somebody has resolved conflicts; `build`: kustomizations are built, and the fields in
    them compared.
    """
    found = Verification(0, [], "", policy_errors(repo) if by_hand else [])
    if not build:
        return found
    from git_ekf.upgrade.builds import customisation_of  # 12 ms that only a build needs

    fields = customisation_of(repo, repo.git, target, tip, progress)
    if fields.note:  # without PyYAML, for instance
        from git_ekf.manifests.build import broken

        touched = _touched(repo, target.onto, tip)
        try:
            failed = broken(repo, target.tip, tip, touched, progress) if touched else []
            found = found._replace(built=len(touched), broken=failed)
        except (Refused, CallFailed) as error:
            found = found._replace(unbuilt=error.message)
    else:
        built = len(_touched(repo, target.onto, tip)) if fields.built else 0
        found = found._replace(built=built, broken=fields.broken, customisation=fields)
    if repo.config.images_registry:
        from git_ekf.manifests.image_coverage import coverage

        try:
            found = found._replace(images=coverage(repo, tip, progress))
        except (Refused, CallFailed, UsageError) as error:
            found = found._replace(unbuilt=error.message)
    return found


def _touched(repo: Repository, onto: str, tip: str) -> list[str]:
    """The kustomizations that the configuration changes.

    Of each changed file it is the nearest directory above that is one, "." for the top.
    """
    from git_ekf.upgrade.contents import reading

    with reading(repo.git) as content:
        found = set(map(content.files(tip).nearest, repo.git.diff_trees(onto, tip)))
    return sorted(folder or "." for folder in found if folder is not None)


def parse_command(text: str) -> list[str]:
    """The program and arguments of `--verify`, none for "". Raises UsageError."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(
            f"--verify {text} cannot be read: {error}", "--verify 'program argument'"
        ) from None
    if text and not words:
        raise UsageError("--verify names no program", "--verify 'program argument'")
    return words


def run_check(repo: Repository, target: Target, tip: str, command: list[str]) -> str:
    """Runs the user's own check at the top of the work tree.

    How it failed, as half a sentence; "" when it succeeds.
    """
    scheme = repo.config.scheme
    env = {
        **os.environ,
        "EKF_FROM": scheme.version(target.branch) or "",
        "EKF_TO": scheme.version(target.goal) or "",
        "EKF_COMMIT": tip,
    }
    try:
        code = subprocess.run(command, cwd=repo.place.top, env=env, check=False).returncode
    except OSError as error:
        return f"cannot be started: {error.strerror}"
    if code < 0:
        return f"ended by signal {-code}"
    return f"failed with code {code}" if code else ""
