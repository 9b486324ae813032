"""Every rule: a repository that breaks it and one that nearly does, in the place where it is judged."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from conftest import Clone, Run, run
from reach import rare

from git_ekf.config import RULES
from git_ekf.policy.judges import judge_images
from git_ekf.repository import Repository

OVERLAY = "apps/istio/overlays/deploy/kustomization.yaml"


def broken(result: Run) -> list[str]:
    """The rules named in a hook's refusal (or warning), in order."""
    words = [line.split() for line in result.err.splitlines()]
    return [
        line[1].removesuffix(":")
        for line in words
        if len(line) > 1 and line[0] in ("error", "warning") and line[1].endswith(":")
    ]


def record(clone: Clone, name: str = "deploy/2026-11-20/release-1.8", **changes: str | None) -> str:
    """Tags HEAD with a correct deploy record, but for `changes` (a field with underscores; None leaves it out)."""
    fields: dict[str, str | None] = {
        "Date": "2026-11-20",
        "Local branch": "release-1.8",
        "Local SHA": clone.out("rev-parse", "HEAD"),
        "Upstream branch": "origin/release-1.8",
        "Upstream SHA": clone.out("merge-base", "origin/release-1.8", "HEAD"),
        "Backup branch": "internal/release-1.8",
        "Context": "We added Istio.",
    }
    fields.update({key.replace("_", " "): value for key, value in changes.items()})
    message = "".join(f"{key}: {value}\n" for key, value in fields.items() if value is not None)
    clone.git("tag", "-a", "-f", "-F", "-", name, stdin=message)
    return name


def push_one(clone: Clone) -> None:
    clone.commit(OVERLAY, "resources:\n- ../../base\nnamePrefix: x-\n")
    clone.git("push", "-q", "--no-verify", "internal", "release-1.8")


ARRANGED = {"saved": push_one}


@pytest.fixture
def saved(clone: Clone) -> Clone:
    """A clone with one configuration commit that is on `internal`."""
    return clone


# --- remotes ---


@pytest.mark.parametrize("name", ["origin", "internal"])
def test_remote_missing(clone: Clone, name: str) -> None:
    assert "remote-missing" not in clone.rules()
    clone.git("remote", "rename", name, "other")
    assert "remote-missing" in clone.rules()


SPELLINGS = [
    ("git@git.example.com:team/manifests.git", "ssh://git@GIT.example.com:22/team/manifests"),
    (
        "https://git.example.com/team/manifests",
        "https://user:secret@git.example.com:443/team/manifests.git/",
    ),
    ("https://git.example.com/team/manifests", "git@git.example.com:team/manifests"),
    ("git.example.com:team/manifests", "git://git.example.com:9418/team/manifests.git"),
    ("file:///srv/git/manifests.git", "/srv/git/manifests/"),
    ("/srv/git/manifests", "/srv/git/../git/manifests/.git"),
    ("[::1]:team/manifests", "ssh://[::1]:22/team/manifests"),
]


@pytest.mark.parametrize(("one", "other"), SPELLINGS)
def test_remote_same(clone: Clone, one: str, other: str) -> None:
    clone.git("remote", "set-url", "origin", one)
    clone.git("remote", "set-url", "internal", other)
    assert clone.rules() == ["remote-same"]
    assert "secret" not in clone.ekf("check").out


@pytest.mark.parametrize(
    "other",
    [
        "https://git.example.com/team/manifests2",
        "https://git.example.com:8443/team/manifests",
        "git@git.example.org:team/manifests",
    ],
)
def test_nearly_the_same_remote(clone: Clone, other: str) -> None:
    clone.git("remote", "set-url", "origin", "https://git.example.com/team/manifests")
    clone.git("remote", "set-url", "internal", other)
    assert clone.rules() == []


