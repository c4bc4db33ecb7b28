"""The interactive chart: choice in the address, values by keyboard and pointer, pictures with their source."""

from __future__ import annotations

import re
from pathlib import Path

from tests.site.browsing import opened

RATES = "indicator-enterprise_birth_rate"


def test_a_choice_is_in_the_address_and_comes_back_from_it(browser, release: Path):
    address = (release / "site" / "en" / f"{RATES}.html").as_uri()
    page, wrong = opened(browser)
    page.goto(address)
    page.get_by_label("Lombardy").check()
    assert page.url.endswith("#c=ITC4")
    page.get_by_label("Add a territory").fill("Enna")
    page.get_by_role("button", name="Add").click()
    assert page.url.endswith("#c=ITC4,ITG16")
    page.goto("about:blank")
    page.goto(f"{address}#c=ITC4,ITG16")
    assert page.locator("[data-chart] .end.s-chosen").count() == 2
    assert "Enna 7.56%" in page.locator(".end[data-geo=ITG16]").inner_text()
    assert wrong == []
    page.context.close()


def test_values_are_read_by_keyboard_and_by_pointer(browser, release: Path):
    page, _ = opened(browser)
    page.goto((release / "site" / "en" / f"{RATES}.html").as_uri())
    told = page.locator(".readout")
    assert "2020" in told.inner_text() and "Sicily 8.34%" in told.inner_text()
    page.get_by_label("Period").press("ArrowLeft")
    assert "2019" in told.inner_text() and "Catania 9.38%" in told.inner_text()
    box = page.locator("[data-chart] .area").bounding_box()
    page.mouse.move(box["x"] + 2, box["y"] + box["height"] / 2)
    assert "2008" in told.inner_text()
    page.context.close()


def test_nothing_but_targets_is_drawn_after_the_last_figure(browser, release: Path):
    page, _ = opened(browser)
    page.goto((release / "site" / "en" / f"{RATES}.html").as_uri())
    ends = page.evaluate("""() => [...document.querySelectorAll('[data-chart] g:not(.way)')].map(g => {
        const box = g.getBBox(); return [g.dataset.geo, box.x + box.width]; })""")
    labels = page.evaluate("""() => [...document.querySelectorAll('[data-chart] .end:not(.off)')].map(
        end => [end.dataset.geo, parseFloat(end.style.left) * 10])""")
    reach = dict(ends)
    assert all(abs(reach[geo] - left) <= 1 for geo, left in labels)
    page.context.close()


def test_a_far_higher_comparison_does_not_press_ours_to_the_axis(browser, release: Path):
    """Noord-Brabant has fifty times the patents per million of Sicily."""
    page, _ = opened(browser)
    page.goto((release / "site" / "en" / "indicator-epo_applications_per_million.html").as_uri() + "#c=NL41")
    assert page.get_by_text("Logarithmic scale").is_visible()
    height = page.evaluate("document.querySelector('[data-chart] g[data-geo=ITG1]').getBBox().height")
    assert height > 100
    assert page.locator("[data-chart] .end[data-geo=ITG1]").is_visible()
    page.context.close()


def test_the_pictures_carry_title_source_date_and_licence(browser, release: Path, tmp_path: Path):
    page, wrong = opened(browser)
    page.goto((release / "site" / "en" / f"{RATES}.html").as_uri())
    with page.expect_download() as svg:
        page.get_by_role("button", name="SVG picture").click()
    svg.value.save_as(tmp_path / "chart.svg")
    text = (tmp_path / "chart.svg").read_text(encoding="utf-8")
    for part in ("Enterprise birth rate", "Source: Eurostat", "Reuse with acknowledgement", release.name):
        assert part in text
    assert re.search(r"\d{4}; Release", text)
    with page.expect_download() as png:
        page.get_by_role("button", name="PNG picture").click()
    png.value.save_as(tmp_path / "chart.png")
    assert (tmp_path / "chart.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert [w for w in wrong if not w.startswith(("blob:", "data:"))] == []
    page.context.close()
