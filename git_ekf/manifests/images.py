"""The images that the manifests built from commits use."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, partial
from itertools import filterfalse
from typing import NamedTuple

from git_ekf.imagenames import ImageName, NoImageName, is_below, parse
from git_ekf.manifests.build import Progress, checkouts
from git_ekf.manifests.builder import Builder, trusted_command
from git_ekf.manifests.image_uses import Patterns, Use, uses
from git_ekf.manifests.resources import Unreadable, documents, import_yaml
from git_ekf.manifests.resources import parse as parse_resources
from git_ekf.repository import Repository

# Most of what a platform has in megabytes, and nothing that names an image.
_SCHEMA = re.compile(r"^kind: CustomResourceDefinition\s*$", re.MULTILINE)


class Place(NamedTuple):
    """Where an image is used: the kustomization that builds the resource, and the place there."""

    path: str
    use: Use


class Image(NamedTuple):
    """An image, by its name as it is written, and all places of it."""

    name: ImageName
    places: list[Place]


class Unread(NamedTuple):
    """A text in the place of an image that names none; why, as the end of a sentence."""

    text: str
    why: str
    places: list[Place]


class Unbuilt(NamedTuple):
    """A kustomization whose images are not known, with what the builder said last."""

    path: str
    lines: list[str]


class Images(NamedTuple):
    """The images of a commit in the order of their names, and what could not be told of it."""

    images: list[Image]
    unread: list[Unread]
    unbuilt: list[Unbuilt]

    @property
    def complete(self) -> bool:
        """Whether these are all images."""
        return not (self.unread or self.unbuilt)

    def outside(self, registry: str) -> Images:
        """Those that do not come from a registry."""
        images = [image for image in self.images if not image.name.is_in(registry)]
        unread = [one for one in self.unread if not is_below(one.text, registry)]
        return Images(images, unread, self.unbuilt)

    def beside(self, other: Images) -> Images:
        """Those that the other has not, whatever they are used for."""
        known = {image.name for image in other.images}
        texts = {one.text for one in other.unread}
        images = [image for image in self.images if image.name not in known]
        unread = [one for one in self.unread if one.text not in texts]
        return Images(images, unread, self.unbuilt)


def images_of(repo: Repository, commit: str, paths: Sequence[str], progress: Progress) -> Images:
    """The images that the kustomizations of a commit use.

    Raises Refused when the builder is not trusted or PyYAML is missing, CallFailed when the builder
    cannot be started.
    """
    import_yaml("listing images")
    command = trusted_command(repo, commit)
    with checkouts(repo, commit) as (folder,):
        return images_in(repo, command, folder, paths, progress)


def images_in(
    repo: Repository,
    command: tuple[str, ...],
    folder: str,
    paths: Sequence[str],
    progress: Progress,
) -> Images:
    """The same of a checkout, built by a command that is trusted."""
    # What several builds have in common is read once.
    uses_in = cache(partial(_uses_in, patterns=Patterns(repo.config)))
    found: dict[str, list[Place]] = {}
    unbuilt = []
    with Builder(command) as builder:
        builds = builder.in_turn([[(folder, path)] for path in paths])
        for path in progress(paths):
            [(output, failure)] = next(builds)
            if failure is not None:
                unbuilt.append(Unbuilt(path, failure))
                continue
            try:
                for document in filterfalse(_SCHEMA.search, documents(output)):
                    for use in uses_in(document):
                        found.setdefault(use.text, []).append(Place(path, use))
            except Unreadable as error:
                unbuilt.append(Unbuilt(path, [f"what it printed cannot be read: {error}"]))
    images, unread = [], []
    for text in sorted(found):
        try:
            images.append(Image(parse(text), found[text]))
        except NoImageName as error:
            unread.append(Unread(text, str(error), found[text]))
    return Images(images, unread, unbuilt)


def _uses_in(document: str, patterns: Patterns) -> list[Use]:
    """The images that the resources of a document name. Raises Unreadable."""
    found: list[Use] = []
    try:
        for resource in parse_resources(document):
            found += uses(resource, patterns)
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None
    return found