def test_remote_same_through_insteadof_and_links(
    clone: Clone, vendor: Path, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(vendor)
    clone.git("remote", "set-url", "internal", "short:link")
    clone.git("config", f"url.{tmp_path}/.insteadOf", "short:")
    assert clone.rules() == ["remote-same"]


def test_remote_extra(clone: Clone) -> None:
    clone.git("remote", "add", "backup-site2", "/srv/backup.git")
    assert clone.rules() == ["remote-extra"]
    clone.write(".ekf.toml", '[remotes]\nallow = ["backup-*"]\n')
    assert clone.rules() == []


# --- branches ---


def test_branch_name_at_commit(clone: Clone) -> None:
    clone.git("switch", "-q", "-c", "wip/istio")
    refused = clone.git("commit", "-q", "--allow-empty", "-m", "x", ok=False)
    assert (refused.code, broken(refused)) == (1, ["branch-name"])
    clone.git("config", "ekf.branches.allow", "wip/*")
    clone.git("commit", "-q", "--allow-empty", "-m", "x")


@pytest.mark.parametrize(
    "name",
    [
        "release-1.x.2",
        "release-",
        "release-1.8-rc1",
        "Release-1.8",
        "release-1.9/x",
        "xrelease-1.8",
    ],
)
def test_nearly_a_release_name(clone: Clone, name: str) -> None:
    clone.git("switch", "-q", "-c", name)
    assert broken(clone.git("commit", "-q", "--allow-empty", "-m", "x", ok=False)) == [
        "branch-name"
    ]


def test_branch_name_at_push(saved: Clone) -> None:
    refused = saved.git("push", "internal", "release-1.8:topic", ok=False)
    assert broken(refused) == ["branch-name"]
    saved.git("config", "ekf.branches.allow", "topic")
    saved.git("push", "-q", "internal", "release-1.8:topic")


def test_branch_name_in_check_is_about_work(clone: Clone) -> None:
    clone.git("branch", "main", "origin/main")
    assert clone.rules("--all") == []
    clone.git("switch", "-q", "main")
    clone.commit("own/x", "x", verify=False)
    assert clone.rules() == ["branch-name"]
    clone.git("switch", "-q", "release-1.8")
    assert clone.rules() == []
    assert clone.rules("--all") == ["branch-name"]


@pytest.mark.parametrize("upstream", ["", "origin/release-1.9", "internal/release-1.8"])
def test_branch_upstream(saved: Clone, upstream: str) -> None:
    saved.git("branch", *([f"--set-upstream-to={upstream}"] if upstream else ["--unset-upstream"]))
    assert saved.rules() == ["branch-upstream"]
    refused = saved.git("commit", "-q", "--allow-empty", "-m", "x", ok=False)
    assert broken(refused) == ["branch-upstream"]
    assert f"{upstream or 'nothing'} instead of origin/release-1.8" in refused.err
    # It is a matter of this clone: work can be saved all the same.
    saved.git("commit", "-q", "--allow-empty", "-m", "x", "--no-verify")
    saved.git("push", "-q", "internal", "release-1.8")


def test_branch_base(saved: Clone) -> None:
    saved.git("switch", "-q", "-c", "release-1.9", "--track", "origin/release-1.10")
    saved.git("branch", "-q", "--set-upstream-to=origin/release-1.9")
    assert saved.rules() == ["branch-base"]
    refused = saved.git("push", "internal", "release-1.9", ok=False)
    assert broken(refused) == ["branch-base"]
    assert "origin/release-1.10" in refused.err


def test_branch_base_by_fast_forward(clone: Clone) -> None:
    """Without configuration commits, a fast-forward to another channel looks like any push."""
    clone.git("switch", "-q", "-C", "release-1.8", "origin/release-1.8~1")
    clone.git("branch", "-q", "--set-upstream-to=origin/release-1.8")
    clone.git("push", "-q", "internal", "release-1.8")
    clone.git("merge", "-q", "--ff-only", "origin/release-1.9")
    assert broken(clone.git("push", "internal", "release-1.8", ok=False)) == ["branch-base"]


def test_branch_base_without_its_channel(saved: Clone) -> None:
    saved.git("switch", "-q", "-c", "release-2.0")
    saved.git("config", "branch.release-2.0.remote", "origin")
    saved.git("config", "branch.release-2.0.merge", "refs/heads/release-2.0")
    refused = saved.git("push", "internal", "release-2.0", ok=False)
    assert broken(refused) == ["branch-base"]
    assert "fix: git fetch origin" in refused.err


def test_vendor_merges_are_never_findings(clone: Clone) -> None:
    assert clone.out("rev-list", "--merges", "--count", "origin/release-1.10") == "2"
    for version in ("1.9", "1.10"):
        clone.git(
            "switch", "-q", "-c", f"release-{version}", "--track", f"origin/release-{version}"
        )
        clone.commit("own/x", version)
        clone.git("push", "-q", "internal", f"release-{version}")
        assert clone.rules() == []


# --- commits ---


def test_detached_head(clone: Clone) -> None:
    clone.git("switch", "-q", "--detach")
    refused = clone.git("commit", "-q", "--allow-empty", "-m", "x", ok=False)
    assert broken(refused) == ["detached-head"]
    assert "git switch release-1.8" in refused.err
    assert clone.rules() == []  # looking around harms nobody
    clone.git("commit", "-q", "--allow-empty", "-m", "x", "--no-verify")
    assert clone.rules() == ["detached-head"]


def test_detached_head_in_an_operation(clone: Clone) -> None:
    clone.commit("own/a", "1")
    clone.commit("own/a", "2")
    clone.git("rebase", "-q", "-i", "HEAD~2", env={"GIT_SEQUENCE_EDITOR": "sed -i 1s/pick/edit/"})
    clone.write("own/b", "b")
    clone.git("add", "own/b")
    clone.git("commit", "-q", "--amend", "--no-edit")
    clone.git("rebase", "--continue", env={"GIT_EDITOR": "true"})
    assert clone.rules() == []


def test_linear_history_at_merge(clone: Clone) -> None:
    clone.commit("own/a", "1")
    refused = clone.git("merge", "--no-ff", "origin/release-1.9", ok=False)
    assert broken(refused) == ["linear-history"]
    clone.git("merge", "--abort")
    clone.git("config", "ekf.branches.allow", "wip")
    clone.git("switch", "-q", "-c", "wip")
    clone.git("merge", "-q", "--no-ff", "origin/release-1.9", "-m", "x")


def test_linear_history_when_a_conflicted_merge_is_committed(clone: Clone) -> None:
    clone.commit("VERSION", "mine\n")
    clone.git("merge", "--no-ff", "origin/release-1.9", ok=False)
    clone.write("VERSION", "both\n")
    clone.git("add", "VERSION")
    assert broken(clone.git("commit", "-q", "-m", "x", ok=False)) == ["linear-history"]


def test_linear_history_at_push_and_in_check(saved: Clone) -> None:
    saved.git("merge", "-q", "--no-ff", "--no-verify", "origin/release-1.9", "-m", "x")
    # Merging another channel both makes a merge and brings foreign commits in.
    assert broken(saved.git("push", "internal", "release-1.8", ok=False)) == [
        "branch-base",
        "linear-history",
    ]
    assert saved.rules() == ["branch-base", "linear-history"]
    assert saved.rules("HEAD~1..HEAD") == ["linear-history"]


def test_conflict_marker(clone: Clone) -> None:
    clone.commit("own/doc", "Title\n=======\n\n<<<<<<<< eight\nsee >>>>>>> this\n")
    clone.write("own/doc", "a\n<<<<<<< ours\nb\n=======\nc\n>>>>>>> theirs\n")
    assert broken(clone.git("commit", "-qam", "x", ok=False)) == ["conflict-marker"]
    assert (
        clone.rules("--staged") == []
    )  # `commit -a` staged into an index of its own, which is gone
    clone.git("add", ".")
    assert clone.rules("--staged") == ["conflict-marker"]


def test_conflict_markers_that_were_there_before(clone: Clone) -> None:
    marked = "<<<<<<< ours\nb\n=======\nc\n>>>>>>> theirs\n"
    clone.commit("own/test-data", marked, verify=False)
    clone.commit("own/test-data", "moved\n" + marked + "more\n")
    clone.write("own/test-data", marked + "moved\n" + "<<<<<<< again\n")
    assert broken(clone.git("commit", "-qam", "x", ok=False)) == ["conflict-marker"]


def test_a_fix_is_safe_to_paste(saved: Clone) -> None:
    """Names come from repositories, and a fix is there to be pasted into a shell."""
    name = "a;touch$IFS/tmp/x;'b"
    saved.git("switch", "-q", "-c", name)
    refused = saved.git("commit", "-q", "--allow-empty", "-m", "x", ok=False)
    command = refused.err.partition("allow it: ")[2].strip()
    assert run("sh", "-c", command, cwd=saved.path).code == 0
    assert saved.out("config", "ekf.branches.allow") == name
    saved.git("tag", "deploy/$(id)")
    assert "git tag -d 'deploy/$(id)', then" in saved.ekf("check").out


@pytest.mark.parametrize("name", ["deploy/2026-11-20.5/release-1.8", "deploy/2026-11-20/mine"])
def test_a_record_that_is_to_go_is_not_put_back(saved: Clone, name: str) -> None:
    saved.git("tag", "-a", "-m", "x", name)
    saved.ekf("log")  # keeps it
    refused = saved.git("push", "internal", name, ok=False)
    command = refused.err.partition("fix: git tag -d ")[2].partition(", then")[0]
    assert run("sh", "-c", f"git tag -d {command}", cwd=saved.path).code == 0
    assert "put back" not in saved.ekf("log").err
    assert saved.out("tag", "-l", name) == ""


def test_conflict_marker_left_by_a_rebase(saved: Clone) -> None:
    """`git rebase --continue` commits without a hook; the push is where it is seen."""
    saved.commit("VERSION", "mine\n")
    saved.git("rebase", "origin/release-1.9", ok=False)
    saved.git("add", ".")
    saved.git("rebase", "--continue", env={"GIT_EDITOR": "true"})
    saved.git("branch", "-m", "release-1.9")
    refused = saved.git("push", "internal", "release-1.9", ok=False)
    assert broken(refused) == ["conflict-marker"]
    assert saved.rules() == ["branch-upstream", "conflict-marker"]
    saved.git("branch", "-m", "release-1.8")
    saved.git("reset", "-q", "--hard", "internal/release-1.8")
    saved.commit("own/x", "<<<<<<< ours\n>>>>>>> theirs\n", verify=False)
    assert broken(saved.git("push", "internal", "release-1.8", ok=False)) == ["conflict-marker"]
    saved.commit("own/x", "x\n")
    saved.git("push", "-q", "internal", "release-1.8")


def test_conflict_marker_in_a_name_with_everything(clone: Clone) -> None:
    name = "own/\x1b[31m*?[x] \u00e9\n.yaml"
    clone.write(name, "<<<<<<< ours\n>>>>>>> theirs\n")
    clone.git("add", ".")
    refused = clone.git("commit", "-qm", "x", ok=False)
    assert broken(refused) == ["conflict-marker"]
    assert "\x1b" not in refused.err
    assert "\\x1b[31m*?[x] \u00e9" in refused.err


def test_vendor_path(clone: Clone) -> None:
    warned = clone.git("commit", "-q", "--allow-empty", "-m", "nothing")
    assert warned.err == ""
    for path in ("mine/x.yaml", "README-cluster.md", "apps/dashboard/overlays/deploy/patch.yaml"):
        clone.write(path, "x\n")
    clone.git("add", ".")
    assert clone.git("commit", "-q", "-m", "own places").err == ""
    clone.write("apps/mine/x.yaml", "x\n")
    clone.git("add", ".")
    warned = clone.git("commit", "-q", "-m", "theirs")
    assert broken(warned) == ["vendor-path"]
    assert warned.err.startswith("git-ekf: commit goes ahead, but\n")
    assert clone.rules() == ["vendor-path"]
    assert clone.ekf("check").code == 0
    clone.write(".ekf.toml", '[paths]\ncustomer = ["apps"]\n')
    assert clone.rules() == []
    clone.write(".ekf.toml", '[rules]\nvendor-path = "error"\n')
    assert clone.ekf("check").code == 1


# --- pushes ---


def test_push_primary_by_every_spelling(saved: Clone, vendor: Path) -> None:
    for target in (
        "origin",
        str(vendor),
        f"file://{vendor}",
        f"{vendor}/",
        "../vendor.git",
        "../vendor",
        f"{vendor.parent}/./vendor.git",
    ):
        refused = saved.git("push", target, "release-1.8:refs/heads/x", ok=False)
        assert broken(refused) == ["push-primary"], target
    assert run("git", "-C", vendor, "rev-parse", "--verify", "-q", "refs/heads/x").code == 1


def test_push_elsewhere_is_nobodys_business(saved: Clone, tmp_path: Path) -> None:
    run("git", "init", "-q", "--bare", tmp_path / "usb.git")
    saved.git("push", "-q", "../usb.git", "HEAD:refs/heads/anything")
    saved.git("push", "-q", "../usb.git", ":refs/heads/anything")


def test_delete_protected(saved: Clone) -> None:
    assert broken(saved.git("push", "internal", ":release-1.8", ok=False)) == ["delete-protected"]
    saved.git("push", "-q", "internal", record(saved))
    refused = saved.git("push", "internal", ":refs/tags/deploy/2026-11-20/release-1.8", ok=False)
    assert broken(refused) == ["delete-protected"]
    saved.git("tag", "v1")
    saved.git("push", "-q", "internal", "v1")
    saved.git("push", "-q", "internal", ":v1")


def test_rewrite_unsaved(saved: Clone) -> None:
    old = saved.out("rev-parse", "HEAD")
    saved.git("commit", "-q", "--amend", "-m", "Reworded")
    refused = saved.git("push", "-f", "internal", "release-1.8", ok=False)
    assert broken(refused) == ["rewrite-unsaved"]
    fix = next(line for line in refused.err.splitlines() if "fix:" in line)
    assert f"git push internal {old}:refs/ekf/backup/release-1.8/" in fix
    saved.git(*fix.partition("fix: git ")[2].partition(",")[0].split())
    saved.git("push", "-q", "-f", "internal", "release-1.8")


def test_rewrite_with_its_backup_ahead(saved: Clone) -> None:
    old = saved.out("rev-parse", "HEAD")
    saved.git("commit", "-q", "--amend", "-m", "Reworded")
    backup = f"{old}:refs/ekf/backup/release-1.8/20261120T100000Z"
    refused = saved.git("push", "internal", "+release-1.8", backup, ok=False)
    assert broken(refused) == ["rewrite-unsaved"]
    saved.git("push", "-q", "internal", backup)
    saved.git("push", "-q", "internal", "+release-1.8")


def test_rewrite_kept_by_a_record(saved: Clone) -> None:
    saved.git("push", "-q", "internal", record(saved))
    saved.git("commit", "-q", "--amend", "-m", "Reworded")
    saved.git("push", "-q", "-f", "internal", "release-1.8")


def test_rewrite_of_commits_that_are_not_here(saved: Clone, internal: Path, tmp_path: Path) -> None:
    assert run("git", "clone", "-q", "-b", "release-1.8", internal, tmp_path / "other").code == 0
    other = Clone(tmp_path / "other")
    other.commit("own/x", "x")
    other.git("push", "-q")
    saved.git("commit", "-q", "--amend", "-m", "Reworded")
    refused = saved.git("push", "-f", "internal", "release-1.8", ok=False)
    assert broken(refused) == ["rewrite-unsaved"]
    assert "git fetch internal" in refused.err


# --- deploy records ---


def test_a_correct_record(saved: Clone) -> None:
    saved.git("push", "-q", "internal", record(saved))
    assert saved.rules() == []
    name = record(
        saved, "deploy/2026-11-20.2/release-1.8", Ticket="OPS-1", Context="'Two\n\nlines'"
    )
    saved.git("push", "-q", "internal", name)
    assert saved.rules() == []


def test_a_record_written_by_hand(saved: Clone) -> None:
    head, base = (
        saved.out("rev-parse", "--short", "HEAD"),
        saved.out("rev-parse", "--short", "origin/release-1.8"),
    )
    message = (
        f"context is below\r\n\r\nBACKUP BRANCH:   internal/release-1.8\r\nupstream sha: {base.upper()}\r\n"
        f"local sha: {head}\r\n\r\nUpstream Branch: origin/release-1.8\r\nlocal  branch: release-1.8\r\n"
        'date: 2026-11-20\r\nContext: "We added Istio: it works"\r\n'
    )
    saved.git(
        "tag", "-a", "--cleanup=verbatim", "-F", "-", "deploy/2026-11-20/release-1.8", stdin=message
    )
    assert saved.rules() == []


@pytest.mark.parametrize(
    "name",
    [
        "deploy/2026-02-30/release-1.8",
        "deploy/2026-11-20",
        "deploy/2026-11-20/main",
        "deploy/2026-11-20.1/release-1.8",
        "deploy/2026-11-20.02/release-1.8",
        "deploy/20261120/release-1.8",
        "deploy/0000-01-01/release-1.8",
        "deploy/2025-02-29/release-1.8",
    ],
)
def test_tag_name(saved: Clone, name: str) -> None:
    refused = saved.git("push", "internal", record(saved, name), ok=False)
    assert broken(refused)[:1] == ["tag-name"]
    assert "tag-name" in saved.rules()


def test_tag_on_the_29th_of_february(saved: Clone) -> None:
    saved.git(
        "push", "-q", "internal", record(saved, "deploy/2024-02-29/release-1.8", Date="2024-02-29")
    )


def test_tag_lightweight(saved: Clone) -> None:
    saved.git("tag", "deploy/2026-11-20/release-1.8")
    assert broken(saved.git("push", "internal", "--tags", ok=False)) == ["tag-lightweight"]
    assert saved.rules() == ["tag-lightweight"]


@pytest.mark.parametrize(
    "field",
    [
        "Date",
        "Local_branch",
        "Local_SHA",
        "Upstream_branch",
        "Upstream_SHA",
        "Backup_branch",
        "Context",
    ],
)
@pytest.mark.parametrize("value", [None, pytest.param("", marks=rare)])
def test_tag_fields(saved: Clone, field: str, value: str | None) -> None:
    changes: dict[str, str | None] = {field: value}
    refused = saved.git(
        "push", "internal", record(saved, "deploy/2026-11-20/release-1.8", **changes), ok=False
    )
    assert broken(refused) == ["tag-fields"]
    assert f"lacks {field.replace('_', ' ')}\n" in refused.err


def test_the_required_fields_are_configuration(saved: Clone) -> None:
    record(saved, Context=None)
    saved.write(".ekf.toml", '[tags]\nrequired = ["Date", "Ticket"]\n')
    assert saved.ekf("check").out.splitlines()[0].endswith("lacks Ticket")


MISMATCHES = {
    "Date": "2026-11-21",
    "Local_branch": "release-1.9",
    "Upstream_branch": "origin/release-1.9",
    "Backup_branch": "backup/release-1.8",
    "Local_SHA": "0123456789",
    "Upstream_SHA": "fedcba9876",
}


@pytest.mark.parametrize("field", MISMATCHES)
def test_tag_mismatch(saved: Clone, field: str) -> None:
    refused = saved.git("push", "internal", record(saved, **{field: MISMATCHES[field]}), ok=False)
    assert broken(refused) == ["tag-mismatch"]
    assert f"{field.replace('_', ' ')} " in refused.err


@pytest.mark.parametrize(
    ("field", "revision", "complaint"),
    [
        ("Local_SHA", "HEAD~1", "but the tag is on"),
        ("Upstream_SHA", "HEAD", "is not a vendor commit of origin/release-1.8"),
        ("Upstream_SHA", "origin/release-1.9", "is not a vendor commit of origin/release-1.8"),
        ("Upstream_SHA", "origin/release-1.8~1", "is not what the tagged commit"),
        ("Upstream_SHA", "HEAD^{tree}", "is not a commit"),
    ],
)
def test_tag_mismatch_with_objects(saved: Clone, field: str, revision: str, complaint: str) -> None:
    refused = saved.git(
        "push", "internal", record(saved, **{field: saved.out("rev-parse", revision)}), ok=False
    )
    assert broken(refused) == ["tag-mismatch"]
    assert complaint in refused.err


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("deploy/9999-12-31/release-1.8", "is of a day that has not come yet"),
        ("deploy/2026-11-20.999999999/release-1.8", "there is no deploy/2026-11-20.999999998"),
        ("deploy/2026-11-20.3/release-1.8", "there is no deploy/2026-11-20.2/release-1.8"),
    ],
)
def test_tag_date(saved: Clone, name: str, complaint: str) -> None:
    """A record that is there for good must not stay the newest for ever."""
    saved.git("push", "-q", "internal", record(saved))
    date = name.split("/")[1].partition(".")[0]
    refused = saved.git("push", "internal", record(saved, name, Date=date), ok=False)
    assert broken(refused) == ["tag-date"]
    assert complaint in refused.err


