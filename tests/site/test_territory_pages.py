"""What a territory's page says of ranks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from assets.site.language import LANGUAGES
from tests.site.browsing import EN, IT


def _row(release: Path, language: str, indicator: str) -> str:
    text = (release / "site" / language / "territory-ITG17.html").read_text(encoding="utf-8")
    (row,) = [
        found
        for found in re.findall(r'<article class="row">.*?</article>', text, re.S)
        if f'"indicator-{indicator}.html"' in found
    ]
    return row


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_rank_of_a_survey_says_that_its_sampling_error_is_not_published(release: Path, language: str):
    words = {"it": IT, "en": EN}[language].say("finding.sampled")
    ranked = re.compile(r"[ºa-z] (?:su|of) \d+ provinc\w+" + re.escape(words))
    assert ranked.search(_row(release, language, "employment_rate_15_89_provinces"))
    # a register has no sampling error
    register = _row(release, language, "enterprise_birth_rate")
    assert "provinc" in register and not ranked.search(register)
