"""The site of a release: static pages in Italian and English, drawn from the release's DuckDB file alone.

`facts.py` reads the file, `findings.py` judges, `draw.py` places marks, `language.py` puts figures and words into a
language (`words.yml` has every string), `build.py` writes the pages from `templates/`, `board.py` the printed sheet.
Does not belong here: computing figures (`warehouse`) and deciding when to render (`assets/release.py`).
"""