def test_a_record_made_in_the_future(saved: Clone) -> None:
    later = {"GIT_COMMITTER_DATE": f"{int(time.time()) + 3 * 86400} +0000"}
    name = record(saved)
    text = saved.out("for-each-ref", "--format=%(contents)", f"refs/tags/{name}")
    saved.git("tag", "-a", "-f", "-F", "-", name, f"{name}^{{}}", stdin=text, env=later)
    assert broken(saved.git("push", "internal", name, ok=False)) == ["tag-date"]


@pytest.mark.parametrize(
    "name", ["deploy/9999-12-31/release-1.8", "deploy/2026-11-20.3/release-1.8"]
)
def test_check_says_of_what_is_not_saved_what_a_push_would(saved: Clone, name: str) -> None:
    assert saved.rules() == []
    record(saved, name, Date=name.split("/")[1].partition(".")[0])
    assert saved.rules() == ["tag-date"]
    assert saved.ekf("save").code == 4
    assert "(tag-date)" in saved.ekf("save").err
    assert "tag-date" in saved.ekf("show", name).out
    # What stands for good is not found for ever.
    saved.git("push", "-q", "--no-verify", "internal", name)
    assert saved.ekf("status", "--fetch").code == 0
    assert saved.rules() == []


def test_check_says_that_a_name_is_taken(saved: Clone) -> None:
    name = record(saved)
    saved.git("push", "-q", "--no-verify", "internal", name)
    saved.ekf("status", "--fetch")
    assert saved.rules() == []
    record(saved, Context="Another one.")
    [finding] = json.loads(saved.ekf("check", "--json").out)["findings"]
    assert (finding["rule"], finding["fix"]) == (
        "tag-moved",
        "git ekf pull gives yours the next number",
    )
    said = saved.ekf("save").err
    assert finding["message"] in said
    assert saved.ekf("pull").code == 0
    assert saved.rules() == []
    assert saved.ekf("save").code == 0


