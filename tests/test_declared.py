"""What is read without typer is what typer reads, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Annotated, Any

import pytest
import typer
from hypothesis import example, given
from hypothesis import strategies as st
from reach import generated, rare
from typer._click.exceptions import ClickException

from git_ekf import declared
from git_ekf.cli import COMMANDS
from git_ekf.declared import everyday, parameters
from git_ekf.program import program


def _commands() -> dict[str, Callable[..., Any]]:
    modules = {name: import_module(f"git_ekf.commands.{name}") for name in COMMANDS}
    return {
        name: getattr(module, name)
        for name, module in modules.items()
        if not hasattr(module, "app")
    }


def everything(
    one: Annotated[str, declared.Argument(metavar="ONE")],
    two: Annotated[str | None, declared.Argument()] = None,
    more: Annotated[list[str] | None, declared.Argument()] = None,
    flag: Annotated[bool, declared.Option("--flag", "-f")] = False,
    on: Annotated[bool, declared.Option("--on")] = True,
    text: Annotated[str, declared.Option("-t", "--text")] = "default",
    texts: Annotated[list[str] | None, declared.Option("--texts", "-x")] = None,
    few: Annotated[int, declared.Option("-n", min=1)] = 3,
    unnamed: Annotated[bool, declared.Option(help="Whether.")] = False,
    known: Annotated[str, typer.Option("--known")] = "",
) -> None:
    """All kinds of parameters."""


def of_ours(
    one: Annotated[str, declared.Argument(metavar="ONE")],
    more: Annotated[list[str] | None, declared.Argument()] = None,
    flag: Annotated[bool, declared.Option("--flag", "-f")] = False,
    text: Annotated[str, declared.Option("-t", "--text")] = "default",
    texts: Annotated[list[str] | None, declared.Option("--texts", "-x")] = None,
    few: Annotated[int, declared.Option("-n", min=1)] = 3,
    unnamed: Annotated[bool, declared.Option(help="Whether.")] = False,
) -> None:
    """All kinds of parameters that are declared without typer."""


ALL: dict[str, Callable[..., Any]] = {
    **_commands(),
    "everything": everything,
    "of_ours": of_ours,
}


def as_typer_reads(command: Callable[..., Any], words: Sequence[str]) -> Any:
    """The values by typer; None for an error, or help."""

    def record(**values: Any) -> dict[str, Any]:
        return values

    record.parameters = parameters(command)  # type: ignore[attr-defined]
    app = program()
    app.command("x")(record)
    try:
        found = typer.main.get_command(app).main(list(words), standalone_mode=False)
    except ClickException:
        return None
    return found if isinstance(found, dict) else None


_VALUES = ("a", "1.9", "", "-", "--", "-x", "-h", "--help", "=", "a=b", "ü", "\udc80", "5", "json")


@st.composite
def asked(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A command with words that have something to do with it."""
    name = draw(st.sampled_from(sorted(ALL)))
    names = [option for parameter in parameters(ALL[name]) for option in parameter.names]
    option = st.sampled_from(names or ["--none"])
    value = st.sampled_from(_VALUES)
    word = st.one_of(
        option,
        option,
        value,
        st.builds("{}={}".format, option, value),
        st.builds("{}{}".format, option, value),
        option.map(lambda name: name[:-1]),
    )
    return name, draw(st.lists(word, max_size=6))


@rare
@given(asked())
@example(("upgrade", ["1.9", "--plan", "--prefer", "local", "--prefer=vendor:a", "--no-fetch"]))
@example(("everything", ["a", "--known", "b"]))
@example(("of_ours", ["a", "-n", "0"]))
@example(("of_ours", ["a", "--text=", "--no-unnamed"]))
@example(("check", ["--format=json", "-", "--", "--all"]))
@generated(400)
def test_both_read_the_same(case: tuple[str, list[str]]) -> None:
    name, words = case
    read = everyday(ALL[name], words)
    assert read is None or read == as_typer_reads(ALL[name], words)


@pytest.mark.parametrize("name", sorted(_commands()))
def test_the_name_alone(name: str) -> None:
    assert everyday(ALL[name], []) == as_typer_reads(ALL[name], [])


@pytest.mark.parametrize(
    "line",
    [
        "upgrade --plan --no-fetch 1.9",
        "upgrade -n --json --prefer vendor:*.yaml --prefer local --verify true",
        "sync --continue --range-diff",
        "status --json",
        "check main..work other --staged --all",
        "releases --forecast",
        "tag -m one --message=two --field A=b",
        "log --release 1.8",
        "save",
        "undo",
    ],
)
def test_what_people_type_needs_no_typer(line: str) -> None:
    name, *words = line.split()
    read = everyday(ALL[name], words)
    assert read is not None
    assert read == as_typer_reads(ALL[name], words)


@pytest.mark.parametrize(
    "line",
    ["upgrade -h", "upgrade --pla", "upgrade 1 2", "of_ours", "of_ours a -ft b", "log -n 3"],
)
def test_what_only_typer_can_tell(line: str) -> None:
    name, *words = line.split()
    assert everyday(ALL[name], words) is None
