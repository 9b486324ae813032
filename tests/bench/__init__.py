"""What git-ekf costs, measured beside what else one could use: `make bench`.

Everything is compared with something that runs in the same shuffled rounds, because milliseconds
differ from machine to machine and ratios hardly do. No test asserts a time.
"""
