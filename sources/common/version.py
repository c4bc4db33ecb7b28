"""The version of the project, as pyproject.toml states it.

Belongs here: reading it from the installed package's metadata. Does not belong here: the commit a release was built by.
"""

from __future__ import annotations

from functools import cache


@cache
def version() -> str:
    """The version of the installed package, such as 0.1.0; `unknown` if the code runs without being installed."""
    from importlib import metadata

    try:
        return metadata.version("distretto")
    except metadata.PackageNotFoundError:
        return "unknown"
