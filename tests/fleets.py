"""A small fleet from nothing: a vendor, and internal repositories in every state that they are found in.

All commits are made by one git, in a repository whose objects the internal ones borrow.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

from git_ekf.demo.sample import make_vendor
from git_ekf.git.packedrefs import write_packed

BEGIN = 1_790_000_000  # September 2026
DAY = 86_400
RELEASES = ("1.8", "1.9")
WAVES = ("canary", "early", "rest")
DASHBOARD = "apps/dashboard/base/kustomization.yaml"
FIELDS = "Date|Local branch|Local SHA|Upstream branch|Upstream SHA|Backup branch|Context"

_IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Operator"), ("EMAIL", "ops@example.com"))
}

# What is wrong with some of them; each has one.
ODD = (
    *("empty", "unreachable", "sha256", "truncated", "incomplete", "unrelated", "corrupt"),
    *("merge", "branch", "lightweight", "fields", "future", "behind", "unrecorded", "setting"),
)


class Made(NamedTuple):
    """A cluster that was made: how it is odd ("" for not at all), and its refs as they are in its repository."""

    name: str
    odd: str
    release: str
    path: Path
    refs: dict[str, str]
    commits: list[str]
    base: str


class World:
    """A folder with a vendor, internal repositories and their fleet file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.vendor = folder / "vendor.git"
        self.factory = folder / "factory.git"
        self.file = folder / "fleet.toml"

    def git(self, *args: str, stdin: str = "", cwd: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *args],
            cwd=cwd or self.factory,
            input=stdin,
            env={**os.environ, **_IDENTITY},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, done
        return done.stdout.removesuffix("\n")

    def internal(self, name: str) -> Path:
        return self.folder / "internals" / f"{name}.git"

    def write_file(self, made: list[Made], more: str = "") -> None:
        lines = [f'vendor = "{self.vendor}"\nwaves = ["canary", "early", "rest"]\n{more}']
        for number, one in enumerate(made):
            region = ("eu", "us")[number % 2]
            lines.append(
                f'[[cluster]]\nname = "{one.name}"\ninternal = "{one.path}"\n'
                f'wave = "{WAVES[min(number // 3, 2)]}"\nlabels = {{ region = "{region}" }}\n'
            )
        self.file.write_text("\n".join(lines), encoding="utf-8")

    def commit(self, one: Made, text: str = "more", file: str = "", content: str = "") -> str:
        """A further commit on the branch of a cluster, which changes a file or none; its id."""
        branch = f"refs/heads/release-{one.release}"
        parent = one.refs[branch]
        tree = self.git("rev-parse", f"{parent}^{{tree}}")
        if file:
            tree = self._tree(tree, file, content)
        one.refs[branch] = self.git("commit-tree", "-p", parent, "-m", text, tree)
        one.commits.append(one.refs[branch])
        publish(one)
        return one.refs[branch]

    def _tree(self, tree: str, file: str, content: str) -> str:
        blob = self.git("hash-object", "-w", "--stdin", stdin=content)
        self.git("read-tree", tree)
        self.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{file}")
        return self.git("write-tree")

    def deploy(self, one: Made, release: str, commit: str) -> None:
        """Gives a cluster a deploy record of a commit, the newest one."""
        branch = f"release-{release}"
        name = f"deploy/2026-11-19/{branch}"
        lines = [
            *("Date: 2026-11-19", f"Local branch: {branch}", f"Local SHA: {commit}"),
            *(
                f"Upstream branch: origin/{branch}",
                f"Upstream SHA: {self.git('rev-parse', branch)}",
            ),
            *(f"Backup branch: internal/{branch}", "Context: Rolled out"),
        ]
        date = BEGIN + 58 * DAY
        head = (
            f"object {commit}\ntype commit\ntag {name}\ntagger Ops <ops@example.com> {date} +0000\n"
        )
        text = "\n".join([head, *lines, ""])
        oid = self.git("hash-object", "-w", "-t", "tag", "--stdin", "--literally", stdin=text)
        one.refs[f"refs/tags/{name}"] = oid
        publish(one)


def patch_dashboards(world: World, made: Sequence[Made]) -> None:
    """Gives each cluster a commit that an upgrade has to merge."""
    for one in made:
        lines = world.git("show", f"{one.commits[-1]}:{DASHBOARD}")
        world.commit(one, f"Patch the dashboard of {one.name}", DASHBOARD, f"{lines}\n- own.yaml\n")


