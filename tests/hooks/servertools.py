"""What the tests of the server's hook share: a site whose internal repository judges, and a client without hooks."""

from __future__ import annotations

import re
from pathlib import Path

from conftest import Clone, Run, copy_folder, make_clone, run

BRANCH = "release-1.8"
RECORD = f"deploy/2026-11-20/{BRANCH}"
UPSTREAM = "refs/ekf/upstream/release-1.8"


class Site:
    """A vendor, an internal repository with the hook, and a clone in which nothing judges."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.vendor = top / "vendor.git"
        self.server = Clone(top / "internal.git")
        self.work = Clone(top / "work")

    def push(self, *args: str, env: dict[str, str] | None = None) -> Run:
        return self.work.git("push", "internal", *args, ok=False, env=env)

    def accepted(self, *args: str, env: dict[str, str] | None = None) -> Run:
        done = self.push(*args, env=env)
        assert done.code == 0, done
        assert "git-ekf" not in done.err, done
        return done

    def refused(self, rules: str, *args: str, env: dict[str, str] | None = None) -> Run:
        """The push is refused for exactly these rules, and changes nothing."""
        before = self.refs()
        done = self.push(*args, env=env)
        assert done.code == 1, done
        assert said(done) == rules.split(), done
        fixes = re.findall(r"^remote: (?:GL-HOOK-ERR: )?         fix: \S", done.err, re.MULTILINE)
        assert len(fixes) == len(re.findall("  error  ", done.err)), done
        assert self.refs() == before
        return done

    def refs(self) -> str:
        return self.server.out("for-each-ref")

    def judge(self, *lines: str) -> Run:
        """The hook itself, told of updates to objects that are there."""
        return run(
            "git-ekf",
            "hook",
            "1",
            "pre-receive",
            cwd=self.server.path,
            stdin="".join(f"{line}\n" for line in lines),
        )

    def record(self, name: str = RECORD, revision: str = "HEAD", **changes: str) -> str:
        """A correct deploy record, but for `changes`."""
        fields = {
            "Date": "2026-11-20",
            "Local branch": BRANCH,
            "Local SHA": self.work.out("rev-parse", f"{revision}^{{commit}}"),
            "Upstream branch": f"origin/{BRANCH}",
            "Upstream SHA": self.work.out("rev-parse", f"origin/{BRANCH}"),
            "Backup branch": f"internal/{BRANCH}",
            "Context": "We added Istio.",
        }
        fields.update({key.replace("_", " "): value for key, value in changes.items()})
        message = "".join(f"{key}: {value}\n" for key, value in fields.items() if value)
        self.work.git("tag", "-a", "-f", "-F", "-", name, revision, stdin=message)
        return name

    def merge(self, *parents: str) -> str:
        """A merge commit that is nobody's but the client's."""
        given = [
            word for parent in parents or ("HEAD", "origin/release-1.9") for word in ("-p", parent)
        ]
        return self.work.out("commit-tree", "HEAD^{tree}", *given, "-m", "merged")

    def sound(self) -> None:
        """Nothing is damaged, and nothing of a refused push is left but what git itself sweeps up."""
        done = self.server.git("fsck", "--strict", "--no-dangling")
        unexpected = [
            line
            for line in (done.out + done.err).splitlines()
            if not line.startswith(("Checking", "notice: HEAD points"))
        ]
        assert unexpected == [], done
        assert not [
            path.name
            for path in (self.server.path / "objects").iterdir()
            if "incoming" in path.name
        ]


def said(done: Run) -> list[str]:
    """The rules that the server found broken, each once, in the order of what it said."""
    return list(
        dict.fromkeys(
            re.findall(
                r"^remote: (?:GL-HOOK-ERR: )?  (?:error|warning)  ([a-z-]+): ",
                done.err,
                re.MULTILINE,
            )
        )
    )


def make_site(top: Path, object_format: str = "sha1") -> Site:
    """One configuration commit and its deploy record, saved."""
    make_clone(top, object_format)
    site = Site(top)
    done = run("git-ekf", "hooks", "install", "--server", site.server.path)
    assert done.code == 0, done
    site.work.commit("own/a", "1\n")
    site.record()
    done = site.work.ekf("save")
    assert done.code == 0, done
    site.work.git("config", "core.hooksPath", "/dev/null")
    site.work.git("config", "push.followTags", "false")
    return site


def copy_site(site: Site, top: Path) -> Site:
    copy_folder(site.top, top)
    return Site(top)


def packet(text: str) -> bytes:
    """As clients and servers of git send it (gitprotocol-common(5), pkt-line)."""
    return f"{len(text.encode()) + 4:04x}{text}".encode()
