"""From history to a release: published tables, release checks, provenance, and the release folder.

Belongs here: what readers of a release rely on. Does not belong here: pages (`assets/site/`).
"""