def test_check_looks_at_the_directories_that_are_not_saved(saved: Clone) -> None:
    blob = saved.out("rev-parse", f"HEAD:{OVERLAY}")
    own = saved.git("mktree", stdin=f"100644 blob {blob}\t.git\n").out.strip()
    entries = saved.out("ls-tree", "HEAD")
    tree = saved.git("mktree", stdin=f"{entries}\n040000 tree {own}\town\n").out.strip()
    commit = saved.out("commit-tree", "-p", "HEAD", "-m", "Odd", tree)
    saved.git("update-ref", "refs/heads/release-1.8", commit)
    assert saved.rules() == ["tree-entry"]


def test_the_next_record_of_the_day(saved: Clone) -> None:
    """Both at once, and one behind the other."""
    first = record(saved)
    second = record(saved, "deploy/2026-11-20.2/release-1.8")
    saved.git("push", "-q", "internal", first, second)
    saved.git("push", "-q", "internal", record(saved, "deploy/2026-11-20.3/release-1.8"))


def test_tag_mismatch_of_what_is_tagged(saved: Clone) -> None:
    message = saved.out("for-each-ref", "--format=%(contents)", f"refs/tags/{record(saved)}")
    saved.git(
        "tag", "-a", "-f", "-F", "-", "deploy/2026-11-20/release-1.8", "HEAD^{tree}", stdin=message
    )
    assert saved.rules() == ["tag-mismatch"]


