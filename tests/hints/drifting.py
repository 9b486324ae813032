"""Hints of drift, and of apply that looks first."""

from __future__ import annotations

from scenario import RECORD, Scenario

_TOOL = "git config ekf.drift.command true\ngit config --add ekf.drift.command '{path}'\n"
_DIFFERS = (
    "git config ekf.drift.command sh\n"
    "for word in -c 'echo diff x/v1.Service.a.b; exit 1' '{path}'\n"
    'do git config --add ekf.drift.command "$word"\ndone\n'
)
_APPLY = "git config ekf.apply.command true\ngit config --add ekf.apply.command '{path}'\n"
_RECORD = "git ekf tag -m x --field Paths=own\n"

DRIFTING = {
    "commands/drift.py: --patch and --json exclude each other": Scenario(
        _TOOL + _RECORD, "git ekf drift -p --json", again="git ekf drift --json"
    ),
    "commands/output/drift.py: Apply, and overwrite that?": Scenario(
        _DIFFERS + _APPLY + _RECORD,
        "git ekf apply --drift own",
        ("git ekf drift --patch",),
        again="git ekf apply --drift own --yes",
        codes=(1,),
        said="this would overwrite what was changed in the cluster",
    ),
    "commands/output/drift.py: this repository has changed meanwhile: {}": Scenario(
        _APPLY
        + _RECORD
        + "git config ekf.drift.command sh\ngit config --add ekf.drift.command -c\n"
        + 'git config --add ekf.drift.command "echo >$PWD/new"\n',
        "git ekf apply --drift own",
        again="rm new; git config --unset-all ekf.drift.command; git ekf apply own",
    ),
    "commands/output/drift.py: {}: the tool {}": Scenario(
        _TOOL.replace(" true", " false") + _RECORD,
        "git ekf drift",
        codes=(5,),
        again=f"{_TOOL.replace('config ekf', 'config --replace-all ekf')}git ekf drift",
    ),
    "deploy/drift.py: drift.command takes no path: none of its words has {path}": Scenario(
        "git config ekf.drift.command true\n" + _RECORD, "git ekf drift own", again="git ekf drift"
    ),
    "deploy/drift.py: neither {} nor apply.paths says which paths of it were applied": Scenario(
        _TOOL + RECORD,
        "git ekf drift",
        ("git ekf drift PATH",),
        {"PATH": "own"},
        again="git ekf drift own",
    ),
    "deploy/drift.py: there is no deploy record yet": Scenario(
        _TOOL,
        "git ekf drift own",
        ("git ekf tag",),
        {"git ekf tag": "git ekf tag -m x"},
    ),
    "deploy/drift.py: {} is not in {}": Scenario(
        _TOOL + _RECORD, "git ekf drift own/none", again="git ekf drift own"
    ),
    "deploy/drift.py: {} is on no commit that is here": Scenario(
        _TOOL + "git tag -a -m x deploy/2026-11-20/release-1.8 HEAD^{tree}\n",
        "git ekf drift own",
        codes=(1,),
        again="git tag -d deploy/2026-11-20/release-1.8; git update-ref -d"
        f" refs/ekf/records/deploy/2026-11-20/release-1.8; {_RECORD}git ekf drift",
    ),
}
