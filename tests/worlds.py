"""The worlds in which the examples of man pages, README and docs/ run."""

from __future__ import annotations

import shlex
import sys
from typing import NamedTuple

from git_ekf.demo.sample import deployment

VENDOR_URL = "https://git.example.com/vendor/manifests.git"
INTERNAL_URL = "https://git.example.com/ops/prod.git"


class World(NamedTuple):
    """What a page starts from, and what happens unseen.

    start    a key of STARTS; where it has a clone, the commands run in it
    before   the number of a display -> what happens before it
    answers  what is asked on a terminal -> what is typed; without them there is no terminal
    weekly   whether each section of the page is a week later
    builds   whether kubectl builds manifests
    """

    start: str = "prod"
    before: dict[int, str] = {}  # noqa: RUF012 (never changed)
    answers: dict[str, str] = {}  # noqa: RUF012
    weekly: bool = False
    builds: bool = False


def _commit(path: str, text: str, message: str) -> str:
    return f"mkdir -p $(dirname {path})\ncat >{path} <<'END'\n{text}END\ngit add {path}\ngit commit -q -m {shlex.quote(message)}\n"


def _vendor(branch: str, commands: str) -> str:
    """The vendor publishes something."""
    return f"git clone -q -b {branch} $HOME/vendor.git $HOME/v\n(cd $HOME/v\n{commands}git push -q)\nrm -rf $HOME/v\n"


def _vi(edit: str) -> str:
    """An editor that does what its user would, by a command of sed."""
    return f"""cat >$HOME/bin/vi <<'END'
#!/bin/sh
sed {shlex.quote(edit)} "$1" >"$1.new" && mv "$1.new" "$1"
END
chmod +x $HOME/bin/vi
"""


_KUBECTL_APPLY = (
    "for word in kubectl apply -k '{path}'; do git config --add ekf.apply.command $word; done\n"
)
# A cluster in which somebody has changed the number of replicas by hand.
_KUBECTL_DIFF = """cat >$HOME/bin/kubectl <<'END'
#!/bin/sh
case $3 in *dashboard*) exit 0 ;; esac
name=apps.v1.Deployment.istio-system.istio
printf '%s\\n' "diff -u -N /tmp/LIVE-1/$name /tmp/MERGED-2/$name" "--- /tmp/LIVE-1/$name" "+++ /tmp/MERGED-2/$name" \\
    '@@ -4,5 +4,5 @@' '   name: istio' '   namespace: istio-system' ' spec:' '-  replicas: 9' '+  replicas: 2' '   selector:'
exit 1
END
"""
_ISTIO = "apps/istio/base/deployment.yaml"
_DASHBOARD = "apps/dashboard/base/deployment.yaml"
_OVERLAY = "apps/istio/overlays/deploy/kustomization.yaml"

_CLONE = f"git ekf clone {VENDOR_URL} prod --internal {INTERNAL_URL} --release 1.8\ncd prod\n"
_TWO_REPLICAS = f"echo 'replicas: [{{name: istio, count: 2}}]' >>{_OVERLAY}\ngit commit -q -am 'Run two Istio replicas'\n"
_NINE_REPLICAS = f"sed 's/count: 2/count: 9/' {_OVERLAY} >new\nmv new {_OVERLAY}\ngit commit -q -am 'Run nine Istio replicas'\n"
# Another operator, in a clone of his own.
_BOB = (
    f"git ekf clone {VENDOR_URL} $HOME/bob/prod --internal {INTERNAL_URL}\n"
    "(cd $HOME/bob/prod\nexport GIT_AUTHOR_NAME=Bob\n"
)
_AGED = "import os, sys, time; [os.utime(path, (time.time() - 7300,) * 2) for path in sys.argv[1:]]"
_FETCHED_EARLIER = f"{shlex.quote(sys.executable)} -c '{_AGED}' .git/FETCH_HEAD .git/ekf/asked $(find .git/logs/refs/remotes -type f)\n"
_DOCUMENTED = _vendor(
    "release-1.8",
    _commit("README.md", "# Sample platform\n", "Shorten the read-me")
    + _commit("docs/README.md", "# Installation\n", "Begin the manual"),
)
_REWRITTEN = (
    "echo again >>VERSION\ngit commit -q -a --amend -m 'Release 1.8, again'\ngit push -q --force\n"
)
# The vendor of the workflow publishes 1.10 late, and with another structure.
_NOT_YET = "git -C $HOME/vendor.git branch -m release-1.10 next\n"
_MOVED = "git -C $HOME/vendor.git branch -m next release-1.10\n" + _vendor(
    "release-1.10",
    "git mv apps applications\n"
    + _commit(
        ".ekf/migrate", "#!/bin/sh\nmv apps applications\n", "Move apps to applications"
    ).replace("git add", "chmod +x .ekf/migrate\ngit add"),
)

