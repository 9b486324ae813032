"""Deploy records, written: every field filled in, and held against the repository before."""

from __future__ import annotations

import os
from collections.abc import Iterable

from git_ekf.errors import CallFailed, GitFailed, Refused, UsageError
from git_ekf.git.complaints import complaints
from git_ekf.git.quarantine import Quarantine
from git_ekf.git.refs import HEADS, KEPT, TAGS, RefUpdate
from git_ekf.names import RECORD_FIELDS, RecordName, record_name, valid_day
from git_ekf.policy.judges import judge_records, judge_repository
from git_ekf.record import CONTEXT, Record, is_signed, parse, write
from git_ekf.records import RecordTag, record_names, saved_records
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.transaction.free_names import require_free_names
from git_ekf.transaction.journal import Journal, Operation
from git_ekf.transaction.perform import exclusive
from git_ekf.transaction.preconditions import release_branch, require_clean

# How often the next free name is tried when others record at the same moment.
_ATTEMPTS = 20

_SIGNING = "git config user.signingKey KEY, and gpg.format ssh for an SSH key"


def require_deployable(repo: Repository) -> str:
    """The release branch checked out, whose state can be reproduced from a commit.

    Raises Refused where it cannot.
    """
    branch = release_branch(repo)
    require_clean(repo)
    for finding in judge_repository(repo, []):
        if finding.severity == "error":
            raise Refused(
                f"the policy is broken ({finding.rule}: {finding.message})", "git ekf check"
            )
    if repo.base(branch) is None:
        raise Refused(
            f"what {branch} stands on is not known here", f"git fetch {shell(repo.config.primary)}"
        )
    # Of whatever day it will be: mostly a tag "deploy" is in the way.
    require_free(repo, [next_name(repo, today(repo), branch)])
    return branch


def require_free(repo: Repository, names: Iterable[RecordName]) -> None:
    """Raises Refused where another ref is in the way of a record."""
    require_free_names(repo, [f"{prefix}{name}" for name in names for prefix in (TAGS, KEPT)])


def compose(
    repo: Repository, branch: str, date: str, context: str, fields: list[tuple[str, str]]
) -> Record:
    """The record of HEAD with all fields filled in.

    `fields` are added, and replace those of the same name.
    """
    lines = [line.rstrip("\r") for line in context.split("\n")]
    filled = facts(repo, date, branch, repo.head or "", repo.base(branch) or "")
    filled |= {CONTEXT: "\n".join(lines).strip()} | spelt(repo, fields)
    return Record(tuple(filled.items()))


def facts(repo: Repository, date: str, branch: str, commit: str, base: str) -> dict[str, str]:
    """The fields of a record that the repository knows; `base` is the vendor's commit below."""
    return {
        "Date": date,
        "Local branch": branch,
        "Local SHA": commit,
        "Upstream branch": f"{repo.config.primary}/{branch}",
        "Upstream SHA": base,
        "Backup branch": f"{repo.config.internal}/{branch}",
    }


def spelt(repo: Repository, fields: list[tuple[str, str]]) -> dict[str, str]:
    """Fields in the spelling that a record has of them, where they are known ones."""
    known = {name.casefold(): name for name in (*repo.config.tags_required, *RECORD_FIELDS)}
    return {known.get(name.casefold(), name): value for name, value in fields}


def today(repo: Repository) -> str:
    """The day (YYYY-MM-DD) of a tag made now, in the committer's time zone.

    It goes by git's clock, GIT_COMMITTER_DATE included. Raises UsageError where that is not a time.
    """
    _, seconds, zone = repo.git.committer().rsplit(" ", 2)
    try:
        return day_of(seconds, zone)
    except (ValueError, OverflowError, OSError):
        raise UsageError(
            f"git's clock says {seconds} {zone}, which is not a valid time",
            "unset GIT_COMMITTER_DATE",
        ) from None


def day_of(seconds: str, zone: str) -> str:
    """The day (YYYY-MM-DD) of a time as git writes it: seconds since the epoch, and the zone.

    Raises one of Python's own exceptions for a time that no calendar has.
    """
    from datetime import UTC, datetime, timedelta

    offset = timedelta(hours=int(zone[:3]), minutes=int(zone[0] + zone[3:]))
    return (datetime.fromtimestamp(int(seconds), UTC) + offset).date().isoformat()


def check_day(text: str) -> str:
    """The text, where it is a day. Raises UsageError where it is not."""
    if not valid_day(text):
        raise UsageError(
            f"{text} is not a valid date (YYYY-MM-DD)", "a day that exists, as 2026-11-20"
        )
    return text


def require_not_ahead(repo: Repository, day: str) -> None:
    """Raises UsageError for a day after tomorrow, which would stay the newest record.

    Tomorrow has begun further east.
    """
    from datetime import date, timedelta

    now = today(repo)
    if date.fromisoformat(day) - date.fromisoformat(now) > timedelta(days=1):
        raise UsageError(
            f"{day} has not come yet: git's clock says {now}", "git ekf tag, without --date"
        )


def parse_field(text: str) -> tuple[str, str]:
    """ "Ticket=OPS-1" as name and value. Raises UsageError."""
    name, equals, value = text.partition("=")
    value = value.strip()
    fields = parse(f"{name}: {value}\n").fields
    if not equals or "\n" in text or len(fields) != 1 or fields[0][1] != value:
        raise UsageError(f"{text} is not a field", 'write it as --field "Ticket=OPS-1"')
    return fields[0]


