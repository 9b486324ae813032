"""Hints of apply, diff, trust, and of what git and the machine lack."""

from __future__ import annotations

from scenario import RECORD, STOPPED, Scenario

_TOOL = "git config ekf.apply.command true\ngit config --add ekf.apply.command '{path}'\n"
_TOML = "printf '[apply]\\ncommand = [\"./tool\", \"{path}\"]\\n' >.ekf.toml\nprintf '#!/bin/sh\\n' >tool\nchmod +x tool\ngit add .ekf.toml tool\nEKF_HOOKS=0 git commit -q -m Tool\n"
_FAKE_GPG = (
    "printf '#!/bin/sh\\nexit 1\\n' >$TOP/gpg\nchmod +x $TOP/gpg\ngit config gpg.program $TOP/gpg\n"
)
_BUILT = (
    f"{RECORD}git config --add ekf.render.command true\n"
    "git config --add ekf.render.command '{path}'\n"
    "echo x >>own/more\ngit commit -q -a -m Own\n"
)
_YES = {"git ekf trust": "git ekf trust --yes"}

APPLYING = {
    "commands/apply.py: --field is for the record, which only -m writes": Scenario(
        _TOOL,
        "git ekf apply own --field Ticket=1",
        ("git ekf apply -m CONTEXT",),
        {"git ekf apply": "git ekf apply own --field Ticket=1"},
        "git ekf show",
    ),
    "deploy/only_commits.py: {} changed, and git was told not to look": Scenario(
        _TOOL + "git update-index --assume-unchanged own/more\necho x >>own/more",
        "git ekf apply own",
        again="git checkout -q own/more; git ekf apply own",
    ),
    "deploy/only_commits.py: {} changed, and core.checkStat and core.trustctime hide it": Scenario(
        _TOOL
        + "git config core.checkStat minimal\ngit config core.trustctime false\n"
        # Long ago: git looks into a file that is as young as its index.
        + "touch -d @1700000000 own/more\ngit update-index -q --refresh\n"
        + "touch -r own/more $TOP/time\ntr '[:print:]' x <own/more >$TOP/same\n"
        + "mv $TOP/same own/more\ntouch -r $TOP/time own/more\n",
        "git ekf apply own",
        again="git checkout -q own/more; git ekf apply own",
    ),
    "deploy/only_commits.py: {} a link to what HEAD does not have, so that no record would have what is"
    " applied": Scenario(
        _TOOL
        + "ln -s /etc/hostname own/link\ngit add own/link\nEKF_HOOKS=0 git commit -q -m Link\n",
        "git ekf apply own",
        ("git config --add ekf.apply.ignored own/link",),
    ),
    "deploy/only_commits.py: git shows other files as {} here than that commit has (git replace)": Scenario(
        _TOOL + "git replace HEAD HEAD~1\ngit reset -q --hard\n",
        "git ekf apply own",
        again="git reset -q --hard; git ekf apply own",
    ),
    "deploy/apply.py: no deploy tool is configured, and the default one, {}, is not on the PATH": Scenario(
        "",
        "git ekf apply own",
        ("git ekf trust", "git ekf man config"),
        {
            "git ekf trust": 'printf \'[apply]\\ncommand = ["true", "{path}"]\\n\' >.ekf.toml;'
            " git add .ekf.toml; git commit -q -m Tool; git ekf trust --yes"
        },
    ),
    "deploy/apply.py: nothing says which paths to apply": Scenario(
        _TOOL, "git ekf apply", ("git ekf apply PATH",), {"PATH": "own"}, "git ekf apply own"
    ),
    "deploy/apply.py: an empty path, or one with a NUL, is not a path": Scenario(
        _TOOL, "git ekf apply ''", fill={"PATH": "own"}, again="git ekf apply own"
    ),
    "deploy/apply.py: {} is outside the work tree": Scenario(
        _TOOL,
        "git ekf apply ..",
        ("git ekf apply PATH",),
        {"PATH": "own"},
        "git ekf apply own",
    ),
    "deploy/apply.py: {} is not in HEAD": Scenario(
        _TOOL, "git ekf apply none", again="git ekf apply own"
    ),
    "deploy/apply.py: the field {} is filled in with what is applied": Scenario(
        _TOOL,
        "git ekf apply own -m x --field Paths=y",
        fill={"PATH": "own", "CONTEXT": "x"},
        again="git ekf show",
    ),
    "trust.py: {} names a command that is not trusted here: {}": Scenario(
        _TOML.replace("./tool", "true"), "git ekf apply own", ("git ekf trust",), _YES
    ),
    "trust.py: {} ({}) would be run, and is not trusted here in this version": Scenario(
        _TOML + "git ekf trust --yes\necho '# more' >>tool\ngit commit -q -a -m More",
        "git ekf apply own",
        ("git ekf trust",),
        _YES,
    ),
    "doctor/tools.py: {}: {} is not trusted here": Scenario(
        _TOML, "git ekf doctor", ("git ekf trust",), _YES, ends=(0, 1)
    ),
    "commands/trust.py: They run with all your rights. Trust them?": Scenario(
        _TOML, "git ekf trust", again="git ekf trust", said="nobody is there to ask"
    ),
    "commands/trust.py: {} names no commit": Scenario(
        "", "git ekf trust nowhere", ("git ekf log",), again="git ekf trust HEAD"
    ),
    "commands/trust.py: --revoke forgets all, whatever revision": Scenario(
        "", "git ekf trust --revoke HEAD", again="git ekf trust"
    ),
    "commands/trust.py: --list and --revoke exclude each other": Scenario(
        "", "git ekf trust --list --revoke", again="git ekf trust --list"
    ),
    "deploy/editor.py: the editor ended with code {}; nothing was done": Scenario(
        "",
        "GIT_EDITOR=false git ekf tag",
        ("-m",),
        {"-m": "git ekf tag -m x"},
        "git ekf show",
    ),
    "deploy/editor.py: the editor {} cannot be started: {}; nothing was done": Scenario(
        "",
        "GIT_EDITOR=$TOP/none git ekf tag",
        ("-m",),
        {"-m": "git ekf tag -m x"},
        "git ekf show",
    ),
    "deploy/ends.py: there is no commit to compare with yet": Scenario(
        RECORD + "git switch -q --orphan new",
        "git ekf diff 2026-11-20",
        ("git ekf status",),
        again="git switch -q release-1.8 && git ekf diff 2026-11-20",
    ),
    "deploy/ends.py: there is no commit to build yet": Scenario(
        "git switch -q --orphan new",
        "git ekf images",
        ("git ekf status",),
        again="git switch -q release-1.8 && git ekf images -h",
    ),
    "deploy/ends.py: {} is outside the repository": Scenario(
        RECORD,
        "git ekf diff --json HEAD -- ..",
        ("git ekf diff -h",),
        again="git ekf diff HEAD -- .",
    ),
    "manifests/choice.py: render.command has no {path}, so it builds everything at once": Scenario(
        RECORD + "git config ekf.render.command true\n",
        "git ekf diff --rendered own",
        again="git ekf diff --rendered",
    ),
    "manifests/choice.py: apply.paths: {} is outside the repository": Scenario(
        _BUILT + "git config ekf.apply.paths ../x\n",
        "git ekf diff --rendered",
        fill={"PATH": "own"},
        again="git ekf diff --rendered own",
    ),
    "manifests/choice.py: {} is {}": Scenario(
        _BUILT,
        "git ekf diff --rendered HEAD~1 HEAD -- none",
        ("git ekf diff --rendered",),
        again="git ekf diff --rendered",
    ),
    "deploy/ends.py: {} is neither a deploy record nor a revision": Scenario(
        RECORD,
        "git ekf diff none HEAD --",
        ("git ekf log",),
        again="git ekf diff 2026-11-20 HEAD --",
    ),
    "deploy/ends.py: {} is neither a deploy record, a revision nor a path": Scenario(
        RECORD, "git ekf diff none", ("git ekf log",), again="git ekf diff 2026-11-20"
    ),
    "deploy/ends.py: {} is both a revision and a path": Scenario(
        "git branch own",
        "git ekf diff own",
        ("git ekf diff own --", "git ekf diff -- own"),
        again="git ekf diff own --",
        codes=(0, 4),
        ends=(0, 4),
    ),
    "deploy/read.py: {} could be {}": Scenario(
        RECORD + "git ekf save\ngit ekf upgrade\ngit ekf tag -m y",
        "git ekf show 2026-11-20",
        ("git ekf log",),
        again="git ekf show 2026-11-20/release-1.8",
    ),
    "deploy/write.py: {} is not a valid date (YYYY-MM-DD)": Scenario(
        "",
        "git ekf tag -m x --date 2026-02-30",
        ("2026-11-20",),
        {"2026-11-20": "git ekf tag -m x --date 2026-11-20"},
        "git ekf show",
    ),
    "deploy/write.py: the record could not be read back: one of its lines begins a signature": Scenario(
        "",
        "git ekf tag -m $'x\\n-----BEGIN PGP SIGNATURE-----'",
        ("git ekf tag -m CONTEXT",),
        again="git ekf show",
    ),
    "replay/writing.py: a commit could not be signed: {}; nothing was changed": Scenario(
        _FAKE_GPG + "git config commit.gpgSign true",
        "git ekf upgrade",
        again="git config commit.gpgSign false; git ekf upgrade",
    ),
    "upgrade/rollback.py: the commit could not be signed: {}; nothing was changed": Scenario(
        RECORD
        + "echo x >own/x\ngit add own\ngit commit -q -m X\n"
        + _FAKE_GPG
        + "git config commit.gpgSign true",
        "git ekf rollback 2026-11-20",
        again="git config commit.gpgSign false; git ekf rollback 2026-11-20",
    ),
    "commands/man.py: --path stands alone": Scenario(
        "", "git ekf man --path status", again="git ekf man --path"
    ),
    "commands/man.py: --install and --schema exclude each other": Scenario(
        "", "git ekf man --install --schema status", again="git ekf man --schema status"
    ),
    "commands/demo.py: {} exists already and is not empty": Scenario(
        "",
        "git ekf demo $TOP",
        fill={"OTHER": "$TOP/demo"},
        again="ls $TOP/demo",
    ),
    "commands/diff.py: --stat and --json exclude each other: the document has all of it": Scenario(
        RECORD, "git ekf diff --stat --json", again="git ekf diff --rendered --json"
    ),
    "commands/diff.py: no such option: {}": Scenario(
        RECORD, "git ekf diff --rendred", codes=(0, 1, 4, 5), again="git ekf diff HEAD~1 HEAD"
    ),
    "commands/releases.py: no release branch ({}) of {} is known here": Scenario(
        "git for-each-ref --format='delete %(refname)' refs/remotes/origin refs/ekf | git update-ref --stdin",
        "git ekf releases",
    ),
    "config.py: {} cannot be read: {}": Scenario(
        "mkdir .ekf.toml",
        "git ekf status",
        again="rmdir .ekf.toml; git ekf status",
    ),
    "config.py: {} is nested too deeply": Scenario(
        'python3 -c \'print("x = " + "[" * 20000)\' >.ekf.toml',
        "git ekf status",
        ("git ekf check",),
        {"git ekf check": "rm .ekf.toml && git ekf check"},
    ),
    "config.py: {} has a number of too many digits": Scenario(
        'python3 -c \'print("x = " + "1" * 5000)\' >.ekf.toml',
        "git ekf status",
        ("git ekf check",),
        {"git ekf check": "rm .ekf.toml && git ekf check"},
    ),
    "git/complaints.py: git cannot read its configuration: {}": Scenario(
        "git config core.filemode maybe",
        "git ekf upgrade",
        codes=(0, 1, 128),
        again="sed -i s/maybe/true/ .git/config; git ekf upgrade",
    ),
}

