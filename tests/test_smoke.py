from conftest import Clone


def test_clone_status_commit_push(clone: Clone) -> None:
    assert clone.ekf("status").code == 0
    clone.commit("overlays/cluster/kustomization.yaml", "resources: []\n")
    assert clone.git("push").code == 0
    assert clone.rules() == []
