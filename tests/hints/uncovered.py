"""Hints that no scenario follows yet. The list only gets shorter."""

UNCOVERED: list[str] = [
    "cli.py: git ekf status shows how far it has got; what is done git ekf undo takes back",
    "commands/apply.py: {} applied, but not recorded: {}",
    "commands/hooks.py: hook not installed: {}",
    "deploy/save.py: the push succeeded, but {} could not be read back: {}",
    "deploy/write.py: the record has a NUL character, so git would not show all of it",
    "deploy/write.py: the record could not be signed: git left the signature out",
    "git/complaints.py: git does not trust {}: it belongs to another user",
    "hooks/installer.py: {} and {}{} both exist, and neither is ours",
    "hooks/installer.py: {} exists and is not ours",
    "hooks/installer.py _all_or_nothing(): ls -ld {}, then: {}",
    "hooks/judge.py: the hook was installed by another version of git-ekf",
    "manifests/choice.py: there is no kustomization to {}",
    "manual/pages.py: this installation has no folder of pages for man",
    "setup/steps.py: what was done before it stays; run git ekf init again to go on",
    "transaction/interrupted.py: {} was cut off, and {} was changed since",
    "transaction/moves.py: {} has moved meanwhile",
    "transaction/perform.py: {} was cut off meanwhile",
    "upgrade/rebase.py: git rebase --abort did not lead back to {}",
    "upgrade/rebase.py: git was cut off while it picked {}, and would go on without it",
]
