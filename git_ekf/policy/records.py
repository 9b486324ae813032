"""Rules about deploy records, for any number of them with a handful of git calls."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import chain
from time import gmtime, strftime, time

from git_ekf.git.tagobject import TagObject, is_dated
from git_ekf.names import AHEAD, DEPLOY, RecordName, record_name
from git_ekf.policy.finding import Finding
from git_ekf.policy.judged import JudgedRecord
from git_ekf.record import ADOPTS, is_signed
from git_ekf.records import RecordTag, how_to_delete, saved_records
from git_ekf.repository import Repository
from git_ekf.shown import shell


def tag_name(repo: Repository, record: JudgedRecord) -> Iterator[Finding]:
    """A tag under deploy/ is called deploy/YYYY-MM-DD[.N]/BRANCH, and the day exists."""
    if isinstance(record.parts, str) and not _is_adopted(repo, record):
        name, branch = record.name, repo.config.scheme.branch("X.Y")
        example = shell(f"{DEPLOY}YYYY-MM-DD/{branch}")
        fix = f"{how_to_delete(repo, name)}, then tag again as {example}"
        yield Finding(f"{name} {record.parts}", _fix(record, fix), ref=record.ref)


def tag_date(repo: Repository, record: JudgedRecord) -> Iterator[Finding]:
    """A new deploy record has a time, which has come, and its number is the next of its day.

    It cannot be deleted later, and would stay the newest record.
    """
    parts = record.parts
    if isinstance(parts, str):
        return
    delete = partial(how_to_delete, repo, record.name)
    # A day has begun 14 hours earlier in the east of the Pacific.
    latest = time() + AHEAD
    if parts.date > strftime("%Y-%m-%d", gmtime(latest)):
        yield record.finding(
            f"{record.name} is of a day that has not come yet",
            f"{delete()}, then: git ekf tag, without --date",
        )
    elif record.tag and record.tag.time > latest:
        yield record.finding(
            f"{record.name} was made more than a day from now by the clock of its tagger",
            f"git ekf doctor, which looks at the clock; {delete()}, then tag again",
        )
    elif record.raw is not None and not is_dated(record.raw):
        yield record.finding(
            f"{record.name} does not say when it was made in a way that all read alike",
            f"{delete()}, then tag again",
        )
    before = RecordName(parts.date, parts.number - 1, parts.branch)
    has = record.facts.has
    # Another tag may be in the place of that one.
    if parts.number > 1 and not (has(str(before)) or has(before.folder)):
        yield record.finding(
            f"{record.name} has no record before it: there is no {before}",
            f"{delete()}, then: git ekf tag --date {parts.date}",
        )


def tag_moved(repo: Repository, records: list[RecordTag]) -> Iterator[Finding]:
    """A published deploy record stays as it is."""
    saved = saved_records(repo)
    for record in records:
        if record.oid == saved.get(record.name, record.oid):
            continue
        yield Finding(
            f"{repo.config.internal} has another {record.name}: somebody else took that name",
            how_to_renumber(repo, record),
            ref=record.ref,
            commit=record.tagged,
        )


def how_to_renumber(repo: Repository, record: RecordTag) -> str:
    """How a record gets another name where somebody else's has its name on `internal`."""
    name = record_name(record.name, repo.config.scheme)
    day = f" --date {name.date}" if isinstance(name, RecordName) else ""
    hint = "git ekf pull gives yours the next number"
    if not day or record.tag is None or is_signed(record.tag.message):
        hint = (
            f"git tag -d {shell(record.name)}, then: git fetch {shell(repo.config.internal)},"
            f" then: git ekf tag{day}"
        )
    return hint


def tag_lightweight(repo: Repository, record: JudgedRecord) -> Iterator[Finding]:
    """A deploy record is an annotated tag."""
    if record.tag is None and not _is_adopted(repo, record):
        name = record.name
        yield Finding(
            f"{name} is a lightweight tag: it has no message and says nothing about the deployment",
            _fix(record, f"git tag -a -f {shell(name)} {shell(name)}"),
            ref=record.ref,
            commit=record.oid,
        )


def tag_fields(repo: Repository, record: JudgedRecord) -> Iterator[Finding]:
    """No required field is missing or empty."""
    if record.tag is None:
        return
    missing = [name for name in repo.config.tags_required if not record.value(name)]
    if missing and not _is_adopted(repo, record):
        message = f"{record.name} lacks {', '.join(missing)}"
        fix = _fix(record, _amend(record, "add the missing lines"))
        yield record.finding(message, fix)


