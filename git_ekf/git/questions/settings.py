"""git's configuration: read and changed (git-config(1))."""

from __future__ import annotations

import os

from git_ekf.git.process import Process, flags, split_fields


class SettingQuestions(Process):
    """About the configuration."""

    def config_pairs(self, *, local: bool = False) -> list[tuple[str, str]]:
        """(key, value) in order of precedence; `local`: of this clone only.

        A key without a value reads as "true".
        """
        listed = self._nul_fields("config", *flags(local=local), "--list", "-z")
        return [_pair(entry) for entry in listed]

    def located_settings(self) -> list[tuple[str, str, str, str]]:
        """(scope, origin, key, value) of all settings, in order of precedence.

        The scope is system, global, local, worktree or command (`git -c`); the origin file:PATH,
        relative to where git runs, blob:NAME or command line:.
        """
        fields = self._nul_fields("config", "--list", "-z", "--show-scope", "--show-origin")
        entries = zip(fields[::3], fields[1::3], fields[2::3], strict=True)
        return [(scope, origin, *_pair(entry)) for scope, origin, entry in entries]

    def setting(self, key: str, type_: str = "") -> str | None:
        """The value in force, as git understands it for a type (bool, path); None for none.

        Raises GitFailed where it is not of that type.
        """
        out = self._run_or_none("config", *flags(type=type_), "--get", key)
        return None if out is None else os.fsdecode(out).removesuffix("\n")

    def setting_for_url(self, key: str, url: str) -> str | None:
        """The value of SECTION.<url>.NAME that fits a URL best, or of SECTION.NAME."""
        return self._word_or_none("config", "--get-urlmatch", key, url)

    def wants_colour(self, slot: str, *, is_terminal: bool) -> bool:
        """Whether color.SLOT (or color.ui) asks for colours, on a terminal or in a pager."""
        question = ("--get-colorbool", f"color.{slot}", "true" if is_terminal else "false")
        paged = self.variant(env={"GIT_PAGER_IN_USE": os.environ.get("GIT_PAGER_IN_USE", "")})
        return paged._text("config", *question) == "true"

    def local_settings(self, key: str) -> list[str]:
        """All values that a setting has in this clone."""
        out = self._run("config", "--local", "-z", "--get-all", key, ok=(0, 1))
        return split_fields(out)

    def set_setting(self, key: str, *values: str) -> None:
        """Gives a setting of this clone these values, or none, whatever it had."""
        if len(values) == 1:
            self._run("config", "--local", "--replace-all", key, *values)
            return
        self._run("config", "--local", "--unset-all", key, ok=(0, 5))  # 5: it has none
        for value in values:
            self.add_setting(key, value)

    def add_setting(self, key: str, value: str) -> None:
        """Gives a setting of this clone one more value."""
        self._run("config", "--local", "--add", key, value)


def _pair(entry: str) -> tuple[str, str]:
    key, newline, value = entry.partition("\n")
    return key, value if newline else "true"
