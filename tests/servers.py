"""Git servers on loopback for the tests, each run by whoever runs the tests, with its own configuration and HOME in a folder."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
import sshd
from conftest import Run, run
from daemons import HOST, daemon, environment, needed, running
from sshd import USER


class Server(NamedTuple):
    """A bare repository and how a client gets at it.

    env      what a client needs in its environment
    install  what the administrator does to have git-ekf judge what arrives there
    pusher   the variable that tells a hook who pushes
    """

    url: str
    repository: Path
    env: dict[str, str]
    install: Callable[[], None]
    pusher: str

    def git(self, *args: str) -> str:
        """git in the repository itself; what it prints."""
        return _done(run("git", *args, cwd=self.repository)).out.strip()

    def refs(self) -> dict[str, str]:
        return dict(
            line.split(" ")
            for line in self.git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        )

    def quarantines(self) -> list[Path]:
        """Where git keeps the objects of pushes that it has not taken yet."""
        return [*self.repository.glob("objects/*incoming-*")]


# --- ssh ---


@contextmanager
def ssh(folder: Path) -> Iterator[Server]:
    """A repository behind sshd and git-shell."""
    home = _home(folder)
    repository = _bare(home / "prod.git")
    shell = needed("git-shell")
    keys = sshd.Keys(folder)
    keys.authorize(
        home, f'command="env PUSHER={USER} {shell} -c \\"$SSH_ORIGINAL_COMMAND\\"",restrict'
    )
    with sshd.sshd(folder, home) as port:
        yield Server(
            sshd.url(port, str(repository)),
            repository,
            keys.client(port),
            lambda: _install(repository),
            "PUSHER",
        )


@contextmanager
def gitolite(folder: Path) -> Iterator[Server]:
    """A repository of gitolite's, whose administrator and only user is USER."""
    program = needed("gitolite")
    home = _home(folder)
    env = environment(home)
    keys = sshd.Keys(folder)
    _done(run(program, "setup", "-pk", keys.public, env=env))
    settings = home / ".gitolite.rc"
    settings.write_text(
        settings.read_text().replace(
            '# LOCAL_CODE                =>  "$ENV{HOME}/local"', 'LOCAL_CODE => "$ENV{HOME}/local"'
        )
    )
    repositories = home / "repositories"

    def install() -> None:
        hooks = home / "local" / "hooks" / "common"
        hooks.mkdir(parents=True)
        _install("--shared", hooks)
        _done(run(program, "setup", "--hooks-only", env=env))
        # The hook is now in every repository, also in the one by which gitolite is administered; it must not mind.
        _add_repository(folder / "admin", sshd.url(port, "/gitolite-admin"), "ops/prod")

    with sshd.sshd(folder, home) as port:
        yield Server(
            sshd.url(port, "/ops/prod"),
            repositories / "ops" / "prod.git",
            keys.client(port),
            install,
            "GL_USER",
        )


def _add_repository(clone: Path, url: str, name: str) -> None:
    """As gitolite's administrator adds one: by a push."""
    _done(run("git", "clone", "-q", url, clone))
    with (clone / "conf" / "gitolite.conf").open("a", encoding="utf-8") as configuration:
        configuration.write(f"\nrepo {name}\n    RW+ = {USER}\n")
    _done(run("git", "commit", "-q", "-a", "-m", f"Add {name}", cwd=clone))
    _done(run("git", "push", "-q", cwd=clone))


# --- http ---


@contextmanager
def http(folder: Path) -> Iterator[Server]:
    """`git http-backend` behind nginx, which asks for a password."""
    home = _home(folder)
    repository = _bare(home / "prod.git")
    _done(run("git", "config", "http.receivepack", "true", cwd=repository))
    backend = Path(_done(run("git", "--exec-path")).out.strip(), "git-http-backend")
    if not backend.exists():
        pytest.skip(f"git has no {backend.name} here")
    (folder / "users").write_text(f"{USER}:{{PLAIN}}secret\n")
    ask = folder / "askpass"
    script(ask, "echo secret")
    with _cgi(folder, home), _nginx(folder, home, backend) as port:
        yield Server(
            f"http://{USER}@{HOST}:{port}/prod.git",
            repository,
            {"GIT_ASKPASS": str(ask)},
            lambda: _install(repository),
            "REMOTE_USER",
        )


@contextmanager
def _cgi(folder: Path, home: Path) -> Iterator[None]:
    """fcgiwrap is given the socket that it listens on, as by inetd."""
    command = [needed("fcgiwrap"), "-c", "4"]
    with socket.socket(socket.AF_UNIX) as listening:
        with _within(folder):
            listening.bind("cgi")  # by a short name: there is room for 107 bytes
        listening.listen(100)
        with running(command, folder / "fcgiwrap.log", environment(home), listening.fileno()):
            yield


