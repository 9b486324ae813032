"""Hints of deploy records."""

from __future__ import annotations

from scenario import CONFLICTING, ISTIO, RECORD, Scenario

_OLD = "deploy/2026-11-01/release-1.8"
_BY_HAND = f"git tag {_OLD}\n"

RECORDS = {
    "deploy/adopt.py: there is no deploy record {}": Scenario(
        _BY_HAND,
        "git ekf adopt deploy/none",
        ("git tag -l 'deploy/*'",),
        again=f"git ekf adopt {_OLD} -m x",
    ),
    "deploy/adopt.py: {} does not say its {}; nothing was recorded": Scenario(
        _BY_HAND,
        f"git ekf adopt {_OLD}",
        fill={"CONTEXT": "x"},
    ),
    "deploy/adopt.py: the release of {} cannot be told: {}; nothing was recorded": Scenario(
        "git branch -q release-1.9 release-1.8\ngit tag deploy/first",
        "git ekf adopt deploy/first -m x",
        ("git ekf adopt deploy/first --field",),
        {"--field": "-m x --field 'Local branch=release-1.8'"},
    ),
    "deploy/adopt.py: what the vendor has on {} is not known here, so that {} cannot be completed": Scenario(
        _BY_HAND + "git update-ref -d refs/remotes/origin/release-1.8\n"
        "git for-each-ref --format='delete %(refname)' refs/ekf/upstream | git update-ref --stdin",
        f"git ekf adopt {_OLD} -m x",
    ),
    "deploy/adopt.py: {} is on {}, which is in no repository known here; there is nothing to complete": Scenario(
        "commit=$(git commit-tree -m x -p HEAD HEAD^{tree})\n"
        f"git tag -a -m 'Context: x' {_OLD} $commit\n"
        "file=.git/objects/$(echo $commit | cut -c1-2)/$(echo $commit | cut -c3-)\n"
        "mv $file $TOP/lost; echo $file >$TOP/where",
        f"git ekf adopt {_OLD}",
        codes=(0, 128),
        again="mv $TOP/lost $(cat $TOP/where); git ekf log",
    ),
    "deploy/adopt.py: {} is on a {}, not on a commit; nothing can be deployed from it": Scenario(
        f"git tag -a -m x {_OLD} HEAD^{{tree}}",
        f"git ekf adopt {_OLD}",
        (f"git show {_OLD}",),
        again="git ekf log",
    ),
    "deploy/adopt.py: {} is on {}, which was never on {}; nothing was recorded": Scenario(
        f"git tag {_OLD} origin/release-1.9",
        f"git ekf adopt {_OLD} -m x",
        ("git branch -a --contains ",),
        {"git branch -a --contains ": f"git branch -a --contains {_OLD}"},
        again="git ekf log",
    ),
    "deploy/adopt.py: {} cannot be completed ({}); nothing was recorded": Scenario(
        f"git tag -a -m 'Local SHA: 1234567' {_OLD}",
        f"git ekf adopt {_OLD} -m x",
        (f"git show {_OLD}",),
        again="git ekf log",
    ),
    "deploy/write.py: what {} stands on is not known here": Scenario(
        "git update-ref -d refs/remotes/origin/release-1.8\n"
        "git for-each-ref --format='delete %(refname)' refs/ekf/upstream | git update-ref --stdin\n"
        "git config ekf.rules.branch-base off",
        "git ekf tag -m x",
    ),
    "doctor/clone.py: {} was never fetched": Scenario(
        "rm -f .git/FETCH_HEAD .git/logs/refs/remotes/origin/*",
        "git ekf doctor --offline || true",
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
    "policy/branches.py: {} has no configuration commit, and {}/{} has some": Scenario(
        "git reset -q --hard origin/release-1.8",
        "git ekf check",
        again="git ekf check && git ekf tag -m x",
    ),
    "commands/rollback.py: --continue and --abort stand alone": Scenario(
        RECORD,
        "git ekf rollback --continue 2026-11-20",
        ("git ekf rollback -h",),
        again="git ekf rollback 2026-11-20",
    ),
    "commands/rollback.py: no rollback is in progress": Scenario(
        RECORD,
        "git ekf rollback --continue",
        ("git ekf status",),
        again="git ekf rollback 2026-11-20",
    ),
    "upgrade/rebase.py: nothing of the record was left to commit, and {} stays as it was": Scenario(
        f"{CONFLICTING}git ekf rollback 2026-11-20 || test $? = 3\n"
        f"git checkout -q --ours {ISTIO}\ngit add {ISTIO}",
        "git ekf rollback --continue",
        again="git ekf status",
    ),
    "upgrade/rollback.py: conflicts are resolved on {}, and {} is checked out": Scenario(
        CONFLICTING + "git switch -q -c release-1.9 origin/release-1.9",
        "git ekf rollback 2026-11-20",
        codes=(3,),
        again="git ekf status",
    ),
    "commands/tag.py: -m and -F exclude each other": Scenario(
        "", "git ekf tag -m x -F y", again="git ekf tag -m x"
    ),
    "commands/tag.py: the context is empty; nothing was recorded": Scenario(
        "", "GIT_EDITOR=true git ekf tag", again="git ekf show"
    ),
    "upgrade/rollback.py: no branch is checked out": Scenario(
        RECORD + "git switch -q --detach", "git ekf rollback 2026-11-20"
    ),
}
