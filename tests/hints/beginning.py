"""Hints of clone, init, save and push."""

from __future__ import annotations

from scenario import OTHER, PUSHED, RECORD, STOPPED, URLS, Scenario

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
    "setup/clone.py: are PRIMARY and --internal the wrong way round? Then: {}": Scenario(
        "git init -q --bare $TOP/empty.git",
        "git ekf clone $TOP/empty.git $TOP/new --internal $VENDOR",
        ("git ekf clone ",),
        {"git ekf clone ": "git ekf clone $VENDOR $TOP/new --internal $TOP/empty.git"},
        "git -C $TOP/new ekf status",
        said="the primary repository has no release branch (release-{version})",
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
        "git remote remove internal", "git ekf init", fill=URLS
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
        STOPPED + "rm -r .git/ekf",
        "git ekf init",
        ("git rebase --abort", "git ekf init"),
    ),
    "policy/remotes.py: there is no remote {}": Scenario(
        "git remote remove internal", "git ekf check", fill=URLS
    ),
    "policy/remotes.py: {} and {} are the same repository ({})": Scenario(
        "git remote set-url internal $VENDOR", "git ekf check", fill=URLS
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
        ("git ekf sync --flatten",),
    ),
}

_EXCHANGED = (
    "git config remote.origin.url $INTERNAL; git config remote.internal.url $VENDOR\n"
    "git update-ref -d refs/remotes/internal/release-1.8\n"
    "git fetch -q origin; git fetch -q internal\n"
)

SAVING = {
    "swapped.py: the primary repository is a cluster's own, for it has {}: it and the internal one are the wrong way round": Scenario(
        "git tag -a -m x deploy/2026-11-19/release-1.8\ngit push -q --no-verify internal --tags",
        "git ekf clone $INTERNAL $TOP/new --internal $VENDOR",
        again="git -C $TOP/new ekf status",
    ),
    "swapped.py: {} has the configuration that the deploy records are on, and {} has no record: they are the wrong way round": Scenario(
        RECORD + "git ekf save\n" + _EXCHANGED,
        "git ekf save",
        ("git ekf init --primary ",),
        {"git ekf init --primary ": "git ekf init --yes --primary $VENDOR --internal $INTERNAL"},
    ),
    "policy/remotes.py remote_swapped(): {}": Scenario(
        RECORD + "git ekf save\n" + _EXCHANGED + "git ekf status --fetch",
        "git ekf check",
        ("git ekf init --primary ",),
        {"git ekf init --primary ": "git ekf init --yes --primary $VENDOR --internal $INTERNAL"},
        said="they are the wrong way round",
    ),
    "swapped.py: {}: it is a copy of {}": Scenario(
        "git clone -q --bare $VENDOR $TOP/copy.git",
        "git ekf clone $VENDOR $TOP/new --internal $TOP/copy.git",
        ("git init --bare DIR",),
        {"DIR": "$TOP/cluster.git"},
        "git ekf clone $VENDOR $TOP/new --internal $TOP/cluster.git",
    ),
    "swapped.py: {}: they are the wrong way round, or {} is an old copy of {}": Scenario(
        "git clone -q --bare $VENDOR $TOP/used.git\n"
        "git push -q --no-verify $TOP/used.git release-1.8",
        "git ekf clone $TOP/used.git $TOP/new --internal $VENDOR",
        ("git ekf clone ",),
        {"git ekf clone ": "git ekf clone $VENDOR $TOP/new --internal $TOP/used.git"},
        "git -C $TOP/new ekf status",
    ),
    "deploy/save.py: there is no remote {}": Scenario(
        "git remote remove internal", "git ekf save", fill=URLS
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
    "deploy/refusal.py: {} has another {}: somebody else took that name; {}": Scenario(
        RECORD + f"({OTHER}git tag -a -m x deploy/2026-11-20/release-1.8\n"
        "git push -q --no-verify origin deploy/2026-11-20/release-1.8)",
        "git ekf save",
        ("git ekf pull",),
    ),
    "deploy/refusal.py: the policy is broken; {}": Scenario(
        "printf '#!/bin/sh\\necho git-ekf: push refused >&2\\nexit 1\\n' >$INTERNAL/hooks/pre-receive\n"
        "chmod +x $INTERNAL/hooks/pre-receive\necho x >own/x\ngit add own\ngit commit -q -m X",
        "git ekf save",
        again="rm $INTERNAL/hooks/pre-receive; git ekf save",
    ),
    "deploy/refusal.py: the pre-push hook refused it: {}; {}": Scenario(
        "printf '#!/bin/sh\\ntest -e ok\\n' >.git/hooks/pre-push\nchmod +x .git/hooks/pre-push\n"
        "echo x >own/x\ngit add own\ngit commit -q -m X",
        "git ekf save",
        again="touch ok; git ekf save",
    ),
    "deploy/refusal.py _by_policy(): {}": Scenario(
        "export EKF_HOOKS=0\ngit switch -q -c side HEAD~1\necho x >own/side\ngit add own\n"
        "git commit -q -m Side\ngit switch -q release-1.8\ngit merge -q --no-ff --no-edit side",
        "git ekf save",
        said="is a merge commit",
    ),
    "deploy/refusal.py: {} says: {}": Scenario(
        'printf \'#!/bin/sh\\ntest -e ok && exit\\necho git-ekf: push refused\\necho "  error  branch-name: no"\\n'
        'echo "         fix: false"\\nexit 1\\n\' >$INTERNAL/hooks/pre-receive\n'
        "chmod +x $INTERNAL/hooks/pre-receive\necho x >own/x\ngit add own\ngit commit -q -m X",
        "git ekf save",
        ("git push internal release-1.8",),
        codes=(1,),
        again="touch $INTERNAL/ok; git ekf save",
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
        PUSHED + "echo x >own/x\ngit add own\ngit commit -q -m X",
        "git push --force internal release-1.8",
        ("git fetch internal", "git log release-1.8..internal/release-1.8"),
        again="git rebase -q internal/release-1.8; git push internal release-1.8",
    ),
    "policy/pushes.py: the push takes {} of {} away from {} that no deploy record or backup keeps ({})": Scenario(
        "git commit -q --amend -m Again",
        "git push --force internal release-1.8",
        ("git push internal ",),
        {"git push internal ": "git ekf save"},
    ),
}
