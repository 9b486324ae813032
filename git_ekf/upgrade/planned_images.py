"""The images of what a plan would lead to, held against `images.registry`."""

from __future__ import annotations

import os
from collections.abc import Sequence

from git_ekf.git.quarantine import quoted_path
from git_ekf.manifests.build import Progress
from git_ekf.manifests.image_coverage import Coverage, coverage
from git_ekf.replay.new_side import NewSide
from git_ekf.replay.scratch import Scratch
from git_ekf.replay.step import ReplayStep
from git_ekf.repository import Repository
from git_ekf.upgrade.target import Target

_ALTERNATES = "GIT_ALTERNATE_OBJECT_DIRECTORIES"


def planned_coverage(
    repo: Repository,
    scratch: Scratch,
    target: Target,
    steps: Sequence[ReplayStep],
    progress: Progress,
) -> Coverage:
    """The images of the plan's result, conflicts resolved to the commits' own side.

    Raises what `coverage` raises.
    """
    side = NewSide(scratch, target.onto)
    for step in steps:
        for path, entry in step.changes.items():
            side.put(path, entry)
    commit = scratch.objects.commit(side.tree(), target.onto)
    scratch.objects.write()
    folders = [quoted_path(os.path.join(scratch.folder, "objects")), os.environ.get(_ALTERNATES)]
    env = {_ALTERNATES: os.pathsep.join(filter(None, folders))}
    return coverage(Repository(repo.git.variant(env=env)), commit, progress)
