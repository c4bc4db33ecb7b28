"""CORDIS's bulk file of a framework programme: participations in projects by region, counted from a zip of CSV tables.

`organization.csv`, a row a participation: `projectID`, `country`, `nutsCode`, and `ecContribution` in EUR with a decimal point,
empty for partners without one. `project.csv`: `id`, `startDate`, YYYY-MM-DD. `;` between cells, quotes around them, texts over
several lines. Columns are those that scripts of others read in October 2026; the file was not at hand.
"""

from __future__ import annotations

from pathlib import Path

from sources.errors import UnreadableBody
from sources.formats.records import COUNTRY, table, unpack, write
from sources.formats.staged import Staged, decoding


def decode(body: Path, dimensions: list[str], folder: Path) -> Staged:
    """Stage the zip `body` into `folder`; dimensions freq, horizon and geo, years are those in which projects start.

    Raises UnreadableBody with the row, StructureChanged, NotData.
    """
    files = unpack(body, {"organization": r"organization\.csv", "project": r"project\.csv"}, folder)
    with decoding(folder) as con:
        rows = table(
            files["organization"],
            "organization.csv",
            ";",
            '"',
            ["projectid", "country", "nutscode", "eccontribution"],
        )
        projects = table(files["project"], "project.csv", ";", '"', ["id", "startdate"])
        con.execute(
            f"create temp table participations as select projectid, upper(nutscode) as region, line, "
            f"coalesce(read_value(eccontribution, 'of row ' || line || ', column ecContribution', eccontribution), 0) as eur "
            f"from {rows} where upper(country) = '{COUNTRY}'"
        )
        con.execute(
            f"create temp table starts as select id as projectid, max(left(startdate, 4)) as year "
            f"from {projects} semi join participations on projectid = id group by id"
        )
        wrong = con.execute(
            "select projectid from participations anti join (from starts where "
            "regexp_full_match(year, '(19|20)[0-9]{2}')) using (projectid) order by line limit 1"
        ).fetchone()
        if wrong:
            raise UnreadableBody(f"The project {wrong[0][:40]!r} has no startDate in project.csv.")
        con.execute("""
            create temp table counted as
            select region, unnest(['PARTICIPATIONS', 'EC_EUR']) as horizon, year, unnest([1, eur]) as value
            from participations join starts using (projectid)""")
        return write(con, dimensions, Staged(folder))
