"""The site of a release: static pages in Italian and English, drawn from its DuckDB file, and the printed board sheet.

`queries.py` reads the file, `series.py` holds the rules, `charts.py` and `maps.py` compute coordinates, `view.py` and
`panels.py` put figures into words, `pages/` holds one module a page, `build.py` writes them all. Does not belong here:
computing indicators (`warehouse/statistics/`).
"""
