"""How a thing is asked for: one file a command, each with one function of that name."""
