"""Reference data: the territory, geography, code lists, and what is fixed in files.

Belongs here: data files and their readers. Does not belong here: figures.
"""
