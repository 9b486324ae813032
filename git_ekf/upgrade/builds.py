"""What built manifests say of an upgrade: of the fields that are customised, and of images."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from git_ekf.errors import CallFailed, Refused
from git_ekf.git.calls import Git
from git_ekf.manifests.build import Progress, checkouts
from git_ekf.manifests.builder import takes_path, trusted_command
from git_ekf.manifests.effects import place_in
from git_ekf.manifests.four_builds import Customisation, Places, compare_four
from git_ekf.manifests.resources import import_yaml
from git_ekf.manifests.selectors import Unfollowed
from git_ekf.manifests.sources import Files, KustomizationFile
from git_ekf.replay.new_side import tree_with
from git_ekf.replay.step import ReplayStep, results
from git_ekf.repository import Repository
from git_ekf.upgrade.contents import reading
from git_ekf.upgrade.target import Target

if TYPE_CHECKING:
    from git_ekf.manifests.image_coverage import Coverage
    from git_ekf.upgrade.work import Work


def planned_builds(
    work: Work, steps: Sequence[ReplayStep], progress: Progress
) -> tuple[Customisation, Coverage | None]:
    """The customised fields and the images of the result, conflicts resolved to their own side.

    No images where `images.registry` is not set. Raises what `coverage` raises.
    """
    repo, scratch, target = work.repo, work.scratch, work.target
    tree = tree_with(scratch, target.onto, results(steps))
    fields = customisation_of(repo, scratch.merging, target, tree, progress)
    if not repo.config.images_registry:
        return fields, None
    from git_ekf.manifests.image_coverage import coverage

    return fields, coverage(Repository(scratch.beside(repo.git)), tree, progress)


def customisation_of(
    repo: Repository, git: Git, target: Target, result: str, progress: Progress
) -> Customisation:
    """The customised fields as the result has them.

    `git` knows the result, which may be a tree that only a plan has.
    """
    try:
        import_yaml()
        commits = (target.base, target.tip, target.onto, result)
        command = trusted_command(repo, *commits, git=git)
        wanted = [Places(".", *[(".",)] * 4)]  # for a builder that takes no path
        if takes_path(repo):
            with reading(git) as content:
                listed = (git.ls_tree(commit, recursive=True) for commit in commits)
                wanted = _places(*[Files(entries, content) for entries in listed])
        if not wanted:
            return Customisation(0, [], [], [])
        trees = [git.tree_of(commit) for commit in commits]
        different = list(dict.fromkeys(trees))
        with checkouts(repo, *different, git=git) as folders:
            folder_of = dict(zip(different, folders, strict=True))
            return compare_four(command, [folder_of[tree] for tree in trees], wanted, progress)
    except (Refused, CallFailed) as error:
        return Customisation(0, [], [], [], error.message)


def _places(old_vendor: Files, branch: Files, new_vendor: Files, result: Files) -> list[Places]:
    """Of each kustomization that the stack touches before or after, where it is on each side."""
    pairs: dict[tuple[str | None, str | None], None] = {}
    for folder in _touched(new_vendor, result):
        pairs[place_in(branch, result, folder), folder] = None
    known = {was for was, _ in pairs}
    for folder in _touched(old_vendor, branch):
        if folder not in known:
            pairs[folder, place_in(result, branch, folder)] = None
    wanted = []
    for was, now in pairs:
        olds = _of_the_vendor(old_vendor, branch, was)
        news = _of_the_vendor(new_vendor, result, now)
        before, after = (() if one is None else (one or ".",) for one in (was, now))
        path = next(iter(after or before))
        wanted.append(Places(path, olds, before, news, after))
    return sorted(wanted)


def _touched(vendor: Files, ours: Files) -> list[str]:
    """The kustomizations nearest to the files that differ."""
    paths = {*vendor.entries, *ours.entries}
    changed = [path for path in paths if vendor.entries.get(path) != ours.entries.get(path)]
    found = set(map(ours.nearest, changed))
    return sorted(folder for folder in found if folder is not None)


def _of_the_vendor(vendor: Files, ours: Files, folder: str | None) -> tuple[str, ...]:
    """The directory itself where the vendor has it; else those of the vendor that it stands on."""
    found: dict[str, None] = {}
    seen: set[str] = set()
    waiting = [] if folder is None else [folder]
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        if vendor.kustomization_in(one):
            found[one or "."] = None
            continue
        with suppress(Unfollowed):
            waiting += filter(ours.kustomization_in, KustomizationFile(ours, one).stands_on())
    return tuple(found)
