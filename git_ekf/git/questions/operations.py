"""What git does in several steps, or to a whole repository."""

from __future__ import annotations

import os

from git_ekf.git.process import Process, flags

# Settings under which a rebase would do more, or other things, than our list of commits says.
_REBASE = (
    "rebase.autoSquash=false",
    "rebase.autoStash=false",
    "rebase.updateRefs=false",
    "rebase.missingCommitsCheck=ignore",
    "rebase.rescheduleFailedExec=true",
    "rebase.abbreviateCommands=false",
    "advice.mergeConflict=false",
)
_NO_EDITOR = {"GIT_EDITOR": ":"}


class OperationQuestions(Process):
    """Work of several steps."""

    def init(
        self,
        directory: str,
        *,
        bare: bool = False,
        object_format: str = "",
        branch: str = "",
        template: bool = True,
    ) -> None:
        """Makes a repository; `branch` is what HEAD names. Raises GitFailed.

        Without a `template` it has no hooks and settings of the user's.
        """
        options = flags(bare=bare, object_format=object_format, initial_branch=branch)
        if not template:
            options.append("--template=")
        self._run("init", "--quiet", *options, "--", directory)

    def maintain(self) -> None:
        """Lets git tidy up, where it finds that worth while; that it fails is no matter."""
        self._run("maintenance", "run", "--auto", "--quiet", ok=range(256))

    # --- rebases (git-rebase(1)) ---

    def start_rebase(self, top: str, todo: str, onto: str, upstream: str) -> tuple[int, str]:
        """Begins a rebase of HEAD in a work tree, with the list of commits in a file `todo`.

        Its exit code, and all that it said.
        """
        import shlex

        env = {**_NO_EDITOR, "GIT_SEQUENCE_EDITOR": f"cp {shlex.quote(todo)}"}
        # What rerere resolves it is not to add as well (rerere.autoUpdate): that it was in conflict
        # would be forgotten.
        how = ("--interactive", "--no-verify", "--empty=drop", "--no-rerere-autoupdate")
        options = (*how, "--onto", onto)
        git = self.variant(top, env, settings=_REBASE)
        return git._said("rebase", *options, upstream)

    def resume_rebase(self, top: str, how: str) -> tuple[int, str]:
        """Goes on with a rebase; `how` is continue or skip. As `start_rebase`."""
        return self.variant(top, _NO_EDITOR)._said("rebase", f"--{how}")

    def abort_rebase(self) -> None:
        """Goes back to where a rebase began, and remembers resolutions that are not committed.

        Raises GitFailed.
        """
        self._run("rerere", ok=(0, 128))
        self._run("rebase", "--abort")

    def take_resolutions(self) -> None:
        """Writes what is remembered over files in conflict (git-rerere(1))."""
        self.variant(settings=("rerere.enabled=true",))._run("rerere", ok=(0, 128))

    def quit_rebase(self) -> None:
        """Forgets a rebase, and leaves everything as it is. Raises GitFailed."""
        self._run("rebase", "--quit")

    def _said(self, *args: str) -> tuple[int, str]:
        """Through a file: git is not to die of a closed pipe when git-ekf is killed."""
        import tempfile  # 5 ms of every command

        with tempfile.TemporaryFile() as file:
            code = self._start(*args, output=file).wait()
            file.seek(0)
            return code, os.fsdecode(file.read())

    def copy_notes(self, pairs: bytes) -> None:
        """Copies notes from old commits to new ones, as the settings for rebases say.

        `pairs` has a line "OLD NEW" for each, as the post-rewrite hook is given.
        """
        self._run("notes", "copy", "--for-rewrite=rebase", "--stdin", stdin=pairs, ok=(0, 1))
