"""Wire formats: one pure decoder a module, from a body on disk to staged Parquet (see `staged.py`)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sources.formats.staged import Staged

if TYPE_CHECKING:
    from sources.catalogue import Layout


def decode(
    format_: str,
    body: Path,
    gzipped: bool,
    dimensions: list[str],
    folder: Path,
    timezone: str,
    layout: Layout | None = None,
    filename: str = "",
) -> Staged:
    """Stage `body` into `folder` by the decoder of `format_`: a `format` of the catalogue.

    `layout` and `filename` are of `tabular` alone, whose tables do not say themselves what they hold.
    """
    from sources.formats import cordis, jsonstat, regional_archive, regpat, sdmx_csv, sdmx_ml, tabular, tsv

    if format_ == "tabular":
        return tabular.decode(body, dimensions, folder, layout, filename)
    if format_ in ("cordis", "regpat"):
        return {"cordis": cordis, "regpat": regpat}[format_].decode(body, dimensions, folder)
    if format_ == "sdmx-csv":
        return sdmx_csv.decode(body, gzipped, dimensions, folder, timezone)
    decoders = {
        "tsv": tsv,
        "json-stat": jsonstat,
        "sdmx-ml": sdmx_ml,
        "regional-archive": regional_archive,
    }
    return decoders[format_].decode(body, gzipped, dimensions, folder)
