"""What a release, a branch, a deploy record and a remote's URL may be called.

The only place with those patterns. The hooks' fast path loads this file, so it imports nothing
and uses neither `re` nor `typing` (7 and 11 ms of a hook's 10), nor even `__future__`.
"""

TYPE_CHECKING = False  # as typing has it, without its 11 ms
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

PRIMARY = "origin"
INTERNAL = "internal"
RELEASE_PATTERN = "release-{version}"
DEPLOY = "deploy/"

# The files that make a directory a kustomization (kustomize's RecognizedKustomizationFileNames).
KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")

# Fields of a deploy record in the order they are written; see record.py. They are also what
# `tags.required` asks for by default (config.py), of older records as well, and the pattern by
# which records are read fast (record.py), which has Context last.
RECORD_FIELDS = (
    "Date",
    "Local branch",
    "Local SHA",
    "Upstream branch",
    "Upstream SHA",
    "Backup branch",
    "Context",
)

_DEFAULT_PORTS = {
    "ssh": "22",
    "git": "9418",
    "http": "80",
    "https": "443",
    "ftp": "21",
    "ftps": "990",
}


def version_key(version: str) -> tuple[int, ...] | None:
    """The numbers of a version for ordering (1.9 < 1.10 < 1.10.1), or None if it is none.

    A last part "x" stands for a line of patch levels (Tekton names its branches release-v0.44.x):
    it orders after every patch level of that line.
    """
    parts = version.split(".")
    if len(parts) > 1 and parts[-1] == "x":
        parts[-1] = "999999999"
    return tuple(map(int, parts)) if all(map(_is_number, parts)) else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


class Scheme:
    """How release branches are named: a pattern with one `{version}`."""

    __slots__ = ("_known", "pattern", "prefix", "suffix")

    def __init__(self, pattern: str = RELEASE_PATTERN) -> None:
        """Raises ValueError when the pattern cannot name branches."""
        if pattern.count("{version}") != 1:
            raise ValueError("must contain {version} exactly once")
        if not valid_branch(pattern.replace("{version}", "1.0")):
            raise ValueError("does not make valid branch names")
        self.pattern = pattern
        self.prefix, self.suffix = pattern.split("{version}")
        # Thousands of records name the same few branches.
        self._known: dict[str, tuple[str | None, tuple[int, ...]]] = {}

    def branch(self, version: str) -> str:
        """The name of the release branch of a version."""
        return self.prefix + version + self.suffix

    def version(self, branch: str) -> str | None:
        """The version in a release branch's name; None when it is not a release branch."""
        return self._parsed(branch)[0]

    def is_release(self, branch: str) -> bool:
        """Whether a release branch may have this name."""
        return self._parsed(branch)[0] is not None

    def releases(self, refs: "Iterable[str]", prefix: str = "") -> list[str]:
        """The release branches among refs below a prefix, lowest version first."""
        names = [ref[len(prefix) :] for ref in refs if ref.startswith(prefix)]
        return sorted(filter(self.is_release, names), key=self.key)

    def key(self, branch: str) -> tuple[int, ...]:
        """For sorting release branches; any other name sorts before all of them."""
        return self._parsed(branch)[1]

    def _parsed(self, branch: str) -> tuple[str | None, tuple[int, ...]]:
        if branch not in self._known:
            version = branch[len(self.prefix) : len(branch) - len(self.suffix)]
            key = version_key(version) if self.branch(version) == branch else None
            self._known[branch] = (version if key else None, key or ())
        return self._known[branch]

    def parse(self, text: str) -> str | None:
        """The branch a person means by "1.9", "v1.9" or "release-1.9"; None for anything else."""
        if self.is_release(text):
            return text
        version = text[1:] if text[:1] in ("v", "V") else text
        return self.branch(version) if version_key(version) is not None else None


_NOT_IN_REFS = {*" ~^:?*[\\\x7f", *map(chr, range(32))}


def valid_branch(name: str) -> bool:
    """Whether git takes this as a branch name (the rules of git-check-ref-format(1))."""
    if not name or name == "@" or name[0] in "-/" or name[-1] in "/.":
        return False
    if any(bad in name for bad in ("..", "@{", "//")):
        return False
    if not _NOT_IN_REFS.isdisjoint(name):
        return False
    return not any(part.startswith(".") or part.endswith(".lock") for part in name.split("/"))


