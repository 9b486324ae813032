"""Hints of images."""

from __future__ import annotations

from scenario import Scenario

# A builder that prints a file, and knows nothing of entries.
_BUILT = (
    "printf '#!/bin/sh\\ncat $1/pod.yaml\\n' >$TOP/build\nchmod +x $TOP/build\n"
    "git config ekf.render.command $TOP/build\ngit config --add ekf.render.command '{path}'\n"
    "printf 'resources: [pod.yaml]\\n' >own/kustomization.yaml\n"
    "printf 'kind: Pod\\nspec: {containers: [{image: nginx}]}\\n' >own/pod.yaml\n"
    "git add own\ngit commit -q -m Own\n"
)
_REGISTRY = f"{_BUILT}git config ekf.images.registry registry.example.com/mirror\n"
_WRITE = "git ekf images --write own"

IMAGING = {
    "commands/images.py: --write and --new-since exclude each other": Scenario(
        _REGISTRY, f"{_WRITE} --new-since HEAD", again=_WRITE, ends=(1,)
    ),
    "commands/images.py: --write goes by HEAD, as it is the work tree that it changes": Scenario(
        _REGISTRY, f"{_WRITE} HEAD~1", fill={"PATH": "own"}, codes=(1,), again=_WRITE, ends=(1,)
    ),
    "commands/images.py: images.registry is not set: nothing says where the images are to come from": Scenario(
        _BUILT, _WRITE, fill={"REGISTRY": "registry.example.com/mirror"}, ends=(1,)
    ),
    "commands/check.py: --build is about HEAD: it goes with neither REV-RANGE nor --staged": Scenario(
        "git config ekf.images.registry registry.example.com/istio\n" + _BUILT,
        "git ekf check --build --staged",
        codes=(1,),
        again="git ekf check --staged",
    ),
    "commands/check.py: images.registry is not set: nothing says where the images are to come from": Scenario(
        _BUILT + "git config ekf.apply.paths own\n",
        "git ekf check --build",
        fill={"REGISTRY": "docker.io/library"},
    ),
    "policy/images.py image_registry(): git ekf images --write PATH takes it from there, or says what is in the way": Scenario(
        _REGISTRY + "git config ekf.apply.paths own\n",
        "git ekf check --build",
        ("git ekf images --write PATH",),
        {"PATH": "own"},
        codes=(1,),
        again="git config ekf.images.registry docker.io/library; git ekf check --build",
        said="nginx does not come from registry.example.com/mirror",
    ),
    "commands/upgrade_or_sync.py: --build and --no-build exclude each other": Scenario(
        _BUILT,
        "git ekf upgrade --build --no-build",
        again="git ekf upgrade --no-build --no-save-check",
    ),
    "manifests/image_writing.py: HEAD has no kustomization {} to write to": Scenario(
        _REGISTRY,
        "git ekf images --write docs",
        ("git ekf images --write PATH",),
        {"PATH": "own"},
        again=_WRITE,
        codes=(1,),
        ends=(1,),
    ),
    "manifests/image_writing.py: {} cannot be edited safely: {}": Scenario(
        _REGISTRY
        + "echo 'images: [{name: a}]' >>own/kustomization.yaml\ngit commit -q -a -m Brackets\n",
        _WRITE,
        ("git ekf images --write PATH",),
        {"PATH": "own"},
        again="printf 'resources: []\\n' >own/kustomization.yaml; git commit -q -a -m Lines;"
        f" {_WRITE}",
        codes=(4,),
        ends=(1,),
    ),
    "manifests/image_writing.py: {} is not as HEAD has it, and what is built is HEAD": Scenario(
        f"{_REGISTRY}echo '# more' >>own/kustomization.yaml\n",
        _WRITE,
        ("git commit -m 'Images' -- own/kustomization.yaml",),
        ends=(1,),
    ),
    "manifests/image_writing.py: {} {}: an upgrade would have to merge it": Scenario(
        _REGISTRY,
        "git ekf images --write apps/istio/base",
        ("git ekf images --write PATH",),
        {"PATH": "own"},
        again=_WRITE,
        codes=(1,),
        ends=(1,),
    ),
}
