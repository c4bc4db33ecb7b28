"""The files of a release around its DuckDB file: each table for each kind of reader, and the papers that explain them.

`files.py` writes the tables, `facts.py` reads what the release says of itself, `papers.py`, `metadata.py` and `feed.py`
write it down for people, for machines and for subscribers. Does not belong here: building the tables and
showing a release. Files whose content did not change are byte for byte those of the last release: no stamp of
the run stands in them.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb

from sources.data_folder import file_sha256, to_json


def write(folder: Path, last: Path | None, territory: dict[str, Any], licences: str) -> dict[str, str]:
    """Write tables, workbook and papers into `folder`, from the release's own DuckDB file. `last`: the release before.

    Returns the SHA-256 of the files described, by name: some are large, and each is read once for it.
    """
    from warehouse.publishing.exports import feeds, metadata, readme, release_metadata, tables

    with (
        duckdb.connect(str(folder / "distretto.duckdb"), read_only=True) as con,
        ThreadPoolExecutor(1) as beside,
    ):
        con.execute("set timezone = 'UTC'; set enable_progress_bar = false")
        # DuckDB is at work there, Python here
        writing = beside.submit(tables.tables, con.cursor(), folder, licences)
        tables.workbook(con, folder / tables.WORKBOOK, territory)
        known = release_metadata.read(con)
        events = feeds.items(con, known, last)
        writing.result()
    digests = {path.name: file_sha256(path) for path in folder.iterdir()}
    written = {
        "README.md": readme.readme(known, "en", territory),
        "LEGGIMI.md": readme.readme(known, "it", territory),
        "data_dictionary.md": readme.dictionary(known),
        "CITATION.cff": readme.citation(known),
        "feed.json": to_json(feeds.json_feed(known, events), indent=1),
        "feed.xml": feeds.atom(known, events).decode(),
        "csv-metadata.json": to_json(metadata.csvw(folder, known), indent=1),
        "catalog.ttl": metadata.catalog(folder, known, territory, digests),
        "datapackage.json": to_json(metadata.datapackage(folder, known, digests), indent=1),
    }
    for filename, text in written.items():
        (folder / filename).write_text(text, encoding="utf-8")
    return digests
