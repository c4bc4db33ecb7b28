"""The files of a release around its DuckDB file: each table for each kind of reader, and what explains them.

`tables.py`, `workbook.py` and `sdmx.py` write figures; `release_metadata.py` reads the release's tables, columns and datasets;
`datapackage.py`, `csvw.py`, `dcat.py`, `feeds.py`, `subject_feeds.py` and `readme.py` write it down for machines, subscribers
and people. Does not belong here: building the tables and publishing a release. Files whose content did not change are byte for
byte those of the last release: they have no time of the run in them.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sources.common.sql import connect
from sources.data_folder import file_sha256, to_json


def write(folder: Path, last: Path | None, territory: dict[str, Any]) -> dict[str, str]:
    """Write tables, workbook and documentation into `folder`, from the release's own DuckDB file. `last`: the release before.

    Returns the SHA-256 of the files described, by name: some are large, and each is read once for it.
    """
    from warehouse.publishing.exports import (
        csvw,
        datapackage,
        dcat,
        feeds,
        readme,
        release_metadata,
        subject_feeds,
        tables,
        workbook,
    )

    with (
        connect(folder / "distretto.duckdb", read_only=True) as con,
        ThreadPoolExecutor(1) as beside,
    ):
        con.execute("set timezone = 'UTC'")
        # DuckDB is at work there, Python here
        licences = release_metadata.licences(con)
        writing = beside.submit(tables.write, con.cursor(), folder, licences, territory)
        rows = {workbook.WORKBOOK: workbook.write(con, folder / workbook.WORKBOOK, territory)}
        workbook.write_territories(con, folder / workbook.TERRITORIES, territory)
        periods = workbook.periods(con, territory)
        known = release_metadata.read(con)
        events = feeds.items(con, known, last)
        subject_feeds.write(con, folder, known, territory, events)
        rows |= writing.result()
    digests = {path.name: file_sha256(path) for path in folder.iterdir() if path.is_file()}
    written = {
        "README.md": readme.readme(known, "en", territory),
        "LEGGIMI.md": readme.readme(known, "it", territory),
        "data_dictionary.md": readme.dictionary(known),
        "CITATION.cff": readme.citation(known),
        "feed.json": to_json(feeds.json_feed(known, events), indent=1),
        "feed.xml": feeds.atom(known, events).decode(),
        "csv-metadata.json": to_json(csvw.describe(folder, known), indent=1),
        "catalog.ttl": dcat.describe(folder, known, territory, digests),
        "datapackage.json": to_json(datapackage.describe(folder, known, digests, rows, periods), indent=1),
    }
    for filename, text in written.items():
        (folder / filename).write_text(text, encoding="utf-8")
    return digests