def option_for(name: str) -> str:
    """The option that gives a field its value, which may well have spaces."""
    if name == CONTEXT:
        return "-m CONTEXT"
    if name.isprintable() and not set(name) & set('"$`\\!'):
        return f'--field "{name}=VALUE"'
    return f"--field {shell(f'{name}=VALUE')}"


def check_record(repo: Repository, record: Record) -> None:
    """Raises Refused where a required field is missing, or it could not be pushed or read back."""
    missing = [name for name in repo.config.tags_required if not record.get(name)]
    if missing:
        words = " ".join(map(option_for, missing))
        raise Refused(f"the record lacks {', '.join(missing)}", f"git ekf tag {words}")
    message = write(record)
    if "\0" in message:
        raise Refused(
            "the record has a NUL character, so git would not show all of it",
            "git ekf tag -m CONTEXT",
        )
    if write(parse(message, repo.config.tags_required)) != message:
        raise Refused(
            "the record could not be read back: one of its lines begins a signature",
            "git ekf tag -m CONTEXT, without it",
        )
    branch, head = repo.head_branch or "", repo.head or ""
    name = next_name(repo, record.get("Date") or today(repo), branch)
    # As once it is pushed, together with its branch.
    arriving = [RefUpdate(HEADS + branch, "0" * len(head), head)]
    for finding in judge_records(repo, [unsigned(name, head, message)], arriving):
        if finding.severity == "error":
            raise Refused(
                f"the record would not be true ({finding.message})",
                "git ekf tag -m CONTEXT fills in what the repository has",
            )


def unsigned(name: RecordName, commit: str, message: str, tagger: str = "") -> RecordTag:
    """The tag as it would be, to be judged; `tagger` is the line of its header, if any."""
    raw = f"object {commit}\ntype commit\ntag {name}\n{tagger}\n{message}"
    return RecordTag(f"{TAGS}{name}", "", os.fsencode(raw))


def next_name(repo: Repository, date: str, branch: str) -> RecordName:
    """The name behind the last one of the day, so that the numbers tell the order.

    What is published under the name of a day alone stays there, and has its numbers to itself.
    """
    names = record_names(repo, f"{date}/{branch}", f"{date}.*/{branch}")
    last = last_numbers(repo, names).get((date, branch), 0)
    return RecordName(date, last + 1, branch).behind(saved_records(repo))


def last_numbers(repo: Repository, names: Iterable[str]) -> dict[tuple[str, str], int]:
    """(day, branch) -> the number of the last of some records."""
    numbers: dict[tuple[str, str], int] = {}
    for text in names:
        name = record_name(text, repo.config.scheme)
        if isinstance(name, RecordName):
            key = (name.date, name.branch)
            numbers[key] = max(numbers.get(key, 0), name.number)
    return numbers


def tag(repo: Repository, branch: str, date: str, message: str, sign: bool = False) -> RecordName:
    """Makes the annotated tag on HEAD under the next free name of the day.

    Raises CallFailed, Refused.
    """
    with exclusive(repo) as journal, Quarantine(repo.git, repo.place.objects) as quarantine:
        for _ in range(_ATTEMPTS):
            name = next_name(repo, date, branch)
            require_free(repo, [name])
            made = make_record(repo, quarantine, name, repo.head or "", message, sign=sign)
            if not made:
                continue
            quarantine.migrate()
            try:
                publish(repo, journal, "tag", [made])
                return name
            except GitFailed as error:
                if not _is_taken(error):
                    raise
    raise CallFailed(f"the names of {date} are being taken by somebody else", "try again")


def publish(repo: Repository, journal: Journal, command: str, updates: list[RefUpdate]) -> None:
    """Makes the refs of new tags, and those that keep them.

    Raises CallFailed, as where a name is taken by now.
    """
    head = repo.head_branch or ""
    operation = journal.begin(Operation(0, command, tuple(updates), head, head, moves_head=False))
    kept = [RefUpdate(made.ref.replace(TAGS, KEPT, 1), "", made.new) for made in updates]
    try:
        repo.git.update_refs([*updates, *kept])
    except CallFailed:
        journal.mark(operation, "dropped")
        raise
    journal.mark(operation, "done")


def make_record(
    repo: Repository,
    quarantine: Quarantine,
    name: RecordName,
    commit: str,
    message: str,
    *,
    sign: bool,
    when: str = "",
) -> RefUpdate | None:
    """The tag to come, whose object is in the quarantine; None where its name is taken.

    It is signed where `sign` or a setting demands it; `when` is as for Quarantine.make_tag. Raises
    CallFailed.
    """
    sign = sign or repo.config.tags_sign or repo.git_flag("tag.gpgsign")
    content = os.fsencode(message)
    try:
        oid = quarantine.make_tag(str(name), commit, content, sign=sign, when=when)
    except GitFailed as error:
        if _is_taken(error):
            return None
        if "gpg" not in error.stderr and "sign" not in error.stderr:
            raise
        reason = complaints(error.stderr)[0]
        raise CallFailed(f"the record could not be signed: {reason}", _SIGNING) from None
    if sign and not is_signed(os.fsdecode(quarantine.git(repo.git).tag(oid))):
        # Without its SSH key, git 2.39 leaves the signature out and calls that a success.
        raise CallFailed("the record could not be signed: git left the signature out", _SIGNING)
    return RefUpdate(f"{TAGS}{name}", "0" * len(oid), oid)


def _is_taken(error: GitFailed) -> bool:
    return "already exists" in error.stderr
