"""Where each cluster of a fleet stands: what it runs, on what, and what is wrong there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from git_ekf.cluster import Running, cluster_of
from git_ekf.errors import GitFailed, UsageError
from git_ekf.fleet.file import Fleet, Member
from git_ekf.fleet.opened import Opened
from git_ekf.fleet.reading import NoCommit
from git_ekf.fleet.store import (
    BROKEN,
    THE_VENDOR,
    UNREACHABLE,
    Fetched,
    Store,
    branches_in,
    read_fetched,
)
from git_ekf.fleet.stored import StoredRepository
from git_ekf.names import record_name, without_credentials
from git_ekf.policy.finding import Finding
from git_ekf.policy.judges import judge_internal
from git_ekf.record import context

OK = "ok"
EMPTY = "empty"  # fetched, and has no branch
UNRELATED = "unrelated"  # its branch has no commit in common with the vendor
UNFETCHED = "unfetched"  # was never asked
STATES = (OK, EMPTY, UNREACHABLE, BROKEN, UNRELATED, UNFETCHED)


class Recorded(NamedTuple):
    """The newest deploy record of a cluster, which says what it runs.

    `seconds` is when it was made (since 1970), `commits_since` how many commits its branch has
    beyond it, None where the branch does not have it.
    """

    name: str
    commit: str
    seconds: int
    context: str
    commits_since: int | None


class Standing(NamedTuple):
    """A cluster as far as it is known; "" and None for what is not, or does not apply.

    `state` is OK, EMPTY, UNRELATED, UNFETCHED, or the failure by which it is known as it was at
    `fetched` (seconds since 1970; 0: never) and not as it is; `error` says why. `configuration` are
    the commits of its own on the `base`, `behind` those that the vendor's channel has beyond that.
    `prepared` is a release branch of its own beyond the `branch`.
    `days` (YYYY-MM-DD) are those of all its deploy records.
    """

    member: Member
    state: str
    fetched: float
    error: str = ""
    branch: str = ""
    release: str = ""
    tip: str = ""
    base: str = ""
    configuration: int | None = None
    behind: int | None = None
    prepared: str = ""
    recorded: Recorded | None = None
    findings: tuple[Finding, ...] = ()
    days: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether it is not known as it is."""
        return self.state not in (OK, EMPTY, UNRELATED)

    @property
    def broken(self) -> bool:
        """Whether a rule finds an error."""
        return any(finding.severity == "error" for finding in self.findings)


class Known(NamedTuple):
    """All that is known of a fleet, the clusters in the order of the fleet file.

    `vendor` is when and how the vendor was fetched; `channels` are its release branches, the lowest
    version first.
    """

    vendor: Fetched
    channels: list[str]
    standings: list[Standing]


def read_standings(store: Store, fleet: Fleet) -> Known:
    """Reads the store. Raises CallFailed where that is damaged."""
    fetched = read_fetched(store.path)  # before the refs, which a fetch writes before that
    return standings_in(Opened(store.path, fleet.scheme), fleet, fetched)


def standings_in(opened: Opened, fleet: Fleet, fetched: Mapping[str, Fetched]) -> Known:
    """Where all clusters stand, by a store and what is remembered of its repositories.

    Raises CallFailed where the store is damaged.
    """
    vendor = fetched.get(THE_VENDOR, Fetched(fleet.vendor))
    standings = [_standing(opened, one, fetched.get(one.name)) for one in fleet.members]
    return Known(vendor, opened.channels(), standings)


def _standing(opened: Opened, member: Member, fetched: Fetched | None) -> Standing:
    if fetched is None or fetched.url != without_credentials(member.internal):
        return Standing(member, UNFETCHED, 0.0)
    standing = Standing(member, fetched.failure or OK, fetched.seconds, fetched.error)
    if not branches_in(opened.theirs[member.name]):
        return standing if fetched.failure else standing._replace(state=EMPTY)
    try:
        return _stands(opened.repository(member.name), standing)
    except GitFailed as error:  # of rules, which are told so of what is no commit
        return standing._replace(state=BROKEN, error=error.stderr)
    except (UsageError, NoCommit) as error:
        return standing._replace(state=BROKEN, error=error.message)


def _stands(repo: StoredRepository, standing: Standing) -> Standing:
    """The standing with what the repository says of itself, and what the rules say of it."""
    findings = tuple(judge_internal(repo, repo.heads, repo.questions.records))
    standing = standing._replace(findings=findings, days=_days(repo))
    running = cluster_of(repo).running
    branch = running.branch if running else next(reversed(repo.release_branches), "")
    tip = repo.heads.get(branch, running.commit if running else "")
    if not branch or not tip:
        return standing
    own = dict(repo.own_commits(tip))
    line = _line(own, tip)
    base = "" if line[-1] in own else line[-1]
    state = UNRELATED if standing.state == OK and not base else standing.state
    channel = repo.channel(branch)
    return standing._replace(
        state=state,
        branch=branch,
        release=repo.config.scheme.version(branch) or "",
        tip=tip,
        base=base,
        configuration=len(own),
        behind=repo.history.behind(channel, base) if channel and base else None,
        prepared=_prepared(repo, branch),
        recorded=_recorded(running, line) if running else None,
    )


def _days(repo: StoredRepository) -> tuple[str, ...]:
    names = [record_name(record.name, repo.config.scheme) for record in repo.questions.records]
    return tuple(name.date for name in names if not isinstance(name, str))


def _prepared(repo: StoredRepository, branch: str) -> str:
    """The newest release branch beyond one that has commits of its own; "" for none."""
    key = repo.config.scheme.key
    for name, tip in reversed(repo.release_branches.items()):
        if key(name) <= key(branch):
            break
        if repo.own_commits(tip):  # else it is a copy of the vendor's
            return name
    return ""


def _line(own: Mapping[str, list[str]], tip: str) -> list[str]:
    """The commits down from a tip by first parents, to the vendor's that its own stand on."""
    line = [tip]
    while own.get(line[-1]):
        line.append(own[line[-1]][0])
    return line


def _recorded(running: Running, line: list[str]) -> Recorded:
    since = line.index(running.commit) if running.commit in line else None
    text = context(running.tag.raw) if running.tag.raw else ""
    return Recorded(str(running.name), running.commit, running.seconds, text, since)
