"""A figure as it was known at a moment, read from a release of the bundled figures."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sources.errors import NoSuchFigure, UnknownIndicator, UnknownTerritory
from warehouse.publishing.figures import Answer, look_up


def test_an_indicator_has_one_figure_with_its_origin(con, known):
    answer = look_up(con, known, "Catania", "Tasso di natalità delle imprese", "2019")
    assert (answer.geo, answer.indicator, answer.period) == ("ITG17", "enterprise_birth_rate", "2019")
    assert (answer.title_en, answer.name_it, answer.final) == ("Enterprise birth rate", "Catania", True)
    (figure,) = answer.figures
    assert figure.then == figure.today and (figure.status, figure.revised_at) == ("current", None)
    value, low, known_from = con.execute(
        "select value, ci_low, known_from from indicators_as_of(now()) "
        "where (geo, indicator, period) = ('ITG17', 'enterprise_birth_rate', '2019')"
    ).fetchone()
    assert (figure.then.value, figure.then.ci_low, figure.then.known_from) == (value, low, known_from)
    assert figure.origin.provider == "eurostat" and "2011/833/EU" in figure.origin.licence
    assert figure.origin.sha256 and figure.then.bundled


def test_a_code_of_a_provider_has_a_figure_for_each_of_its_series(con, known):
    answer = look_up(con, known, "ITG17", "V11920", "2019")
    assert answer.title_en != "V11920"
    found = {f.dimensions["sizeclas"]: f.then.value for f in answer.figures}
    assert found == dict(
        con.execute(
            "select sizeclas, value from as_of(now()) where (geo, indicator, period) = ('ITG17', 'V11920', '2019')"
        ).fetchall()
    )


def test_before_the_history_nothing_was_known(con, known):
    begun = look_up(con, known, "ITG17", "enterprise_births", "2019").history_since
    answer = look_up(con, known, "ITG17", "enterprise_births", "2019", begun - timedelta(seconds=1))
    (figure,) = answer.figures
    assert (figure.status, figure.then) == ("not_yet_known", None)
    assert figure.today and figure.known_since == begun == answer.history_since


def test_a_moment_after_the_release_is_not_final(con, known):
    def at(**later: int) -> Answer:
        return look_up(con, known, "ITG17", "jobs", "2019", built_at + timedelta(**later))

    built_at = look_up(con, known, "ITG17", "jobs", "2019").built_at
    assert at(seconds=0).final and not at(microseconds=1).final


@pytest.mark.parametrize(
    ("named", "error", "near"),
    [
        (("Catana", "enterprise_births", "2019"), UnknownTerritory, "Catania"),
        (("Catania", "enterprise_birt_rate", "2019"), UnknownIndicator, "enterprise_birth_rate"),
        (("Catania", "enterprise_births", "2031"), NoSuchFigure, "2020"),
        (("Catania", "enterprise_births", "2019'; drop table release; --"), NoSuchFigure, "2020"),
        (("France", "enterprise_births", "2019"), NoSuchFigure, "AT21"),
    ],
)
def test_what_is_unknown_is_named_with_what_is_near(con, known, named, error, near):
    with pytest.raises(error) as missing:
        look_up(con, known, *named)
    assert near in missing.value.near and near in missing.value.hint
    assert con.execute("select count(*) from release").fetchone() == (1,)
