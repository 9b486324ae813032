"""Text from outside as a person gets to see it: on one line, harmless to a terminal, no passwords.

All that we say goes through `escape`, and every value in a command that we print through `shell`.
What git says while it fetches or pushes is shown as git prints it.
"""

from __future__ import annotations


def escape(text: str) -> str:
    """The text on one line: visible escapes for line ends, control characters and stray bytes.

    Credentials in URLs are left out, whoever wrote the text.
    """
    text = scrub(text)
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _visible(char) for char in text)


def _visible(char: str) -> str:
    if char in _NAMED:
        return _NAMED[char]
    if is_byte(char):
        return f"\\x{ord(char) - 0xDC00:02x}"
    code = ord(char)
    if code < 256:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def is_byte(char: str) -> bool:
    """Whether os.fsdecode made the character of a byte that is not UTF-8 (PEP 383)."""
    return "\udc80" <= char <= "\udcff"


def shell(*words: str) -> str:
    """Words of a command as a shell takes them, on one line; credentials in URLs left out."""
    return " ".join(_quoted(scrub(word)) for word in words)


def folder(path: str) -> str:
    """A directory as a word of a command that takes options, such as `cd`."""
    return shell(f"./{path}" if path.startswith("-") else path)


def from_here(path: str, top: str) -> str:
    """A path relative to the top, as a word of a command in the current directory."""
    import os

    relative = os.path.relpath(os.path.join(top, path)) if top else path
    return f"./{relative}" if relative.startswith("-") else relative


def _quoted(word: str) -> str:
    import shlex  # 3 ms of every hook and of the prompt

    if word.isprintable():
        return shlex.quote(word)
    # $'…' tells a control character from a backslash and a letter, which plain quotes around its
    # escape would not.
    return "$'" + "".join(map(_in_dollar_quotes, word)) + "'"


def _in_dollar_quotes(char: str) -> str:
    if char in "\\'":
        return f"\\{char}"
    if char.isprintable():
        return char
    # There \\x is a byte, and no character, from 80 on.
    return f"\\u{ord(char):04x}" if "\x80" <= char <= "\xff" else _visible(char)


def in_words(name: str) -> str:
    """A name in a sentence that goes on from a command: left out where a shell would act on it.

    It gets the whole line when somebody copies that.
    """
    return f'"{name}"' if shell(name) == name else "its name"


def scrub(text: str) -> str:
    """The text with the credentials in URLs left out, wherever in it they stand."""
    if "://" not in text:
        return text
    import re  # for few texts only

    from git_ekf.names import without_credentials

    # A password may have any character but white space and a slash. The limit on the scheme keeps
    # a long word from costing the square of its length.
    begin = r"[A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s/]*@"
    return re.sub(begin, lambda found: without_credentials(found[0]), text)
