"""git ekf images: the images that built manifests use, for whoever copies them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from git_ekf.commands.options import Json
from git_ekf.commands.output.images import (
    image_json,
    print_untold,
    print_written,
    unbuilt_json,
    unread_json,
    written_json,
)
from git_ekf.commands.paths_apart import WithPaths, behind_dashes
from git_ekf.commands.records_kept import with_records
from git_ekf.declared import Argument, Option
from git_ekf.deploy.ends import End, from_top, named_end, read_end
from git_ekf.errors import DONE, FINDINGS, UsageError
from git_ekf.manifests.builder import takes_path
from git_ekf.manifests.choice import BuildChoice, choose
from git_ekf.manifests.image_coverage import IMAGES
from git_ekf.manifests.images import Images, Unbuilt, images_of
from git_ekf.program import program
from git_ekf.repository import Repository
from git_ekf.terminal.screen import counting_builds
from git_ekf.terminal.text import document, say

_NOTHING = Images([], [], [])

app = program()


@app.command(cls=WithPaths)
def images(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        Argument(
            metavar="[REV] [PATH]...",
            help="A deploy record or a revision, by default HEAD; then what to build.",
        ),
    ] = None,
    new_since: Annotated[
        str,
        Option(metavar="REV", help="Only the images that this one lacks."),
    ] = "",
    write: Annotated[
        str,
        Option(
            metavar="PATH",
            help="Write the entries to this kustomization that take them from images.registry.",
        ),
    ] = "",
    json: Json = False,
) -> int:
    """List the images that the built manifests use, one a line."""
    if write and new_since:
        raise UsageError("--write and --new-since exclude each other", "git ekf images -h")
    repo = with_records()
    end, named = read_end(repo, words or [], behind_dashes(context), IMAGES.command)
    paths = from_top(repo, named, f"{IMAGES.command} -h")
    if write:
        return _write(repo, end, write, paths, json=json)
    since = named_end(repo, new_since) if new_since else None
    choice = choose(repo, (since or end).commit, end.commit, paths, IMAGES)
    folders = [one.path for one in choice.kustomizations if one.in_new]
    found = images_of(repo, end.commit, folders, counting_builds)
    gone = [one.path for one in choice.kustomizations if not (one.in_old or one.in_new)]
    found.unbuilt.extend(Unbuilt(path, ["there is no such path"]) for path in gone)
    before = _NOTHING
    if since:
        built = [one.path for one in choice.kustomizations if one.in_old]
        before = images_of(repo, since.commit, built, counting_builds)
        found = found.beside(before)
    if json:
        print(document("images", _as_json(repo, choice, end, found, since, before)))
    else:
        for name in sorted({image.name.to_copy for image in found.images}):
            say(name)
        print_untold(found, end.name)
        if since:
            print_untold(before._replace(unread=[]), since.name)
    return DONE if found.complete and not before.unbuilt else FINDINGS


def _write(repo: Repository, end: End, folder: str, paths: list[str], *, json: bool) -> int:
    """Writes entries, and says what is not covered. The exit code."""
    registry = repo.config.images_registry
    if not registry:
        raise UsageError(
            "images.registry is not set: nothing says where the images are to come from",
            "git config ekf.images.registry REGISTRY",
        )
    if end.commit != repo.head:
        raise UsageError(
            "--write goes by HEAD, as it is the work tree that it changes",
            "git ekf images --write PATH",
        )
    from git_ekf.manifests.image_writing import cover, own_kustomization

    [own] = from_top(repo, [folder], f"{IMAGES.command} -h")
    file = own_kustomization(repo, end.commit, own)
    if not paths and takes_path(repo):
        paths = [own]
    choice = choose(repo, end.commit, end.commit, paths, IMAGES)
    folders = [one.path for one in choice.kustomizations]
    written = cover(repo, end.commit, file, folders, counting_builds)
    found = written.images
    if json:
        shown = _as_json(repo, choice, end, found)
        print(document("images", {**shown, "written": written_json(written)}))
    else:
        print_written(written, registry)
        print_untold(found.outside(registry), end.name)
    return FINDINGS if found.unbuilt or any(found.outside(registry)[:2]) else DONE


def _as_json(
    repo: Repository,
    choice: BuildChoice,
    end: End,
    found: Images,
    since: End | None = None,
    before: Images = _NOTHING,
) -> dict[str, Any]:
    registry = repo.config.images_registry
    paths = [one.path for one in choice.kustomizations if one.in_new]
    unbuilt = [unbuilt_json(one, end) for one in found.unbuilt]
    if since:
        unbuilt += [unbuilt_json(one, since) for one in before.unbuilt]
    images = [image_json(image, registry) for image in found.images]
    return {
        "revision": end,
        "since": since,
        "registry": registry or None,
        "chosen": choice.reason,
        "kustomizations": paths,
        "images": images,
        "unread": list(map(unread_json, found.unread)),
        "unbuilt": unbuilt,
        "written": None,
    }
