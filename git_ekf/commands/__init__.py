"""How a thing is asked for: one file a command, with a function of that name, or an `app`.

The other files hold what several commands begin or end with; what they show is in `output/`.
"""
