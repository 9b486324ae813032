"""Hints of doctor: the machine, what a clone lacks, and how old what it knows is."""

from __future__ import annotations

from scenario import Scenario

_DOCTOR = "git ekf doctor --offline"
# Doctor may have found something else on this machine.
_EITHER = (0, 1)
# A folder of programs of its own, before the others on the PATH.
_PROGRAMS = "mkdir $TOP/programs\n"


def _program(name: str, text: str) -> str:
    file = f"$TOP/programs/{name}"
    return f"cat >{file} <<'END'\n#!/bin/sh\n{text}\nEND\nchmod +x {file}\n"


# What man does with ~/.local/share/man, whatever man there is.
_MAN = _program(
    "man",
    '[ "$1" = -w ] || exit 1\n[ "$2" ] || echo $HOME/.local/share/man\nshift\n'
    "for page; do ls $HOME/.local/share/man/man?/$page.* 2>/dev/null; done; true",
)
_WITH = "export PATH=$TOP/programs:$PATH; "
# git-ekf by its path, and a PATH without it.
_BY_PATH = (
    "ekf=$(command -v git-ekf); export PATH=$TOP/programs:/usr/bin:/bin; $ekf doctor --offline"
)
_AFTER_EXPORT = {
    'PATH="$PATH"': 'PATH="$TOP/programs:/usr/bin:/bin"',
    ':"$PATH"': ':"$TOP/programs:/usr/bin:/bin"; git ekf doctor --offline >$TOP/said',
}
_AS_MIRROR = "git ekf mirror $VENDOR $TOP/mirror.git\ngit remote set-url origin $TOP/mirror.git\n"


def _updated(when: str) -> str:
    """The mirror's statement of itself, of another time."""
    return (
        f"git ekf mirror $VENDOR $TOP/mirror.git\ncd $TOP/mirror.git\n"
        f"git cat-file blob refs/ekf/mirror/state | sed 's/^updated .*/updated {when}/' |\n"
        "git hash-object -w --stdin | xargs git update-ref refs/ekf/mirror/state\n"
    )


# A remote that asks for a password until there is one.
_ASKING = f"{_PROGRAMS}git remote set-url internal asking::x\n" + _program(
    "git-remote-asking",
    'test -e $TOP/password || {\n    echo "fatal: could not read Username for x: no terminal" >&2\n'
    "    exit 128\n}\nwhile read -r word service; do\n"
    '    [ "$word" = capabilities ] && printf "connect\\n\\n"\n'
    '    [ "$word" = connect ] && echo && exec $service $INTERNAL\ndone',
)
_ASKED = f"{_WITH}export GIT_ALLOW_PROTOCOL=file:asking; "

EXAMINED = {
    "doctor/clone.py: the clone is partial: an upgrade fetches files one by one, and fails without the network": Scenario(
        "git config remote.origin.promisor true\n"
        "git config remote.origin.partialCloneFilter blob:none",
        _DOCTOR,
        ends=_EITHER,
    ),
    "doctor/clone.py mirror(): see which of the two clocks is wrong: date; then {}": Scenario(
        _updated("2200-01-01T00:00:00+00:00"),
        "cd $TOP/mirror.git; git ekf doctor --offline",
        ("git ekf mirror $VENDOR $TOP/mirror.git",),
        said="which is ahead of the one here",
        ends=_EITHER,
    ),
    "doctor/clone.py mirror(): {}": Scenario(
        _updated("2020-01-01T00:00:00+00:00"),
        "cd $TOP/mirror.git; git ekf doctor --offline",
        ("git ekf mirror $VENDOR $TOP/mirror.git",),
        said="days ago",
        ends=_EITHER,
    ),
    "doctor/clone.py hooks(): {}": Scenario(
        "rm .git/hooks/pre-commit", _DOCTOR, said="pre-commit missing", ends=_EITHER
    ),
    "doctor/clone.py fetched(): {}": Scenario(
        "git fetch -q origin\nfind .git/FETCH_HEAD .git/logs -type f -exec touch -d '90 days ago' {} +",
        _DOCTOR,
        said="90 days ago",
        ends=_EITHER,
    ),
    "doctor/machine.py: git-ekf is not on the PATH, where git looks for it": Scenario(
        _PROGRAMS, _BY_PATH, fill=_AFTER_EXPORT, codes=_EITHER, again='grep "ok *program" $TOP/said'
    ),
    "doctor/machine.py: {}, which comes first on the PATH, is another copy than this one, of {}": Scenario(
        _PROGRAMS + _program("git-ekf", "exit 1"),
        _BY_PATH,
        fill=_AFTER_EXPORT,
        codes=_EITHER,
        again='grep "ok *program" $TOP/said',
    ),
    "doctor/machine.py: man does not find the pages of this git-ekf, so git ekf --help does not show them": Scenario(
        _PROGRAMS + _MAN, f"{_WITH}{_DOCTOR}", ends=_EITHER
    ),
    "doctor/machine.py: there is no man, so git ekf --help shows nothing": Scenario(
        f"{_PROGRAMS}ln -s $(command -v git) $(command -v git-ekf) $TOP/programs",
        f"PATH=$TOP/programs; {_DOCTOR}",
        ("git ekf man",),
        again="true",
    ),
    "doctor/machine.py: git guesses the {} of who commits": Scenario(
        "",
        f"unset GIT_COMMITTER_NAME; {_DOCTOR}",
        fill={"NAME": "Somebody"},
        ends=_EITHER,
    ),
    "doctor/remotes.py: {} is a mirror, and a fetch does not bring when it was updated": Scenario(
        _AS_MIRROR, "git ekf doctor", ends=_EITHER
    ),
    "doctor/remotes.py: {} asks for a name and password ({})": Scenario(
        _ASKING,
        f"{_ASKED}git ekf doctor",
        ("git ls-remote internal",),
        {"git ls-remote": f"touch $TOP/password; {_ASKED}git ls-remote"},
        ends=_EITHER,
    ),
    "doctor/remotes.py: nothing keeps the password for {}, so every save asks for it": Scenario(
        "git remote set-url --push internal https://internal.example.com/x.git",
        _DOCTOR,
        ends=_EITHER,
    ),
    "doctor/tools.py tools(): install {}, or correct {}: git ekf man config": Scenario(
        "git config ekf.apply.command nosuchtool",
        _DOCTOR,
        ("git ekf man config",),
        said="apply.command: nosuchtool is not on the PATH",
        again=f"git config ekf.apply.command true; {_DOCTOR}",
        ends=_EITHER,
    ),
    "doctor/tools.py signing(): {}": Scenario(
        "git config gpg.format ssh\ngit config tag.gpgSign true\nmkdir ~/.ssh",
        _DOCTOR,
        fill={"ssh-keygen": "ssh-keygen -q -N ''"},
        said="no key is named to sign with",
        ends=_EITHER,
    ),
}
