"""Hints of upgrade, sync, undo, check and hooks."""

from __future__ import annotations

from scenario import CLASH, ISTIO, RECORD, RESOLVED, STOPPED, WIP, Scenario

UPGRADES = {
    "vendor.py: there is no remote {}": Scenario(
        "git remote remove origin",
        "git ekf upgrade",
        fill={"URL": "$VENDOR"},
    ),
    "vendor.py: {} cannot be fetched from: {}; nothing was changed": Scenario(
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
    "upgrade/target.py: {} has no {} any more; nothing was changed": Scenario(
        "git -C $VENDOR branch -q -D release-1.8",
        "git ekf sync",
        ("git ekf upgrade",),
        again="git ekf status",
    ),
    "upgrade/target.py: {} is not a valid release": Scenario(
        "", "git ekf upgrade x", ("git ekf releases",), again="git ekf upgrade 1.9"
    ),
    "upgrade/target.py: {} is checked out already": Scenario(
        "", "git ekf upgrade 1.8", ("git ekf sync",), again="git ekf status"
    ),
    "upgrade/target.py: {} is older than {}": Scenario(
        RECORD + "git ekf save\ngit ekf upgrade",
        "git ekf upgrade 1.8",
        ("git ekf rollback TAG",),
        {"TAG": "2026-11-20"},
        "git ekf status",
    ),
    "upgrade/target.py: {} has no {}": Scenario(
        "", "git ekf upgrade 7", ("git ekf releases",), again="git ekf upgrade 1.9"
    ),
    "upgrade/ready.py: the policy is broken ({}: {})": Scenario(
        "git branch --unset-upstream",
        "git ekf upgrade",
        codes=(1,),
        again="git branch -u origin/release-1.8; git ekf upgrade",
    ),
    "upgrade/ready.py: {} is not saved to {}": Scenario(
        "git commit -q --amend -m Again", "git ekf upgrade", ("git ekf save",)
    ),
    "upgrade/ready.py: {} among the configuration commits: {}": Scenario(
        "export EKF_HOOKS=0\ngit switch -q -c side HEAD~1\necho x >own/side\ngit add own\n"
        "git commit -q -m Side\ngit switch -q release-1.8\ngit merge -q --no-ff --no-edit side\n"
        "git push -q internal release-1.8",
        "git ekf upgrade",
        ("git ekf upgrade --flatten --plan",),
        again="git ekf upgrade --flatten",
    ),
    "upgrade/target.py: what {} stands on is not known here: {}": Scenario(
        "git clone -q --depth 1 -b release-1.8 file://$INTERNAL $TOP/new\ncd $TOP/new\n"
        "git remote rename origin internal\ngit remote add origin $VENDOR\n"
        "git fetch -q origin\ngit fetch -q --unshallow origin || true",
        "cd $TOP/new && git ekf upgrade --no-save-check --no-fetch",
        ("git fetch --unshallow internal",),
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
    "commands/upgrade_options.py: --{} and --{} exclude each other": Scenario(
        "", "git ekf upgrade --skip --abort", again="git ekf upgrade"
    ),
    "commands/upgrade_options.py: {} would have no effect with --{}: the {} goes by what it began with": Scenario(
        STOPPED, "git ekf upgrade --abort --prefer local", again="git ekf status"
    ),
    "upgrade/rebase.py: {}{} is still in conflict": Scenario(
        STOPPED,
        "git ekf upgrade --continue",
        (f"git add {ISTIO}",),
        {"git add": f"git checkout --theirs {ISTIO}; git add"},
    ),
    "upgrade/rebase_conflicts.py: {}:{} still has a conflict marker{}": Scenario(
        f"{STOPPED}git add {ISTIO}",
        "git ekf upgrade --continue",
        (f"git add {ISTIO}",),
        {"git add": f"git show REBASE_HEAD:{ISTIO} >{ISTIO}; git add"},
    ),
    "upgrade/rebase.py: no {} is in progress": Scenario(
        "",
        "git ekf upgrade --continue",
        ("git ekf status",),
        again="git ekf upgrade",
    ),
    "commands/output/upgrade.py: {} then: {} (or {}--abort)": Scenario(
        f"{CLASH}git ekf save",
        "git ekf upgrade",
        ("git ekf upgrade --continue",),
        {"git ekf": f"{RESOLVED}; git ekf"},
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
        WIP, "git ekf upgrade", ("git stash",)
    ),
    "transaction/preconditions.py: a rebase of {} is in progress": Scenario(
        STOPPED,
        "git ekf upgrade",
        ("git ekf status",),
        again="git ekf upgrade --abort; git ekf upgrade --plan",
        ends=(1,),
    ),
    "transaction/preconditions.py: {} is in progress": Scenario(
        STOPPED + "rm -r .git/ekf",
        "git ekf save",
        ("git status",),
        again="git rebase --abort; git ekf save",
    ),
    "transaction/room.py: {} is checked out in {}": Scenario(
        RECORD + "git switch -q -c elsewhere\ngit worktree add -q $TOP/tree release-1.8",
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
        STOPPED, "git ekf undo", again="git ekf status"
    ),
    "undo.py: {} is already on {}, and a published record stays": Scenario(
        RECORD + "git ekf save",
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
        "export EKF_HOOKS=0\ngit switch -q -c side HEAD~1\necho x >own/side\ngit add own\n"
        "git commit -q -m Side\ngit switch -q release-1.8",
        "git merge --no-ff --no-edit side",
        ("git merge --quit && git commit",),
        {"git commit": "git commit -q -m Side"},
        again="git ekf check",
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
    "program.py run(): {} -h": Scenario("", "git ekf status --x", again="git ekf status"),
    "git/questions/remotes.py: GIT_EKF_TIMEOUT is {}, which is not a number of seconds above 0": Scenario(
        "",
        "export GIT_EKF_TIMEOUT=x; git ekf save",
        again="export GIT_EKF_TIMEOUT=60; git ekf save",
    ),
    "manual/pages.py: there is no page {}": Scenario(
        "", "git ekf man stauts", again="git ekf man status"
    ),
    "config.py value_of(): git ekf config lists them": Scenario(
        "",
        "git ekf config tags.sgn",
        ("git ekf config",),
        said="tags.sgn is not a key",
        again="git ekf config tags.sign",
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
