"""A text in the user's editor, with notes that go away again; the way git does it for a commit."""

from __future__ import annotations

import os
import signal
import subprocess

from git_ekf.errors import CallFailed
from git_ekf.repository import Repository

_WITHOUT = "git ekf tag -m CONTEXT needs no editor"


def path(repo: Repository, name: str) -> str:
    """Where the text of that name is.

    It stays until the next one: what was typed must not be lost.
    """
    return os.path.join(repo.place.git_dir, name)


def edit(repo: Repository, name: str, text: str, notes: list[str]) -> str:
    """The text as the user leaves it, without the notes.

    `name` is the file's name in the git directory. Raises CallFailed.
    """
    comments = repo.git.comment_lines(os.fsencode("\n".join(notes) + "\n"))
    file_name = path(repo, name)
    with open(file_name, "wb") as file:
        file.write(os.fsencode(text) + b"\n" + comments)
    code = _run(repo.git.editor(), file_name)
    if code:
        raise CallFailed(f"the editor ended with code {code}; nothing was done", _WITHOUT)
    with open(file_name, "rb") as file:
        return repo.git.strip_comments(file.read()) + "\n"


def _run(command: str, file_name: str) -> int:
    """The editor's exit code.

    Raises CallFailed where it cannot be started, KeyboardInterrupt where ^C ended it.
    """
    # The editor is a shell command by git's definition (git-var(1)); the path stays an argument.
    # As git does it, a plain name needs no shell, which would end at ^C while the editor goes on.
    words = [command, file_name]
    if set(command) & set("|&;<>()$`\\\"' \t\n*?[#~=%"):
        words = ["sh", "-c", f'{command} "$@"', *words]
    # ^C belongs to the editor, where it may be a key like any other. A handler, for that it is
    # ignored the editor would inherit.
    before = signal.signal(signal.SIGINT, lambda number, frame: None)
    try:
        code = subprocess.Popen(words).wait()
    except OSError as error:
        raise CallFailed(
            f"the editor {command} cannot be started: {error.strerror}; nothing was done", _WITHOUT
        ) from None
    finally:
        signal.signal(signal.SIGINT, before)
    if code in (-signal.SIGINT, 128 + signal.SIGINT):
        raise KeyboardInterrupt
    return code
