"""Hints of mirrors and bundles, of the server's hook, and after a crash."""

from __future__ import annotations

from scenario import RESOLVED, Scenario

_MIRROR = "git ekf mirror $VENDOR $TOP/mirror.git\n"
_NEW = {"name a directory that does not exist yet": "git ekf mirror $VENDOR $TOP/new.git"}
_SERVER = (
    "git ekf hooks install --server $INTERNAL\n"
    "git -C $INTERNAL config ekf.server.user TESTER\nexport EKF_HOOKS=0\n"
)
_KILLED = "git ekf upgrade\nsed -i '$d' .git/ekf/journal\n"
_COMMITTED = "echo x >own/x\ngit add own\ngit commit -q -m X\n"
_TOOL = "git config ekf.apply.command true\n"

AIRGAP = {
    "airgap/bare.py: {} is shallow": Scenario(
        "git clone -q --bare --depth 1 file://$VENDOR $TOP/mirror.git",
        "git ekf mirror $VENDOR $TOP/mirror.git",
        fill=_NEW,
        again="git ekf mirror $VENDOR $TOP/new.git",
    ),
    "airgap/bare.py: {} already exists and is not a bare repository": Scenario(
        "mkdir $TOP/dir\ntouch $TOP/dir/file",
        "cd $TOP; git ekf mirror $VENDOR $TOP/dir",
        fill=_NEW,
        again="git ekf mirror $VENDOR $TOP/new.git",
    ),
    "airgap/changes.py: {}; nothing was changed": Scenario(
        _MIRROR + "git -C $VENDOR update-ref refs/heads/release-1.9 release-1.8",
        "git ekf mirror $VENDOR $TOP/mirror.git",
        ("git ekf mirror ",),
        {"git ekf mirror ": "git ekf mirror $VENDOR $TOP/mirror.git --accept release-1.9"},
        again="git ekf mirror $VENDOR $TOP/mirror.git",
    ),
    "airgap/create.py: cannot read the receipt {}: {}": Scenario(
        "",
        "git ekf bundle create $TOP/file --receipt $TOP/none",
        ("without --receipt",),
        {"without --receipt": "git ekf bundle create $TOP/file"},
        "git ekf bundle verify $TOP/file",
    ),
    "airgap/create.py: {} is the receipt of a mirror of {}, and this is {}": Scenario(
        "git ekf bundle create $TOP/file\ngit ekf bundle apply $TOP/file $TOP/mirror.git\n"
        "cp -r $VENDOR $TOP/moved.git\ngit remote set-url origin $TOP/moved.git",
        "git ekf bundle create $TOP/next --receipt $TOP/file.receipt",
        ("leave the receipt out",),
        {"leave the receipt out": "git ekf bundle create $TOP/next"},
        "git ekf bundle verify $TOP/next",
    ),
    "airgap/read.py: {} is not a regular file": Scenario(
        "mkdir $TOP/dir\ngit ekf bundle create $TOP/file",
        "git ekf bundle verify $TOP/dir",
        fill={"FILE": "$TOP/file"},
        again="git ekf bundle verify $TOP/file",
    ),
    "airgap/refusals.py damaged(): {}": Scenario(
        "git ekf bundle create $TOP/file\ncp $TOP/file $TOP/whole\ntruncate -s -3000 $TOP/file",
        "git ekf bundle verify $TOP/file",
        ("git ekf bundle verify ",),
        {"git ekf bundle verify ": "cp $TOP/whole $TOP/file; git ekf bundle verify $TOP/file"},
        said=" is cut off",
    ),
    "airgap/archive.py: {} is a bundle of git's own, without a manifest": Scenario(
        "git -C $VENDOR bundle create -q $TOP/file --branches\ngit init -q --bare $TOP/mirror.git",
        "git ekf bundle verify $TOP/file",
        fill={"MIRROR": "$TOP/mirror.git"},
        again="git ekf bundle create $TOP/file --from $TOP/mirror.git || true",
    ),
    "airgap/signature.py: no such key: {}": Scenario(
        "",
        "git ekf bundle create $TOP/file --sign $TOP/key",
        ("ssh-keygen -t ed25519",),
        {"ed25519": "ed25519 -q -N '' -f $TOP/key"},
    ),
    "airgap/source.py: this repository has no channel of the vendor ({})": Scenario(
        "git for-each-ref --format='delete %(refname)' refs/remotes/origin | git update-ref --stdin",
        "git ekf bundle create $TOP/file",
        ("git fetch origin",),
    ),
    "commands/mirror.py: PRIMARY and the mirror have to be named": Scenario(
        "",
        "git ekf mirror '' ''",
        fill={"PRIMARY": "$VENDOR", "DIR": "$TOP/mirror.git"},
        again="git ekf mirror $VENDOR $TOP/mirror.git",
    ),
    "commands/bundle.py: the mirror has to be named": Scenario(
        "git ekf bundle create $TOP/file",
        "git ekf bundle apply $TOP/file ''",
        fill={"FILE": "$TOP/file", "DIR": "$TOP/mirror.git"},
        again="ls $TOP/mirror.git",
    ),
    "commands/bundle.py: {} has an empty value": Scenario(
        "", "git ekf bundle create $TOP/file --from ''", again="git ekf bundle create $TOP/file"
    ),
}

