import marimo

app = marimo.App()


@app.cell
def _():
    import os
    from pathlib import Path

    import duckdb
    import marimo as mo

    release = (Path(os.environ.get("DISTRETTO_HOME") or "data") / "current").resolve()
    con = duckdb.connect(str(release / "distretto.duckdb"), read_only=True)
    mo.md(f"""
    # Where in Sicily do enterprises start most often?

    Enterprise births per hundred active enterprises, province by province, in release `{release.name}`. A rate's interval says
    how far chance alone may move it: where two intervals share a value, neither province is ahead.
    """)
    return con, mo


@app.cell
def _(con):
    rates = con.sql("""
        select name_en as province, numerator as births, round(value, 2) as rate,
               round(ci_low, 2) as low, round(ci_high, 2) as high, reliability
        from indicators join geography using (geo)
        where indicator = 'enterprise_birth_rate' and period = '2020' and parent = 'ITG1'
        order by rate desc
    """).df()
    rates  # noqa: B018  (shown below the cell)
    return (rates,)


@app.cell
def _(con, mo):
    (formula, pitfalls), *_ = con.execute(
        "select formula, pitfalls from indicator_catalogue where indicator = 'enterprise_birth_rate'"
    ).fetchall()
    mo.md(f"**Formula**: {formula}. **Before concluding**: {pitfalls}")
    return


if __name__ == "__main__":
    app.run()
