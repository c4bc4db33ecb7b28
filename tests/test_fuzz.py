"""A few damaged bodies through every decoder, always the same; `make fuzz` tries many more."""

from __future__ import annotations

import pytest

from sources.formats import FORMATS
from tests.fuzz import SEEDS, run


@pytest.mark.parametrize("seed", SEEDS)
def test_a_damaged_body_is_decoded_or_refused_and_no_value_is_invented(seed, tmp_path):
    outcomes, _ = run(seed, range(25), seed=20261127, kept=tmp_path)
    assert set(outcomes) <= {"decoded", "refused"} and outcomes.total() == 25, outcomes


def test_every_format_has_a_sound_body_to_damage():
    assert {seed.partition("/")[0] for seed in SEEDS} == set(FORMATS)