def publish(one: Made) -> None:
    """Makes the refs of a repository what they are in memory."""
    write_packed(str(one.path), one.refs)


def make_fleet(
    folder: Path,
    number: int = 30,
    *,
    odd: Sequence[str] = ODD,
    vendor: Path | None = None,
    commits: tuple[int, int] = (3, 6),
    edited: Mapping[str, Sequence[tuple[str, str]]] | None = None,
) -> tuple[World, list[Made]]:
    """The fleet: one of each kind that is odd, all others fine; of a vendor that is there, or a small one.

    Each has a number of configuration commits in a range. `edited` has files of a release, with their text, that every other commit
    adds a line to: one of its own, or the same line in ten clusters that stand side by side.
    """
    world = World(folder)
    if vendor:
        world.vendor = vendor
    else:
        make_vendor(str(world.vendor))
    world.git("clone", "-q", "--bare", str(world.vendor), str(world.factory), cwd=folder)
    bases = {release: world.git("rev-parse", f"release-{release}") for release in RELEASES}
    marks = folder / "marks"
    names = [f"c{at:0{len(str(number))}}" for at in range(number)]
    kinds = dict(zip(names, odd, strict=False))
    random = Random(7)
    lengths = {name: random.randint(*commits) for name in names}
    stream = "".join(_stream(names, kinds, lengths, bases, edited or {}))
    world.git("fast-import", "--quiet", "--force", f"--export-marks={marks}", stdin=stream)
    oids = dict(line.split(" ") for line in marks.read_text().splitlines())
    made = []
    for at, name in enumerate(names):
        release = RELEASES[at % 2]
        length = lengths[name] + (2 if kinds.get(name) == "merge" else 0)
        own = [oids[f":{at * 100 + step + 1}"] for step in range(length)]
        base = bases[release]
        if kinds.get(name) == "behind":
            base = world.git("rev-parse", f"{base}~2")
        made.append(Made(name, kinds.get(name, ""), release, world.internal(name), {}, own, base))
    _tag(world, made)
    for one in made:
        _make_internal(world, one)
    world.write_file(made)
    return world, made


def _stream(
    names: list[str],
    odd: dict[str, str],
    lengths: dict[str, int],
    bases: dict[str, str],
    edited: Mapping[str, Sequence[tuple[str, str]]],
) -> Iterator[str]:
    """Commits for git-fast-import(1); the mark of one is a hundred times its cluster's number, and its own."""
    for at, name in enumerate(names):
        kind = odd.get(name, "")
        begin = bases[RELEASES[at % 2]]
        if kind == "behind":
            begin = f"{begin}~2"
        parent = "" if kind == "unrelated" else f"from {begin}\n"
        for step in range(lengths[name]):
            mark = at * 100 + step + 1
            # Commits that the platform made are alike in all clusters, but for where they stand.
            text = f"step {step}\n" if step < 2 else f"{name} {step}\n"
            path = f"site/{step}.yaml"
            files = edited.get(RELEASES[at % 2])
            if files and step % 2:
                path, before = files[step % len(files)]
                text = f"# {at // 20 if step % 4 == 1 else at} {step}\n{before}"
            content = f"M 100644 inline {path}\ndata {len(text.encode())}\n{text}"
            if kind == "setting" and step == 0:
                setting = '[rules]\nlinear-history = "off"\nbranch-name = "off"\n'
                content += f"M 100644 inline .ekf.toml\ndata {len(setting)}\n{setting}"
            yield _commit(mark, BEGIN + (at + step * 3) * DAY, f"Step {step}", parent, content)
            parent = f"from :{mark}\n"
        if kind in ("merge", "setting"):
            last = at * 100 + lengths[name]
            yield _commit(last + 1, BEGIN + 40 * DAY, "Side", f"from :{last - 1}\n", "")
            merge = f"from :{last}\nmerge :{last + 1}\n"
            yield _commit(last + 2, BEGIN + 41 * DAY, "Merge branch 'side'", merge, "")


def _commit(mark: int, time: int, message: str, parents: str, content: str) -> str:
    who = f"committer Operator <ops@example.com> {time} +0000"
    return f"commit refs/made/{mark // 100}\nmark :{mark}\n{who}\ndata {len(message)}\n{message}\n{parents}{content}\n"