@contextmanager
def _nginx(folder: Path, home: Path, backend: Path) -> Iterator[int]:
    program = needed("nginx")
    configuration = folder / "nginx.conf"
    parameters = {
        "SCRIPT_FILENAME": backend,
        "GIT_PROJECT_ROOT": home,
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": "$uri",
        "QUERY_STRING": "$query_string",
        "REQUEST_METHOD": "$request_method",
        "CONTENT_TYPE": "$content_type",
        "CONTENT_LENGTH": "$content_length",
        "REMOTE_USER": "$remote_user",
        "REMOTE_ADDR": "$remote_addr",
        "GIT_PROTOCOL": "$http_git_protocol",
    }

    def command(port: int) -> list[str]:
        configuration.write_text(
            f"{'user root; ' * (os.geteuid() == 0)}daemon off; pid pid; worker_processes 1; error_log stderr notice;\n"
            "events { }\nhttp {\naccess_log off; client_max_body_size 0;\n"
            + "".join(
                f"{name}_temp_path {name};\n"
                for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
            )
            + f"server {{ listen {HOST}:{port}; location / {{\nauth_basic git; auth_basic_user_file users; fastcgi_pass unix:cgi;\n"
            + "".join(f'fastcgi_param {name} "{value}";\n' for name, value in parameters.items())
            + "} } }\n"
        )
        return [program, "-p", str(folder), "-e", "stderr", "-c", str(configuration)]

    with daemon(folder / "nginx.log", command, environment(home), "start worker process ") as port:
        yield port


# --- layouts ---


@contextmanager
def gitea(folder: Path) -> Iterator[Server]:
    """A repository with Gitea's hooks: the generated one calls all of pre-receive.d and fails with the first that fails."""
    repository = _bare(_home(folder) / "prod.git")
    script(
        repository / "hooks" / "pre-receive",
        "# AUTO GENERATED BY GITEA, DO NOT MODIFY",
        "data=$(cat) codes=",
        "hookname=$(basename $0)",
        "GIT_DIR=${GIT_DIR:-$(dirname $0)/..}",
        "for hook in ${GIT_DIR}/hooks/${hookname}.d/*; do",
        '\ttest -x "$hook" && test -f "$hook" || continue',
        '\techo "$data" | "$hook"',
        '\tcodes="$codes $?"',
        "done",
        "for code in $codes; do [ $code -eq 0 ] || exit $code; done",
    )
    script(repository / "hooks" / "pre-receive.d" / "gitea", "exec cat >/dev/null")
    env = {
        "GITEA_REPO_NAME": "prod",
        "GITEA_REPO_USER_NAME": "ops",
        "GITEA_REPO_ID": "1",
        "GITEA_PUSHER_NAME": USER,
        "GITEA_PUSHER_ID": "2",
        "GITEA_PUSHER_EMAIL": f"{USER}@example.com",
        "SSH_ORIGINAL_COMMAND": "gitea-internal",
    }
    yield Server(
        str(repository), repository, env, lambda: _install(repository), "GITEA_PUSHER_NAME"
    )


@contextmanager
def gitlab(folder: Path) -> Iterator[Server]:
    """A repository as Gitaly runs it: hooks from a directory of its own, which call those of custom_hooks up to the first that fails.

    They get an environment with few of git's variables, and absolute paths.
    """
    home = _home(folder)
    repository = _bare(home / "prod.git")
    hooks = home / "gitaly-hooks"
    script(
        hooks / "pre-receive",
        "changes=$(cat; echo .) changes=${changes%.}",
        "run() {",
        '\tenv -i "HOME=$HOME" "PATH=$PATH" "GIT_DIR=$PWD" "GIT_OBJECT_DIRECTORY=$GIT_OBJECT_DIRECTORY" \\',
        '\t\t"GIT_ALTERNATE_OBJECT_DIRECTORIES=$GIT_ALTERNATE_OBJECT_DIRECTORIES" GL_REPOSITORY=project-1 GL_PROJECT_PATH=ops/prod \\',
        '\t\t"GL_ID=$GL_ID" "GL_USERNAME=$GL_USERNAME" "GL_PROTOCOL=$GL_PROTOCOL" "$@"',
        "}",
        f"for hook in custom_hooks/pre-receive custom_hooks/pre-receive.d/* {home}/custom_hooks/pre-receive.d/*; do",
        "\tcase $hook in *~) continue ;; esac",
        '\t[ -x "$hook" ] && [ ! -d "$hook" ] || continue',
        '\tprintf %s "$changes" | run "$hook" || exit',
        "done",
    )
    _done(run("git", "config", "gitlab.fullpath", "ops/prod", cwd=repository))
    _done(
        run("git", "config", "core.hooksPath", hooks, cwd=repository)
    )  # Gitaly itself says it on the command line
    env = {"GL_ID": "user-2", "GL_USERNAME": USER, "GL_PROTOCOL": "ssh"}
    yield Server(str(repository), repository, env, lambda: _install(repository), "GL_USERNAME")


# --- what they share ---


def _install(*where: str | Path) -> None:
    _done(run("git-ekf", "hooks", "install", "--server", *where))


def _home(folder: Path) -> Path:
    home = folder / "home"
    home.mkdir(parents=True)
    return home


def _bare(path: Path) -> Path:
    _done(run("git", "init", "-q", "--bare", path))
    return path


def script(path: Path, *lines: str) -> None:
    """Writes a shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o755)


def _done(done: Run) -> Run:
    assert done.code == 0, done
    return done


@contextmanager
def _within(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
