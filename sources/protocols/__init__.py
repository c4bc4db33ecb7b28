"""How a provider is asked: one module a protocol, each with `fetch` (see `eurostat.py`).

A new provider is an entry in `providers.yml`; it needs a module here only if it is asked in a new way.
"""
