"""What builds say of a plan's result: of the fields that are customised, and of images."""

from __future__ import annotations

import os
from collections.abc import Sequence

from git_ekf.git.quarantine import also_reading
from git_ekf.manifests.build import Progress
from git_ekf.manifests.four_builds import Customisation
from git_ekf.manifests.image_coverage import Coverage, coverage
from git_ekf.replay.new_side import NewSide
from git_ekf.replay.scratch import Scratch
from git_ekf.replay.step import ReplayStep, results
from git_ekf.repository import Repository
from git_ekf.upgrade.customisation import customisation_of
from git_ekf.upgrade.target import Target


def planned_builds(
    repo: Repository,
    scratch: Scratch,
    target: Target,
    steps: Sequence[ReplayStep],
    progress: Progress,
) -> tuple[Customisation, Coverage | None]:
    """The customised fields and the images of the result, conflicts resolved to their own side.

    No images where `images.registry` is not set. Raises what `coverage` raises.
    """
    side = NewSide(scratch, target.onto)
    for path, entry in results(steps).items():
        side.put(path, entry)
    tree = side.tree()
    fields = customisation_of(repo, scratch.merging, target, tree, progress)
    if not repo.config.images_registry:
        return fields, None
    commit = scratch.objects.commit(tree, target.onto)
    scratch.objects.write()
    env = also_reading(os.path.join(scratch.folder, "objects"))
    return fields, coverage(Repository(repo.git.variant(env=env)), commit, progress)
