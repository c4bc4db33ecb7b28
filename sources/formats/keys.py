"""Key cells: what every decoder demands of dimensions and periods, and where a message says the fault is.

Belongs here: empty keys, periods of the wrong frequency or out of range. Does not belong here: how a period is written
(`sources/common/periods.py`), which frequencies a table has (its catalogue entry).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import duckdb

from sources.common.periods import Frequency, Period
from sources.common.sql import identifier, literal
from sources.errors import InvalidPeriod, UnreadableBody

# periods outside these years are typing errors
FIRST_YEAR, LAST_YEAR = 1800, 2199
LONGER_THAN_WEEKS: tuple[Frequency, ...] = ("A", "S", "Q", "M")


def require_keys(con: duckdb.DuckDBPyConnection, table: str, headings: Mapping[str, str]) -> None:
    """Refuse `table` if a row has nothing in a key column.

    `headings` maps each key column to its heading in the file; the column `line` of `table` is the file's line.
    Raises UnreadableBody with the first such line.
    """
    empty = {column: f"trim(coalesce({identifier(column)}, '')) = ''" for column in headings}
    which = " ".join(f"when {sql} then {literal(headings[column])}" for column, sql in empty.items())
    found = con.execute(
        f"select line, case {which} end from {table} where {' or '.join(empty.values())} order by line limit 1"
    ).fetchone()
    if found:
        raise empty_key(*found)


def empty_key(line: int, heading: str) -> UnreadableBody:
    """The failure of a row whose key column `heading` is empty; `line` is the file's own."""
    return UnreadableBody(f"A key is missing: row {line}, column {heading} is empty.")


def read_period(
    text: str, frequencies: Iterable[str], place: str | Callable[[], str], freq: str | None = None
) -> Period:
    """The period that a provider wrote as `text`.

    `place` completes the sentence "The cell ... holds ..."; `freq` is the row's own frequency code, if it has one. A day
    that begins a year, half-year, quarter or month is that period if `freq` says so. Raises UnreadableBody for what is no
    period, is outside the years 1800 to 2199, contradicts `freq` or is not among `frequencies` (none: all are allowed).
    """
    allowed = tuple(frequencies)

    def refused(reason: str) -> UnreadableBody:
        where = place() if callable(place) else place
        return UnreadableBody(f'The cell {where} holds "{text.strip()[:80]}": {reason}.')

    try:
        period = Period.parse(text)
    except InvalidPeriod:
        raise refused("this is no period") from None
    if not FIRST_YEAR <= period.year <= LAST_YEAR:
        raise refused(f"the year is not between {FIRST_YEAR} and {LAST_YEAR}")
    longer = next((code for code in LONGER_THAN_WEEKS if code == freq), None)
    if period.freq == "D" and longer:
        whole = Period.containing(period.start, longer)
        if whole.start != period.start:
            raise refused(f"the frequency of the row is {freq}, and no such period begins on that day")
        period = whole
    if freq in ("A", "S", "Q", "M", "W", "D") and period.freq != freq:
        raise refused(f"the frequency of the row is {freq}, that of the period {period.freq}")
    if allowed and period.freq not in allowed:
        raise refused(
            f"a period of frequency {period.freq}, and the catalogue entry allows {', '.join(allowed)}"
        )
    return period


def period_table(
    con: duckdb.DuckDBPyConnection,
    table: str,
    column: str,
    heading: str,
    frequencies: Iterable[str],
    freq: str | None = None,
) -> None:
    """Create the temp table `periods (given, freq_given, period)` of the texts in `column` of `table`.

    `freq` names the column with the rows' frequency codes, if there is one; else `freq_given` is ''. Raises UnreadableBody
    with the first line of a text that is refused.
    """
    code = f"coalesce({identifier(freq)}, '')" if freq else "''"
    con.execute("create temp table periods (given varchar, freq_given varchar, period varchar)")
    allowed, found = tuple(frequencies), []
    for given, said, line in con.execute(
        f"select coalesce({identifier(column)}, ''), {code}, min(line) from {table} group by all order by 3"
    ).fetchall():
        if not given.strip():
            raise empty_key(line, heading)
        period = read_period(given, allowed, f"of row {line}, column {heading},", said or None)
        found.append((given, said, period.text))
    if found:
        con.executemany("insert into periods values (?, ?, ?)", found)


def only_frequency(periods: Iterable[Period]) -> str:
    """The SDMX frequency code of `periods`, for layouts that carry none. Raises UnreadableBody if there are several."""
    found = sorted({period.freq for period in periods})
    if len(found) != 1:
        raise UnreadableBody(f"Periods of several frequencies: {', '.join(found)}.")
    return found[0]
