"""How the policy has git compare, and how much it looks at.

The hooks' fast path loads this file, so it imports nothing.
"""

# git takes 40 times the size of a file of short lines to compare it: nobody looks into the content
# of one that is larger (bytes).
LARGE_FILES = "core.bigFileThreshold=4m"
BOUNDED = ["-c", LARGE_FILES]

# --no-renames: a renamed file is a new file where it arrives. The rest keeps the user's
# configuration and attributes from running programs in a mere question.
DIFF_OPTIONS = [
    "--no-renames",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--ignore-submodules=none",
]


def has_markers(patch: bytes) -> bool:
    """Whether an added line of a patch may be a conflict marker."""
    return b"\n+<<<<<<<" in patch or b"\n+>>>>>>>" in patch
