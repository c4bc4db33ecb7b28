"""Vocabulary that every other module shares: periods, units, SQL text, configuration files.

Belongs here: what names one concept of the field. Does not belong here: anything that imports another part of
the project except `sources.errors`.
"""
