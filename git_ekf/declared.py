"""Options and arguments as commands declare them: by typer's names, and without typer.

To import typer takes as long as all else that a command does before it begins. What is asked in
the everyday spelling is read here, from the same declarations. Whatever else there is (help,
errors, several letters in one word) is left to typer: `git_ekf.program` makes its own of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, get_type_hints


class Option:
    """An option of a command; names and settings are those of typer.Option.

    Without names it is called after its parameter, a bool too: with no second one that denies it.
    """

    def __init__(self, *names: str, **settings: Any) -> None:
        self.names = names
        self.settings = settings


class Argument:
    """An argument of a command; the settings are those of typer.Argument."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings


class Abort(Exception):
    """Somebody was asked, and has ended the program instead of an answer."""


class Parameter(NamedTuple):
    """A parameter of a command; `default` is REQUIRED where there is none.

    `declared` is None where it is none of an option or argument of this module.
    """

    name: str
    annotation: Any
    default: Any

    @property
    def declared(self) -> Option | Argument | None:
        """The option or argument that it is; None for what only typer knows."""
        for one in getattr(self.annotation, "__metadata__", ()):
            if isinstance(one, Option | Argument):
                return one
        return None

    @property
    def type(self) -> Any:
        """The type of its value."""
        return getattr(self.annotation, "__origin__", self.annotation)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of an option; () for an argument."""
        declared = self.declared
        if not isinstance(declared, Option):
            return ()
        return declared.names or (f"--{self.name.replace('_', '-')}",)

    def takes(self, *types: Any) -> bool:
        """Whether its value is of one of these types, and typer does no more with it."""
        declared = self.declared
        return bool(declared and self.type in types and declared.settings.keys() <= _SHOWN)


REQUIRED = object()

# What only the help goes by.
_SHOWN = {"help", "metavar", "show_default"}
_TEXT = (str, str | None)
_TEXTS = (list[str], list[str] | None)


def parameters(command: Callable[..., Any]) -> list[Parameter]:
    """The parameters of a command; those in its attribute `parameters` where it has that."""
    given: list[Parameter] | None = getattr(command, "parameters", None)
    if given is not None:
        return given
    hints = get_type_hints(command, include_extras=True)
    hints.pop("return", None)
    defaults = dict(zip(reversed(hints), reversed(command.__defaults__ or ()), strict=False))
    return [Parameter(name, hint, defaults.get(name, REQUIRED)) for name, hint in hints.items()]


def everyday(command: Callable[..., Any], words: Sequence[str]) -> dict[str, Any] | None:
    """The values that typer would read from the words; None where that is for typer to tell."""
    known = parameters(command)
    if not all(parameter.declared for parameter in known):
        return None
    options = {}
    for parameter in known:
        options.update(dict.fromkeys(parameter.names, parameter))
    values = {parameter.name: parameter.default for parameter in known}
    free = _read_options(options, words, values)
    if free is None:
        return None
    places = [parameter for parameter in known if isinstance(parameter.declared, Argument)]
    for place in places:
        if free and place.takes(*_TEXT):
            values[place.name] = free.pop(0)
        elif free and place.takes(*_TEXTS) and place is places[-1]:
            values[place.name], free = free, []
    return None if free or REQUIRED in values.values() else values


def _read_options(
    options: dict[str, Parameter], words: Sequence[str], values: dict[str, Any]
) -> list[str] | None:
    """Puts what options say into `values`. The words beside them; None where it is for typer."""
    free = []
    rest = iter(words)
    for word in rest:
        if not word.startswith("-"):
            free.append(word)
            continue
        name, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        option = options.get(name)
        if option is None:
            return None
        if option.takes(bool) and option.default is False and not equals:
            values[option.name] = True
            continue
        value = value if equals else next(rest, "-")
        if value.startswith("-") and not equals:
            return None
        if option.takes(*_TEXTS):
            values[option.name] = [*(values[option.name] or []), value]
        elif option.takes(*_TEXT):
            values[option.name] = value
        else:
            return None
    return free
