"""Faults and attacks with times in them: `python -m tests.drills.drill_r1` and so on."""