RECEIVING = {
    "policy/pushes.py backup_moved(): {}": Scenario(
        _SERVER + "git push -q internal HEAD:refs/ekf/backup/release-1.8/x",
        "EKF_HOOKS=0 git push internal --force HEAD~1:refs/ekf/backup/release-1.8/x",
        ("git push internal ",),
        {"git push internal ": "git push internal HEAD~1:refs/ekf/backup/release-1.8/x.2"},
        "git ekf save",
        said="backup-moved",
    ),
    "policy/server_rules.py upstream_moved(): {}": Scenario(
        _SERVER,
        "EKF_HOOKS=0 git push internal :refs/ekf/upstream/release-1.8",
        ("git ekf save",),
        again="git ekf save",
        said="upstream-moved",
    ),
    "policy/server.py: {} is a deploy record of more than {} MB": Scenario(
        _SERVER + "git ekf save\nyes Context: much | head -c 5000000 >$TOP/long\n"
        "git tag -a -F $TOP/long deploy/2026-11-20/release-1.8\n",
        "EKF_HOOKS=0 git push internal deploy/2026-11-20/release-1.8",
        ("git tag -d deploy/2026-11-20/release-1.8", "git ekf tag"),
        {"git ekf tag": "git ekf tag -m short"},
        again="git ekf save",
    ),
    "policy/server_rules.py: {}{} is neither here nor in the push, so the vendor's commits on {} cannot be told from yours": Scenario(
        "git -C $INTERNAL update-ref -d refs/ekf/upstream/release-1.8\n" + _SERVER + _COMMITTED,
        "EKF_HOOKS=0 git push internal release-1.8",
        ("git ekf save",),
        again="git push internal release-1.8",
    ),
    "hooks/judge.py: there is no hook {}": Scenario(
        "", "git ekf hook 1 nothing", ("git ekf hooks install",), again="git ekf hooks status"
    ),
}

CUT_OFF = {
    "doctor/clone.py: {} was cut off half-way": Scenario(_KILLED, "git ekf doctor --offline"),
    "transaction/preconditions.py: {} was cut off": Scenario(
        _KILLED, "git ekf upgrade --plan --no-fetch"
    ),
    "transaction/interrupted.py: {} was cut off in the work tree {}": Scenario(
        "git worktree add -q -b other $TOP/tree\n" + _KILLED,
        "cd $TOP/tree; git ekf undo",
        again="git ekf status",
    ),
    "undo.py: another version of git-ekf made the last {}": Scenario(
        'git ekf upgrade\nsed -i \'s/"done"/"later"/\' .git/ekf/journal',
        "git ekf undo",
        ("git reflog",),
        again="git ekf status",
    ),
    "upgrade/migration.py: the migration to {} {} at {} ({}); nothing was changed": Scenario(
        "git clone -q $VENDOR $TOP/v -b release-1.9\n(cd $TOP/v\nmkdir .ekf\n"
        "printf '#!/bin/sh\\ntest -e own/more\\n' >.ekf/migrate\nchmod +x .ekf/migrate\ngit add .ekf\n"
        "git commit -q -m New\ngit push -q)\ngit fetch -q\ngit ekf upgrade || git ekf trust --yes",
        "git ekf upgrade",
        ("git ekf upgrade 1.9 --migrate-squash",),
        codes=(0, 5),
        again="git ekf status",
    ),
    "deploy/save.py: the push succeeded, but {} now has {} as {}, not {}": Scenario(
        _COMMITTED
        + "printf '#!/bin/sh\\ntest -e ok || git update-ref refs/heads/release-1.8 refs/heads/release-1.8~1\\n' "
        ">$INTERNAL/hooks/post-receive\nchmod +x $INTERNAL/hooks/post-receive",
        "git ekf save",
        ("git fetch internal", "git ekf status"),
        again="touch $INTERNAL/ok; git ekf save",
    ),
    "deploy/apply.py: apply.command takes no path: none of its words has {path}": Scenario(
        _TOOL, "git ekf apply own", again="git ekf apply"
    ),
    "deploy/only_commits.py: {} ignored by git, so that no record would have what is applied": Scenario(
        _TOOL + "git config --add ekf.apply.command '{path}'\n"
        "echo own/secret >>.git/info/exclude\necho x >own/secret",
        "git ekf apply own",
        ("git config --add ekf.apply.ignored own/secret",),
    ),
    "doctor/remotes.py: {} cannot be read ({}): {}": Scenario(
        "git remote set-url internal $TOP/none",
        "git ekf doctor",
        codes=(0, 128),
        again="git remote set-url internal $INTERNAL; git ekf doctor",
    ),
    "manual/pages.py schema(): there are {}": Scenario(
        "",
        "git ekf man --schema none",
        ("there are ",),
        {"there are ": "git ekf man --schema status"},
        "git ekf man --schema status",
        said="none",
    ),
    "policy/branches.py branch_base(): {}": Scenario(
        "git checkout -q --orphan x\ngit commit -q -m X --no-verify\n"
        "git branch -q -M x release-1.8\ngit branch -q -u origin/release-1.8",
        "git ekf check",
        codes=(0, 1),
        again=f"{RESOLVED}; git add -A; GIT_EDITOR=true git rebase --continue; git ekf check",
        ends=(0, 1),
        said="have no commit in common",
    ),
}
