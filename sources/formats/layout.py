"""Spreadsheet-style tables (CSV, XLS, XLSX): how their cells become observations, by the key `layout` of a catalogue entry.

Belongs here: the model of a layout, and which of its keys contradict each other. Does not belong here: reading tables by it
(`headings.py`, `tabular.py`), the rest of a catalogue entry (`sources/catalogue.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import StringConstraints

from sources.common.config import Problem, Strict
from sources.providers import Dimension

Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_\-]+$")]
# a heading, or the alternatives that a provider has used for it
Headings = str | list[str]


class PeriodSource(Strict):
    """Where a table says its period: text in a `column`, in the lines `above` the headings, in the file's `name`, in the name
    of the `sheet`, or in each `heading` of a table with a column per period.

    `pattern` has the groups year, and quarter (1 to 4 or I to IV), or month, or month and day. Several of one place are
    tried in their order.
    """

    place: Literal["column", "above", "name", "sheet", "heading"]
    pattern: str
    column: Headings | None = None

    def contradictions(self) -> Iterator[Problem]:
        """`(location, problem)` of what does not fit."""
        if (self.place == "column") != bool(self.column):
            yield ("column",), "is given where place is column, and only there"
        try:
            groups = set(re.compile(self.pattern).groupindex)
        except re.error as failure:
            yield ("pattern",), f"is no regular expression: {failure}"
            return
        if groups not in ({"year"}, {"year", "quarter"}, {"year", "month"}, {"year", "month", "day"}):
            yield (
                ("pattern",),
                "has the groups year; year and quarter; year and month; or year, month and day",
            )


class TableLayout(Strict):
    """How a spreadsheet-style table (format `tabular`) becomes observations; headings are written as in the table.

    A row holds the codes of its dimensions, and a figure in each column of `values`, whose code is one of the dimension
    `measure`; two headings of one code are alternatives, as are several headings of one dimension in `columns`. Or the
    headings are periods, and `cells` is the code of the figures below them. Or the rows are a list, and `counted` is the
    code of their number; `totals` are dimensions over which they are counted together too. `summed`: figures of rows with the
    same codes are added up. `cased`: dimensions whose texts mean something else in capitals; any other text becomes a code in
    small letters. `missing` are texts that stand for no figure.
    """

    decimal: Literal[",", "."]
    sheet: str | None = None
    period: list[PeriodSource]
    columns: dict[Dimension, Headings] = {}
    codes: dict[Dimension, dict[str, Code]] = {}
    constants: dict[Dimension, Code] = {}
    measure: Dimension
    values: dict[str, Code] = {}
    cells: Code | None = None
    counted: Code | None = None
    totals: list[Dimension] = []
    summed: bool = False
    cased: list[Dimension] = []
    missing: list[str] = []

    def contradictions(self, dimensions: list[str]) -> Iterator[Problem]:
        """`(location, problem)` of every key that does not fit another one, or the entry's `dimensions`."""
        for i, moment in enumerate(self.period):
            yield from ((("period", i, *location), problem) for location, problem in moment.contradictions())
        if not self.period:
            yield ("period",), "names no place"
        if sum(map(bool, (self.values, self.cells, self.counted))) != 1:
            yield ("values",), "one of values, cells and counted says what is read"
        if bool(self.cells) != all(moment.place == "heading" for moment in self.period):
            yield ("cells",), "is given where the headings are the periods, and only there"
        if set(dimensions) - {"freq"} != {*self.columns, *self.constants, self.measure}:
            yield ("columns",), "columns, constants and measure name every dimension but freq, and no other"
        if not set(self.codes) <= set(self.columns) or not set(self.totals) <= set(self.columns):
            yield ("columns",), "codes and totals are of columns"
        if not set(self.cased) <= set(self.columns):
            yield ("cased",), "names dimensions of columns"
        if self.summed and self.counted:
            yield ("summed",), "rows that are counted hold no figures"
        if self.totals and not self.counted:
            yield ("totals",), "only rows that are counted have totals"
