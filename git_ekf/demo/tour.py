"""The tour of git-ekf in a sandbox: real repositories and commands, and nothing else is touched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from git_ekf.declared import Abort
from git_ekf.demo.sample import deployment, kustomization, make_vendor
from git_ekf.errors import CallFailed
from git_ekf.git.calls import Git, leave_repository
from git_ekf.shown import shell
from git_ekf.terminal.screen import paint


class Scene(NamedTuple):
    """A command of the tour, and the exit code that it has to end in.

    `title` says what it shows, `writes` has files (path -> text) that it needs, and `chapter` is
    the heading above it, or "".
    """

    title: str
    command: str
    code: int = 0
    writes: dict[str, str] = {}  # noqa: RUF012 (never changed)
    chapter: str = ""


_DAY = "2026-11-20"  # fixed, as are all object ids
_OVERLAY = "apps/istio/overlays/deploy"
_DASHBOARD = "apps/dashboard/base/deployment.yaml"
_MIGRATION = """[[upgrade.migrations]]
to = "1.9"
command = ["find", ".", "-name", "dns.yaml", "-execdir", "mv", "{}", "records.yaml", ";"]
"""


def _istio_replicas(count: int) -> dict[str, str]:
    replicas = f"replicas:\n- name: istio\n  count: {count}\n"
    return {f"{_OVERLAY}/kustomization.yaml": kustomization(["../../base"]) + replicas}


def _mirrored(version: str) -> str:
    return deployment("dashboard", version, 1).replace("registry.example.com", "mirror.example.com")


SCENES = (
    Scene(
        "Build the local repository: two remotes, the release branch, hooks, safe settings.",
        "git ekf clone vendor.git cluster --internal internal.git --release 1.8",
        chapter="Set up",
    ),
    Scene("See where things stand.", "git ekf status"),
    Scene(
        "Configure the cluster in the deploy overlay, commit, and save it to the internal"
        " repository.",
        "git commit -q -am 'Run two Istio replicas' && git push -q internal release-1.8",
        writes=_istio_replicas(2),
    ),
    Scene(
        "Work on a branch that is not a release is refused: the next upgrade would miss it.",
        "git switch -q -c tuning && git commit -q --allow-empty -m 'Tune'",
        1,
        chapter="What the hooks refuse",
    ),
    Scene(
        "So is a push to the vendor, by name or by any spelling of its address.",
        "git switch -q release-1.8 && git push origin release-1.8",
        1,
    ),
    Scene(
        "So is a merge: it would make the next upgrade hopeless.",
        "git merge --no-ff origin/release-1.9",
        1,
    ),
    Scene(
        "So are conflict markers left behind.",
        "git merge --abort && git commit -q -am 'Resolve'",
        1,
        {f"{_OVERLAY}/kustomization.yaml": "<<<<<<< ours\n=======\n>>>>>>> theirs\n"},
    ),
    Scene(
        "And deleting the record from the internal repository.",
        f"git checkout -q HEAD -- {_OVERLAY} && git push internal :release-1.8",
        1,
    ),
    Scene(
        "A file among the vendor's own is allowed, with a warning.",
        "git add apps/mine && git commit -q -m 'Add my application'",
        0,
        {"apps/mine/deployment.yaml": deployment("mine", "1", 1)},
    ),
    Scene(
        "Which releases there are.", "git ekf releases", chapter="Deploy, and keep a record of it"
    ),
    Scene("The whole policy at once.", "git ekf check"),
    Scene(
        "Deploy with the tool of your choice (here a harmless one), and record what was deployed.",
        "git config ekf.apply.command echo && git config --add ekf.apply.command 'deploying"
        " {path}' &&"
        f" git ekf apply {_OVERLAY} -m 'Two Istio replicas.'",
    ),
    Scene("The record has every field filled in.", "git ekf show"),
    Scene(
        "Save branch and records to the internal repository, all or nothing, and see that they"
        " arrived.",
        "git ekf save",
    ),
    Scene(
        "The container is lost; the internal repository is enough to build it again.",
        "rm -rf ../cluster",
        chapter="When things go wrong",
    ),
    Scene(
        "Clone again: branch and records are back.",
        "git ekf clone vendor.git cluster --internal internal.git && git -C cluster ekf log",
    ),
    Scene(
        "Somebody else works on the same cluster, in a clone of their own.",
        "cd .. && git ekf clone vendor.git second --internal internal.git >clone.log && cd second"
        " && echo 'cpu: 4' >limits.yaml && git add limits.yaml && git commit -q -m 'Limit the CPUs'"
        " && git ekf tag -m 'Four CPUs.' && git ekf save",
        chapter="Two operators, one cluster",
    ),
    Scene(
        "An upgrade from the first clone would lose that. It is refused, and says what to do.",
        "git ekf upgrade",
        4,
    ),
    Scene("So it is taken first.", "git ekf pull && git ekf status"),
    Scene(
        "A change that turns out badly.",
        "git commit -q -am 'Run nine Istio replicas' && git ekf tag -m 'Nine replicas.'",
        writes=_istio_replicas(9),
    ),
    Scene(
        "What it changed since the record before.", f"git ekf diff deploy/{_DAY}/release-1.8 HEAD"
    ),
    Scene(
        "It is rolled back to that record, as a new commit.",
        f"git ekf rollback deploy/{_DAY}/release-1.8",
    ),
    Scene("Where things stand now.", "git ekf status"),
    Scene(
        "Hooks can be skipped. The internal repository can judge for itself, by its own"
        " configuration.",
        "git ekf hooks install --server ../internal.git",
        chapter="On the server",
    ),
    Scene(
        "What is pushed past the hooks is refused there, with the same words.",
        "git push --no-verify internal :release-1.8",
        1,
    ),
    Scene(
        "Where the vendor cannot be reached, its channels come in one file, from a mirror outside.",
        "git ekf mirror ../vendor.git ../outside.git && git ekf bundle create ../channels.tar"
        " --from ../outside.git",
        chapter="Across an air gap",
    ),
    Scene(
        "Inside it is looked at, and makes the mirror that is origin there.",
        "git ekf bundle verify ../channels.tar && git ekf bundle apply ../channels.tar"
        " ../inside.git",
    ),
    Scene(
        "More configuration: a file of your own, and a change to one of the vendor's.",
        "git add site && git commit -q -m 'Add our DNS' && git commit -q -am 'Take the dashboard"
        " from our mirror'",
        writes={"site/dns.yaml": "domain: example.com\n", _DASHBOARD: _mirrored("1.8.0")},
        chapter="To the next release",
    ),
    Scene(
        "The next release calls for another file name; a migration takes care of it, once it is"
        " trusted.",
        "git add .ekf.toml && git commit -q -m 'Migrate to 1.9' && git ekf trust --yes && git ekf"
        " save",
        writes={".ekf.toml": _MIGRATION},
    ),
    Scene(
        "What would the upgrade do? Nothing is touched, and the exit code says whether it would"
        " go through.",
        "git ekf upgrade --plan",
        1,
    ),
    Scene("It stops at the conflict, in an ordinary rebase.", "git ekf upgrade --no-build", 3),
    Scene(
        "Resolve it, and go on.",
        "git add apps && git ekf upgrade --continue --no-build",
        writes={_DASHBOARD: _mirrored("1.9.0")},
    ),
    Scene(
        "Every commit is there, the file under its new name, and the old branch where it was.",
        "git log --oneline --stat -3",
    ),
    Scene("All of it can be taken back.", "git ekf undo && git branch"),
    Scene(
        "And done again: what was resolved once is not asked again.", "git ekf upgrade --no-build"
    ),
    Scene("Save the new branch.", "git ekf save && git ekf status"),
)


def play(directory: str, *, pause: bool) -> None:
    """Makes the sandbox in an existing, empty directory and walks through it.

    `pause`: each command waits for Enter. Raises CallFailed where a command ends in another code
    than its scene says, Abort where somebody ends it in place of Enter.
    """
    leave_repository()
    make_vendor(os.path.join(directory, "vendor.git"))
    Git().init(os.path.join(directory, "internal.git"), bare=True)
    environment = _environment(directory)
    cluster = os.path.join(directory, "cluster")
    for scene in SCENES:
        for path, text in scene.writes.items():
            file = Path(cluster, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        if scene.chapter:
            print("\n" + paint(f"--- {scene.chapter} ---", "bold"))
        print(f"\n# {scene.title}")
        print(paint(f"$ {scene.command}", "cyan"), end=" " if pause else "\n", flush=True)
        if pause:
            try:
                input(paint("[Enter] ", "yellow"))
            except EOFError:
                raise Abort from None
        code = subprocess.run(
            ["sh", "-c", scene.command],
            cwd=cluster if os.path.isdir(cluster) else directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stderr=sys.stdout,
            check=False,
        ).returncode
        if code != scene.code:
            raise CallFailed(
                f"the demo expected exit code {scene.code} and got {code}: {scene.command}",
                f"look around in {shell(cluster)}",
            )


def _environment(home: str) -> dict[str, str]:
    """Nothing of the user's settings, and everything at a fixed time."""
    ours = ("GIT_", "EKF_")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    environment |= {"HOME": home, "XDG_CONFIG_HOME": home}
    # The sandbox may be inside of another repository, which is no part of it.
    environment["GIT_CEILING_DIRECTORIES"] = os.path.dirname(os.path.realpath(home))
    environment |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_PAGER": "cat"}
    for role in ("AUTHOR", "COMMITTER"):
        environment[f"GIT_{role}_NAME"] = "Operator"
        environment[f"GIT_{role}_EMAIL"] = "operator@example.com"
        environment[f"GIT_{role}_DATE"] = f"{_DAY}T10:00:00+00:00"
    return environment
