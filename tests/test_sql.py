"""SQL text made from values, and rows by name."""

import duckdb

from sources.common.sql import identifier, literal, rows


def test_what_is_quoted_comes_back_as_it_was():
    for text in ("plain", "it's", 'a "b"', "--", "naïve", "", "a;b"):
        assert duckdb.sql(f"select {literal(text)}").fetchone() == (text,)
        if text:
            assert duckdb.sql(f"select 1 as {identifier(text)}").columns == [text]


def test_rows_have_the_names_of_their_columns_and_take_parameters():
    con = duckdb.connect()
    found = rows(con, "select * from (values (1, 'a'), (2, 'b')) t(n, s) where n >= ? order by n", [1])
    assert found == [{"n": 1, "s": "a"}, {"n": 2, "s": "b"}]
    assert rows(con, "select 1 as n where false") == []
