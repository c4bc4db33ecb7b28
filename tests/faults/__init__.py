"""`make faults`: faults of every kind that a night can meet, injected into the real code, and what they left behind.

Belongs here: the campaign and its kinds of faults. Does not belong here: tests of one case (`tests/test_*.py`), damage to bodies
on their way through a decoder (`tests/fuzz.py`), and the ways in which a provider fails (`tests/provider_faults.py`).
"""
