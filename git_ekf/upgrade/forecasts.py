"""What an upgrade to each of the newer channels would do: what they have in common is read once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from git_ekf.errors import CallFailed, Refused
from git_ekf.replay.scratch import open_scratch
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


@contextmanager
def forecasts(
    repo: Repository, progress: Progress
) -> Iterator[Callable[[str], ChannelForecast | None]]:
    """Gives a function that tells what an upgrade to a channel would do.

    None for one that is not newer; all are, where no release branch is checked out. Each is looked
    at when it is asked for: of a thousand, those that come next are told at once.
    """
    targets = {target.goal: target for target in newer_channels(repo)}
    if not targets:
        yield lambda _: None
        return
    all_made = (ref for target in targets.values() for ref in names_made(target))
    around = repo.git.refs_around(all_made)
    with ExitStack() as stack:
        shared = _shared(repo, list(targets.values()))
        if shared.stack.commits and not (shared.may_migrate or why_not_in_memory(repo)):
            shared = shared._replace(scratch=stack.enter_context(open_scratch(repo)))

        def foretell(branch: str) -> ChannelForecast | None:
            target = targets.get(branch)
            if target is None:
                return None
            try:
                require_linear(repo, target, flatten=False)
                made = [ref for ref in names_made(target) if ref in around]
                require_names(repo, target, {ref: around[ref] for ref in made})
                return _forecast(_plan(repo, target, shared, progress))
            except (Refused, CallFailed) as error:
                return ChannelForecast(None, f"no forecast: {error.message}")

        yield foretell


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
