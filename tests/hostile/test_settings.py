"""Settings and variables of git's, several at a time: an upgrade comes to what `git rebase` does."""

from __future__ import annotations

import random

import pytest
from reach import EVERYTHING, SEED, long, rare
from upgrading import World, assert_as_rebased, rebased

# One a line: a setting, or a variable.
CHOICES = """\
core.quotePath=false
core.autocrlf=input
core.autocrlf=true
core.safecrlf=true
core.ignoreCase=true
core.precomposeUnicode=true
core.commentChar=;
core.abbrev=40
core.abbrev=4
core.fsmonitor=false
core.untrackedCache=true
core.preloadIndex=false
core.splitIndex=true
core.sparseCheckout=true
core.logAllRefUpdates=false
core.sharedRepository=group
core.fileMode=false
core.symlinks=false
core.whitespace=tab-in-indent,trailing-space
index.version=4
feature.manyFiles=true
color.ui=always
column.ui=always
diff.noprefix=true
diff.mnemonicPrefix=true
diff.renames=false
diff.renames=copies
diff.renameLimit=1
diff.algorithm=patience
diff.external=/bin/false
diff.submodule=log
diff.ignoreSubmodules=all
diff.interHunkContext=20
diff.relative=true
log.showSignature=true
log.date=relative
log.decorate=full
log.follow=true
log.mailmap=true
format.pretty=fuller
i18n.commitEncoding=ISO-8859-1
i18n.logOutputEncoding=ISO-8859-1
merge.conflictStyle=zdiff3
merge.conflictStyle=diff3
merge.renames=false
merge.renameLimit=1
merge.directoryRenames=true
merge.renormalize=true
merge.log=true
merge.verifySignatures=true
rebase.autoSquash=true
rebase.autoStash=true
rebase.updateRefs=true
rebase.abbreviateCommands=true
rebase.missingCommitsCheck=error
rebase.instructionFormat=%an %s
rebase.rescheduleFailedExec=true
rebase.forkPoint=false
rebase.stat=true
rebase.backend=apply
commit.cleanup=strip
commit.status=false
commit.verbose=true
commit.gpgSign=false
fetch.prune=true
fetch.pruneTags=true
fetch.fsckObjects=true
fetch.writeCommitGraph=true
fetch.recurseSubmodules=true
transfer.fsckObjects=true
push.default=matching
push.autoSetupRemote=true
push.followTags=false
push.gpgSign=if-asked
pull.rebase=true
branch.autoSetupMerge=always
branch.autoSetupRebase=always
tag.sort=-creatordate
tag.forceSignAnnotated=false
submodule.recurse=true
status.showUntrackedFiles=no
status.relativePaths=false
advice.detachedHead=true
notes.rewriteRef=refs/notes/commits
gc.auto=1
maintenance.auto=false
protocol.version=0
http.version=HTTP/1.1
GIT_AUTHOR_NAME=Somebody Else
GIT_AUTHOR_DATE=2001-01-01T00:00:00Z
GIT_COMMITTER_NAME=The Committer
GIT_COMMITTER_DATE=2002-02-02T00:00:00+1400
GIT_MERGE_AUTOEDIT=no
GIT_MERGE_VERBOSITY=5
GIT_EXTERNAL_DIFF=/bin/false
GIT_PAGER=cat
GIT_TERMINAL_PROMPT=0
GIT_OPTIONAL_LOCKS=1
GIT_FLUSH=1
GIT_TRACE=1
GIT_TRACE2_EVENT=/dev/null
GIT_ADVICE=0
GIT_ICASE_PATHSPECS=1
GIT_GLOB_PATHSPECS=1
GIT_NOTES_REF=refs/notes/other
GIT_DEFAULT_HASH=sha1
LC_ALL=de_DE.UTF-8
LANGUAGE=de
TZ=Pacific/Kiritimati
""".splitlines()


@long
@pytest.mark.parametrize("seed", range(100 if EVERYTHING else 4))
def test_settings(world: World, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    chosen = random.Random(SEED + seed).sample(CHOICES, 5)
    world.git("fetch", "-q", "origin")
    for choice in chosen:
        name, _, value = choice.partition("=")
        if "." in name:
            world.git("config", name, value)
        else:
            monkeypatch.setenv(name, value)
    git = rebased(world)
    done = world.ekf("upgrade", "--no-save-check")
    assert done.code == 0, (chosen, done)
    assert_as_rebased(world, git)


@pytest.mark.parametrize(
    ("below", "choice"),
    [
        ("refs/mine/", "GIT_REPLACE_REF_BASE=refs/mine/"),
        ("refs/replace/", "core.useReplaceRefs=false"),
        pytest.param("refs/replace/", "GIT_NO_REPLACE_OBJECTS=1", marks=rare),
        pytest.param("refs/mine/", "core.useReplaceRefs=true", marks=rare),
    ],
)
def test_replaced_commits_where_git_shows_them(
    world: World, monkeypatch: pytest.MonkeyPatch, below: str, choice: str
) -> None:
    old = world.out("rev-parse", "HEAD")
    raw = world.git("cat-file", "commit", old).out.replace("\nMore\n", "\nBetter said\n")
    new = world.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=raw).out.strip()
    world.git("fetch", "-q", "origin")
    world.git("update-ref", f"{below}{old}", new)
    name, _, value = choice.partition("=")
    if "." in name:
        world.git("config", name, value)
    else:
        monkeypatch.setenv(name, value)
    git = rebased(world)
    done = world.ekf("upgrade", "--no-save-check", "--no-build")
    assert done.code == 0, done
    assert_as_rebased(world, git)
    shown = "Better said" if choice.startswith("GIT_REPLACE") else "More"
    assert world.out("log", "-1", "--format=%s") == shown