_NARROW = (
    "git -C $INTERNAL config receive.hideRefs refs/ekf\n"
    "echo x >own/x\ngit add own\ngit commit -q --amend -m Amended\n"
)

EXAMINING = {
    "commands/doctor.py: --offline and --remote exclude each other": Scenario(
        "", "git ekf doctor --offline --remote", again="git ekf doctor --offline", ends=(0, 1)
    ),
    "deploy/refusal.py: {} did not take a backup: {}; {}": Scenario(
        _NARROW,
        "git ekf save",
        ("git ekf doctor --remote",),
        codes=(1,),
        again="git config ekf.internal.namespace refs/heads/ekf/; git ekf init; git ekf save",
    ),
    "doctor/remotes.py: {} takes nothing below {} ({}), so that a save after a rewrite cannot keep a backup there; it takes {}": Scenario(
        _NARROW,
        "git ekf doctor --remote",
    ),
    "doctor/remotes.py: {} does not let {} be deleted again: {}": Scenario(
        "git -C $INTERNAL config receive.denyDeletes true",
        "git ekf doctor --remote",
        ("git push --no-verify internal ",),
        {"git push --no-verify internal ": "git -C $INTERNAL config receive.denyDeletes false; : "},
    ),
    "doctor/remotes.py: {} takes no new ref: {}": Scenario(
        "printf '#!/bin/sh\\nexit 1\\n' >$INTERNAL/hooks/pre-receive\n"
        "chmod +x $INTERNAL/hooks/pre-receive",
        "git ekf doctor --remote",
        ("git push --dry-run internal",),
        again="rm $INTERNAL/hooks/pre-receive; git ekf doctor --remote",
    ),
    "doctor/clone.py: {} has stopped half-way": Scenario(
        STOPPED,
        "git ekf doctor --offline",
        ("git ekf upgrade --continue, or --abort",),
        {"--continue, or --abort": "--abort"},
    ),
    "doctor/clone.py: {} is in progress": Scenario(
        STOPPED + "rm -r .git/ekf",
        "git ekf doctor --offline",
        ("git status",),
        again="git rebase --abort; git ekf doctor --offline",
    ),
    "doctor/clone.py: {} is left of a git command that was killed; once no git is at work it may go": Scenario(
        "touch -d '1 hour ago' .git/index.lock", "git ekf doctor --offline"
    ),
    "doctor/clone.py: {} replaced here and nowhere else: git replace": Scenario(
        "git replace HEAD HEAD~1", "git ekf doctor --offline"
    ),
    "doctor/clone.py: grafts make the history another one here than elsewhere": Scenario(
        "git rev-parse HEAD >.git/info/grafts",
        "git ekf doctor --offline",
        codes=(0, 1),
        ends=(0, 1),
    ),
    "doctor/clone.py: EKF_HOOKS is 0 here, so that no hook judges": Scenario(
        "",
        "export EKF_HOOKS=0; git ekf doctor --offline",
        again="unset EKF_HOOKS; git ekf doctor --offline",
    ),
    "doctor/clone.py: git fetch --prune {} deletes unsaved deploy records": Scenario(
        "git config --add remote.internal.fetch '+refs/tags/deploy/*:refs/tags/deploy/*'",
        "git ekf doctor --offline",
    ),
    "doctor/clone.py: a fetch of {} does not bring all deploy records": Scenario(
        "git config --unset-all remote.internal.fetch deploy", "git ekf doctor --offline"
    ),
    "doctor/clone.py: not set: {}": Scenario(
        "git config --unset pull.ff", "git ekf doctor --offline"
    ),
    "doctor/clone.py: {} is {}; {} is advised: {}": Scenario(
        "git config pull.ff false", "git ekf doctor --offline"
    ),
    "doctor/clone.py: a fetch of {} brings some channels only, so newer releases are not seen": Scenario(
        "git config remote.origin.fetch +refs/heads/release-1.8:refs/remotes/origin/release-1.8",
        "git ekf doctor --offline",
    ),
    "doctor/clone.py: the clone is shallow: an upgrade may not find the commit that yours stand on, and a save may be refused": Scenario(
        "git clone -q --depth 1 -b release-1.8 file://$VENDOR $TOP/new\ncd $TOP/new\n"
        "git ekf init --internal $INTERNAL",
        "cd $TOP/new; git ekf doctor --offline",
        fill={"git fetch": "git -C $TOP/new fetch"},
    ),
    "doctor/machine.py: git cannot tell who commits": Scenario(
        "git config user.useConfigOnly true",
        "unset GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL EMAIL;"
        " git ekf doctor --offline",
    ),
    "replay/writing.py: git does not know who you are, and every commit names its committer": Scenario(
        "git config user.useConfigOnly true",
        "unset GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL EMAIL;"
        " git ekf upgrade",
        ("git config user.name NAME",),
        {"NAME": "Somebody; git config user.email somebody@example.com"},
    ),
    "doctor/machine.py: {} does not complete git ekf": Scenario(
        "", "SHELL=/bin/bash git ekf doctor --offline"
    ),
    "doctor/tools.py: gpg.format is {}, which git does not know": Scenario(
        "git config gpg.format pgp\ngit config tag.gpgSign true",
        "git ekf doctor --offline",
        ends=(0, 1),
    ),
    "doctor/names.py names(): {}": Scenario(
        "git tag deploy HEAD", "git ekf doctor --offline", said="is in the way of"
    ),
    "deploy/refusal.py require_free_on_internal(): {}": Scenario(
        "git push -q --no-verify internal HEAD:refs/tags/deploy\n" + RECORD,
        "git ekf save",
        said="is in the way of",
    ),
}

