"""git ekf check: the whole policy, for a person, a script or CI."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

from git_ekf.commands.options import Json
from git_ekf.commands.records_kept import with_records
from git_ekf.declared import Argument, Option
from git_ekf.errors import DONE, FINDINGS, UsageError
from git_ekf.policy.finding import Finding
from git_ekf.policy.judges import (
    judge_commit,
    judge_images,
    judge_range,
    judge_repository,
)
from git_ekf.policy.report import report_github, report_sarif, report_text
from git_ekf.repository import Repository
from git_ekf.terminal.screen import counting_builds, paged
from git_ekf.terminal.text import counted, document, nullable, say


def check(
    revisions: Annotated[
        list[str] | None, Argument(metavar="[REV-RANGE]...", help="Judge only these commits.")
    ] = None,
    staged: Annotated[bool, Option(help="Judge the commit that the index would make.")] = False,
    every: Annotated[
        bool, Option("--all", help="Judge every local branch, not only the one checked out.")
    ] = False,
    build: Annotated[
        bool,
        Option(help="Build HEAD as well, to judge whence its images come."),
    ] = False,
    form: Annotated[
        Literal["text", "json", "sarif", "github"],
        Option("--format", metavar="text|json|sarif|github", help="How to print findings."),
    ] = "text",
    json: Json = False,
) -> int:
    """Apply every policy rule; exit with 1 when one is broken."""
    if sum((bool(revisions), staged, every)) > 1:
        raise UsageError("REV-RANGE, --staged and --all exclude each other", "git ekf check -h")
    if build and (revisions or staged):
        raise UsageError(
            "--build is about HEAD: it goes with neither REV-RANGE nor --staged",
            "git ekf check --build",
        )
    repo = with_records()
    if staged:
        repo.require_work_tree()
        found = judge_commit(repo)
    elif revisions:
        found = judge_range(repo, revisions)
    else:
        found = judge_repository(repo, every_branch=every)
        found += _judge_images(repo) if build else []
    whole = not (revisions or staged or build)
    unlooked = (
        " Images were not looked at: --build" if whole and repo.config.images_registry else ""
    )
    errors = sum(finding.severity == "error" for finding in found)
    if json or form == "json":
        print(document("check", {"findings": [nullable(finding) for finding in found]}))
    elif form == "sarif":
        from git_ekf.policy.descriptions import descriptions  # which loads all rules

        print(report_sarif(found, descriptions()))
    elif form == "github":
        print(report_github(found), end="\n" if found else "")
    elif not found:
        say(f"No rule is broken.{unlooked}")
    else:
        with paged():
            print(report_text(found, sys.stdout, "git ekf check --format json"))
            say(f"{counted(errors, 'error')}, {counted(len(found) - errors, 'warning')}{unlooked}")
    return FINDINGS if errors else DONE


def _judge_images(repo: Repository) -> list[Finding]:
    """The findings about images. Raises UsageError where nothing says whence they are to come."""
    if not repo.config.images_registry:
        raise UsageError(
            "images.registry is not set: nothing says where the images are to come from",
            "git config ekf.images.registry REGISTRY",
        )
    if repo.head is None or repo.config.rules["image-registry"] == "off":
        return []
    from git_ekf.manifests.image_coverage import coverage  # 12 ms that only a build needs

    return judge_images(repo, list(coverage(repo, repo.head, counting_builds).sentences()))
