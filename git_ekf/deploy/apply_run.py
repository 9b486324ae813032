"""The deploy tool at work, path by path, and what came of it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NamedTuple

from git_ekf.deploy.apply import ApplyPlan, ApplyStep
from git_ekf.errors import EkfError
from git_ekf.repository import Repository
from git_ekf.transaction.preconditions import require_clean
from git_ekf.trust import quoted


class Failure(NamedTuple):
    """`reason` is what became of the tool, as the end of a sentence; `hint` is set where the tool
    never started.
    """

    step: ApplyStep
    reason: str
    hint: str = ""


class ApplyOutcome(NamedTuple):
    """`changed` says what is no longer as it was planned, `interrupted` is the signal that ended
    it; "" and 0 for nothing.
    """

    applied: list[ApplyStep]
    failed: list[Failure]
    not_reached: list[ApplyStep]
    changed: str
    interrupted: int

    @property
    def complete(self) -> bool:
        """Whether all went well."""
        return not (self.failed or self.not_reached or self.changed or self.interrupted)


# --- at work ---


def run(
    repo: Repository,
    plan: ApplyPlan,
    announce: Callable[[ApplyStep], None],
    *,
    keep_going: bool = False,
) -> ApplyOutcome:
    """Runs the tool once a step, on this process's own terminal, and says what came of it.

    It stops at the first failure unless told to keep going; in any case when a tool cannot be
    started, when HEAD or the work tree is no longer as planned, and at ^C, SIGTERM or SIGHUP, once
    the tool has ended.
    """
    applied: list[ApplyStep] = []
    failed: list[Failure] = []
    changed = ""
    with _signals() as noted:
        for step in plan.steps:
            announce(step)
            failure = _run(plan, step, noted)
            if failure:
                failed.append(failure)
            else:
                applied.append(step)
            found = "" if noted.number else _change(repo, plan)
            if noted.number:  # perhaps only now, and then it ended git as well
                break
            changed = found
            if changed or (failure and (failure.hint or not keep_going)):
                break
    return ApplyOutcome(
        applied, failed, plan.steps[len(applied) + len(failed) :], changed, noted.number
    )


def _run(plan: ApplyPlan, step: ApplyStep, noted: _Noted) -> Failure | None:
    try:
        process = subprocess.Popen(step.command, cwd=plan.top, env=plan.environment)
    except (OSError, ValueError) as error:  # ValueError: a NUL in a word
        return _not_started(plan, step, error)
    noted.follow(process)
    code = process.wait()
    noted.process = None
    if code == 0:
        return None
    return Failure(
        step, f"failed with code {code}" if code > 0 else f"was killed by {_name(-code)}"
    )


def _not_started(plan: ApplyPlan, step: ApplyStep, error: OSError | ValueError) -> Failure:
    program = step.command[0]
    whole = os.path.join(plan.top, program)
    correct = "correct apply.command: git help ekf-config"
    if isinstance(error, PermissionError) and os.path.isfile(whole):
        return Failure(
            step,
            f"could not be started: {program} is not executable",
            f"chmod +x {quoted([whole])}",
        )
    if isinstance(error, FileNotFoundError) and os.sep not in program:
        return Failure(
            step,
            f"could not be started: {program} is not on the PATH",
            f"install {quoted([program])}, or {correct}",
        )
    if isinstance(error, FileNotFoundError) and os.path.exists(whole):
        return Failure(
            step,
            f"could not be started: the interpreter in the first line of {program} is missing",
            f"head -n 1 {quoted([whole])}",
        )
    reason = error.strerror if isinstance(error, OSError) else error
    return Failure(step, f"could not be started: {program}: {reason}", correct)


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


def _change(repo: Repository, plan: ApplyPlan) -> str:
    """What is no longer as it was planned; "" for nothing."""
    now = repo.fresh()
    try:
        if now.head_branch != plan.branch:
            return f"{plan.branch} is no longer checked out"
        if now.head != plan.commit:
            return f"{plan.branch} is no longer at {plan.commit[:7]}"
        require_clean(now)
    except EkfError as error:
        return error.message
    return ""


class _Noted:
    """The first signal that came, and the tool to pass it on to."""

    def __init__(self) -> None:
        self.number = 0
        self.process: subprocess.Popen[bytes] | None = None

    def note(self, number: int, frame: FrameType | None) -> None:
        """Remembers a signal, and passes it on to the tool that runs."""
        self.number = self.number or number
        # ^C has reached the tool already: the terminal sends it to the whole process group.
        if self.process and number != signal.SIGINT:
            self.process.send_signal(number)

    def follow(self, process: subprocess.Popen[bytes]) -> None:
        """Passes signals on to this process from now on."""
        self.process = process
        if self.number:  # it came while the tool was being started
            process.send_signal(self.number)


@contextmanager
def _signals() -> Iterator[_Noted]:
    """Signals are noted and do not end this process, which has a tool to wait for.

    What is ignored stays so (nohup).
    """
    noted = _Noted()
    before = {}
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            # A handler and not SIG_IGN, which the tool would inherit.
            before[number] = signal.signal(number, noted.note)
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
