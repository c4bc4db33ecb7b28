"""Targets fixed before their results: the sealed ledger, and how results are assessed against it.

Belongs here: what a target is, and its status. Does not belong here: how the result is shown.
"""