def test_the_backup_branch_may_arrive_with_the_record(clone: Clone) -> None:
    clone.commit("own/x", "x")
    name = record(clone)
    assert broken(clone.git("push", "internal", name, ok=False)) == ["tag-mismatch"]
    clone.git("push", "-q", "internal", "release-1.8", name)


def test_a_duplicate_field(saved: Clone) -> None:
    record(saved, Date="2026-11-20\nDate: 2026-11-20")
    assert saved.rules() == []
    record(saved, Date="2026-11-20\nDate: 2026-11-21")
    assert saved.rules() == ["tag-mismatch"]


def test_tag_moved(saved: Clone) -> None:
    saved.git("push", "-q", "internal", record(saved))
    name = record(saved, Context="Another story")
    assert broken(saved.git("push", "-f", "internal", name, ok=False)) == ["tag-moved"]


def test_the_vendors_documentation_example(saved: Clone) -> None:
    """Three fields and abbreviated ids, as the vendor's guide shows it: refused with the missing fields named."""
    head, base = (
        saved.out("rev-parse", "--short", "HEAD"),
        saved.out("rev-parse", "--short", "HEAD~1"),
    )
    name = "deploy/2026-11-20/release-1.8"
    saved.git(
        "tag",
        "-a",
        "-m",
        f"Local SHA: {head}\nUpstream SHA: {base}\nContext: We added Istio.",
        name,
    )
    refused = saved.git("push", "internal", name, ok=False)
    assert "lacks Date, Local branch, Upstream branch, Backup branch\n" in refused.err
    record(saved, Local_SHA=head, Upstream_SHA=base)
    saved.git("push", "-q", "internal", name)


