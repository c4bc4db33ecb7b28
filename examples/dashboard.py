"""A dashboard on the published tables: `pip install '.[dashboard]'`, then `streamlit run examples/dashboard.py`.

Reads data/current only, and connects again for every view, so that a new release shows without a restart.
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
    told = {
        row[0]: row[1:]
        for row in con.execute("""
            select indicator, title_en, definition_en, pitfalls, coalesce(label_en, unit) from indicator_catalogue
            left join codelists on dimension = 'unit' and code = unit
            where indicator in (select indicator from indicators) order by indicator <> 'enterprise_birth_rate', title_en
        """).fetchall()
    }
    indicator = st.selectbox("Indicator", list(told), format_func=lambda code: told[code][0])
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
    # no line leads across a break, and none over periods that are not complete
    rows = con.execute(
        """
        select period, value, flag, reliability, coalesce(name_en, geo) as territory,
               max(period) filter (break_before) over (partition by geo order by period) as since,
               concat_ws(', from ', coalesce(name_en, geo), since) as line
        from indicators left join geography using (geo)
        where indicator = ? and list_contains(?, geo) and not truncated order by period, geo""",
        [indicator, chosen],
    ).df()
title, definition, pitfalls, unit = told[indicator]
st.subheader(title)
st.text(f"{definition}. Unit: {unit}.")
st.line_chart(rows.pivot(index="period", columns="line", values="value"), y_label=unit)
st.dataframe(rows[["territory", "period", "value", "flag", "reliability"]], hide_index=True)
st.info(pitfalls)
st.caption(f"Release {release.name}")
