"""What an upgrade to each of the newer channels would do: what they have in common is read once."""

from __future__ import annotations

from typing import NamedTuple

from git_ekf.errors import CallFailed, Refused
from git_ekf.replay.step import Progress
from git_ekf.repository import Repository
from git_ekf.terminal.text import counted
from git_ekf.upgrade.migration import any_migration
from git_ekf.upgrade.plan import UpgradePlan, plan, why_not_in_memory
from git_ekf.upgrade.ready import names_made, require_linear, require_names
from git_ekf.upgrade.target import Target, newer_channels
from git_ekf.upgrade.work import Options, Shared, candidates, stack_of


class ChannelForecast(NamedTuple):
    """An upgrade foretold: in a sentence, and how many commits have each outcome.

    `counts` is None where that cannot be told.
    """

    counts: dict[str, int] | None
    sentence: str


def forecasts(repo: Repository, progress: Progress) -> dict[str, ChannelForecast]:
    """Newer channel -> what an upgrade would do; none where no release branch is checked out."""
    targets = newer_channels(repo)
    if not targets:
        return {}
    around = repo.git.refs_around(ref for target in targets for ref in names_made(target))
    shared = _shared(repo, targets)
    found = {}
    for target in targets:
        try:
            require_linear(repo, target, flatten=False)
            made = [ref for ref in names_made(target) if ref in around]
            require_names(repo, target, {ref: around[ref] for ref in made})
            found[target.goal] = _forecast(_plan(repo, target, shared, progress))
        except (Refused, CallFailed) as error:
            found[target.goal] = ChannelForecast(None, f"no forecast: {error.message}")
    return found


def _shared(repo: Repository, targets: list[Target]) -> Shared:
    """What is known of all: they are of the same commits."""
    stack = stack_of(repo, targets[0])
    tips = [target.onto for target in targets if not target.prepared]
    vendors = candidates(repo, stack, tips) if tips else []
    return Shared(stack, vendors, any_migration(repo, targets))


def _plan(repo: Repository, target: Target, shared: Shared, progress: Progress) -> UpgradePlan:
    if not (shared.stack.commits or shared.may_migrate or why_not_in_memory(repo)):
        return UpgradePlan(target, [])
    return plan(repo, target, Options(progress=progress), shared)


def _forecast(planned: UpgradePlan) -> ChannelForecast:
    sentence = f"an upgrade would go through: {planned.summary()}"
    if planned.conflicts:
        files: set[str] = set()
        for step in planned.conflicts:
            for conflict in step.conflicts:
                files.update(conflict.paths)
        count = counted(len(files), "file")
        sentence = f"an upgrade would stop: {planned.summary()} ({count})"
    return ChannelForecast(planned.counts(), sentence)
