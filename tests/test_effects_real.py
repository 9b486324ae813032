"""What is found in kubeflow's real history: where git is clean, and a customisation is lost without a word."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.effects import fetched, planned
from conftest import DATA
from reach import rare


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not DATA.exists():
        pytest.skip("the shared data is not here")
    return fetched(tmp_path_factory.mktemp("real"))


# Stacks that replay clean -> what is said of them.
SILENT = {
    "1.5/2093": (
        "common/cert-manager/kubeflow-issuer/base: patchesJson6902 patches/remove-namespace.yaml:"
        " cert-manager.io/v1alpha2 ClusterIssuer kubeflow-self-signing-issuer"
    ),
    "1.10/3085": (
        "apps/admission-webhook/upstream/overlays/my-environment: resources ../../base is missing"
    ),
    "1.4/2241": "",
    "1.5/2077": "",
    "1.8/2403": "",
}


@rare
@pytest.mark.parametrize(("name", "said"), SILENT.items())
def test_a_loss_that_git_does_not_see(
    real: Path, name: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(real)
    told = planned(name)
    assert not told.conflicts
    assert told.effects
    assert told.effects.looked_at
    found = [f"{target.folder}: {target}" for target in told.effects.unmatched]
    found += [f"{one.folder}: {one.field} {one.path} is missing" for one in told.effects.missing]
    assert found == ([said] if said else [])
