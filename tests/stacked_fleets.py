"""A fleet whose configuration meets what the vendor changes: edits, moves and deletions of both sides, from a seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from fleets import BEGIN, DAY, Made, World, publish

Tree = dict[str, str]
Change = Callable[[Tree], None]

# What the clusters that are odd have; each kind is there once.
ODD = (
    *("merge", "prefer", "migration", "prepared", "newest", "empty", "unrelated"),
    *("attributes", "driver", "names", "rewritten"),
)
# The merge driver that the cluster of that kind names, for git's configuration.
DRIVER = {
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "merge.both.driver",
    "GIT_CONFIG_VALUE_0": "cat %B >>%A; echo %P >>%A",
}
STRANGE = 'common/net/a\nb "c" \x1b[31m.yaml'

_FOLDERS = ("apps/web", "apps/db", "apps/auth/base", "common/net", "common/old/deep")


def _file(name: str) -> str:
    return "".join(f"{name} {number}: value {number * number}\n" for number in range(20))


def _first() -> Tree:
    tree = {".gitattributes": "*.list merge=union\n", "README.md": "The vendor\n"}
    for folder in _FOLDERS:
        for name in ("deployment.yaml", "service.yaml", "values.yaml", "names.list"):
            tree[f"{folder}/{name}"] = _file(f"{folder} {name}")
    return tree


def _edit(path: str, number: int, text: str) -> Change:
    def change(tree: Tree) -> None:
        if path in tree:
            lines = tree[path].splitlines(keepends=True)
            lines[number : number + 1] = [f"{text}\n"]
            tree[path] = "".join(lines)

    return change


def _put(path: str, text: str) -> Change:
    def change(tree: Tree) -> None:
        tree[path] = text

    return change


def _drop(path: str) -> Change:
    return lambda tree: (tree.pop(path, None), None)[1]


def _move(old: str, new: str) -> Change:
    """Of a file, or of all below a directory."""

    def change(tree: Tree) -> None:
        for path in [path for path in tree if path == old or path.startswith(f"{old}/")]:
            tree[new + path[len(old) :]] = tree.pop(path)

    return change


# The vendor's way from the first release to the last; each entry is a commit, "-" begins a release.
_VENDORS: list[tuple[str, list[Change]] | str] = [
    "-",
    ("Ports", [_edit("apps/web/deployment.yaml", 3, "port: 8080")]),
    ("Names", [_edit("apps/db/names.list", 4, "vendor: name")]),
    ("Move the network", [_move("common/net", "common/network")]),
    ("Drop the old", [_drop("common/old/deep/values.yaml"), _drop("common/old/deep/service.yaml")]),
    ("New things", [_put("apps/auth/base/extra.yaml", _file("extra"))]),
    "-",
    ("Ports again", [_edit("apps/web/deployment.yaml", 3, "port: 9090")]),
    ("Move auth", [_move("apps/auth/base", "apps/auth/v2")]),
    ("Log", [_edit("apps/db/values.yaml", 8, "log: info")]),
]

# What a platform team does in many clusters alike.
_PLATFORM: list[tuple[str, list[Change]]] = [
    ("Our port", [_edit("apps/web/deployment.yaml", 3, "port: 443")]),
    ("Our port in the database, too", [_edit("apps/db/values.yaml", 8, "log: debug")]),
    ("Our names", [_edit("apps/db/names.list", 4, "ours: name")]),
    ("Our network", [_edit("common/net/service.yaml", 2, "kind: ours")]),
    ("A file in the network", [_put("common/net/ours.yaml", "ours\n")]),
    ("Log as the vendor does", [_edit("apps/db/values.yaml", 8, "log: info")]),
    ("Keep the old", [_edit("common/old/deep/values.yaml", 5, "kept: true")]),
    ("Two at once", [_edit("apps/web/deployment.yaml", 3, "port: 1"), _put("ours/new", "1\n")]),
    ("Auth, moved", [_move("apps/auth/base", "apps/auth/ours")]),
]


def _own(random: Random, name: str, step: int) -> tuple[str, list[Change]]:
    folder = random.choice(_FOLDERS)
    file = f"{folder}/{random.choice(('deployment.yaml', 'service.yaml', 'values.yaml'))}"
    change = random.choice(
        (
            _edit(file, random.randrange(18), f"{name}: {step}"),
            _edit(file, random.randrange(18), f"{name}: {step}"),
            _put(f"{folder}/{name}-{step}.yaml", f"{name}\n"),
            _drop(file),
            _move(file, f"sites/{name}/{step}.yaml"),
            _move(folder, f"sites/{name}"),
        )
    )
    return f"Of {name} {step}", [change]


def make_stacked(folder: Path, number: int, seed: int = 7) -> tuple[World, list[Made]]:
    """The fleet; the first clusters are odd, one of each kind."""
    world = World(folder)
    folder.joinpath("factory.git").mkdir()
    world.git("init", "-q", "--bare", "-b", "none")
    stream = Stream()
    bases = list(_vendor(stream))
    trees = [stream.trees[base] for base in bases]
    random = Random(seed)
    lines: list[list[int]] = []
    for at in range(number):
        kind = ODD[at] if at < len(ODD) else ""
        which = 1 if kind in ("prepared", "driver") else random.randrange(2)
        which = 0 if kind in ("names", "rewritten") else which
        which = 2 if kind == "newest" else which
        lines.append(_cluster(stream, random, f"c{at:03}", kind, bases[which], trees[which]))
        lines[-1].insert(0, which)
    marks = folder / "marks"
    world.git("fast-import", "--quiet", "--force", f"--export-marks={marks}", stdin=stream.text())
    pairs = (line[1:].split(" ") for line in marks.read_text().splitlines())
    oids = {int(mark): oid for mark, oid in pairs}
    world.vendor.mkdir()
    world.git("init", "-q", "--bare", "-b", "release-1.7", cwd=world.vendor)
    vendor = Made("vendor", "", "1.7", world.vendor, {}, [], "")
    for release, base in zip(("1.7", "1.8", "1.9"), bases, strict=True):
        vendor.refs[f"refs/heads/release-{release}"] = oids[base]
    _borrow(world, vendor)
    made = []
    for at, (which, *marks_of) in enumerate(lines):
        name, kind = f"c{at:03}", ODD[at] if at < len(ODD) else ""
        release = ("1.7", "1.8", "1.9")[which]
        commits = [oids[mark] for mark in marks_of]
        one = Made(name, kind, release, world.internal(name), {}, commits, oids[bases[which]])
        if kind != "empty":
            one.refs[f"refs/heads/release-{release}"] = commits[-1]
        if kind == "rewritten":
            one = one._replace(base=oids[stream.rewritten])
            one.refs[f"refs/ekf/upstream/release-{release}"] = one.base
        if kind == "prepared":
            one.refs["refs/heads/release-1.9"] = oids[stream.prepared]
            _record(world, one)
        one.path.mkdir(parents=True)
        world.git("init", "-q", "--bare", "-b", f"release-{release}", cwd=one.path)
        _borrow(world, one)
        made.append(one)
    world.write_file(made)
    return world, made


def _record(world: World, one: Made) -> None:
    """A deploy record, without which the newest release would be the one that runs."""
    branch, name = f"release-{one.release}", f"deploy/2026-10-10/release-{one.release}"
    head = f"object {one.commits[-1]}\ntype commit\ntag {name}\ntagger Ops <ops@example.com> {BEGIN} +0000"
    lines = ["Date: 2026-10-10", f"Local branch: {branch}", f"Local SHA: {one.commits[-1]}"]
    lines += [f"Upstream branch: origin/{branch}", f"Upstream SHA: {one.base}"]
    lines += [f"Backup branch: internal/{branch}", "Context: First"]
    text = "\n".join([head, "", *lines, ""])
    one.refs[f"refs/tags/{name}"] = world.git("mktag", stdin=text)


def _borrow(world: World, one: Made) -> None:
    (one.path / "objects/info").mkdir(exist_ok=True)
    (one.path / "objects/info/alternates").write_text(f"{world.factory}/objects\n")
    publish(one)


class Stream:
    """Commits for git-fast-import(1), each with all of its files."""

    def __init__(self) -> None:
        self.trees: dict[int, Tree] = {}
        self.prepared = 0
        self.rewritten = 0
        self._parts: list[str] = []

    def commit(self, tree: Tree, subject: str, *parents: int) -> int:
        mark = len(self.trees) + 1
        self.trees[mark] = dict(tree)
        who = f"committer Operator <ops@example.com> {BEGIN + mark * DAY // 100} +0000"
        lines = [f"commit refs/made/{mark}", f"mark :{mark}", who]
        lines += [f"data {len(subject.encode())}", subject]
        for number, parent in enumerate(parents):
            lines.append(f"{'merge' if number else 'from'} :{parent}")
        lines.append("deleteall")
        for path, text in tree.items():
            name = path if path.isprintable() else _quoted(path)
            lines += [f"M 100644 inline {name}", f"data {len(text.encode())}", text]
        self._parts.append("\n".join(lines) + "\n")
        return mark

    def text(self) -> str:
        return "".join(self._parts)


def _quoted(path: str) -> str:
    escapes = {'"': '\\"', "\n": "\\n", "\x1b": "\\033"}
    return '"' + "".join(escapes.get(char, char) for char in path) + '"'


def _vendor(stream: Stream) -> Iterator[int]:
    """The last commit of each release."""
    tree = _first()
    at = stream.commit(tree, "The beginning")
    for entry in _VENDORS:
        if isinstance(entry, str):
            yield at
            continue
        subject, changes = entry
        for change in changes:
            change(tree)
        at = stream.commit(tree, subject, at)
    yield at


def _cluster(
    stream: Stream, random: Random, name: str, kind: str, base: int, before: Tree
) -> list[int]:
    tree = dict(before)
    steps = random.sample(_PLATFORM, random.randint(1, 4))
    steps += [_own(random, name, step) for step in range(random.randint(0, 4))]
    random.shuffle(steps)
    if kind == "prefer":
        text = '[upgrade]\nprefer = [{ side = "local", path = "apps/web", since = "1.8" }]\n'
        steps.insert(0, ("Ours win", [_put(".ekf.toml", text)]))
    if kind == "migration":
        text = '[[upgrade.migrations]]\nto = "1.9"\ncommand = ["./migrate"]\n'
        steps.insert(0, ("Migrate", [_put(".ekf.toml", text), _put("migrate", "exit 0\n")]))
    if kind == "attributes":
        steps.insert(0, ("No merges", [_put("apps/web/.gitattributes", "* -merge\n")]))
        steps.append(("Merges", [_put("apps/web/.gitattributes", "* text\n")]))
    if kind == "driver":
        text = "values.yaml merge=both\n"
        steps.insert(0, ("Both", [_put("apps/db/.gitattributes", text)]))
        steps.append(("Our log", [_edit("apps/db/values.yaml", 8, "log: ours")]))
    if kind == "names":
        steps.append(("Strange \x1b[31m", [_put(STRANGE, "strange\n")]))
    at = base
    if kind == "unrelated":
        at = stream.commit(tree, "Another beginning")
    if kind == "rewritten":  # the vendor had it once, and has it no more
        at = stream.rewritten = stream.commit({**tree, "once": "1\n"}, "Once", base)
        tree["once"] = "1\n"
    made = []
    for subject, changes in steps:
        for change in changes:
            change(tree)
        at = stream.commit(tree, subject, at)
        made.append(at)
    if kind == "merge":
        side = stream.commit({**tree, "side": "1\n"}, "Side", at)
        made.append(stream.commit({**tree, "side": "1\n"}, "Merge", at, side))
    if kind == "prepared":
        goal = len([entry for entry in _VENDORS if not isinstance(entry, str)]) + 1
        stream.prepared = stream.commit({**stream.trees[goal], "ready": "1\n"}, "Ready", goal)
    return made
