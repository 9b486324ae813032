"""How much the policy looks at. The hooks' fast path loads this file, so it imports nothing."""

# git takes 40 times the size of a file of short lines to compare it: nobody looks into the content of one that is
# larger (bytes).
BOUNDED = ["-c", "core.bigFileThreshold=4m"]
