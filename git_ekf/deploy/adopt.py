"""Older deploy records made by hand, completed by new ones that stand for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from git_ekf.deploy.write import (
    check_day,
    day_of,
    facts,
    last_numbers,
    make_record,
    option_for,
    publish,
    require_free,
    require_not_ahead,
    spelt,
    unsigned,
)
from git_ekf.errors import CallFailed, Refused, UsageError
from git_ekf.git.quarantine import Quarantine
from git_ekf.git.refs import HEADS, TAGS, RefUpdate
from git_ekf.git.tagobject import tagger_time
from git_ekf.names import DEPLOY, RecordName, record_name, valid_day
from git_ekf.policy.judges import judge_records
from git_ekf.record import ADOPTS, CONTEXT, Record, prose, write
from git_ekf.records import RecordTag, read_records, record_names, saved_records
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.transaction.perform import exclusive

# Asks for what a record lacks: its name, the field; "" for no answer.
Ask = Callable[[str, str], str]


class Adoption(NamedTuple):
    """A record to be made on `commit`, with `message`, at `when`, which stands for `old`.

    `when` is as git writes the time of a tagger: seconds since the epoch, then the zone.
    """

    old: str
    new: RecordName
    commit: str
    message: str
    when: str


def plan(
    repo: Repository, names: list[str], context: str, fields: list[tuple[str, str]], ask: Ask
) -> tuple[list[Adoption], list[str]]:
    """The records to be made, and the names of those in which nothing is to be mended.

    `fields` and `context` are what the old ones cannot say. Raises Refused where one of them
    cannot be completed, UsageError for what is no deploy record.
    """
    olds = _find(repo, names)
    for old in olds:
        _require_commit(repo, old)
    faulty = {finding.ref for finding in judge_records(repo, olds) if finding.severity == "error"}
    sound = [old.name for old in olds if old.ref not in faulty]
    wanted = [old for old in olds if old.ref in faulty]
    numbers = last_numbers(repo, record_names(repo))
    adoptions = [_complete(repo, old, context, fields, ask, numbers) for old in wanted]
    _require_true(repo, wanted, adoptions)
    return adoptions, sound


def adopt(repo: Repository, adoptions: list[Adoption], sign: bool) -> None:
    """Makes all of the records, or none.

    Raises CallFailed, and Refused where another ref is in the way of one.
    """
    with exclusive(repo) as journal, Quarantine(repo.git, repo.place.objects) as quarantine:
        require_free(repo, [adoption.new for adoption in adoptions])
        updates = []
        for _, new, commit, message, when in adoptions:
            made = make_record(repo, quarantine, new, commit, message, sign=sign, when=f"@{when}")
            if not made:
                raise CallFailed(f"{new} is being taken by somebody else", "try again")
            updates.append(made)
        quarantine.migrate()
        publish(repo, journal, "adopt", updates)


def _find(repo: Repository, names: list[str]) -> list[RecordTag]:
    """The tags of these names, each once."""
    wanted = [DEPLOY + name.removeprefix(TAGS).removeprefix(DEPLOY) for name in names]
    known = {tag.name: tag for tag in read_records(repo)}
    for name, given in zip(wanted, names, strict=True):
        if name not in known:
            raise UsageError(
                f"there is no deploy record {given}", "git tag -l 'deploy/*' lists them"
            )
    return [known[name] for name in dict.fromkeys(wanted)]


def _complete(
    repo: Repository,
    old: RecordTag,
    context: str,
    fields: list[tuple[str, str]],
    ask: Ask,
    numbers: dict[tuple[str, str], int],
) -> Adoption:
    """The record that stands for an old one, by what that says and the repository has."""
    commit = old.tagged
    when = _when(repo, old)
    said = old.said(repo.config.tags_required)
    given = spelt(repo, fields)
    branch = _branch(repo, old, given.get("Local branch") or said.get("Local branch"))
    _require_on_branch(repo, old, branch)
    day = check_day(given.get("Date") or _day(repo, old, said, when))
    require_not_ahead(repo, day)
    new = RecordName(day, numbers.get((day, branch), 0) + 1, branch).behind(record_names(repo))
    numbers[day, branch] = new.number
    base = _upstream(repo, commit, said.get("Upstream SHA") or "")
    filled = {name: value for name, value in said.fields if name != CONTEXT}
    filled |= facts(repo, day, branch, commit, base) | given
    text = said.get(CONTEXT) or prose(old.tag.message if old.tag else "") or context
    filled |= {ADOPTS: old.name, CONTEXT: filled.get(CONTEXT) or text}
    for name in repo.config.tags_required:
        filled[name] = filled.get(name) or ask(old.name, name)
    missing = [name for name in repo.config.tags_required if not filled[name]]
    if missing:
        options = " ".join(map(option_for, missing))
        raise Refused(
            f"{old.name} does not say its {', '.join(missing)}; nothing was recorded",
            f"git ekf adopt {shell(old.name)} {options}",
        )
    return Adoption(old.name, new, commit, write(Record(tuple(filled.items()))), when)


def _upstream(repo: Repository, commit: str, claimed: str) -> str:
    """The vendor's commit that a record's commit stands on."""
    base = _base(repo, commit)
    if base == commit and claimed.isalnum():
        # All of it is the vendor's by now, and was not then, perhaps.
        known = repo.git.commit(claimed)
        if known and repo.git.is_ancestor(known, commit):
            return known
    return base


def _base(repo: Repository, commit: str) -> str:
    """The first commit below it that is the vendor's; itself, perhaps."""
    parents = repo.own_parents([commit])
    while parents.get(commit):
        commit = parents[commit][0]
    return commit


