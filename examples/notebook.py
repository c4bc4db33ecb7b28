import marimo

app = marimo.App()


@app.cell
def _():
    import os
    from pathlib import Path

    import duckdb

    release = (Path(os.environ.get("DISTRETTO_HOME") or "data") / "current").resolve()
    con = duckdb.connect(str(release / "distretto.duckdb"), read_only=True)
    return (con,)


@app.cell
def _(con):
    # enterprise births per hundred active enterprises, province by province
    rates = con.sql("""
        select name_en as province, numerator as births, round(value, 2) as rate, reliability
        from indicators join geography using (geo)
        where indicator = 'enterprise_birth_rate' and period = '2020' and parent = 'ITG1'
        order by rate desc
    """).df()
    rates  # noqa: B018  (shown below the cell)
    return (rates,)


if __name__ == "__main__":
    app.run()
