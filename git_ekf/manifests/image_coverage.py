"""Which images of a commit do not come from the registry to which they are copied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from git_ekf.manifests.build import Progress
from git_ekf.manifests.choice import Asking, choose
from git_ekf.manifests.images import Images, images_of
from git_ekf.repository import Repository

IMAGES = Asking("git ekf images", "build", "lists those of all kustomizations", "not there")


class Coverage(NamedTuple):
    """The number of images, and those that the registry does not cover.

    With them is what could not be told.
    """

    registry: str
    number: int
    outside: Images

    @property
    def fine(self) -> bool:
        """Whether no image is known that is not covered."""
        return not (self.outside.images or self.outside.unread)

    def sentences(self) -> Iterator[tuple[str, str]]:
        """Of each image that is not covered, and of all that is not known, a path and a sentence.

        The path is that of the kustomization, from the top.
        """
        for name, places in self.outside.images:
            path, use = places[0]
            yield path, f"{name} does not come from {self.registry} ({use.resource} {use.field})"
        for text, why, places in self.outside.unread:
            path, use = places[0]
            yield path, f'"{text}" {why} ({use.resource} {use.field})'
        for path, lines in self.outside.unbuilt:
            last = " ".join(lines[-1:])
            yield path, f"{path} does not build, so its images are not known: {last}"


def coverage(repo: Repository, commit: str, progress: Progress) -> Coverage:
    """The images of all that is deployed of a commit, held against `images.registry`.

    Raises UsageError where there is nothing to build, and what `images_of` raises.
    """
    registry = repo.config.images_registry
    choice = choose(repo, commit, commit, [], IMAGES)
    found = images_of(repo, commit, [one.path for one in choice.kustomizations], progress)
    return Coverage(registry, len(found.images), found.outside(registry))
