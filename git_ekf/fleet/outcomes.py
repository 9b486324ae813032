"""What becomes of a cluster in an upgrade of the fleet: the words for it, in one place."""

PUSHED = "pushed"  # it has the new branch
PLANNED = "planned"  # it would get it
THERE = "there"  # it has it already, or runs a newer release
STOPPED = "stopped"  # a commit would be in conflict
REFUSED = "refused"  # it must not be upgraded, or it cannot be told what would become of it
FAILED = "failed"  # it could not be fetched, or did not take the branch
LEFT = "left"  # it was not tried, because too many others had failed
MOVED = "moved"  # it is not as it was when its upgrade was planned: that is planned again