# The start before, and how this one is made from it.
STARTS = {
    "nothing": ("", ""),
    "prod": ("nothing", f"{_CLONE}{_TWO_REPLICAS}git ekf save"),
    "plain": ("nothing", f"git clone -q -b release-1.8 {VENDOR_URL} prod"),
    "stack": (
        "nothing",
        _CLONE
        + _commit(_DASHBOARD, deployment("dashboard", "1.8.0", 3), "Three dashboards")
        + _TWO_REPLICAS
        + _commit(_ISTIO, deployment("istio", "1.9.0", 1), "Take Istio 1.9 early")
        + _commit(_DASHBOARD, deployment("dashboard", "1.8.0", 4), "Four dashboards")
        + "git ekf save",
    ),
}

WORLDS = {
    "README.md": World(
        "nothing",
        {
            4: f"git ekf clone {VENDOR_URL} $HOME/bob/prod --internal {INTERNAL_URL}\n"
            + _vi("/^<<<<<<</,/^=======/d; /^>>>>>>>/d; s/:1.8.0/:1.9.0/"),
            5: "mkdir $HOME/alice\nmv $HOME/prod $HOME/alice/prod\n",
            6: f"cd $HOME/alice/prod\nexport GIT_AUTHOR_NAME=Alice\n{_NINE_REPLICAS}",
        },
        weekly=True,
        builds=True,
    ),
    "docs/air-gap.md": World(
        "nothing",
        {
            2: _vendor(
                "release-1.9", _commit("docs/README.md", "# Installation\n", "Begin the manual")
            )
            + _vendor("release-1.8", _REWRITTEN)
            + f"git ekf mirror {VENDOR_URL} manifests.git --accept release-1.8",
        },
    ),
    # The internal repository has another name on the server.
    "docs/server.md": World(
        before={
            0: "mkdir $HOME/git\nmv $HOME/internal.git $HOME/git/prod.git\nln -s git/prod.git $HOME/internal.git\n"
            f"git ekf mirror {VENDOR_URL} $HOME/git/vendor.git"
        }
    ),
    "git-ekf.1": World("nothing", {1: f"{_TWO_REPLICAS}git ekf save"}),
    "git-ekf-bundle.1": World(
        "nothing",
        {
            0: f"git ekf mirror {VENDOR_URL} manifests.git",
            2: _vendor(
                "release-1.9", _commit("docs/README.md", "# Installation\n", "Begin the manual")
            )
            + _vendor("release-1.8", _REWRITTEN)
            + f"git ekf mirror {VENDOR_URL} manifests.git --accept release-1.8",
        },
    ),
    "git-ekf-check.1": World(
        before={
            0: _commit(
                "apps/mine/deployment.yaml", deployment("mine", "1", 1), "Add our application"
            )
        }
    ),
    "git-ekf-clone.1": World(
        "nothing",
        {
            1: f"cd prod\n{_TWO_REPLICAS}git ekf tag -m 'We added Istio.'\ngit ekf save\nrm -rf $PWD",
            2: "rm -rf prod\ngit -C vendor.git branch v1.8-branch release-1.8\n"
            "git init -q --bare $HOME/other.git\ngit config --global url.$HOME/other.git.insteadOf https://git.example.com/ops/other.git",
        },
    ),
    "git-ekf-diff.1": World(
        before={
            0: "git ekf tag --date 2026-11-13 -m 'We added Istio.'\n" + _NINE_REPLICAS,
            1: "git ekf tag -m 'Two were not enough.'",
        },
        builds=True,
    ),
    "git-ekf-drift.1": World(
        before={
            0: "git ekf tag -m 'We added Istio.' --field 'Paths=apps/istio/overlays/deploy, apps/dashboard/overlays/deploy'\n"
            + _KUBECTL_DIFF
        }
    ),
    "git-ekf-hooks.1": World(before={1: "git ekf hooks uninstall"}),
    "git-ekf-images.1": World(
        before={
            2: _commit(
                "overlays/prod/kustomization.yaml",
                "resources:\n- ../../apps/istio/base\n- ../../apps/dashboard/base\n",
                "Add an overlay of our own",
            )
        },
        builds=True,
    ),
    "git-ekf-init.1": World("plain"),
    "git-ekf-log.1": World(
        before={
            0: "git ekf tag --date 2026-11-13 -m 'We added Istio.' --field Ticket=OPS-1\ngit ekf save\n"
            f"{_NINE_REPLICAS}git ekf tag -m 'Two Istio replicas were not enough.' --field Ticket=OPS-2"
        }
    ),
    "git-ekf-fleet.1": World(
        before={
            0: "cat >fleet.toml <<'END'\n"
            f'vendor = "{VENDOR_URL}"\nwaves = ["canary", "early"]\n'
            f'[[cluster]]\nname = "prod"\ninternal = "{INTERNAL_URL}"\nwave = "canary"\nEND'
        }
    ),
    "git-ekf-mirror.1": World(
        "nothing",
        {
            1: _vendor(
                "release-1.9", _commit("docs/README.md", "# Installation\n", "Begin the manual")
            )
            + _vendor("release-1.8", _REWRITTEN)
        },
    ),
    "git-ekf-pull.1": World(
        before={
            0: f"{_BOB}{_NINE_REPLICAS}git ekf save\n)\n"
            + _commit("docs/notes.md", "Ask Bob.\n", "Write down whom to ask"),
            1: "(cd $HOME/bob/prod\ngit ekf pull\ngit ekf upgrade --no-build\ngit ekf tag -m 'Upgrade to 1.9.'\ngit ekf save)",
        }
    ),
    "git-ekf-releases.1": World("stack"),
    # The team's repository, and an upgrade that was resolved by hand.
    "git-ekf-resolutions.1": World(
        before={
            0: "git init -q --bare $HOME/resolutions.git\ngit config --global"
            " url.$HOME/resolutions.git.insteadOf https://git.example.com/ops/resolutions.git",
            1: _commit(_ISTIO, deployment("istio", "1.8.0-ours", 1), "Use our build of Istio")
            + "git ekf save\ngit ekf upgrade || test $? = 3\n"
            f"sed -i '/^[<=>]/d; /istio:1.9.0/d; s/1.8.0-ours/1.9.0-ours/' {_ISTIO}\n"
            f"git add {_ISTIO}\ngit ekf upgrade --continue",
        },
    ),
    "git-ekf-rollback.1": World(
        before={
            0: "git ekf tag --date 2026-11-13 -m 'We added Istio.'\n"
            + _NINE_REPLICAS
            + "git ekf tag -m 'Two were not enough.'\n"
            f"git config ekf.apply.paths apps/istio/overlays/deploy\n{_KUBECTL_APPLY}"
        }
    ),
    "git-ekf-save.1": World(
        before={0: "git ekf tag -m 'We added Istio.'", 1: _DOCUMENTED + "git ekf sync --no-build"},
    ),
    "git-ekf-report.1": World(
        before={
            0: f"git ekf tag --date 2026-11-13 -m 'We added Istio.'\n{_NINE_REPLICAS}git ekf tag -m 'Two were not enough.'\ngit ekf save\n"
            "git ekf upgrade 1.9\ngit ekf tag -m 'Release 1.9.'"
        }
    ),
    "git-ekf-show.1": World(
        before={
            0: f"git ekf tag --date 2026-11-13 -m 'We added Istio.'\n{_NINE_REPLICAS}git ekf tag -m 'Two were not enough.'\ngit ekf save"
        }
    ),
    "git-ekf-status.1": World(
        before={
            0: _commit(
                "apps/mine/deployment.yaml", deployment("mine", "1", 1), "Add our application"
            )
            + _DOCUMENTED
            + "git fetch -q origin\n"
            + _FETCHED_EARLIER
        }
    ),
    "git-ekf-sync.1": World(
        "stack",
        {
            0: _vendor(
                "release-1.8",
                _commit(_DASHBOARD, deployment("dashboard", "1.8.1", 2), "Two dashboards"),
            )
        },
        builds=True,
    ),
    "git-ekf-tag.1": World(
        before={1: "echo 'Istio was brought to the cluster by hand.' >../reason.txt"}
    ),
    "git-ekf-trust.1": World(
        before={
            0: _commit(
                ".ekf.toml",
                '[apply]\ncommand = ["kubectl", "apply", "-k", "{path}"]\n',
                "Deploy with kubectl",
            ),
            1: "git ekf trust --revoke",
        },
        answers={"[y/N]: ": "y"},
    ),
    "git-ekf-undo.1": World(builds=True),
    "git-ekf-upgrade.1": World(
        "stack",
        {
            1: _vi("/^<<<<<<</d; /^=======/,/^>>>>>>>/d"),
            2: "git ekf undo\nrm -rf .git/rr-cache",
            3: f"git config ekf.apply.paths apps/istio/overlays/deploy\n{_KUBECTL_APPLY}",
        },
        builds=True,
    ),
    "git-ekf-workflow.7": World(
        "nothing",
        {
            0: _NOT_YET,
            3: _vi("s/registry/mirror/"),
            11: _vi("/^<<<<<<</,/^=======/d; /^>>>>>>>/d; s/:1.8.0/:1.9.0/"),
            14: _vi("s/2/9/"),
            19: _MOVED,
            20: _vi("/^<<<<<<</,/^=======/d; /^>>>>>>>/d; s/:1.9.0/:1.10.0/"),
            24: _vendor(
                "release-1.10", _commit("docs/README.md", "# Installation\n", "Begin the manual")
            ),
        },
        weekly=True,
        builds=True,
    ),
}
