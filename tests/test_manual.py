"""Holds the man pages and the program together: what is written is what is there, and nothing else."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import tomli
from conftest import run
from manpages import MAN, PAGES, ROOT, blocks, entries, plain, sections, source

from git_ekf import config
from git_ekf.cli import COMMANDS
from git_ekf.errors import DONE, FAILED, FINDINGS, INTERRUPTED, REFUSED, STOPPED, USAGE
from git_ekf.names import RECORD_FIELDS
from git_ekf.record import parse

# --- reading the program's help ---


class Help:
    """What `git ekf COMMAND -h` says: the usage line, and the options with their descriptions."""

    def __init__(self, *command: str) -> None:
        shown = run("git-ekf", *command, "-h")
        assert shown.code == 0, shown
        self.usage_line = shown.out.partition("\n")[0].removeprefix("Usage: ")
        self.options = self._rows(shown.out, "Options")
        self.commands = self._rows(shown.out, "Commands")

    @staticmethod
    def _rows(text: str, heading: str) -> dict[str, str]:
        """First column -> second column of a list; a row starts with two spaces, what is indented further goes on."""
        rows: dict[str, str] = {}
        head = ""
        for line in text.partition(f"\n{heading}:\n")[2].partition("\n\n")[0].splitlines():
            if not line.startswith("   "):
                head, _, words = line.strip().partition("  ")
                rows[head] = words.strip()
            else:
                rows[head] += " " + line.strip()
        return rows

    def usage(self) -> str:
        """The usage as a SYNOPSIS spells it: each option in full, in the order of the help, in place of [OPTIONS].

        An option that is required has no brackets; -h is left out, as in every page of git's.
        """
        spelt = [
            option if text.endswith("[required]") else f"[{option.replace(', ', ' | ')}]"
            for option, text in self.options.items()
            if option != "-h, --help"
        ]
        line = self.usage_line.replace("[OPTIONS]", " ".join(spelt))
        line = re.sub(r"\{(\S+)\}", r"\1", line)  # {PRIMARY}: an argument that is required
        return " ".join(re.sub(r"\[(\S+)\]\.\.\.", r"[\1...]", line).split())


def helps(name: str) -> list[Help]:
    """The help of a command, or of each of its subcommands."""
    own = Help(name)
    return [Help(name, sub) for sub in own.commands] or [own]


# --- pages and commands ---


def test_every_command_has_a_page_and_every_page_a_command() -> None:
    assert (
        sorted(
            [f"git-ekf-{name}.1" for name in COMMANDS]
            + ["git-ekf.1", "ekf-fleet.toml.5", "ekf.toml.5", "git-ekf-workflow.7"]
        )
        == PAGES
    )


def test_every_page_is_installed() -> None:
    project = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    installed = project["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    pages = {file: place for file, place in installed.items() if file.startswith("man/")}
    assert pages == {f"man/{page}": f"share/man/man{page[-1]}/{page}" for page in PAGES}


@pytest.mark.parametrize("page", PAGES)
def test_page_has_gits_sections_in_gits_order(page: str) -> None:
    order = [
        "NAME",
        "SYNOPSIS",
        "DESCRIPTION",
        "COMMANDS",
        "OPTIONS",
        "OUTPUT",
        "EXIT STATUS",
        "ENVIRONMENT",
        "FILES",
        "EXAMPLES",
        "SEE ALSO",
    ]
    found = list(sections(page))
    needed = ["NAME", "SYNOPSIS", "DESCRIPTION", "SEE ALSO"]
    if not page.endswith(".7"):  # a tutorial has its own sections
        needed += ["EXAMPLES"]
    if page.endswith(".1"):
        needed += ["OPTIONS", "EXIT STATUS"]
    assert set(needed) <= set(found)
    if page != "git-ekf.1":  # which lists its options before its commands, as git.1 does
        assert [name for name in found if name in order] == [
            name for name in order if name in found
        ]
    assert found[-1] == "SEE ALSO"
    name, _, section = page.rpartition(".")
    assert plain(sections(page)["NAME"]).startswith(f"{name} - ")
    title = plain(source(page).partition("\n")[0].removeprefix("."))
    assert re.fullmatch(
        f'TH {name.upper()} {section} \\d{{4}}-\\d\\d-\\d\\d "git-ekf" "git-ekf Manual"', title
    ), title


@pytest.mark.parametrize("page", PAGES)
def test_see_also_names_pages_that_exist(page: str) -> None:
    ours = {f"{name.rpartition('.')[0]}({name[-1]})" for name in PAGES}
    named = set(re.findall(r"git-ekf[a-z-]*\(\d\)", plain(source(page))))
    assert named <= ours


@pytest.mark.parametrize("name", COMMANDS)
def test_synopsis_is_the_usage(name: str) -> None:
    [block] = blocks(sections(f"git-ekf-{name}.1")["SYNOPSIS"])
    assert re.sub(r"\n +", " ", block).splitlines() == [shown.usage() for shown in helps(name)]
    assert max(map(len, block.splitlines())) <= 72  # man indents it


@pytest.mark.parametrize("name", COMMANDS)
def test_no_line_of_a_command_is_cut_off_in_the_help(name: str) -> None:
    assert not [text for text in Help(name).commands.values() if text.endswith("...")]


def test_synopsis_of_the_overview() -> None:
    assert blocks(sections("git-ekf.1")["SYNOPSIS"]) == [Help().usage() + "\n"]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_described_and_no_other(name: str) -> None:
    written = entries(sections(f"git-ekf-{name}.1")["OPTIONS"])
    assert set(written) == {option for shown in helps(name) for option in shown.options}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_group_of_commands_has_no_options_of_its_own(name: str) -> None:
    own = Help(name)
    if own.commands:
        assert list(own.options) == ["-h, --help"]
        assert list(entries(sections(f"git-ekf-{name}.1")["COMMANDS"])) == list(own.commands)


def test_overview_lists_options_and_commands() -> None:
    overview = sections("git-ekf.1")
    assert list(entries(overview["OPTIONS"])) == list(Help().options)
    listed = {
        head.removeprefix("git-ekf-").removesuffix("(1)"): text.strip()
        for head, text in entries(overview["COMMANDS"]).items()
    }
    assert listed == COMMANDS
    assert list(listed) == list(COMMANDS)


@pytest.mark.parametrize("page", [page for page in PAGES if page.endswith(".1")])
def test_exit_statuses_are_those_of_the_program(page: str) -> None:
    known = {str(code) for code in (DONE, FINDINGS, USAGE, STOPPED, REFUSED, FAILED, INTERRUPTED)}
    written = set(entries(sections(page)["EXIT STATUS"]))
    assert written == known if page == "git-ekf.1" else written <= known


def test_environment_is_what_the_program_reads() -> None:
    sources = "".join(
        file.read_text(encoding="utf-8")
        for file in [*(ROOT / "git_ekf").rglob("*.py"), ROOT / "hooks" / "shim.sh"]
    )
    read = set(re.findall(r"\b(?:GIT_EKF|EKF)_[A-Z]+\b", sources))
    assert set(entries(sections("git-ekf.1")["ENVIRONMENT"])) == read


@pytest.mark.parametrize("page", PAGES)
def test_page_is_clean_roff(page: str) -> None:
    if not shutil.which("mandoc"):
        pytest.skip("mandoc is not on this machine")
    done = run("mandoc", "-T", "lint", "-W", "warning", MAN / page)
    assert (done.code, done.out) == (0, "")


@pytest.mark.parametrize("page", PAGES)
def test_page_is_clean_for_groff(page: str) -> None:
    if not shutil.which("groff"):
        pytest.skip("groff is not on this machine")
    done = run("groff", "-man", "-ww", "-z", MAN / page)
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize("page", PAGES)
def test_page_is_clean_for_man(page: str) -> None:
    if not shutil.which("mandb"):
        pytest.skip("man-db is not on this machine")
    done = run("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", MAN / page)
    assert (done.code, done.err) == (0, "")


# --- rules and configuration ---


def test_overview_has_every_rule_with_its_severity() -> None:
    heads = [
        re.fullmatch(r"([a-z-]+) \((\w+); [a-z, ]+\)", head)
        for head in entries(sections("git-ekf.1")["RULES"])
    ]
    assert [head.groups() for head in heads if head] == list(config.RULES.items())
    assert None not in heads


def config_keys() -> dict[str, str]:
    """Key -> text of each entry of KEYS in ekf.toml(5)."""
    keys = {}
    for head, text in entries(sections("ekf.toml.5")["KEYS"]).items():
        key = head.split(" ")[0]
        keys[key] = text
        assert head.endswith(f"; ekf.{key})") or (
            key in ("upgrade.migrations", "upgrade.prefer")
            and head.endswith("; not in git config)")
        ), head
    return keys


def test_every_configuration_key_is_described_and_no_other() -> None:
    assert set(config_keys()) == {*config._KEYS, "rules.RULE"}


def test_defaults_are_those_of_the_program() -> None:
    for key, text in config_keys().items():
        if key != "rules.RULE":
            written = tomli.loads("default = " + text.partition("Default: ")[2])["default"]
            default: Any = getattr(config.Config(), config._KEYS[key][0])
            if key == "branches.release":
                default = default.pattern
            assert written == (list(default) if isinstance(default, tuple) else default), key


def test_example_of_the_configuration_page_is_valid() -> None:
    example = blocks(sections("ekf.toml.5")["EXAMPLES"])[0]
    assert config.load(example.encode(), []).rules["vendor-path"] == "error"


def test_errors_of_the_configuration_page_are_the_programs(tmp_path: Path) -> None:
    file_error, git_error = blocks(sections("ekf.toml.5")["ERRORS"])
    assert run("git", "init", "-q", tmp_path).code == 0
    (tmp_path / ".ekf.toml").write_text("[branches]\nalow = []\n", encoding="utf-8")
    done = run("git-ekf", "status", cwd=tmp_path)
    assert (done.code, done.err) == (USAGE, file_error)
    (tmp_path / ".ekf.toml").unlink()
    done = run("git", "-c", "ekf.rules.vendor-path=warn", "ekf", "status", cwd=tmp_path)
    assert (done.code, done.err) == (USAGE, git_error)


def test_the_record_in_the_overview_has_all_fields() -> None:
    [message] = blocks(sections("git-ekf.1")["DEPLOY RECORDS"])
    record = parse(message)
    assert tuple(key for key, _ in record.fields) == RECORD_FIELDS
    assert all(value for _, value in record.fields)