def tag_mismatch(repo: Repository, record: JudgedRecord) -> Iterator[Finding]:
    """The fields of a record are what the repository has."""
    name, branch, tag = record.name, record.branch, record.tag
    if tag is None:
        return
    for message in _untrue(repo, record, tag):
        yield record.finding(f"{name}: {message}", _amend(record, "correct that line"))
    at_odds = list(_at_odds(repo, record, tag))
    if at_odds and not _is_adopted(repo, record):
        fix = _fix(record, _amend(record, "correct that line"))
        for message in at_odds:
            yield record.finding(f"{name}: {message}", fix)
    backup = f"{repo.config.internal}/{branch}"
    if record.value("Backup branch") == backup and not record.facts.has_branch(branch):
        yield record.finding(
            f"{name}: Backup branch {backup} does not exist there yet",
            f"git switch {shell(branch)}, then: git ekf save",
        )


def _at_odds(repo: Repository, record: JudgedRecord, tag: TagObject) -> Iterator[str]:
    """What is wrong with the form: fields against each other, and against the name."""
    branch = record.branch
    for field, values in record.fields.items():
        if len(set(values)) > 1 and values is not record.adopts:
            yield f'the field "{field}" is there twice with different values'
    if tag.type != "commit":
        return
    if tag.tag != record.name:
        yield f"the tag says of itself that it is {tag.tag}"
    if isinstance(record.parts, RecordName):
        expected = {
            "Date": record.parts.date,
            "Local branch": branch,
            "Upstream branch": f"{repo.config.primary}/{branch}",
            "Backup branch": f"{repo.config.internal}/{branch}",
        }
        for field, value in expected.items():
            if record.value(field) not in ("", value):
                yield f"{field} is {record.value(field)}, but the name makes it {value}"


def _untrue(repo: Repository, record: JudgedRecord, tag: TagObject) -> Iterator[str]:
    """What the repository does not have so, or what reads otherwise for others."""
    from git_ekf.recordtext import misleading  # 3 ms, where there is no record yet

    why = misleading(record.raw or b"", repo.config.tags_required)
    if why:
        yield f"its text {why}"
    if tag.type != "commit":
        yield f"tags a {tag.type}, not a commit"
        return
    if record.is_lost():
        yield f"it is on {tag.object[:12]}, which is not in this repository"
        return
    yield from _adopts_wrongly(record)
    local = record.value("Local SHA")
    if local and record.named_commit("Local SHA") != tag.object:
        yield f"Local SHA is {local}, but the tag is on {tag.object}"
    upstream = record.value("Upstream SHA")
    if not upstream:
        return
    commit = record.named_commit("Upstream SHA")
    if commit is None:
        yield f"Upstream SHA {upstream} is not a commit of this repository"
    elif record.branch and not record.is_on_channel(commit):
        channel = f"{repo.config.primary}/{record.branch}"
        yield f"Upstream SHA {upstream} is not a vendor commit of {channel}"
    elif not record.stands_on(commit):
        yield f"Upstream SHA {upstream} is not what the tagged commit {tag.object[:12]} stands on"


def _adopts_wrongly(record: JudgedRecord) -> Iterator[str]:
    """What is wrong with the records that one says it stands for, the first of it.

    There may be any number of them.
    """
    for name in record.adopts:
        other = record.facts.adopted.get(name)
        if other is None or name == record.name:
            yield f"{ADOPTS} names {name}, which is not another record of this repository"
            return
        if other.tagged != record.commit:
            yield f"{ADOPTS} names {name}, which is on {other.tagged[:12]}, and not on that commit"
            return
        if other.tag and record.tag and record.tag.time > other.tag.time:
            yield f"it was made later than {name}, whose time a record that adopts it carries"
            return


def _is_adopted(repo: Repository, record: JudgedRecord) -> bool:
    """Whether a record in which nothing is found stands for this one.

    It does so in its form, not in its truth.
    """
    for adopter in record.adopters():
        if adopter.sound is None:
            found = chain.from_iterable(rule(repo, adopter) for rule in OF_ANY)
            adopter.sound = next(found, None) is None
        if adopter.sound:
            return True
    return False


def _amend(record: JudgedRecord, act: str) -> str:
    name = record.name
    return f"{act}: git tag -a -f -e {shell(name)} {shell(name + '^{}')}"


def _fix(record: JudgedRecord, fix: str) -> str:
    """How the form of a record is mended: a published one stays, and another stands for it."""
    if record.is_published():
        return f"git ekf adopt {shell(record.name)}"
    return fix


# The rules about any record; the others are about those that are new, or known elsewhere.
OF_ANY = (tag_name, tag_lightweight, tag_fields, tag_mismatch)
