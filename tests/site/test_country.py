"""The maps of the country and the strips of all European regions, on the release of the figures that ship."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from assets.site import maps
from assets.site.spreads import Spread
from assets.site.strips import strip
from warehouse.reference.territory import geography


def _page(release: Path, indicator: str) -> str:
    return (release / "site" / "en" / f"indicator-{indicator}.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(("level", "count"), [("nuts2", 21), ("nuts3", 107)])
def test_every_region_and_province_of_the_country_has_an_outline(level: str, count: int):
    layout = maps.country_layout(level)
    assert layout is not None and len(layout.shapes) == count
    assert set(layout.shapes) <= set(geography())
    for shape in layout.shapes.values():
        assert re.fullmatch(r"(M\d+ \d+l(-?\d+ -?\d+ ?)+z)+", shape.path), shape.geo
        assert 0 <= shape.centre[0] <= layout.width and 0 <= shape.centre[1] <= layout.height, shape.geo
    # ours lie on top
    assert list(layout.shapes)[-1] in ("ITG1", "ITG17")


def test_a_map_of_the_country_lists_every_value_it_draws(release: Path):
    text = _page(release, "jobs")
    drawn = text.count("<path", text.index('class="map country"'), text.index('id="table"'))
    assert drawn == 21 + 107
    lists = re.findall(r'<ol class="values">(.*?)</ol>', text, re.S)
    rows = [re.findall(r"<span>(.*?)</span> <b>([\d.,]+)", found) for found in lists]
    assert [len(found) for found in rows] == [21, 107]
    assert ("Catania", "352.1") in rows[1] and rows[0][0][0] == "Lombardy"
    # from the highest
    values = [float(value.replace(",", "")) for _, value in rows[1]]
    assert values == sorted(values, reverse=True)


def test_regions_and_provinces_never_share_a_strip_and_amounts_have_none(release: Path):
    text = _page(release, "enterprise_birth_rate")
    bands = re.findall(r'<figure class="band">(.*?)</figure>', text, re.S)
    assert len(bands) == 2
    assert "Sicily 8.34%" in bands[0] and "Catania" not in bands[0]
    assert "Catania 8.58%" in bands[1] and "Sicily" not in bands[1]
    assert '<figure class="band">' not in _page(release, "enterprise_births")


def test_the_file_behind_the_strips_has_the_reliable_values_of_one_period(release: Path):
    file = release / "site" / "data" / "enterprise_birth_rate-europe.csv"
    with duckdb.connect(str(release / "distretto.duckdb"), read_only=True) as con:
        rows = con.execute(
            f"select geo_level, period, count(*), count(distinct geo) from '{file}' group by all order by all"
        ).fetchall()
        wanted = con.execute(
            "select geo_level, period, count(*), count(distinct geo) from indicators "
            "where indicator = 'enterprise_birth_rate' and period = '2020' and geo_level in ('nuts2', 'nuts3') "
            "and value is not null and reliability in ('A', 'B') group by all order by all"
        ).fetchall()
    assert [(level, str(period), *counts) for level, period, *counts in rows] == wanted


def test_the_places_on_a_strip_are_in_the_order_of_the_values():
    values = {"AA1": 1.0, "AA2": 2.0, "BB1": 3.0, "ITG1": 4.0}
    drawn = strip(Spread("nuts2", "2020", values, 3), ["ITG1", "ITG2"])
    assert drawn.ours == {"ITG1": 1000} and drawn.median[1] == 2.5
    assert drawn.ticks[0][0] == 0 and drawn.ticks[-1][0] == 1000
    assert drawn.path.count("M") == 4
