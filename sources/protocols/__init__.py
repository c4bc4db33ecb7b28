"""Protocols: one module for each way to query a provider, registered by the name that `providers.yml` uses.

Belongs here: the registry. Does not belong here: what every protocol promises (`interface.py`), any provider's behaviour.
A new provider is an entry in `providers.yml`; it needs a module and a line in REGISTRY only if it needs a new protocol.
"""

from __future__ import annotations

# by name: the module and the class in it, imported when a run needs it
REGISTRY: dict[str, tuple[str, str]] = {
    "download": ("sources.protocols.download", "Download"),
    "drop": ("sources.protocols.drop", "Drop"),
    "eurostat": ("sources.protocols.eurostat", "Eurostat"),
    "istat": ("sources.protocols.istat", "Istat"),
    "oecd": ("sources.protocols.oecd", "Oecd"),
    "ops": ("sources.protocols.ops", "Ops"),
}
