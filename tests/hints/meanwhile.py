"""Hints for what another program does, or a user, while git-ekf is at work or was cut off."""

from __future__ import annotations

from scenario import CLASH, ISTIO, RESOLVED, STOPPED, Scenario


def _hook(name: str, text: str, folder: str = ".git") -> str:
    file = f"{folder}/hooks/{name}"
    return f"cat >{file} <<'END'\n#!/bin/sh\n{text}\nEND\nchmod +x {file}\n"


_UPGRADE = "git ekf upgrade --no-save-check"

MEANWHILE = {
    "cli.py: git ekf status shows how far it has got; what is done git ekf undo takes back": Scenario(
        _hook("post-checkout", 'rm "$0"\nkill -INT $PPID\nsleep 1'),
        "git ekf upgrade",
        ("git ekf status", "git ekf undo"),
        again="git ekf upgrade",
    ),
    "deploy/save.py: the push succeeded, but {} could not be read back: {}": Scenario(
        "echo x >own/x\ngit add own\ngit commit -q -m X\n"
        + _hook("post-receive", "mv HEAD HEAD.away", "$INTERNAL"),
        "git ekf save",
        fill={"git ekf save": "mv $INTERNAL/HEAD.away $INTERNAL/HEAD; git ekf save"},
    ),
    "setup/steps.py: what was done before it stays; run git ekf init again to go on": Scenario(
        "git remote remove internal\n"
        + _hook("reference-transaction", "test -e $TOP/ok || grep -qv refs/remotes/internal"),
        "git ekf init --internal $INTERNAL",
        ("git ekf init",),
        {"git ekf init": "touch $TOP/ok; git ekf init"},
    ),
    "transaction/interrupted.py: {} was cut off, and {} was changed since": Scenario(
        "git ekf upgrade\nsed -i '$d' .git/ekf/journal\n"
        f"git symbolic-ref HEAD refs/heads/release-1.8\necho mine >>{ISTIO}",
        "git ekf undo",
        ("git stash -u", "git ekf undo", "git stash pop"),
        again=f"grep mine {ISTIO} && git ekf status",
        codes=(0, 1),
    ),
    "transaction/moves.py: {} has moved meanwhile": Scenario(
        _hook("pre-rebase", 'rm "$0"\nEKF_HOOKS=0 git commit -q --allow-empty -m X'),
        _UPGRADE,
        ("git ekf status",),
    ),
    "transaction/perform.py: {} was cut off meanwhile": Scenario(
        "git ekf upgrade\ngit ekf undo\nsed '$d' .git/ekf/journal >$TOP/journal\n"
        'printf \'#!/bin/sh\\nmv $TOP/journal .git/ekf/journal\\nsed -i "s/^Context:.*/Context: x/" "$1"\\n\' >$TOP/edit\n'
        "chmod +x $TOP/edit",
        "GIT_EDITOR=$TOP/edit git ekf tag",
        ("git ekf status",),
        again="git ekf tag -m x",
    ),
    "upgrade/rebase.py: git rebase --abort did not lead back to {}": Scenario(
        STOPPED
        + _hook(
            "reference-transaction",
            'test "$1" = committed && grep -q refs/heads/release-1.8$ && rm "$0" &&'
            " git update-ref refs/heads/release-1.8 origin/release-1.8; true",
        ),
        "git ekf upgrade --abort",
        again="git diff --exit-code internal/release-1.8 && git ekf status",
    ),
    "upgrade/rebase.py: git was cut off while it picked {}, and would go on without it": Scenario(
        f"{CLASH}echo x >own/x\ngit add own\ngit commit -q -m X\ngit ekf save\n"
        f"git ekf upgrade || test $? = 3\n{RESOLVED}\ncd .git/rebase-merge\n"
        "grep ^pick git-rebase-todo >>done\nsed -i /^pick/d git-rebase-todo",
        "git ekf upgrade --continue",
        ("git ekf upgrade --abort",),
        again="git ekf upgrade",
    ),
}
