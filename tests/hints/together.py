"""Hints of those who work on one cluster: what internal has, and this clone lacks."""

from __future__ import annotations

from scenario import OTHER, PUSHED, URLS, Scenario

# A colleague with a clone of git-ekf's.
_COLLEAGUE = (
    "git ekf clone $VENDOR $TOP/other --internal $INTERNAL\n"
    "cd $TOP/other\ngit config ekf.render.command true\n"
)
_COMMITTED = "echo x >own/x\ngit add own\ngit commit -q -m X\n"
_BOTH = f"({OTHER}echo y >own/x\ngit add own\ngit commit -q -m Y\ngit push -q)\n{_COMMITTED}"
_LOCK = "$INTERNAL/refs/heads/release-1.8.lock"

TOGETHER = {
    "internal.py: {}; {}": Scenario(PUSHED, "git ekf save", said="that this clone lacks"),
    "internal.py: {} runs {}, by {} of {}, and this clone lacks it; {}": Scenario(
        f"({_COLLEAGUE}git ekf upgrade\ngit ekf tag -m x\ngit ekf save)", "git ekf tag -m y"
    ),
    "internal.py: {} runs {}, and an upgrade from {} to {} would leave out what that has; {}": Scenario(
        "git ekf upgrade\ngit ekf tag -m x\ngit ekf save\ngit switch -q release-1.8",
        "git ekf upgrade 1.10",
        again="git ekf status",
    ),
    "internal.py: {} has {}, and this clone lacks it; {}": Scenario(
        f"git ekf upgrade\ngit ekf tag -m x\n{_COMMITTED}git ekf save\n"
        "git switch -q release-1.8\ngit branch -q -D release-1.9",
        "git ekf rollback 2026-11-20",
    ),
    "internal.py: {} has an unrelated history of {}, as of another cluster; {}": Scenario(
        "git init -q --bare $TOP/theirs.git\ngit checkout -q --orphan x\n"
        "git commit -q --no-verify -m X\n"
        "git push -q --no-verify $TOP/theirs.git HEAD:refs/heads/release-1.8\n"
        "git checkout -q release-1.8\ngit remote set-url internal $TOP/theirs.git",
        "git ekf pull",
        again="git remote set-url internal $INTERNAL; git ekf pull",
    ),
    "commands/pull.py: --{} goes with no other option": Scenario(
        f"{_BOTH}git ekf pull || test $? = 3\ngit checkout --theirs own/x\ngit add own/x",
        "git ekf pull --continue --switch",
        again="git ekf status",
    ),
    "commands/pull.py: there is no remote {}": Scenario(
        "git remote remove internal", "git ekf pull", fill=URLS
    ),
    "deploy/save.py: {} cannot be asked: {}; nothing was saved": Scenario(
        "printf '#!/bin/sh\\nexec sleep 60\\n' >$TOP/ssh\nchmod +x $TOP/ssh\n"
        "git config core.sshCommand $TOP/ssh\ngit remote set-url internal ssh://h/x.git",
        "GIT_EKF_TIMEOUT=0.2 git ekf save",
        ("git ls-remote internal",),
        {"git ls-remote internal": "timeout 1 git ls-remote internal"},
        "git remote set-url internal $INTERNAL; git ekf save",
        codes=(124,),  # it waits, as one sees
    ),
    "commands/pull.py: {} cannot be asked: {}; nothing was changed": Scenario(
        "mv $INTERNAL $INTERNAL.away",
        "git ekf pull",
        codes=(128,),
        again="mv $INTERNAL.away $INTERNAL; git ekf pull",
    ),
    "commands/pull.py: {} is the vendor's repository": Scenario(
        "git remote set-url internal $VENDOR",
        "git ekf pull",
        codes=(1,),
        again="git remote set-url internal $INTERNAL; git ekf pull",
    ),
    "commands/pull.py: {}, and no branch {} is known here or on {}": Scenario(
        "git ekf upgrade\ngit ekf tag -m x\ngit ekf save\ngit switch -q release-1.8\n"
        "git branch -q -D release-1.9\ngit -C $INTERNAL branch -q -D release-1.9",
        "git ekf pull --switch",
    ),
    "deploy/refusal.py: somebody else saves to {} at this moment, or was cut off there; {}": Scenario(
        f"{_COMMITTED}touch {_LOCK}",
        "git ekf save",
        ("git ekf pull", "git ekf save"),
        {"git ekf save": f"rm {_LOCK}; git ekf save"},
    ),
    "upgrade/target.py: {} here and on {} have gone different ways": Scenario(
        f"({_COLLEAGUE}git ekf upgrade\necho y >own/y\ngit add own\ngit commit -q -m Y\ngit ekf save)\n"
        f"git ekf upgrade --no-fetch\n{_COMMITTED}git switch -q release-1.8",
        "git ekf upgrade",
        again="git switch -q release-1.8; git ekf upgrade",
    ),
    "upgrade/ready.py require_names(): {}": Scenario(
        "git worktree add -q $TOP/tree -b release-1.9 origin/release-1.9",
        "git ekf upgrade",
        said="is checked out in",
    ),
}