def _tag(world: World, made: list[Made]) -> None:
    """Gives each its refs, the records among them."""
    files: list[Path] = []
    named: list[tuple[Made, str]] = []
    for at, one in enumerate(made):
        branch = f"release-{one.release}"
        last = len(one.commits) - (2 if one.odd == "unrecorded" else 1)
        one.refs[f"refs/heads/{branch}"] = one.commits[-1]
        one.refs[f"refs/ekf/upstream/{branch}"] = one.base
        for day, commit in ((10 + at % 9, one.commits[0]), (20 + at % 9, one.commits[last])):
            name = f"deploy/2026-10-{day}/{branch}"
            date = BEGIN + (30 + day) * DAY
            lines = [
                *(f"Date: 2026-10-{day}", f"Local branch: {branch}", f"Local SHA: {commit}"),
                *(f"Upstream branch: origin/{branch}", f"Upstream SHA: {one.base}"),
                *(f"Backup branch: internal/{branch}", f"Context: Roll-out {day}"),
            ]
            if one.odd == "fields":
                lines = lines[1:]
            if one.odd == "future" and day > 19:
                date += 3650 * DAY
            text = "\n".join(lines)
            path = world.folder / f"tag-{len(files)}"
            head = f"object {commit}\ntype commit\ntag {name}\ntagger Ops <ops@example.com> {date} +0000\n"
            path.write_text(f"{head}\n{text}\n", encoding="utf-8")
            files.append(path)
            named.append((one, name))
    paths = "".join(f"{path}\n" for path in files)
    oids = world.git("hash-object", "-w", "-t", "tag", "--stdin-paths", stdin=paths).split("\n")
    for (one, name), oid in zip(named, oids, strict=True):
        one.refs[f"refs/tags/{name}"] = oid
    for path in files:
        path.unlink()


def _make_internal(world: World, one: Made) -> None:
    if one.odd == "unreachable":
        return
    if one.odd == "sha256":
        make_vendor(str(one.path), object_format="sha256")
        return
    (one.path / "objects/info").mkdir(parents=True)
    (one.path / "refs").mkdir()
    (one.path / "HEAD").write_text(f"ref: refs/heads/release-{one.release}\n")
    (one.path / "config").write_text("[core]\nrepositoryformatversion = 0\nbare = true\n")
    if one.odd == "empty":
        one.refs.clear()
    if one.odd == "branch":
        one.refs["refs/heads/README"] = one.refs["refs/heads/wip/größe"] = one.commits[-1]
    if one.odd == "lightweight":
        one.refs[f"refs/tags/deploy/2026-10-30/release-{one.release}"] = one.commits[-1]
    if one.odd == "truncated":
        _give_own_objects(world, one)
        pack = next((one.path / "objects/pack").glob("*.pack"))
        pack.chmod(0o644)
        pack.write_bytes(pack.read_bytes()[:400])
    else:
        (one.path / "objects/info/alternates").write_text(f"{world.factory}/objects\n")
    if one.odd == "incomplete":  # says itself that it has no more, as a shallow clone does
        for ref in [ref for ref in one.refs if ref.startswith("refs/tags/")]:
            del one.refs[ref]
        (one.path / "shallow").write_text(f"{one.commits[-2]}\n")
    if one.odd == "corrupt":
        (one.path / "packed-refs").write_bytes(b"not a line of it\n")
        return
    publish(one)


def _give_own_objects(world: World, one: Made) -> None:
    """Objects of its own in place of borrowed ones."""
    folder = one.path / "objects/pack"
    folder.mkdir()
    listed = "".join(f"{oid}\n" for oid in set(one.refs.values()))
    world.git("pack-objects", "-q", "--revs", str(folder / "pack"), stdin=listed)


def copy_fleet(world: World, made: list[Made], to: Path) -> tuple[World, list[Made]]:
    """A copy to change; the objects of all commits stay where they are."""
    shutil.copytree(world.folder / "internals", to / "internals")
    shutil.copytree(world.vendor, to / "vendor.git")
    copied = World(to)
    copied.factory = world.factory
    ours = [
        one._replace(path=copied.internal(one.name), refs=dict(one.refs), commits=list(one.commits))
        for one in made
    ]
    copied.write_file(ours)
    return copied, ours
