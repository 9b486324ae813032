"""Images covered by entries in a kustomization of the customer's own.

Whether an entry reaches an image is not worked out but seen: it is built with the entries, before
the file in the work tree is touched.
"""

from __future__ import annotations

import os
import posixpath
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from git_ekf.errors import CallFailed, Refused, UsageError
from git_ekf.manifests.build import Progress, checkouts
from git_ekf.manifests.builder import trusted_command
from git_ekf.manifests.choice import vendor_bases, vendor_directories
from git_ekf.manifests.image_entries import LARGEST, CannotEdit, ImageEntry, added
from git_ekf.manifests.images import Images, images_in
from git_ekf.manifests.resources import import_yaml
from git_ekf.names import KUSTOMIZATIONS
from git_ekf.policy.index import directory_judged
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.smallfile import read_small

_HINT = "git ekf images --write PATH"


class Written(NamedTuple):
    """The entries that were added to a file (from the top), and the images with them."""

    file: str
    entries: list[ImageEntry]
    images: Images


def own_kustomization(repo: Repository, head: str, folder: str) -> str:
    """The file that makes a directory (from the top) a kustomization, from the top.

    Raises UsageError where there is none in the commit, Refused where it is the vendor's, or not in
    the work tree as it is in the commit.
    """
    repo.require_work_tree()
    names = [posixpath.normpath(posixpath.join(folder, name)) for name in KUSTOMIZATIONS]
    entries = repo.git.ls_tree(head, recursive=True)
    file = next((name for name in names if name in entries), "")
    if not file:
        raise UsageError(f"HEAD has no kustomization {folder} to write to", _HINT)
    _require_own(repo, head, file)
    top = os.path.realpath(repo.place.top)
    path = os.path.join(top, file)
    is_file = os.path.realpath(path) == path and os.path.isfile(path)
    if not is_file or repo.git.blob_id_of_file(path) != entries[file].oid:
        raise Refused(
            f"{file} is not as HEAD has it, and what is built is HEAD",
            f"git commit -m 'Images' -- {shell(file)}, or git checkout -- {shell(file)}",
        )
    return file


def _require_own(repo: Repository, head: str, file: str) -> None:
    """Raises Refused for a file of the vendor's, by the rule vendor-path."""
    top = directory_judged(file)
    theirs = vendor_directories(repo, head) - set(repo.config.customer_paths)
    at_top = [f"{base}:{file}" for base in vendor_bases(repo, head) if "/" not in file]
    if top in theirs or any(oid for oid, _ in repo.git.objects_at(at_top)):
        whose = f"is in {top}/, which belongs to the vendor" if top else "is the vendor's"
        raise Refused(
            f"{file} {whose}: an upgrade would have to merge it",
            f"{_HINT}, in a directory of your own or overlays/deploy",
        )


def cover(
    repo: Repository, head: str, file: str, paths: Sequence[str], progress: Progress
) -> Written:
    """Writes entries that take the images of kustomizations from images.registry.

    Those that reach no image are left out, and without any other nothing is written. Raises Refused
    where the file cannot be edited safely, the builder is not trusted or PyYAML is missing,
    CallFailed where something does not build with the entries, and OSError.
    """
    import_yaml("listing images")
    registry = repo.config.images_registry
    path = os.path.join(repo.place.top, file)
    content = read_small(path, LARGEST) or b""
    command = trusted_command(repo, head)
    with checkouts(repo, head) as (folder,):
        before = images_in(repo, command, folder, paths, progress)
        wanted = _entries(before, registry)
        if not wanted:
            return Written(file, [], before)
        edited = _edit(file, content, wanted)
        with open(os.path.join(folder, file), "wb") as copy:
            copy.write(edited)
        after = images_in(repo, command, folder, paths, progress)
    _require_built(file, before, after)
    counts, left = _outside(before, registry), _outside(after, registry)
    entries = [entry for entry in wanted if left[entry.name] < counts[entry.name]]
    if not entries:
        return Written(file, [], before)
    _replace(path, edited if entries == wanted else _edit(file, content, entries))
    return Written(file, entries, after)


def _entries(images: Images, registry: str) -> list[ImageEntry]:
    """An entry for each repository that is not covered, in the order of their names."""
    names = {image.name.repository: image.name for image in images.outside(registry).images}
    # kustomize takes the name for a regular expression, in which brackets are no host.
    return [
        ImageEntry(repository, names[repository].repository_in(registry))
        for repository in sorted(names)
        if not repository.startswith("[")
    ]


def _edit(file: str, content: bytes, entries: list[ImageEntry]) -> bytes:
    try:
        return added(content, entries)
    except CannotEdit as error:
        raise Refused(f"{file} cannot be edited safely: {error}", _HINT) from None


def _outside(images: Images, registry: str) -> Counter[str]:
    """Repository -> in how many places it is used, of those that are not covered."""
    outside = images.outside(registry).images
    return Counter(image.name.repository for image in outside for _ in image.places)


def _require_built(file: str, before: Images, after: Images) -> None:
    """Raises CallFailed for what builds without the entries only."""
    known = {one.path for one in before.unbuilt}
    for one in after.unbuilt:
        if one.path not in known:
            raise CallFailed(
                f"{one.path} does not build with images: in {file}; nothing was changed",
                details=one.lines,
            )


def _replace(path: str, content: bytes) -> None:
    """Puts the file in the place of the one that is there, with its mode. Raises OSError."""
    new = f"{path}.{os.getpid()}"
    try:
        with open(new, "xb") as file:
            file.write(content)
        os.chmod(new, os.stat(path).st_mode & 0o777)
        os.replace(new, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(new)
