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

from sources.home import file_sha256, to_json


def write(folder: Path, last: Path | None, territory: dict[str, Any], licences: str) -> dict[str, str]:
    """Write tables, workbook and papers into `folder`, from the release's own DuckDB file. `last`: the release before.

    Returns the SHA-256 of the files described, by name: some are large, and each is read once for it.
    """
    from warehouse.bundle import facts, feed, files, metadata, papers

    with (
        duckdb.connect(str(folder / "distretto.duckdb"), read_only=True) as con,
        ThreadPoolExecutor(1) as beside,
    ):
        con.execute("set timezone = 'UTC'; set enable_progress_bar = false")
        # DuckDB is at work there, Python here
        tables = beside.submit(files.tables, con.cursor(), folder, licences)
        files.workbook(con, folder / files.WORKBOOK, territory)
        known = facts.read(con)
        events = feed.items(con, known, last)
        tables.result()
    digests = {path.name: file_sha256(path) for path in folder.iterdir()}
    written = {
        "README.md": papers.readme(known, "en", territory),
        "LEGGIMI.md": papers.readme(known, "it", territory),
        "data_dictionary.md": papers.dictionary(known),
        "CITATION.cff": papers.citation(known),
        "feed.json": to_json(feed.json_feed(known, events), indent=1),
        "feed.xml": feed.atom(known, events).decode(),
        "csv-metadata.json": to_json(metadata.csvw(folder, known), indent=1),
        "catalog.ttl": metadata.catalog(folder, known, territory, digests),
        "datapackage.json": to_json(metadata.datapackage(folder, known, digests), indent=1),
    }
    for filename, text in written.items():
        (folder / filename).write_text(text, encoding="utf-8")
    return digests
