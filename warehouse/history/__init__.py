"""Every figure as it was known at any time: the warehouse file, its vintages and each dataset's state.

Belongs here: what is appended and kept. Does not belong here: what is computed from it (`warehouse/statistics/`).
"""
