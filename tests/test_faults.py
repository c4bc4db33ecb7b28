"""The campaign of faults in its short form: one fault of several kinds, through the same code as `make faults`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.campaign import KINDS, Campaign, inject
from tests.faults.ground import Ground, Prepared, prepare
from tests.faults.judge import HALF, LOST, Found, compare

SEED = 1
# numbers are chosen for what they hit: a kill before a change to a file, a torn file, a provider's error page
SHORT = {"kill": 1, "kill-restore": 2, "disk": 0, "damage": 1, "lie": 9}


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with Ground() as made:
        yield made


@pytest.fixture(scope="module")
def prepared(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare(ground, tmp_path_factory.mktemp("prepared"), draws=False)


@pytest.mark.long
@pytest.mark.parametrize(("kind", "number"), SHORT.items())
def test_a_fault_leaves_nothing_wrong(ground: Ground, prepared: Prepared, kind: str, number: int):
    found = inject(ground, prepared, SEED, kind, number)
    assert not found.counts, found.notes


def test_the_campaign_sees_what_is_lost_and_what_is_half(ground: Ground, prepared: Prepared):
    """A campaign that finds nothing must be able to."""
    found = Found()
    with ground.case(prepared.first) as case:
        compare(case.home, prepared, found)
        assert found.counts[LOST] and not found.counts[HALF]
        (release,) = (case.home / "releases").glob("[0-9]*")
        (release / "observations.csv").unlink()
        compare(case.home, prepared, found)
    assert found.counts[HALF]


def test_an_interrupted_campaign_goes_on_where_it_ended(tmp_path: Path):
    state = tmp_path / "state.jsonl"
    state.write_text(
        '{"seed": 1, "kind": "kill", "n": 0, "runs": 1, "counts": {"lost": 1}, "notes": []}\n'
        '{"seed": 2, "kind": "kill", "n": 1, "runs": 1, "counts": {}, "notes": []}\n'
    )
    campaign = Campaign(1, state, ["kill"], time.monotonic(), share=0.001)
    assert campaign.plan() == [("kill", 0)]
    campaign.read()
    assert list(campaign.results) == [("kill", 0)] and not campaign.sound
    assert any(
        "| kill: kill -9 in a night | 1 | 0 | 0 | 1 | 0 | 0 | 0 |" in line for line in campaign.table()
    )


def test_the_whole_campaign_is_as_long_as_is_promised():
    assert sum(kind.faults for kind in KINDS.values() if not kind.nights) >= 1_000
    assert KINDS["nights"].faults * 10 >= 2_000 and KINDS["nights-drawing"].faults >= 50
    assert KINDS["kill-drawing"].faults >= 100
