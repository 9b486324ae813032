"""Hints of deploy records."""

from __future__ import annotations

from scenario import RECORD, Scenario

RECORDS = {
    "deploy/write.py: what {} stands on is not known here": Scenario(
        "git update-ref -d refs/remotes/origin/release-1.8\n"
        "git for-each-ref --format='delete %(refname)' refs/ekf/upstream | git update-ref --stdin\n"
        "git config ekf.rules.branch-base off",
        "git ekf tag -m x",
    ),
    "deploy/write.py: the policy is broken ({}: {})": Scenario(
        "git branch --unset-upstream",
        "git ekf tag -m x",
        codes=(1,),
        again="git branch -u origin/release-1.8; git ekf tag -m x",
    ),
    "deploy/write.py: {} has not come yet: git's clock says {}": Scenario(
        "",
        "git ekf tag -m x --date 2027-01-01",
        ("git ekf tag",),
        {"git ekf tag": "git ekf tag -m x"},
        "git ekf show",
    ),
    "deploy/write.py: git's clock says {} {}, which is not a valid time": Scenario(
        "",
        "export GIT_COMMITTER_DATE='@999999999999 +0000'; git ekf tag -m x",
        again="unset GIT_COMMITTER_DATE; git ekf tag -m x",
    ),
    "deploy/write.py: the record lacks {}": Scenario(
        "git config ekf.tags.required Ticket",
        "git ekf tag -m x",
        ('git ekf tag --field "Ticket=VALUE"',),
        {"git ekf tag": "git ekf tag -m x", "VALUE": "OPS-1"},
        "git ekf show",
    ),
    "deploy/write.py: {} is not a field": Scenario(
        "",
        "git ekf tag -m x --field Ticket",
        ('--field "Ticket=OPS-1"',),
        {"--field": "git ekf tag -m x --field"},
        "git ekf show",
    ),
    "deploy/write.py: the record would not be true ({})": Scenario(
        "",
        "git ekf tag -m x --field 'Local branch=release-7'",
        ("git ekf tag -m CONTEXT",),
        again="git ekf show",
    ),
    "deploy/write.py: the record could not be signed: {}": Scenario(
        "git config gpg.format ssh\nssh-keygen -q -t ed25519 -N '' -f $TOP/key",
        "git ekf tag -m x --sign",
        ("git config user.signingKey KEY",),
        {"KEY": "$TOP/key"},
    ),
    "deploy/read.py: there is no deploy record yet": Scenario(
        "", "git ekf show", ("git ekf tag",), {"git ekf tag": "git ekf tag -m x"}
    ),
    "deploy/read.py: there is no deploy record {}": Scenario(
        RECORD, "git ekf show 2026-01-01", ("git ekf log",), again="git ekf show 2026-11-20"
    ),
    "deploy/read.py: {} is not a release": Scenario(
        "", "git ekf log --release x", ("git ekf releases",), again="git ekf log --release 1.8"
    ),
    "commands/rollback.py: the deploy record has to be named": Scenario(
        RECORD, "git ekf rollback ''", ("git ekf log",), again="git ekf rollback 2026-11-20"
    ),
    "commands/tag.py: -m and -F exclude each other": Scenario(
        "", "git ekf tag -m x -F y", again="git ekf tag -m x"
    ),
    "commands/tag.py: the context is empty; nothing was recorded": Scenario(
        "", "GIT_EDITOR=true git ekf tag", again="git ekf show"
    ),
    "deploy/rollback.py: no branch is checked out": Scenario(
        RECORD + "git switch -q --detach", "git ekf rollback 2026-11-20"
    ),
}
