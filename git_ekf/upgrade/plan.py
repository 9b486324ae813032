"""What becomes of each configuration commit on its new base: told, and nothing changed."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, NamedTuple

from git_ekf.errors import Refused
from git_ekf.replay import merging
from git_ekf.replay.evidence import always
from git_ekf.replay.scratch import open_scratch
from git_ekf.replay.step import ReplayStep
from git_ekf.repository import Repository
from git_ekf.upgrade.settling import memory_of
from git_ekf.upgrade.target import Target
from git_ekf.upgrade.work import Options, Shared, look_ahead, read_work, rewrite

if TYPE_CHECKING:
    from git_ekf.manifests.effects import Effects
    from git_ekf.manifests.four_builds import Customisation
    from git_ekf.manifests.image_coverage import Coverage
    from git_ekf.resolutions.answers import UnusedResolution

# What becomes of a commit -> the same in a summary.
OUTCOMES = {
    "clean": "clean",
    "upstream": "already upstream",
    "empty": "nothing left of",
    "dropped": "dropped",
    "conflict": "in conflict",
    "depends": "behind a conflict",
}


class UpgradePlan(NamedTuple):
    """The configuration commits, each with what becomes of it."""

    target: Target
    steps: list[ReplayStep]
    effects: Effects | None = None  # where they were asked for
    customisation: Customisation | None = None  # where builds were
    images: Coverage | None = None  # the same, and images.registry is set
    refused: tuple[UnusedResolution, ...] = ()  # resolutions that fit and are not used

    @property
    def breaks(self) -> bool:
        """Whether it is known to break something."""
        return not all(one is None or one.fine for one in (self.effects, self.customisation))

    @property
    def fine(self) -> bool:
        """Whether it would go through, and nothing that was looked at speaks against it."""
        covered = self.images is None or self.images.fine
        return covered and not (self.conflicts or self.breaks)

    @property
    def conflicts(self) -> list[ReplayStep]:
        """The commits at which it would stop."""
        return [step for step in self.steps if step.verdict == "conflict"]

    @property
    def dropped(self) -> list[ReplayStep]:
        """The commits that would conflict, and are left out: the vendor has them."""
        return [step for step in self.steps if step.verdict == "dropped"]

    def counts(self) -> dict[str, int]:
        """How many commits have each outcome, those that none has included.

        But for dropped, which no commit has that was not asked for.
        """
        outcomes = [step.outcome for step in self.steps]
        named = [name for name in OUTCOMES if name != "dropped" or name in outcomes]
        return {outcome: outcomes.count(outcome) for outcome in named}

    def summary(self) -> str:
        """The same in words."""
        words = [
            f"{count} {OUTCOMES[outcome]}" for outcome, count in self.counts().items() if count
        ]
        return ", ".join(words) or "nothing to carry over"


def why_not_in_memory(repo: Repository) -> str:
    """Why only `git rebase` can tell what it would do here; "" where that can be told."""
    if repo.git.version < merging.MINIMUM:
        version = ".".join(map(str, repo.git.version))
        return f"git {version} cannot merge without a work tree (2.39 can)"
    if repo.git_flag("merge.renormalize"):
        return "merge.renormalize is set, which git goes by in a work tree only"
    return ""


def plan(
    repo: Repository, target: Target, options: Options, shared: Shared | None = None
) -> UpgradePlan:
    """The commits, each with what would become of it; `shared` is what is known of them already.

    Raises Refused where it cannot be told, CallFailed where a migration fails.
    """
    why = why_not_in_memory(repo)
    if why:
        raise Refused(
            f"there is no forecast: {why}",
            f"git ekf {target.command}{options.given}, without --plan; git ekf undo takes it back",
        )
    if options.drop is not always:  # what is superseded goes before what rerere remembers
        options = options._replace(memory=memory_of(repo))
    common = shared.scratch if shared else None
    with nullcontext(common) if common else open_scratch(repo) as scratch:
        work = rewrite(read_work(repo, scratch, target, options, shared))
        look_ahead(work)
        steps = work.steps()
        known = work.options.resolutions
        planned = UpgradePlan(target, steps, refused=known.refused if known else ())
        if options.effects:
            from git_ekf.upgrade.effects import planned_effects  # what only a plan needs

            planned = planned._replace(effects=planned_effects(scratch, target, steps))
        if options.builds:
            from git_ekf.upgrade.builds import planned_builds

            fields, images = planned_builds(work, steps, options.builds)
            planned = planned._replace(customisation=fields, images=images)
        return planned
