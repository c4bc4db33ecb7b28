"""A dashboard on the published tables: `pip install '.[dashboard]'`, then `streamlit run examples/dashboard.py`.

Reads data/current and nothing else, and connects anew at every look, so a new release shows without a restart.
"""

import os
from pathlib import Path

import duckdb
import streamlit as st

home = Path(os.environ.get("DISTRETTO_HOME") or "data")
# resolved once a look: all its queries are of one release
release = (home / "current").resolve()

st.title("Distretto")
with duckdb.connect(str(release / "distretto.duckdb"), read_only=True) as con:
    labels = dict(
        con.execute("""
            select distinct indicator, coalesce(label_en, indicator) from indicators
            left join codelists on dimension = 'indicator' and code = indicator order by 2""").fetchall()
    )
    indicator = st.selectbox("Indicator", list(labels), format_func=labels.get)
    territories = dict(
        con.execute(
            "select distinct geo, coalesce(name_en, geo) from indicators left join geography using (geo) "
            "where indicator = ? order by geo",
            [indicator],
        ).fetchall()
    )
    chosen = st.multiselect(
        "Territories",
        list(territories),
        [g for g in ("ITG1", "ITG17") if g in territories],
        format_func=territories.get,
    )
    rows = con.execute(
        "select period, geo, value from indicators where indicator = ? and list_contains(?, geo) order by period",
        [indicator, chosen],
    ).df()
st.line_chart(rows.pivot(index="period", columns="geo", values="value"))
st.caption(f"Release {release.name}")
