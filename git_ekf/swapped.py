"""Whether the vendor's and the cluster's repository were given the wrong way round.

A save would then publish the cluster's configuration to the vendor, and break no rule.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from git_ekf.config import Config
from git_ekf.errors import Refused
from git_ekf.git.refs import HEADS, MIRROR, RECORDS, TAGS, RefNamespace
from git_ekf.names import RecordName, record_name
from git_ekf.record import parse
from git_ekf.records import read_records, record_names
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.terminal.text import counted


def require_primary(config: Config, refs: Collection[str], swapped: str) -> None:
    """Raises Refused where the refs at the primary repository are those of a cluster's own.

    `swapped` is the command that has both the right way round. A mirror has neither deploy records
    nor what a save keeps of the vendor; it has backups of what the vendor has rewritten.
    """
    ours = RefNamespace(config.namespace)
    records = kept = 0
    for ref in refs:
        if ours.is_upstream(ref) or (ours.is_backup(ref) and MIRROR not in refs):
            kept += 1
        elif ref.startswith(RECORDS) and not ref.endswith("^{}"):
            records += isinstance(record_name(ref.removeprefix(TAGS), config.scheme), RecordName)
    if records or kept:
        has = counted(records, "deploy record") if records else "what git ekf save keeps"
        raise Refused(
            f"the primary repository is a cluster's own, for it has {has}:"
            " it and the internal one are the wrong way round",
            swapped,
        )


def require_internal(repo: Repository, listed: Mapping[str, str], swapped: str) -> None:
    """Raises Refused where what `internal` has is the vendor's alone.

    `listed` is what it has, ref -> object id; `swapped` as for `require_primary`. Asks no remote,
    and nothing at all where there are deploy records, or what a save keeps.
    """
    if any(ref.startswith((*repo.namespace.prefixes, RECORDS)) for ref in listed):
        return
    heads = {ref.removeprefix(HEADS): oid for ref, oid in listed.items() if ref.startswith(HEADS)}
    there = {branch: oid for branch, oid in heads.items() if repo.config.scheme.is_release(branch)}
    # A vendor has every release that the cluster has; who has fewer is one that was pushed to.
    if not there or not repo.channels or not there.keys() >= repo.channels.keys():
        return
    if _pushed_from_here(repo, there):
        return
    if primary_has_configuration(repo):
        raise Refused(
            f"{repo.config.primary} has the configuration that the deploy records are on, and"
            f" {repo.config.internal} has no record: they are the wrong way round",
            swapped,
        )
    if _has_own(repo, there):
        return
    internal, primary = repo.config.internal, repo.config.primary
    message = f"{internal} has releases, but no commit that {primary} lacks, and no deploy record"
    if not repo.git.commits(repo.channels.values(), there.values(), at_most=1):
        raise Refused(
            f"{message}: it is a copy of {primary}",
            "give the cluster a repository of its own: git init --bare DIR",
        )
    raise Refused(
        f"{message}: they are the wrong way round, or {internal} is an old copy of {primary}",
        f"{swapped}, or, where it is a copy, one of the cluster's own: git init --bare DIR",
    )


def swapped_remotes(repo: Repository, *given: tuple[str, str]) -> str:
    """The command that gives each of both remotes the place of the other.

    `given` are the primary and the internal one where their names are not those of the
    configuration, or their URLs ("" for those of now) still to be set: (name, URL).
    """
    urls = []
    for name, url in given or ((repo.config.primary, ""), (repo.config.internal, "")):
        remote = repo.remotes.get(name)
        urls.append(url or next(iter(remote.urls if remote else ()), "URL"))
    return f"git ekf init --primary {shell(urls[1])} --internal {shell(urls[0])}"


def _pushed_from_here(repo: Repository, branches: Iterable[str]) -> bool:
    """Whether this clone has pushed one of the branches to `internal`, as git remembers it."""
    for branch in branches:
        for _, message in repo.git.reflog(repo.internal_prefix + branch):
            if message.startswith("update by push"):
                return True
    return False


def primary_has_configuration(repo: Repository) -> bool:
    """Whether the primary repository has a commit that a record here calls the customer's own."""
    own = {}
    for record in read_records(repo) if record_names(repo) else []:
        if record.tag and record.tag.type == "commit":
            upstream = parse(record.tag.message, repo.config.tags_required).get("Upstream SHA")
            if upstream and not record.tagged.startswith(upstream.lower()):
                own[record.tagged] = record.name
    if not own:
        return False
    globs = [repo.primary_prefix + "*"]
    elsewhere = set(repo.git.commits(own, globs=globs, ignore_missing=True))
    here = zip(own, repo.git.object_infos(own), strict=True)
    return any(info is not None and commit not in elsewhere for commit, info in here)


def _has_own(repo: Repository, branches: Mapping[str, str]) -> bool:
    """Whether a branch there has a commit that the primary repository does not have."""
    tips = list(branches.values())
    if not all(repo.git.object_infos(tips)):  # not even this clone has it
        return True
    return bool(repo.git.commits(tips, globs=[repo.primary_prefix + "*"], at_most=1))