SERVING = {
    "policy/records.py tag_name(): {}": Scenario(
        "git tag -a -m x deploy/2026-99-99/release-1.8",
        "git ekf check --all",
        ("git tag -d deploy/2026-99-99/release-1.8",),
        said="deploy/2026-99-99/release-1.8 names",
    ),
    "policy/pushes.py: {} is already published and the push would move it": Scenario(
        RECORD + "git ekf save\nEKF_HOOKS=0 git tag -f -a -m other deploy/2026-11-20/release-1.8",
        "git push --force internal refs/tags/deploy/2026-11-20/release-1.8",
        ("git fetch internal 'refs/tags/deploy/*:refs/tags/deploy/*' --force",),
        again="git push internal refs/tags/deploy/2026-11-20/release-1.8",
    ),
    "policy/branches.py: {} stands on {} of {} that {} does not have": Scenario(
        "git fetch -q origin\nEKF_HOOKS=0 git rebase -q --onto origin/release-1.9 origin/release-1.8",
        "git ekf check",
    ),
    "commands/hooks.py: --shared needs the directory of hooks": Scenario(
        "mkdir $TOP/hooks",
        "git ekf hooks install --server --shared",
        fill={"DIR": "$TOP/hooks"},
        again="ls $TOP/hooks/pre-receive",
    ),
    "policy/index.py: {} is a new file in {}/, which belongs to the vendor: an upgrade may clash with it": Scenario(
        "echo x >apps/istio/base/mine\ngit add -A",
        "git ekf check --staged",
        ("top-level directory of your own",),
        {"top-level directory of your own": "git mv apps/istio/base/mine own/mine"},
    ),
    "transaction/journal.py: {} cannot be read: {}": Scenario(
        "git ekf upgrade\nrm .git/ekf/journal\nmkdir .git/ekf/journal",
        "git ekf undo",
        ("mv ",),
        {"mv ": "mv .git/ekf/journal .git/ekf/journal.old"},
        "git ekf status",
    ),
    "transaction/preconditions.py: {} has no commit yet": Scenario(
        "git checkout -q --orphan release-1.7\ngit rm -rq --cached .\ngit clean -fdq",
        "git ekf upgrade",
        again="git switch -q release-1.8; git ekf upgrade",
    ),
    "undo.py: {}, where HEAD was, exists no longer": Scenario(
        "git ekf upgrade\ngit branch -q -D release-1.8",
        "git ekf undo",
        ("git branch release-1.8 COMMIT",),
        {"COMMIT": "refs/remotes/internal/release-1.8"},
    ),
    "commands/init.py: Go ahead?": Scenario(
        "git remote rename internal cluster",
        "git ekf init --internal $INTERNAL",
        ("git ekf init --yes",),
        {"--yes": "--yes --internal $INTERNAL"},
        said="nobody is there to ask",
    ),
    "setup/init.py: {} has no {}; it has {}": Scenario(
        "git update-ref -d refs/remotes/origin/release-1.8", "git ekf init"
    ),
    "airgap/mirror.py: PRIMARY and the mirror are the same repository": Scenario(
        "",
        "git ekf mirror $VENDOR $VENDOR",
        fill={"PRIMARY": "$VENDOR", "DIR": "$TOP/mirror.git"},
        again="git ekf mirror $VENDOR $TOP/mirror.git",
    ),
    "airgap/manifest.py: SOURCE_DATE_EPOCH is {}, which is not a valid time in seconds": Scenario(
        "",
        "export SOURCE_DATE_EPOCH=x; git ekf bundle create $TOP/file",
        again="unset SOURCE_DATE_EPOCH; git ekf bundle create $TOP/file",
    ),
    "airgap/create.py: {} is a directory": Scenario(
        "mkdir $TOP/dir",
        "git ekf bundle create $TOP/dir",
        ("git ekf bundle create ",),
        {"git ekf bundle create ": "git ekf bundle create $TOP/dir/file"},
        "ls $TOP/dir/file",
    ),
    "airgap/read.py: cannot read {}: {}": Scenario(
        "git ekf bundle create $TOP/file",
        "git ekf bundle verify $TOP/none",
        fill={"FILE": "$TOP/file"},
        again="git ekf bundle verify $TOP/file",
    ),
    "airgap/archive.py: {} is not a git-ekf bundle": Scenario(
        "seq 9999 >$TOP/file",
        "git ekf bundle verify $TOP/file",
        ("git ekf bundle create",),
        {"create": "create $TOP/file"},
    ),
    "airgap/source.py: this repository is shallow: it does not have the whole history": Scenario(
        "git clone -q --depth 1 -b release-1.8 file://$VENDOR $TOP/new",
        "cd $TOP/new; git ekf bundle create $TOP/file",
        fill={"git fetch": "git -C $TOP/new fetch"},
    ),
    "airgap/source.py: there is no remote {} here": Scenario(
        "git remote remove origin",
        "git ekf bundle create $TOP/file",
        ("git ekf init --primary URL",),
        {"URL": "$VENDOR"},
    ),
}