class RecordName:
    """The parts of `deploy/YYYY-MM-DD[.N]/BRANCH`."""

    __slots__ = ("branch", "date", "number")

    def __init__(self, date: str, number: int, branch: str) -> None:
        self.date = date
        self.number = number
        self.branch = branch

    def __str__(self) -> str:
        return f"{self.folder}/{self.branch}"

    @property
    def folder(self) -> str:
        """The name without its branch: no record can have it beside a tag that is called so."""
        number = f".{self.number}" if self.number > 1 else ""
        return f"{DEPLOY}{self.date}{number}"

    def behind(self, tags: "Collection[str]") -> "RecordName":
        """The first name from this one on that no tag of these has the folder of."""
        name = self
        while name.folder in tags:
            name = RecordName(name.date, name.number + 1, name.branch)
        return name


# Seconds by which the time of a record may be ahead of the clock here: more than zones and clocks
# that drift make of it.
AHEAD = 24 * 60 * 60


def recency(
    seconds: int, name: RecordName, scheme: Scheme
) -> tuple[int, str, int, tuple[int, ...]]:
    """A key for sorting deploy records: the time of the tag, then what its name says; newest last.

    `seconds` are those since 1970.
    """
    return seconds, name.date, name.number, scheme.key(name.branch)


def record_name(tag: str, scheme: Scheme) -> RecordName | str:
    """A deploy record's name taken apart, or what is wrong with it, as half a sentence."""
    parts = tag.split("/", 2)
    if len(parts) != 3 or parts[0] + "/" != DEPLOY:
        return "is not deploy/YYYY-MM-DD/BRANCH"
    day, dot, number = parts[1].partition(".")
    if not valid_day(day):
        return f'names "{day}", which is not a valid date (YYYY-MM-DD)'
    if dot and (not _is_number(number) or number.startswith("0") or number == "1"):
        return f'numbers the day\'s record ".{number}" (the second is .2)'
    if not scheme.is_release(parts[2]):
        return f'names "{parts[2]}", which is not a release branch ({scheme.pattern})'
    return RecordName(day, int(number) if dot else 1, parts[2])


def valid_day(text: str) -> bool:
    """Whether it is YYYY-MM-DD and a day of the (proleptic) Gregorian calendar, year 1 to 9999."""
    if len(text) != 10 or text[4] != "-" or text[7] != "-" or not text.isascii():
        return False
    if not (text[:4] + text[5:7] + text[8:]).isdigit():
        return False
    year, month, day = int(text[:4]), int(text[5:7]), int(text[8:])
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = (0, 31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    return year > 0 and month <= 12 and 1 <= day <= days[month]


def normalise_url(url: str, realpath: "Callable[[str], str] | None" = None) -> str:
    """A repository URL reduced to what tells repositories apart, for comparing two of them.

    Scheme, user, password and default port go; the host is lower-cased; scp form becomes
    host/path; a trailing "/", ".git" or "/.git" goes. A local path is made absolute by
    `realpath` (a function from str to str; without it the path stays as written).
    Forms: git-clone(1), GIT URLS.
    """
    scheme, sep, rest = url.partition("://")
    if sep and scheme.lower() != "file" and _is_scheme(scheme):
        authority, slash, path = rest.partition("/")
        return _at_host(authority, scheme.lower(), slash + path)
    if not sep:
        host, colon, path = url.partition(":")
        if url.startswith("[") and "]:" in url:  # [host:port]:path and [::1]:path
            host, _, path = url[1:].partition("]:")
            return _at_host(f"[{host}]" if host.count(":") > 1 else host, "ssh", path)
        if colon and "/" not in host and host:
            return _at_host(host, "ssh", path)
    path = rest if sep else url
    return _strip_path(realpath(path) if realpath else path)


def _is_scheme(text: str) -> bool:
    return text.replace("+", "").replace("-", "").replace(".", "").isalnum()  # RFC 3986, 3.1


def _at_host(authority: str, scheme: str, path: str) -> str:
    """HOST/PATH, with the port where it is not the default one of the scheme."""
    host = authority.rpartition("@")[2].lower()
    name, _, port = host.rpartition(":")
    if name and port in ("", _DEFAULT_PORTS.get(scheme.rpartition("+")[2])):
        host = name
    return host + "/" + _strip_path(path).lstrip("/")


def _strip_path(path: str) -> str:
    if "%" in path:
        from urllib.parse import unquote

        path = unquote(path)
    return _strip_slashes(_strip_slashes(path).removesuffix(".git"))


def _strip_slashes(path: str) -> str:
    """The path without "/" at its end, but for the root."""
    return path.rstrip("/") or path[:1]


def without_credentials(url: str) -> str:
    """The URL as it may be shown: user name and password of a `scheme://` URL left out."""
    scheme, sep, rest = url.partition("://")
    if not sep or not _is_scheme(scheme):
        return url
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    if scheme.lower() in ("ssh", "git+ssh", "ssh+git") and ":" not in user:
        return url  # an ssh login name is no secret and is needed to read the URL
    return f"{scheme}://{host}{slash}{path}" if at else url
