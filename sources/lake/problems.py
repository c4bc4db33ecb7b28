"""What every part of the lake says of a failure of others.

Belongs here: words for failures. Does not belong here: recognising them (each part knows its client's exceptions).
"""

from __future__ import annotations

from sources.errors import LakeUnavailable

SETTING = "DISTRETTO_LAKE"


def not_installed(failure: ImportError) -> LakeUnavailable:
    """The failure to import a package of the extra `lake`."""
    return LakeUnavailable(
        f"{SETTING} is set, but the package {failure.name} is not installed.",
        hint="pip install --no-deps --require-hashes -r requirements-lake.lock (docs/cluster.md).",
    )


def first_line(failure: BaseException) -> str:
    """The first line of a client's message: it has no credentials, which come from the environment."""
    return (str(failure).strip() or type(failure).__name__).splitlines()[0].rstrip(".")