def _require_commit(repo: Repository, old: RecordTag) -> None:
    """Raises Refused where a record is on no commit that is here."""
    info = repo.git.object_infos([old.tagged])[0]
    if info is None:
        raise Refused(
            f"{old.name} is on {old.tagged[:12]}, which is in no repository known here;"
            " there is nothing to complete",
            f"git fetch {shell(repo.config.internal)}, which may have it",
        )
    if info.type != "commit":
        raise Refused(
            f"{old.name} is on a {info.type}, not on a commit; nothing can be deployed from it",
            f"git show {shell(old.name)} shows it",
        )


def _when(repo: Repository, old: RecordTag) -> str:
    """The time that an old record was made at: of its tagger, or of the commit, but not later than
    now.
    """
    *_, now, zone = repo.git.committer().rsplit(" ", 2)
    line = old.tag.tagger if old.tag else ""
    if not tagger_time(line):
        found = repo.git.read_objects([old.tagged])[0]
        head = found.content.partition(b"\n\n")[0] if found else b""
        lines = head.decode("utf-8", "replace").split("\n")
        line = next((text for text in lines if text.startswith("committer ")), "")
    seconds = tagger_time(line)
    if not seconds or seconds > int(now):
        return f"{now} {zone}" if seconds else "0 +0000"
    return line.partition("> ")[2]


def _branch(repo: Repository, old: RecordTag, said: str | None) -> str:
    """The release branch of a record: by its name, by what it says, or by where the commit is."""
    scheme = repo.config.scheme
    name = record_name(old.name, scheme)
    if isinstance(name, RecordName):
        return name.branch
    if said and scheme.is_release(said):
        return said
    prefixes = (HEADS, repo.internal_prefix)
    found = repo.git.ref_values(*prefixes, contains=old.tagged)
    branches = {ref.removeprefix(prefix) for ref in found for prefix in prefixes}
    releases = scheme.releases(branches)
    if len(releases) == 1:
        return releases[0]
    where = f"it could be {', '.join(releases)}" if releases else "no release branch has its commit"
    example = releases[0] if releases else scheme.branch("X.Y")
    raise Refused(
        f"the release of {old.name} cannot be told: {where}; nothing was recorded",
        f'git ekf adopt {shell(old.name)} --field "Local branch={example}"',
    )


def _require_on_branch(repo: Repository, old: RecordTag, branch: str) -> None:
    """Raises Refused for a commit that was never what the branch had."""
    channel = repo.channel(branch)
    if channel is None:
        raise Refused(
            f"what the vendor has on {branch} is not known here, so that {old.name}"
            " cannot be completed",
            f"git fetch {shell(repo.config.primary)}",
        )
    commit = old.tagged
    tips = [repo.release_branches.get(branch), repo.saved_branches.get(branch), channel]
    known = [*filter(None, tips), *(oid for oid, _ in repo.git.reflog(HEADS + branch))]
    on_branch = not repo.git.commits([commit], known, at_most=1, ignore_missing=True)
    # One that is published may be on what a sync has replaced since.
    published = saved_records(repo).get(old.name) == old.oid
    base = _base(repo, commit)
    if not repo.git.is_ancestor(base, channel) or not (on_branch or published):
        raise Refused(
            f"{old.name} is on {commit[:12]}, which was never on {branch}; nothing was recorded",
            f"git branch -a --contains {commit[:12]} shows where it is",
        )


def _day(repo: Repository, old: RecordTag, said: Record, when: str) -> str:
    """The day of a record: by its name, by what it says, or of its time."""
    name = record_name(old.name, repo.config.scheme)
    if isinstance(name, RecordName):
        return name.date
    for text in (said.get("Date") or "", old.name.split("/")[1]):
        if valid_day(text):
            return text
    seconds, _, zone = when.partition(" ")
    return day_of(seconds, zone)


def _require_true(repo: Repository, olds: list[RecordTag], adoptions: list[Adoption]) -> None:
    """Raises Refused where an old record, or the one that is to stand for it, would not pass."""
    tags = []
    for _, new, commit, message, when in adoptions:
        tags.append(unsigned(new, commit, message, f"tagger A <a@a> {when}\n"))
    # As a save brings them: together with their branches.
    tips = repo.release_branches.items()
    arriving = [RefUpdate(HEADS + branch, "0" * len(tip), tip) for branch, tip in tips]
    names = [*tags, *olds]
    arriving += [RefUpdate(tag.ref, "0" * len(tag.tagged), tag.tagged) for tag in names]
    found = [one for one in judge_records(repo, names, arriving) if one.severity == "error"]
    if found:
        name = found[0].ref.removeprefix(TAGS)
        old = next((one.old for one in adoptions if str(one.new) == name), name)
        raise Refused(
            f"{old} cannot be completed ({found[0].message}); nothing was recorded",
            f"git show {shell(old)} shows what it says",
        )
