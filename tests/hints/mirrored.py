"""Hints of mirrors and bundles: whose they are, what they follow, and what their repository takes."""

from __future__ import annotations

from scenario import Scenario

_MIRROR = "git ekf mirror $VENDOR $TOP/mirror.git\n"
_ANOTHER = {"name a directory that does not exist yet": "true"}
_APPLIED = "git ekf bundle create $TOP/1\ngit ekf bundle apply $TOP/1 $TOP/mirror.git\n"
_MOVED = "cp -r $VENDOR $TOP/moved.git\n"
# The vendor goes on, and the clone has it.
_MORE = (
    "tip=$(git -C $VENDOR commit-tree -m More -p release-1.8 release-1.8^{tree})\n"
    "git -C $VENDOR update-ref refs/heads/release-1.8 $tip\ngit fetch -q origin\n"
)
# A mirror elsewhere, whose server does something after a push, or before it.
_ELSEWHERE = "git init -q --bare $TOP/mirror.git\n"
_URL = "file://$TOP/mirror.git"


def _hook(name: str, text: str) -> str:
    file = f"$TOP/mirror.git/hooks/{name}"
    return f"printf '#!/bin/sh\\n{text}\\n' >{file}\nchmod +x {file}\n"


MIRRORED = {
    "airgap/apply.py: {} is from {}, and {} is a mirror of {}; nothing was changed": Scenario(
        f"{_APPLIED}{_MOVED}git remote set-url origin $TOP/moved.git\ngit ekf bundle create $TOP/2",
        "git ekf bundle apply $TOP/2 $TOP/mirror.git",
        ("git ekf bundle apply $TOP/2 $TOP/mirror.git --accept $VENDOR",),
    ),
    "airgap/apply.py: {} is older than what is there: it has what the vendor had on {}, and the mirror that of {}; nothing was changed": Scenario(
        f"git fetch -q origin\ntouch -d '1 hour ago' .git/FETCH_HEAD .git/logs/refs/remotes/origin/*\ngit ekf bundle create $TOP/1\n{_MIRROR}",
        "git ekf bundle apply $TOP/1 $TOP/mirror.git",
        ("git ekf bundle create FILE --from $VENDOR",),
        {"FILE": "$TOP/2"},
        "git ekf bundle apply $TOP/2 $TOP/mirror.git",
    ),
    "airgap/apply.py _out_of_order(): {} >receipt, and where the vendor is reached: {}": Scenario(
        f"{_APPLIED}{_MORE}git ekf bundle create $TOP/2 --receipt $TOP/1.receipt\n"
        f"{_MORE}git ekf bundle create $TOP/other --receipt $TOP/1.receipt\n"
        "git ekf bundle apply $TOP/2 $TOP/mirror.git",
        "git ekf bundle apply $TOP/other $TOP/mirror.git",
        (
            "git -C $TOP/mirror.git cat-file blob refs/ekf/bundle/receipt >receipt",
            "git ekf bundle create FILE --receipt receipt",
        ),
        {"FILE": "$TOP/3"},
        "git ekf bundle apply $TOP/3 $TOP/mirror.git",
        said="was applied already",
    ),
    "airgap/apply.py: {} builds on {}, which {} does not have; nothing was changed": Scenario(
        f"{_APPLIED}{_MORE}git ekf bundle create $TOP/2 --receipt $TOP/1.receipt\n"
        "cd $TOP/mirror.git\nstate=$(git cat-file blob refs/ekf/mirror/state)\nrm -f objects/pack/*\n"
        'echo "$state" | git hash-object -w --stdin\ngit hash-object -w $TOP/1.receipt\n',
        "git ekf bundle apply $TOP/2 $TOP/mirror.git",
        ("have one with everything: git ekf bundle create FILE",),
        {"have one with everything: ": "", "FILE": "$TOP/whole"},
        "git ekf bundle apply $TOP/whole $TOP/mirror.git",
    ),
    "airgap/apply.py: {} is a symbolic ref here, to {}; nothing was changed": Scenario(
        f"{_MIRROR}git -C $TOP/mirror.git symbolic-ref refs/heads/x refs/heads/release-1.8\n"
        "git fetch -q origin\ngit ekf bundle create $TOP/1",
        "git ekf bundle apply $TOP/1 $TOP/mirror.git",
    ),
    "airgap/bare.py: {} is a repository with a work tree, and a mirror has none": Scenario(
        "git -C $TOP/mirror.git init -q 2>/dev/null || git clone -q $VENDOR $TOP/tree",
        "git ekf mirror $VENDOR $TOP/tree/.git",
        fill=_ANOTHER,
        again="git ekf mirror $VENDOR $TOP/new.git",
    ),
    "airgap/changes.py require_refs(): {}": Scenario(
        _ELSEWHERE
        + _hook("post-receive", "test -e ok || git update-ref -d refs/heads/release-1.9"),
        f"git ekf mirror $VENDOR {_URL}",
        ("try again",),
        {"try again": "touch $TOP/mirror.git/ok"},
        said="the push succeeded, but",
    ),
    "airgap/elsewhere.py: {} did not take it: {}; nothing was changed": Scenario(
        _ELSEWHERE + _hook("pre-receive", "echo cure: touch ok\\ntest -e ok"),
        f"git ekf mirror $VENDOR {_URL}",
        again=f"touch $TOP/mirror.git/ok; git ekf mirror $VENDOR {_URL}",
    ),
    "airgap/elsewhere.py: {} takes no atomic push; nothing was changed": Scenario(
        f"{_ELSEWHERE}git -C $TOP/mirror.git config receive.advertiseAtomic false",
        f"git ekf mirror $VENDOR {_URL}",
        ("git ekf mirror PRIMARY DIR",),
        {"PRIMARY": "$VENDOR", "DIR": "$TOP/mirror.git"},
        "git -C $TOP/mirror.git rev-parse release-1.9",
    ),
    "airgap/mirror.py: the primary repository has no release branch ({})": Scenario(
        "for release in 1.8 1.9 1.10\n"
        "do git -C $VENDOR branch -m release-$release v$release-branch\ndone",
        "git ekf mirror $VENDOR $TOP/mirror.git",
        ("git -c ekf.branches.release='v{version}-branch' ekf mirror $VENDOR $TOP/mirror.git",),
        again="git -C $TOP/mirror.git rev-parse v1.9-branch",
    ),
    "airgap/mirror.py: {} is a mirror of {}; nothing was changed": Scenario(
        f"{_MIRROR}{_MOVED}",
        "git ekf mirror $TOP/moved.git $TOP/mirror.git",
        (
            "git ekf mirror $VENDOR $TOP/mirror.git",
            "git ekf mirror $TOP/moved.git $TOP/mirror.git --accept $VENDOR",
        ),
    ),
    "commands/bundle.py: the bundle is applied, but the receipt could not be written to {}": Scenario(
        "git ekf bundle create $TOP/1",
        "git ekf bundle apply $TOP/1 $TOP/mirror.git --receipt $TOP/none/receipt",
        fill={"RECEIPT": "$TOP/receipt"},
        again="git ekf bundle create $TOP/2 --receipt $TOP/receipt",
    ),
}
