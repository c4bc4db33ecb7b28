"""Addresses that answer from the current release: figures, filtered data, SDMX. Read-only.

Belongs here: addresses, parameters, formats, limits and problem documents. Does not belong here: files of releases and the
limits of connections (`pipelines/http_server.py`), the queries behind the addresses (`warehouse/publishing`).
`router.py` lists the addresses; `service.py` runs a handler on one release; `problems.py` has every refusal.
"""
