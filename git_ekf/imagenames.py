"""Names of container images, by the grammar of github.com/distribution/reference."""

from __future__ import annotations

import re
from typing import NamedTuple

# A longer text is no name: path and tag have limits of their own, and a host has 253 characters.
_LONGEST = 1024
_LONGEST_PATH = 255  # RepositoryNameTotalLengthMax

_LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_STEP = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_NAME = rf"(?:{_HOST}/)?{_STEP}(?:/{_STEP})*"
_TAG = r"[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}"
_DIGEST = "sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128}"

_REFERENCE = re.compile(rf"({_NAME})(?::({_TAG}))?(?:@({_DIGEST}))?")
_REGISTRY = re.compile(rf"{_HOST}(?:/{_STEP})*")
_VARIABLE = re.compile(r"[${]")

# Where a name without a host is looked for, and other names of that.
_HUB = "docker.io"
_OF_THE_HUB = ("docker.io", "index.docker.io")


class NoImageName(ValueError):
    """A text that names no image; why, as the end of a sentence that begins with it."""


class ImageName(NamedTuple):
    """The name of an image taken apart: `repository` as it is written, tag and digest or ""."""

    repository: str
    tag: str
    digest: str

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.repository}{tag}{digest}"

    @property
    def to_copy(self) -> str:
        """The name as skopeo and crane take it.

        With a digest it has no tag: the digest alone says which image it is, and skopeo takes no
        name that has both.
        """
        return str(self._replace(tag="") if self.digest else self)

    def is_in(self, registry: str) -> bool:
        """Whether it comes from a registry, or from a path there."""
        return is_below(self.repository, registry)

    def repository_in(self, registry: str) -> str:
        """Its repository in a registry to which images are copied: below it, as it is written.

        Of a host with a port, which no path can have, or in capitals the rest is kept.
        """
        host, rest = _host(self.repository)
        kept = host if re.fullmatch(_STEP, host) else re.sub("[^a-z0-9.]+", "-", host.lower())
        below = "/".join(part for part in (kept.strip("-."), rest) if part)
        return f"{registry}/{below}"

    def copy_in(self, registry: str) -> str:
        """The name of its copy in a registry."""
        return str(self._replace(repository=self.repository_in(registry)))


def parse(text: str) -> ImageName:
    """The name of an image taken apart. Raises NoImageName."""
    found = _REFERENCE.fullmatch(text) if len(text) <= _LONGEST else None
    if found:
        name = ImageName(*found.groups(default=""))
        _, path = _host(name.repository)
        is_id = re.fullmatch("[a-f0-9]{64}", name.repository)
        if len(path) <= _LONGEST_PATH and path == path.lower() and not is_id:
            return name
    elif _VARIABLE.search(text):
        raise NoImageName("has a variable in it")
    raise NoImageName("is not the name of an image")


def is_below(text: str, registry: str) -> bool:
    """Whether a text that begins with the repository of an image is below a registry."""
    host, path = _host(text)
    if host in ("", *_OF_THE_HUB):
        host, path = _HUB, path if "/" in path else f"library/{path}"
    return f"{host}/{path}".startswith(f"{registry}/")


def is_registry(text: str) -> bool:
    """Whether it is a registry, or a path in one."""
    host, rest = _host(f"{text}/x")
    return len(text) <= _LONGEST_PATH and bool(host and rest and _REGISTRY.fullmatch(text))


def _host(repository: str) -> tuple[str, str]:
    """The host of a repository and the rest; "" for the host of one of Docker Hub's short names.

    As splitDockerDomain has it (normalize.go): the first of several parts is a host where it could
    be no user.
    """
    first, slash, rest = repository.partition("/")
    is_host = "." in first or ":" in first or first == "localhost" or first != first.lower()
    return (first, rest) if slash and is_host else ("", repository)
