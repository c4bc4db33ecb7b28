"""The lake: what several machines share in place of one data folder's files. It is used where DISTRETTO_LAKE is set.

PostgreSQL keeps the manifest, the datasets' status, the pace of requests, the list of releases and the locks; an
S3-compatible store keeps bodies and releases; DuckLake, whose catalogue is the same database, keeps series and history.
Belongs here: every name and statement of these three. Does not belong here: what the things kept mean (`snapshots.py`,
`warehouse/history`, `warehouse/publishing/releases.py`). Nothing of the extra `lake` is imported before a lake is used.
"""
