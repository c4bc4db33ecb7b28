"""What is computed from observations: indicators, breaks, peers, the composite index.

Belongs here: statistical methods. Does not belong here: how results are published (`warehouse/publishing/`).
"""