# --- images ---


def test_images_that_come_from_elsewhere(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is built is in test_images.py; here are the rule and its severity."""
    monkeypatch.chdir(clone.path)
    outside = [("own", "nginx does not come from registry.example.com")]
    [finding] = judge_images(Repository(), outside)
    assert (finding.rule, finding.severity) == ("image-registry", "error")
    assert (finding.path, finding.message) == outside[0]
    assert finding.commit == clone.out("rev-parse", "HEAD")
    clone.git("config", "ekf.rules.image-registry", "off")
    assert judge_images(Repository(), outside) == []


# --- the whole ---


def test_every_rule_is_tested() -> None:
    """Here, or with the server's hook."""
    tests = Path(__file__).parent
    files = (
        Path(__file__),
        tests / "hooks" / "test_receive.py",
        tests / "hostile" / "test_trees.py",
        tests / "test_swapped.py",
        tests / "test_switching.py",
    )
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    assert [rule for rule in RULES if f'"{rule}"' not in text] == []


def test_a_rule_can_be_a_warning_or_off(clone: Clone) -> None:
    clone.git("switch", "-q", "-c", "main")
    clone.git("config", "ekf.rules.branch-name", "warning")
    assert broken(clone.git("commit", "-q", "--allow-empty", "-m", "x")) == ["branch-name"]
    clone.git("config", "ekf.rules.branch-name", "off")
    assert clone.git("commit", "-q", "--allow-empty", "-m", "x").err == ""


def test_findings_as_json(clone: Clone) -> None:
    clone.git("branch", "--unset-upstream")
    result = clone.ekf("check", "--format", "json")
    assert result.code == 1
    assert json.loads(result.out) == {
        "version": 1,
        "command": "check",
        "findings": [
            {
                "rule": "branch-upstream",
                "severity": "error",
                "ref": "refs/heads/release-1.8",
                "commit": None,
                "path": None,
                "message": "release-1.8 tracks nothing instead of origin/release-1.8",
                "fix": "git branch --set-upstream-to=origin/release-1.8 release-1.8",
            }
        ],
    }


def test_findings_for_github_and_sarif(clone: Clone) -> None:
    clone.commit("apps/a,b:c%.yaml", "x\n")
    github = clone.ekf("check", "--format", "github")
    assert github.out.startswith(
        "::warning file=apps/a%2Cb%3Ac%25.yaml,title=vendor-path::apps/a,b:c%25.yaml is a new file"
    )
    assert "%0Afix: " in github.out
    document = json.loads(clone.ekf("check", "--format", "sarif").out)
    run_ = document["runs"][0]
    assert {rule["id"] for rule in run_["tool"]["driver"]["rules"]} == set(RULES)
    assert (
        run_["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        == "apps/a%2Cb%3Ac%25.yaml"
    )


def test_only_a_range(clone: Clone) -> None:
    clone.commit("apps/one", "x\n")
    clone.commit("apps/two", "x\n")
    assert clone.rules() == ["vendor-path", "vendor-path"]
    assert clone.rules("HEAD~1..") == ["vendor-path"]
    assert clone.rules("HEAD", "^HEAD~1") == ["vendor-path"]
    assert clone.rules("origin/release-1.8") == []
    missing = clone.ekf("check", "nonsense")
    assert (missing.code, missing.err.splitlines()[0]) == (
        2,
        "git-ekf: nonsense names no commit here",
    )


@pytest.mark.parametrize("upstream", ["lost", "kept"])
def test_a_record_of_which_only_the_tag_is_left(clone: Clone, upstream: str) -> None:
    """It is found, whatever it says of the vendor's commit, and the others are judged."""
    old, name = "deploy/2026-11-19/release-1.8", "deploy/2026-11-20/release-1.8"
    tip = clone.commit("own/a", "1\n")
    assert clone.ekf("save").code == 0
    assert clone.ekf("tag", "-m", "x", "--date", "2026-11-20").code == 0
    base = clone.out("rev-parse", "origin/release-1.8")
    text = clone.git("cat-file", "tag", name).out.replace("2026-11-20", "2026-11-19")
    lost = "12345678" * 5
    said = text.replace(tip, lost)
    if upstream == "lost":
        said = said.replace(base, lost)
    made = clone.git("hash-object", "-t", "tag", "-w", "--literally", "--stdin", stdin=said)
    clone.git("update-ref", f"refs/tags/{old}", made.out.strip())
    done = clone.ekf("check")
    assert done.code == 1, done
    assert f"tag-mismatch: {old}: it is on {lost[:12]}, which is not in this repository" in done.out
    assert name not in done.out
