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
from git_ekf.upgrade.target import newer_channels
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
    around = repo.git.refs_around(ref for target in targets.values() for ref in names_made(target))
    commits = stack_of(repo, next(iter(targets.values())))  # of all of them
    tips = [target.onto for target in targets.values() if not target.prepared]
    may_migrate = any_migration(repo, list(targets.values()))
    shared = Shared(commits, candidates(repo, commits, tips), may_migrate)
    why_not = why_not_in_memory(repo)
    with ExitStack() as stack:
        if commits.commits and not (may_migrate or why_not):
            shared = shared._replace(scratch=stack.enter_context(open_scratch(repo)))

        def foretell(branch: str) -> ChannelForecast | None:
            target = targets.get(branch)
            if target is None:
                return None
            try:
                require_linear(repo, target)
                of_one = {ref: around[ref] for ref in names_made(target) if ref in around}
                require_names(repo, target, of_one)
                planned = UpgradePlan(target, [])
                if commits.commits or may_migrate or why_not:
                    planned = plan(repo, target, Options(progress=progress), shared)
                return ChannelForecast(planned.counts(), _sentence(planned))
            except (Refused, CallFailed) as error:
                return ChannelForecast(None, f"no forecast: {error.message}")

        yield foretell


def _sentence(planned: UpgradePlan) -> str:
    if not planned.conflicts:
        return f"an upgrade would go through: {planned.summary()}"
    files: set[str] = set()
    for step in planned.conflicts:
        for conflict in step.conflicts:
            files.update(conflict.paths)
    return f"an upgrade would stop: {planned.summary()} ({counted(len(files), 'file')})"
