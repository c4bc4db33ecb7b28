"""A dashboard on the published tables, in Italian and English: `pip install '.[dashboard]'`, then
`streamlit run examples/dashboard.py`.

Reads data/current only, and connects again at each interaction, so that a new release shows without a restart.
"""

import os
from pathlib import Path

import duckdb
import streamlit as st

LANGUAGES = {"Italiano": "it", "English": "en"}
WORDS = {
    "it": {
        "title": "Distretto: indicatori territoriali",
        "indicator": "Indicatore",
        "territories": "Territori",
        "unit": "Unità",
        "release": "Rilascio",
        "from": "dal",
        "pitfalls": "Da sapere (in inglese)",
        "columns": {
            "territory": "territorio",
            "period": "periodo",
            "value": "valore",
            "flag": "segno",
            "reliability": "affidabilità",
        },
    },
    "en": {
        "title": "Distretto: territorial indicators",
        "indicator": "Indicator",
        "territories": "Territories",
        "unit": "Unit",
        "release": "Release",
        "from": "from",
        "pitfalls": "Before you conclude",
        "columns": {},
    },
}

home = Path(os.environ.get("DISTRETTO_HOME") or "data")
# resolved once per interaction: all its queries read one release
release = (home / "current").resolve()

language = LANGUAGES[st.sidebar.radio("Lingua / Language", list(LANGUAGES), horizontal=True)]
words = WORDS[language]
st.title(words["title"])
with duckdb.connect(str(release / "distretto.duckdb"), read_only=True) as con:
    about = {
        row[0]: row[1:]
        for row in con.execute(f"""
            select indicator, title_{language}, definition_{language}, pitfalls, coalesce(label_{language}, unit)
            from indicator_catalogue left join codelists on dimension = 'unit' and code = unit
            where indicator in (select indicator from indicators)
            order by indicator <> 'enterprise_birth_rate', title_{language}
        """).fetchall()
    }
    indicator = st.selectbox(words["indicator"], list(about), format_func=lambda code: about[code][0])
    territories = dict(
        con.execute(
            f"select distinct geo, coalesce(name_{language}, geo) from indicators left join geography using (geo) "
            "where indicator = ? order by geo",
            [indicator],
        ).fetchall()
    )
    chosen = st.multiselect(
        words["territories"],
        list(territories),
        [g for g in ("ITG1", "ITG17") if g in territories],
        format_func=territories.get,
    )
    # a line ends at a break and leaves out periods that are not complete
    rows = con.execute(
        f"""
        select period, value, flag, reliability, coalesce(name_{language}, geo) as territory,
               max(period) filter (break_before) over (partition by geo order by period) as since,
               concat_ws(', {words["from"]} ', coalesce(name_{language}, geo), since) as line
        from indicators left join geography using (geo)
        where indicator = ? and list_contains(?, geo) and not truncated order by period, geo""",
        [indicator, chosen],
    ).df()
title, definition, pitfalls, unit = about[indicator]
st.subheader(title)
st.text(f"{definition}. {words['unit']}: {unit}.")
st.line_chart(rows.pivot(index="period", columns="line", values="value"), y_label=unit)
shown = rows[["territory", "period", "value", "flag", "reliability"]]
st.dataframe(shown.rename(columns=words["columns"]), hide_index=True)
st.info(f"**{words['pitfalls']}.** {pitfalls}")
st.caption(f"{words['release']} {release.name}")
