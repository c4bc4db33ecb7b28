"""Protocols: one module for each way to query a provider, with a class of its name: `oecd.py` has `Oecd`.

Belongs here: finding the protocols. `protocol: oecd` in `providers.yml` selects the module; nothing else has to name it.
Does not belong here: what every protocol promises (`interface.py`), any provider's behaviour.
"""

from __future__ import annotations

from pkgutil import iter_modules

# modules of this package that protocols share
SHARED = {"interface", "ops_searches", "responses", "sdmx"}
# by name: the module and the class in it, imported when a run needs it
REGISTRY: dict[str, tuple[str, str]] = {
    found.name: (f"{__name__}.{found.name}", found.name.capitalize())
    for found in iter_modules(__path__)
    if found.name not in SHARED
}
