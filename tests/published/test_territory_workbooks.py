"""A workbook for each of our territories: the same figures as the table of indicators, and nothing of other territories."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
import python_calamine

from warehouse.reference.territory import territory


def test_each_of_our_territories_has_a_workbook_with_its_indicators(
    home: Path, con: duckdb.DuckDBPyConnection
):
    folder = home / "current" / "territories"
    ours = [territory().country, territory().region, *territory().provinces]
    assert sorted(path.name for path in folder.iterdir()) == sorted(f"{geo}.xlsx" for geo in ours)
    for geo in ours:
        book = python_calamine.load_workbook(folder / f"{geo}.xlsx")
        assert book.sheet_names == ["leggimi - read me", "value", "flag", "reliability"]
        assert geo in book.get_sheet_by_index(0).to_python()[0][0]
        head, *lines = book.get_sheet_by_name("value").to_python()
        periods = head[head.index("unit") + 1 :]
        found = {
            (line[head.index("indicator")], period): line[head.index(period)]
            for line in lines
            for period in periods
            if line[head.index(period)] != ""
        }
        assert {line[head.index("geo")] for line in lines} == {geo}
        expected = con.execute(
            "select indicator, period, value from indicators where geo = ? and value is not null", [geo]
        ).fetchall()
        # a workbook keeps sixteen digits
        values = {(indicator, period): value for indicator, period, value in expected}
        assert found == pytest.approx(values, rel=1e-14) and found


def test_the_workbooks_are_part_of_what_is_sealed_and_small(home: Path):
    sealed = (home / "current" / "SHA256SUMS").read_text()
    files = list((home / "current" / "territories").iterdir())
    assert all(f"  territories/{file.name}\n" in sealed for file in files)
    assert sum(file.stat().st_size for file in files) < 5 << 20
