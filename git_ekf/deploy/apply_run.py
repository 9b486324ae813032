"""The deploy tool at work: started once a step, on this process's own terminal."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import NamedTuple

from git_ekf.deploy.only_commits import require_only_commits
from git_ekf.errors import EkfError, signal_name
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.transaction.preconditions import require_clean


class ApplyStep(NamedTuple):
    """`path` is relative to the top of the work tree; "" for a tool that takes none."""

    path: str
    command: tuple[str, ...]


class ApplyPlan(NamedTuple):
    """`environment` is the tool's, whole; `top` the directory it runs in.

    `ignored` are the files that git ignores and the configuration lets through.
    """

    branch: str
    commit: str
    top: str
    environment: dict[str, str]
    steps: list[ApplyStep]
    ignored: list[str]


class ApplyFailure(NamedTuple):
    """`reason` is what became of the tool, as the end of a sentence.

    `hint` is set where the tool never started.
    """

    step: ApplyStep
    reason: str
    hint: str = ""


class ApplyOutcome(NamedTuple):
    """The steps by what became of them.

    `changed` says what is no longer as it was planned, "" for nothing; `interrupted` is the number
    of the signal that ended it, 0 for none.
    """

    applied: list[ApplyStep]
    failed: list[ApplyFailure]
    not_reached: list[ApplyStep]
    changed: str
    interrupted: int

    @property
    def complete(self) -> bool:
        """Whether all of it was applied, to what was planned."""
        return not (self.failed or self.not_reached or self.changed or self.interrupted)


def run(
    repo: Repository,
    plan: ApplyPlan,
    announce: Callable[[ApplyStep], None],
    *,
    keep_going: bool = False,
) -> ApplyOutcome:
    """Runs the tool once a step, and says what came of it.

    It stops at the first failure unless told to keep going; in any case when a tool cannot be
    started, when HEAD or the work tree is no longer as planned, and at ^C, SIGTERM or SIGHUP, once
    the tool has ended.
    """
    applied: list[ApplyStep] = []
    failed: list[ApplyFailure] = []
    changed = ""
    with noted_signals() as signals:
        for step in plan.steps:
            announce(step)
            failure = _run(plan, step, signals)
            if failure:
                failed.append(failure)
            else:
                applied.append(step)
            if signals.first:
                break
            found = change(repo, plan, plan.steps[len(applied) + len(failed) :][:1])
            if signals.first:  # it came only now, and then it ended git as well
                break
            changed = found
            if changed or (failure and (failure.hint or not keep_going)):
                break
    not_reached = plan.steps[len(applied) + len(failed) :]
    return ApplyOutcome(applied, failed, not_reached, changed, signals.first)


def _run(plan: ApplyPlan, step: ApplyStep, signals: Signals) -> ApplyFailure | None:
    try:
        process = subprocess.Popen(step.command, cwd=plan.top, env=plan.environment)
    except (OSError, ValueError) as error:  # ValueError: a NUL in a word
        reason, hint = _why_not_started(plan, step.command[0], error)
        return ApplyFailure(step, f"could not be started: {reason}", hint)
    signals.follow(process)
    code = process.wait()
    signals.process = None
    if code == 0:
        return None
    return ApplyFailure(step, ending(code))


def _why_not_started(plan: ApplyPlan, program: str, error: Exception) -> tuple[str, str]:
    """The reason, and a hint."""
    path = os.path.join(plan.top, program)
    correct = "correct apply.command: git ekf man config"
    if isinstance(error, PermissionError) and os.path.isfile(path):
        return f"{program} is not executable", f"chmod +x {shell(path)}"
    if isinstance(error, FileNotFoundError) and os.sep not in program:
        return f"{program} is not on the PATH", f"install {shell(program)}, or {correct}"
    if isinstance(error, FileNotFoundError) and os.path.exists(path):
        reason = f"the interpreter in the first line of {program} is missing"
        return reason, f"head -n 1 {shell(path)}"
    why = error.strerror if isinstance(error, OSError) else str(error)
    return f"{program}: {why}", correct


def ending(code: int) -> str:
    """How a tool ended, by its code as subprocess has it: the end of a sentence."""
    return f"failed with code {code}" if code > 0 else f"was killed by {signal_name(-code)}"


def change(repo: Repository, plan: ApplyPlan, coming: Sequence[ApplyStep] = ()) -> str:
    """A sentence on what is no longer as it was planned; "" for nothing.

    Also on what the tool would see at the steps `coming`, and the record would not have.
    """
    now = repo.fresh()
    try:
        if now.head_branch != plan.branch:
            return f"{plan.branch} is no longer checked out"
        if now.head != plan.commit:
            return f"{plan.branch} is no longer at {plan.commit[:7]}"
        require_clean(now)
        for step in coming:
            known = require_only_commits(now, [step.path or os.curdir])
            new = sorted(set(known) - set(plan.ignored))
            if new:
                return f"{new[0]} is there now, which the record would not name"
    except EkfError as error:
        return error.message
    return ""


class Signals:
    """The number of the first signal that came, and the tool to pass it on to."""

    def __init__(self) -> None:
        self.first = 0
        self.process: subprocess.Popen[bytes] | None = None

    def note(self, number: int, frame: FrameType | None) -> None:
        """Handles a signal (signal.signal)."""
        self.first = self.first or number
        # ^C has reached the tool already: the terminal sends it to the whole process group.
        if self.process and number != signal.SIGINT:
            self.process.send_signal(number)

    def follow(self, process: subprocess.Popen[bytes]) -> None:
        """From now on the tool is sent what comes, and now what has come."""
        self.process = process
        if self.first:  # it came while the tool was being started
            process.send_signal(self.first)


@contextmanager
def noted_signals() -> Iterator[Signals]:
    """Notes signals, which do not end this process: it has a tool to wait for."""
    signals = Signals()
    before = {}
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # One that is ignored stays so (nohup). A handler for the others, not SIG_IGN, which the
        # tool would inherit.
        if signal.getsignal(number) != signal.SIG_IGN:
            before[number] = signal.signal(number, signals.note)
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
