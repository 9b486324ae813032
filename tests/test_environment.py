"""The user's environment and settings: what git-ekf starts sees them as under git itself."""

from __future__ import annotations

from upgrading import World, script, wrapper

LOCALE = {"LC_ALL": "C.UTF-8", "LANG": "C.UTF-8", "LANGUAGE": "de"}
TELL = 'echo "$LC_ALL $LANG $LANGUAGE $GIT_OPTIONAL_LOCKS" >>'


def test_hooks_and_filters_see_the_users_locale(world: World) -> None:
    told = world.path.with_name("told")
    for hook in ("post-checkout", "pre-push.ekf-prev"):
        script(world.path / ".git/hooks" / hook, f"#!/bin/sh\n{TELL} {told}\n")
    script(world.path.with_name("smudge"), f"#!/bin/sh\n{TELL} {told}.smudge\ncat\n")
    world.git("config", "filter.tell.smudge", str(world.path.with_name("smudge")))
    world.write(".git/info/attributes", "* filter=tell\n")
    world.git("commit", "-q", "--allow-empty", "-m", "More")
    done = world.ekf("save", env=LOCALE)
    assert done.code == 0, done
    assert told.read_text() == "C.UTF-8 C.UTF-8 de \n"
    done = world.ekf("upgrade", env=LOCALE)
    assert done.code == 0, done
    assert told.read_text() == "C.UTF-8 C.UTF-8 de \n" * 2
    assert set(told.with_name("told.smudge").read_text().splitlines()) == {"C.UTF-8 C.UTF-8 de "}


def test_what_git_says_is_understood_in_any_language(world: World) -> None:
    # As a git with translations, which it looks for in a directory (gettext.c).
    german = "echo \"fatal: Konnte '$PWD/.git/index.lock' nicht erstellen\" >&2; exit 128"
    text = f'if [ -d "${{GIT_TEXTDOMAINDIR:-/}}" ]; then {german}; fi\nexec $real "$@"'
    (world.path / ".git/index.lock").touch()
    env = {"LC_ALL": "de_DE.UTF-8", "LANGUAGE": "de"}
    done = world.ekf(
        "upgrade", "--no-save-check", env=env | wrapper(world.path.with_name("bin"), text)
    )
    assert "another git command is at work here" in done.err, done
