"""For each hint a situation in which it is printed, and how it is followed.

A situation begins in a clone with three saved commits on release-1.8, whose vendor ($VENDOR) has 1.9 and 1.10, and
whose internal repository is $INTERNAL; $TOP is the directory of all three.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Scenario(NamedTuple):
    """All in the words of a shell.

    setup  what comes before it
    run    what prints the hint
    take   the commands of the hint, in order, where it is more than one command
    fill   what is written for its placeholders
    again  what the user does then, where that is not `run` once more
    codes  how the commands of the hint may end
    ends   how `again` may end
    """

    setup: str
    run: str
    take: tuple[str, ...] = ()
    fill: Mapping[str, str] = {}
    again: str = ""
    codes: tuple[int, ...] = (0,)
    ends: tuple[int, ...] = (0,)


_ISTIO = "apps/istio/base/deployment.yaml"
_CLASH = f"sed -i s/1.8.0/1.8.0-mine/ {_ISTIO}\ngit commit -q -a -m 'Our image'\n"
_STOPPED = f"{_CLASH}git ekf save\ngit ekf upgrade || test $? = 3\n"
_RESOLVED = f"git checkout --theirs {_ISTIO}; git add {_ISTIO}"
_RECORD = "git ekf tag -m x\n"
_OTHER = "git clone -q $INTERNAL $TOP/other -b release-1.8\ncd $TOP/other\n"
_PUSHED = f"({_OTHER}echo x >own/theirs\ngit add own\ngit commit -q -m Theirs\ngit push -q)\n"
_WIP = "echo more >>own/more\n"
_URLS = {"URL": "$INTERNAL"}
_SERVER = "git ekf hooks install --server $INTERNAL\n"

CLONING = {
    "commands/clone.py: PRIMARY and --internal are the same repository": Scenario(
        "cd $TOP",
        "git ekf clone $VENDOR $TOP/new --internal $VENDOR",
        ("git init --bare DIR",),
        {"DIR": "$TOP/cluster.git"},
        "git ekf clone $VENDOR $TOP/new --internal $TOP/cluster.git",
    ),
    "commands/clone.py: {} exists already and is not empty": Scenario(
        "mkdir $TOP/new\ntouch $TOP/new/file",
        "cd $TOP; git ekf clone $VENDOR new --internal $INTERNAL",
        fill={"OTHER": "$TOP/another"},
        again="ls $TOP/another/.git",
    ),
    "commands/clone.py: cannot tell a directory from {}": Scenario(
        "",
        "cd $TOP; git ekf clone / --internal $INTERNAL",
        ("git ekf clone PRIMARY DIR --internal URL",),
        {"PRIMARY": "$VENDOR", "DIR": "$TOP/new", "URL": "$INTERNAL"},
        "ls $TOP/new/.git",
    ),
    "setup/clone.py: the primary repository has no release branch ({})": Scenario(
        "git -C $VENDOR branch -m release-1.8 v1.8-branch\n"
        "git -C $VENDOR branch -m release-1.9 v1.9-branch\n"
        "git -C $VENDOR branch -m release-1.10 v1.10-branch\n"
        "git init -q --bare $TOP/cluster.git",
        "git ekf clone $VENDOR $TOP/new --internal $TOP/cluster.git",
        ("git -c ekf.branches.release='v{version}-branch' ekf clone PRIMARY",),
        {"PRIMARY": "$VENDOR $TOP/new --internal $TOP/cluster.git"},
        "git -C $TOP/new ekf status",
    ),
    "vendor.py: there is no release {}; the vendor has {}": Scenario(
        "",
        "git ekf clone $VENDOR $TOP/new --internal $INTERNAL --release 7",
        ("--release",),
        {"--release": "git ekf clone $VENDOR $TOP/new --internal $INTERNAL --release 1.9"},
        "git -C $TOP/new ekf status",
    ),
    "vendor.py: cannot read the {} repository {}: {}": Scenario(
        "",
        "git ekf clone $TOP/none $TOP/new --internal $INTERNAL",
        ("git ls-remote ",),
        {"git ls-remote ": "git ls-remote $VENDOR"},
        "git ekf clone $VENDOR $TOP/new --internal $INTERNAL",
    ),
    "git/complaints.py: this is not a git repository": Scenario(
        "",
        "cd $TOP && git ekf status",
        ("git ekf clone PRIMARY --internal URL",),
        {"PRIMARY": "$VENDOR $TOP/new", "URL": "$INTERNAL"},
        "cd $TOP/new && git ekf status",
    ),
    "git/complaints.py: the current directory is not there any more": Scenario(
        "",
        "mkdir $TOP/gone && cd $TOP/gone && rmdir $TOP/gone && git ekf status",
        ("cd",),
        {"cd": "true"},
        "cd $TOP/work && git ekf status",
    ),
    "repository.py: this needs a work tree, and this repository has none here": Scenario(
        "",
        "cd $INTERNAL && git ekf save",
        fill={"PRIMARY": "$VENDOR $TOP/new", "URL": "$INTERNAL"},
        again="cd $TOP/new && git ekf save",
    ),
}

INIT = {
    "setup/init.py: nothing is checked out in this repository": Scenario(
        "git init -q $TOP/new\ngit init -q --bare $TOP/cluster.git",
        "cd $TOP/new; git ekf init --primary $VENDOR --internal $TOP/cluster.git",
        fill={"PRIMARY": "$VENDOR", "DIR": "$TOP/another", "URL": "$TOP/cluster.git"},
        again="cd $TOP/another && git ekf init",
    ),
    "setup/init.py: {} has no release branch ({})": Scenario(
        "git -C $VENDOR branch -m release-1.8 v1.8-branch\n"
        "git -C $VENDOR branch -m release-1.9 v1.9-branch\n"
        "git -C $VENDOR branch -m release-1.10 v1.10-branch\n"
        "git clone -q $VENDOR $TOP/new -b v1.8-branch\ngit init -q --bare $TOP/cluster.git",
        "cd $TOP/new; git ekf init --internal $TOP/cluster.git",
        ("git config ekf.branches.release 'v{version}-branch'",),
        {"git config": "git -C $TOP/new config"},
    ),
    "setup/init.py: HEAD is detached": Scenario(
        "git switch -q --detach", "git ekf init", ("git switch release-1.8",)
    ),
    "setup/init.py: {} has commits of its own and {} exists too": Scenario(
        "git switch -q -c mine\necho x >own/mine\ngit add own\nEKF_HOOKS=0 git commit -q -m Mine",
        "git ekf init --yes",
        ("git switch release-1.8", "git cherry-pick release-1.8..mine"),
    ),
    "setup/remotes.py: the primary and the internal repository are the same": Scenario(
        "git remote remove internal",
        "git ekf init --primary $VENDOR --internal $VENDOR",
        ("git init --bare",),
        {"git init --bare": "git init --bare $TOP/cluster.git"},
        "git ekf init --primary $VENDOR --internal $TOP/cluster.git",
    ),
    "setup/remotes.py: no remote is the vendor's repository": Scenario(
        "git remote remove origin",
        "git ekf init",
        ("git ekf init --primary URL --internal URL",),
        {"--primary URL": "--primary $VENDOR", "--internal URL": "--internal $INTERNAL"},
    ),
    "setup/remotes.py: there is no remote {} for the cluster's own repository": Scenario(
        "git remote remove internal", "git ekf init", fill=_URLS
    ),
    "setup/remotes.py: the remote {} cannot be both the primary and the internal repository": Scenario(
        "git remote remove internal\ngit remote rename origin internal",
        "git ekf init --primary $VENDOR",
        ("git ekf init --primary URL --internal URL",),
        {"--primary URL": "--primary $VENDOR --yes", "--internal URL": "--internal $INTERNAL"},
        "git ekf init",
    ),
    "setup/remotes.py: a remote {} exists already and is another repository": Scenario(
        "git remote rename internal cluster\ngit remote add internal $TOP",
        "git ekf init --internal $INTERNAL --yes",
        ("git remote rename internal OTHER",),
    ),
    "commands/init.py: a {} is in progress": Scenario(
        _STOPPED + "rm -r .git/ekf",
        "git ekf init",
        ("git rebase --abort", "git ekf init"),
    ),
    "policy/remotes.py: there is no remote {}": Scenario(
        "git remote remove internal", "git ekf check", fill=_URLS
    ),
    "policy/remotes.py: {} and {} are the same repository ({})": Scenario(
        "git remote set-url internal $VENDOR", "git ekf check", fill=_URLS
    ),
    "policy/remotes.py: remote {} is neither the primary nor the internal repository": Scenario(
        "git remote add fork $TOP", "git ekf check", ("git remote remove fork",)
    ),
    "policy/branches.py: {} tracks {} instead of {}/{}": Scenario(
        "git branch --unset-upstream", "git ekf check"
    ),
    "policy/branches.py: the channel {} is not known here, so {} cannot be judged": Scenario(
        "git update-ref -d refs/remotes/origin/release-1.8\n"
        "git for-each-ref --format='delete %(refname)' refs/ekf/upstream | git update-ref --stdin",
        "git ekf check",
    ),
    "policy/branches.py: {} on {} is a merge commit; the next upgrade could not replay it": Scenario(
        "export EKF_HOOKS=0\ngit switch -q -c side HEAD~1\necho x >own/side\ngit add own\n"
        "git commit -q -m Side\ngit switch -q release-1.8\ngit merge -q --no-ff --no-edit side",
        "git ekf check",
    ),
}

SAVING = {
    "deploy/save.py: there is no remote {}": Scenario(
        "git remote remove internal", "git ekf save", fill=_URLS
    ),
    "deploy/refusal.py: {} cannot be pushed to: {}": Scenario(
        "mv $INTERNAL $INTERNAL.away",
        "git ekf save",
        codes=(128,),
        again="mv $INTERNAL.away $INTERNAL; git ekf save",
    ),
    "deploy/refusal.py: {} did not take it: {}; {}": Scenario(
        "printf '#!/bin/sh\\nfor n in 1 2 3 4 5; do echo line $n; done; echo cure: touch ok\\ntest -e ok\\n' "
        ">$INTERNAL/hooks/pre-receive\nchmod +x $INTERNAL/hooks/pre-receive\n"
        "echo x >own/x\ngit add own\ngit commit -q -m X",
        "git ekf save",
        ("git push internal release-1.8",),
        codes=(1,),  # all that the server says, where the sentence has three lines
        again="touch $INTERNAL/ok; git ekf save",
    ),
    "deploy/refusal.py: {} has {} on {} that this clone lacks{}; {}": Scenario(
        _PUSHED,
        "git ekf save",
        ("git rebase internal/release-1.8", "git ekf save"),
    ),
    "deploy/refusal.py: {} has another {}: somebody else took that name; {}": Scenario(
        _RECORD + f"({_OTHER}git tag -a -m x deploy/2026-11-20/release-1.8\n"
        "git push -q --no-verify origin deploy/2026-11-20/release-1.8)",
        "git ekf save",
        ("git ekf undo", "git fetch internal", "git ekf tag --date 2026-11-20"),
        {"git ekf tag": "git ekf tag -m x"},
    ),
    "deploy/refusal.py: the policy is broken; {}": Scenario(
        "printf '#!/bin/sh\\necho git-ekf: push refused >&2\\nexit 1\\n' >$INTERNAL/hooks/pre-receive\n"
        "chmod +x $INTERNAL/hooks/pre-receive\necho x >own/x\ngit add own\ngit commit -q -m X",
        "git ekf save",
        again="rm $INTERNAL/hooks/pre-receive; git ekf save",
    ),
    "deploy/refusal.py: {} has an unrelated history of {}, as of another cluster; {}": Scenario(
        "git init -q --bare $TOP/theirs.git\ngit checkout -q --orphan x\ngit commit -q --no-verify -m X\n"
        "git push -q --no-verify $TOP/theirs.git HEAD:refs/heads/release-1.8\n"
        "git checkout -q release-1.8\ngit remote set-url internal $TOP/theirs.git\ngit fetch -q internal",
        "git ekf save",
        again="git remote set-url internal $INTERNAL; git ekf save",
    ),
    "policy/pushes.py: {} is the vendor's repository: nothing is pushed there": Scenario(
        "echo x >own/x\ngit add own\ngit commit -q -m X",
        "git push origin release-1.8",
        again="git ekf status",
    ),
    "policy/pushes.py: the push deletes the {}, part of the record of what runs in the cluster": Scenario(
        "echo x >own/x\ngit add own\ngit commit -q -m X",
        "git push internal :release-1.8",
        ("git ekf save",),
        again="git ekf status",
    ),
    "policy/pushes.py: {} there has commits that this clone does not have ({}); the push would drop them": Scenario(
        _PUSHED + "echo x >own/x\ngit add own\ngit commit -q -m X",
        "git push --force internal release-1.8",
        ("git fetch internal", "git log release-1.8..internal/release-1.8"),
        again="git rebase -q internal/release-1.8; git push internal release-1.8",
    ),
    "policy/pushes.py: the push takes {} commit{} of {} away from {} that no deploy record or backup keeps ({})": Scenario(
        "git commit -q --amend -m Again",
        "git push --force internal release-1.8",
        ("git push internal ",),
        {"git push internal ": "git ekf save"},
    ),
}

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
        _RECORD, "git ekf show 2026-01-01", ("git ekf log",), again="git ekf show 2026-11-20"
    ),
    "deploy/read.py: {} is not a release": Scenario(
        "", "git ekf log --release x", ("git ekf releases",), again="git ekf log --release 1.8"
    ),
    "commands/rollback.py: the deploy record has to be named": Scenario(
        _RECORD, "git ekf rollback ''", ("git ekf log",), again="git ekf rollback 2026-11-20"
    ),
    "commands/tag.py: -m and -F exclude each other": Scenario(
        "", "git ekf tag -m x -F y", again="git ekf tag -m x"
    ),
    "commands/tag.py: the context is empty; nothing was recorded": Scenario(
        "", "GIT_EDITOR=true git ekf tag", again="git ekf show"
    ),
    "deploy/rollback.py: no branch is checked out": Scenario(
        _RECORD + "git switch -q --detach", "git ekf rollback 2026-11-20"
    ),
}

UPGRADES = {
    "upgrade/target.py: there is no remote {}": Scenario(
        "git remote remove origin",
        "git ekf upgrade",
        fill={"URL": "$VENDOR"},
    ),
    "upgrade/target.py: {} cannot be fetched from: {}; nothing was changed": Scenario(
        "git fetch -q origin\nmv $VENDOR $VENDOR.away",
        "git ekf upgrade",
        ("--no-fetch",),
        {"--no-fetch": "git ekf upgrade --no-fetch"},
        "git ekf status",
    ),
    "upgrade/target.py: there is no channel newer than {}": Scenario(
        "git -C $VENDOR branch -q -D release-1.9 release-1.10\ngit remote prune origin",
        "git ekf upgrade",
        ("git ekf sync",),
        again="git ekf status",
    ),
    "upgrade/target.py: {} has no {}: the channel is gone, or was never fetched": Scenario(
        "git update-ref -d refs/remotes/origin/release-1.8",
        "git ekf sync --no-fetch",
        ("git fetch origin",),
    ),
    "upgrade/target.py: {} is not a valid release": Scenario(
        "", "git ekf upgrade x", ("git ekf releases",), again="git ekf upgrade 1.9"
    ),
    "upgrade/target.py: {} is checked out already": Scenario(
        "", "git ekf upgrade 1.8", ("git ekf sync",), again="git ekf status"
    ),
    "upgrade/target.py: {} is older than {}": Scenario(
        _RECORD + "git ekf save\ngit ekf upgrade",
        "git ekf upgrade 1.8",
        ("git ekf rollback TAG",),
        {"TAG": "2026-11-20"},
        "git ekf status",
    ),
    "upgrade/target.py: {} has no {}": Scenario(
        "", "git ekf upgrade 7", ("git ekf releases",), again="git ekf upgrade 1.9"
    ),
    "upgrade/target.py: the policy is broken ({}: {})": Scenario(
        "git branch --unset-upstream",
        "git ekf upgrade",
        codes=(1,),
        again="git branch -u origin/release-1.8; git ekf upgrade",
    ),
    "upgrade/target.py: {} is not saved to {}": Scenario(
        "git commit -q --amend -m Again", "git ekf upgrade", ("git ekf save",)
    ),
    "upgrade/target.py: {} among the configuration commits: {}": Scenario(
        "export EKF_HOOKS=0\ngit switch -q -c side HEAD~1\necho x >own/side\ngit add own\n"
        "git commit -q -m Side\ngit switch -q release-1.8\ngit merge -q --no-ff --no-edit side\n"
        "git push -q internal release-1.8",
        "git ekf upgrade",
        ("git ekf upgrade --flatten --plan",),
        again="git ekf upgrade --flatten",
    ),
    "upgrade/target.py: {} exists here already": Scenario(
        "git branch -q release-1.9 origin/release-1.9", "git ekf upgrade"
    ),
    "upgrade/target.py: {} has {} already: this cluster was upgraded elsewhere": Scenario(
        "(git ekf clone $VENDOR $TOP/other --internal $INTERNAL\ncd $TOP/other\n"
        "git config ekf.render.command true\ngit ekf upgrade\ngit ekf save)\ngit fetch -q internal",
        "git ekf upgrade",
        ("git switch --track internal/release-1.9", "git ekf init"),
        again="git ekf status",
    ),
    "upgrade/target.py: what {} stands on is not known here: {}": Scenario(
        "git clone -q --depth 1 -b release-1.8 file://$INTERNAL $TOP/new\ncd $TOP/new\n"
        "git remote rename origin internal\ngit remote add origin $VENDOR\n"
        "git fetch -q --depth 1 origin",
        "cd $TOP/new && git ekf upgrade --no-save-check --no-fetch",
        ("git fetch --unshallow origin && git fetch --unshallow internal",),
        {"git fetch": "git -C $TOP/new fetch"},
        "cd $TOP/new && git ekf upgrade --no-save-check --no-fetch --plan",
    ),
    "git/name_clash.py: {}{} {} in the way of {}: to git one is a directory of the other": Scenario(
        "git branch release-1.9/fix", "git ekf upgrade"
    ),
    "transaction/free_names.py:  && git config {} --no-tags": Scenario(
        "git -C $VENDOR tag deploy release-1.8\ngit fetch -q origin",
        "git ekf tag -m x",
    ),
    "upgrade/prefer.py: --prefer {} names no side": Scenario(
        "",
        "git ekf upgrade --prefer ours",
        ("--prefer local",),
        {"--prefer": "git ekf upgrade --prefer"},
        "git ekf status",
    ),
    "upgrade/verify.py: --verify names no program": Scenario(
        "",
        "git ekf upgrade --verify ' '",
        ("--verify 'program argument'",),
        {"--verify": "git ekf upgrade --verify", "program argument": "true x"},
        "git ekf status",
    ),
    "upgrade/verify.py: --verify {} cannot be read: {}": Scenario(
        "",
        'git ekf upgrade --verify "a\'"',
        ("--verify 'program argument'",),
        {"--verify": "git ekf upgrade --verify", "program argument": "true x"},
        "git ekf status",
    ),
    "upgrade/plan.py: there is no forecast: {}": Scenario(
        "git config merge.renormalize true",
        "git ekf upgrade --plan",
        ("git ekf upgrade", "git ekf undo"),
        again="git ekf status",
    ),
    "commands/upgrade_or_sync.py: --{} and --{} exclude each other": Scenario(
        "", "git ekf upgrade --skip --abort", again="git ekf upgrade"
    ),
    "upgrade/rebase.py: {}{} is still in conflict": Scenario(
        _STOPPED,
        "git ekf upgrade --continue",
        (f"git add {_ISTIO}",),
        {"git add": f"git checkout --theirs {_ISTIO}; git add"},
    ),
    "upgrade/rebase.py: no upgrade or sync is in progress": Scenario(
        "",
        "git ekf upgrade --continue",
        ("git ekf status",),
        again="git ekf upgrade",
    ),
    "commands/upgrade_shown.py: {} then: git ekf {} --continue (or --skip this commit, or --abort)": Scenario(
        f"{_CLASH}git ekf save",
        "git ekf upgrade",
        ("git ekf upgrade --continue",),
        {"git ekf": f"{_RESOLVED}; git ekf"},
        "git ekf status",
    ),
    "upgrade/carry.py: the pre-rebase hook refused it; nothing was changed": Scenario(
        "printf '#!/bin/sh\\nexit 1\\n' >.git/hooks/pre-rebase\nchmod +x .git/hooks/pre-rebase",
        "git ekf upgrade",
        ("/pre-rebase",),
        {"/pre-rebase": "sed -i 's/exit 1/exit 0/' .git/hooks/pre-rebase"},
    ),
    "transaction/preconditions.py: no release branch is checked out": Scenario(
        "git switch -q --detach", "git ekf upgrade"
    ),
    "transaction/preconditions.py: there is uncommitted work: {}{}": Scenario(
        _WIP, "git ekf upgrade", ("git stash",)
    ),
    "transaction/preconditions.py: a rebase of an upgrade or sync is in progress": Scenario(
        _STOPPED,
        "git ekf upgrade",
        ("git ekf status",),
        again="git ekf upgrade --abort; git ekf upgrade --plan",
        ends=(1,),
    ),
    "transaction/preconditions.py: {} is in progress": Scenario(
        _STOPPED + "rm -r .git/ekf",
        "git ekf save",
        ("git status",),
        again="git rebase --abort; git ekf save",
    ),
    "transaction/room.py: {} is checked out in {}": Scenario(
        _RECORD + "git switch -q -c elsewhere\ngit worktree add -q $TOP/tree release-1.8",
        "git ekf rollback 2026-11-20",
        ("git -C ",),
        {"git -C ": "git -C $TOP/tree switch --detach"},
    ),
    "transaction/room.py: {} is in the way: git does not track it here, and would write over it": Scenario(
        "git clone -q $VENDOR $TOP/v -b release-1.9\n(cd $TOP/v\necho x >new\ngit add new\n"
        "git commit -q -m New\ngit push -q)\necho mine >new",
        "git ekf upgrade",
    ),
    "trust.py: {} ships a migration that is not trusted here: {} ({})": Scenario(
        "git clone -q $VENDOR $TOP/v -b release-1.9\n(cd $TOP/v\nmkdir .ekf\n"
        "printf '#!/bin/sh\\n' >.ekf/migrate\nchmod +x .ekf/migrate\ngit add .ekf\n"
        "git commit -q -m New\ngit push -q)",
        "git ekf upgrade",
        ("git ekf trust",),
        {"git ekf trust": "git ekf trust --yes"},
    ),
}

UNDOING = {
    "undo.py: there is nothing to undo": Scenario(
        "", "git ekf undo", ("git reflog",), again="git ekf tag -m x && git ekf undo"
    ),
    "undo.py: the {} is still in progress": Scenario(
        _STOPPED, "git ekf undo", again="git ekf status"
    ),
    "undo.py: {} is already on {}, and a published record stays": Scenario(
        _RECORD + "git ekf save",
        "git ekf undo",
        ("git ekf tag",),
        {"git ekf tag": "git ekf tag -m x"},
        "git ekf undo",
    ),
    "undo.py: {} is no longer checked out": Scenario(
        "git ekf upgrade\ngit switch -q release-1.8",
        "git ekf undo",
        ("git switch release-1.9", "git ekf undo"),
        again="git ekf status",
    ),
    "undo.py: the {} was made in the work tree {}": Scenario(
        "git worktree add -q -b other $TOP/tree\ngit ekf upgrade",
        "git -C $TOP/tree ekf undo",
        again="git ekf status",
    ),
    "undo.py: {} has moved since the {}": Scenario(
        "git ekf upgrade\necho x >own/x\ngit add own\ngit commit -q -m X",
        "git ekf undo",
        ("git reflog release-1.9",),
        again="git reset -q --hard HEAD~1; git ekf undo",
    ),
    "git/complaints.py: another git command is at work here, or was killed and left {}, which then may go": Scenario(
        "touch .git/index.lock", "git ekf upgrade"
    ),
}

CHECKING = {
    "policy/branches.py: {} is not a release branch ({})": Scenario(
        "git switch -q -c mine", "git ekf check", ("git switch release-1.8",)
    ),
    "policy/index.py: HEAD is detached: the commit would be on no branch and could be lost": Scenario(
        "git switch -q --detach\necho x >own/x\ngit add own",
        "git commit -q -m X",
        ("git switch release-1.8",),
    ),
    "policy/index.py: this would be a merge commit on {}; the next upgrade could not replay it": Scenario(
        "git fetch -q origin",
        "git merge --no-ff --no-edit origin/release-1.9",
        ("git merge --abort", "git ekf upgrade"),
        again="git ekf status",
    ),
    "policy/index.py: {} has conflict markers": Scenario(
        "printf '<<<<<<< a\\nx\\n=======\\ny\\n>>>>>>> b\\n' >own/x\ngit add own",
        "git commit -q -m X",
        ("git add own/x",),
        {"git add": "echo x >own/x; git add"},
    ),
    "policy/judges.py: {} names no commit here": Scenario(
        "", "git ekf check x..y", ("git log --oneline --all",), again="git ekf check HEAD~1..HEAD"
    ),
    "commands/check.py: REV-RANGE, --staged and --all exclude each other": Scenario(
        "", "git ekf check --staged --all", again="git ekf check --all"
    ),
    "policy/records.py: {} is a lightweight tag: it has no message and says nothing about the deployment": Scenario(
        "git tag deploy/2026-11-20/release-1.8",
        "git ekf check --all",
        ("git tag -a -f ",),
        {
            "git tag -a -f ": "git tag -d deploy/2026-11-20/release-1.8; git update-ref -d "
            "refs/ekf/records/deploy/2026-11-20/release-1.8; git ekf tag -m x"
        },
    ),
    "hooks/installer.py: {} is a git-ekf hook that somebody has edited": Scenario(
        "echo '# edited' >>.git/hooks/pre-commit",
        "git ekf hooks install",
        ("git ekf hooks install --force",),
    ),
    "commands/hooks.py: {}: a repository is named only with --server": Scenario(
        "", "git ekf hooks install $INTERNAL", again="git ekf hooks install"
    ),
    "hooks/servers.py: no such directory: {}": Scenario(
        "",
        "git ekf hooks install --server $TOP/none",
        fill={"GITDIR": "$INTERNAL"},
        again="git ekf hooks install --server $INTERNAL",
    ),
    "hooks/servers.py: {} is not a bare repository": Scenario(
        "",
        "git ekf hooks install --server .",
        ("git ekf hooks install",),
        again="git ekf hooks status",
    ),
    "commands/hooks.py: hooks not installed: {}": Scenario(
        "mkdir $TOP/shared\ngit config --global core.hooksPath $TOP/shared",
        "git ekf hooks install",
        ("git ekf hooks install --shared",),
        again="git ekf hooks status",
    ),
    "cli.py: {} is not a git-ekf command": Scenario("", "git ekf stauts", again="git ekf status"),
    "cli.py main(): {} -h": Scenario("", "git ekf status --x", again="git ekf status"),
    "git/questions/remotes.py: GIT_EKF_TIMEOUT is {}, which is no number of seconds above 0": Scenario(
        "",
        "export GIT_EKF_TIMEOUT=x; git ekf save",
        again="export GIT_EKF_TIMEOUT=60; git ekf save",
    ),
    "manual/pages.py: there is no page {}": Scenario(
        "", "git ekf man stauts", again="git ekf man status"
    ),
    "config.py: git config ekf.{}: {} {}": Scenario(
        "git config ekf.remotes.primary ''",
        "git ekf status",
        ("git config --show-origin --get-all ekf.remotes.primary",),
        again="git config --unset ekf.remotes.primary; git ekf status",
    ),
    "config.py: {} is not UTF-8 text": Scenario(
        "printf '\\377' >.ekf.toml",
        "git ekf status",
        ("git ekf check",),
        {"git ekf check": "rm .ekf.toml && git ekf check"},
    ),
}

SCENARIOS: dict[str, Scenario] = {
    **CLONING,
    **INIT,
    **SAVING,
    **RECORDS,
    **UPGRADES,
    **UNDOING,
    **CHECKING,
}
