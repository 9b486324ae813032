"""Manifests built from commits, in throw-away checkouts, and compared."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from typing import NamedTuple

from git_ekf.git.calls import Git
from git_ekf.manifests.builder import Build, Builder, trusted_command
from git_ekf.manifests.choice import Kustomization
from git_ekf.manifests.difference import Difference, difference
from git_ekf.manifests.resources import Unreadable, import_yaml
from git_ekf.repository import Repository
from git_ekf.temporary import temporary

# Gives out paths one by one, and may say meanwhile how far it is and at which of them.
Progress = Callable[[Sequence[str]], Iterable[str]]


class FailedBuild(NamedTuple):
    """A build that failed; `side` is old or new, `lines` the builder's last words."""

    side: str
    lines: list[str]


class ComparedBuilds(NamedTuple):
    """A kustomization built from two commits; `difference` is None where a build failed."""

    kustomization: Kustomization
    difference: Difference | None
    failures: list[FailedBuild]


# --- building and comparing ---


def compare(
    repo: Repository,
    old: str,
    new: str,
    kustomizations: list[Kustomization],
    progress: Progress = iter,
) -> list[ComparedBuilds]:
    """Builds both sides of each kustomization, several at a time, and compares them.

    Raises Refused when the builder is not trusted or PyYAML is missing, CallFailed when the
    builder cannot be started.
    """
    import_yaml()
    command = trusted_command(repo, old, new)
    with checkouts(repo, old, new) as (before, after), Builder(command) as builder:
        # Side by side, so that what comes first in the list is ready first.
        groups = []
        for one in kustomizations:
            old_job = (before, one.path) if one.in_old else None
            groups.append((old_job, (after, one.path) if one.in_new else None))
        builds = builder.in_turn(groups)
        paths = progress([one.path for one in kustomizations])
        return [_compare(one, *next(builds)) for _, one in zip(paths, kustomizations, strict=True)]


def _compare(kustomization: Kustomization, old: Build, new: Build) -> ComparedBuilds:
    sides = (("old", old), ("new", new))
    failures = [
        FailedBuild(side, build.failure) for side, build in sides if build.failure is not None
    ]
    found = None
    if not failures:
        try:
            found = difference(old.output, new.output)
        except Unreadable:
            failures = list(_unreadable(sides))
    return ComparedBuilds(kustomization, found, failures)


def _unreadable(sides: Sequence[tuple[str, Build]]) -> Iterator[FailedBuild]:
    """Whichever side it was that could not be read."""
    for side, build in sides:
        try:
            difference(b"", build.output)
        except Unreadable as error:
            yield FailedBuild(side, [f"what it printed cannot be read: {error}"])


def broken(
    repo: Repository, old: str, new: str, paths: Sequence[str], progress: Progress = iter
) -> list[tuple[str, list[str]]]:
    """Kustomizations of `new` that do not build, with the builder's last words.

    Those that did not build in `old` either are left out. Raises Refused when the builder is not
    trusted, CallFailed when it cannot be started.
    """
    command = trusted_command(repo, old, new)
    with checkouts(repo, new) as (after,), Builder(command) as builder:
        failed = _failing(builder, after, paths, progress)
    if not failed:
        return []
    with checkouts(repo, old) as (before,), Builder(command) as builder:
        there = {path for path in failed if os.path.isdir(os.path.join(before, path))}
        origins = {path: path for path in there} | _origins(repo, old, new, failed.keys() - there)
        failed_before = _failing(builder, before, sorted(set(origins.values())), progress)
    return [(path, said) for path, said in failed.items() if origins.get(path) not in failed_before]


def _failing(
    builder: Builder, folder: str, paths: Sequence[str], progress: Progress
) -> dict[str, list[str]]:
    builds = builder.in_turn([[(folder, path)] for path in paths])
    failed = {}
    for path in progress(paths):
        failure = next(builds)[0].failure
        if failure is not None:
            failed[path] = failure
    return failed


def _origins(repo: Repository, old: str, new: str, paths: Set[str]) -> dict[str, str]:
    """Where directories of `new` were in `old`, going by the files that were moved."""
    if not paths:
        return {}
    origins = {}
    for source, target in repo.git.renamed_files(old, new):
        directory = posixpath.dirname(target)
        if directory in paths:
            origins[directory] = posixpath.dirname(source)
    return origins


# --- checkouts ---


@contextmanager
def checkouts(repo: Repository, *trees: str, git: Git | None = None) -> Iterator[list[str]]:
    """A throw-away directory with the files of each tree or commit.

    `git` knows them where the repository does not, which is only read: index and files are
    elsewhere.
    """
    with temporary() as root:
        folders = [os.path.join(root, str(number)) for number in range(len(trees))]
        for folder in folders:
            os.mkdir(folder)
        copies = dict(zip(folders, trees, strict=True))
        (git or repo.git).check_out_copies(repo.place.git_dir, copies)
        yield folders
