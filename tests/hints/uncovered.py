"""Hints that no scenario follows yet. The list only gets shorter."""

UNCOVERED: list[str] = [
    "commands/apply.py: {} applied, but not recorded: {}",
    "commands/hooks.py: hook not installed: {}",
    "deploy/write.py: the record has a NUL character, so git would not show all of it",
    "deploy/write.py: the record could not be signed: git left the signature out",
    "git/complaints.py: git does not trust {}: it belongs to another user",
    "hooks/installer.py: {} and {}{} both exist, and neither is ours",
    "hooks/installer.py: {} exists and is not ours",
    "hooks/installer.py _all_or_nothing(): ls -ld {}, then: {}",
    "hooks/judge.py: the hook was installed by another version of git-ekf",
    "manifests/choice.py: there is no kustomization to {}",
    "manual/pages.py: this installation has no folder of pages for man",
]
