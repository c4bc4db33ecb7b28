"""Tables over Eurostat's limit, through the front door: cut along one dimension, one snapshot, exactly the whole.

Figures are made up. How slices are put into one body and taken apart is in `test_istat_formats.py`.
"""

from __future__ import annotations

from typing import Any

import pytest

from sources.data_folder import DataFolder
from sources.snapshots import SnapshotStore
from tests.conftest import World
from tests.provider import FAULT, XML, Answer

YEARS = ("2018", "2019", "2020")
INDICATORS = {"V11910": "NR", "V11920": "NR", "V11930": "NR"}
CELLS = {
    ("A", indicator, geo): {
        year: f"{100 * i + 10 * j + k}{' p' if k else ''}" for k, year in enumerate(YEARS)
    }
    for i, indicator in enumerate(INDICATORS, 1)
    for j, geo in enumerate(("IT", "ITG1", "ITG17"), 1)
} | {("A", "V11930", "ITG17"): {"2018": ": c", "2019": "7"}}
ENTRY = {"unit": {"indic_sb": INDICATORS}, "checks": {"min_rows": 4, "geos": ["IT"], "min_size_ratio": 0.1}}
ROWS = "select geo, indicator, period, value, flag, conf from observations where dataset = '{}' order by all"


@pytest.fixture
def big(world: World) -> World:
    """A world where `toy` is nine cells too large for one extraction, and any one of its indicators is not."""
    world.serve(CELLS)
    world.entry("toy", **ENTRY, slices="indic_sb")
    world.server.most_cells = 9
    return world


def night(world: World) -> dict[str, Any]:
    world.asked = len(world.server.requests)
    return world.night()


def asked(world: World) -> list[str]:
    """The paths of the last night, below the service's own."""
    return [request.path.split("/2.1/")[-1] for request in world.server.requests[world.asked :]]


def test_the_union_of_the_slices_is_the_whole_row_for_row(big: World):
    big.asked = 0
    assert big.refresh().json["datasets"]["toy"]["state"] == "live"
    assert [path.removeprefix("data/toy/") for path in asked(big)[1:]] == [
        "data/TOY/",
        "datastructure/ESTAT/TOY",
        "contentconstraint/ESTAT/TOY/1.0",
        *(f".{indicator}." for indicator in INDICATORS),
        "contentconstraint/ESTAT/TOY/1.0",
    ]
    assert big.query("select count(*) from snapshots where dataset = 'toy'") == [(1,)]
    cut = big.query(ROWS.format("toy"))
    (answer,) = big.run("why", "IT/V11910/2018", "--json").json["answers"]
    told = f"{len(INDICATORS)} requests, one for each code of indic_sb, the first at this address"
    assert answer["facts"]["asked in"] == told and "/.V1" in answer["facts"]["address"]
    # the same table asked for as a whole
    big.server.most_cells = 1000
    big.serve(CELLS, code="whole")
    big.entry("whole", **ENTRY)
    big.run("refresh", "--only", "whole")
    assert cut == big.query(ROWS.format("whole")) and len(cut) == 26


def test_an_unchanged_table_in_slices_costs_one_request_and_an_update_the_slices(big: World):
    night(big)
    assert night(big)["outcome"] == "unchanged" and len(asked(big)) == 1
    big.serve(CELLS | {("A", "V11910", "IT"): {"2018": "111"}})
    assert night(big)["outcome"] == "updated" and len(asked(big)) == 8
    assert night(big)["outcome"] == "unchanged"


def test_a_slice_without_results_is_empty_and_no_failure(big: World):
    # the constraint lists a code that has no figures, which Eurostat answers with a 404
    big.server.tables["toy"].constraint["indic_sb"] = [*INDICATORS, "V97010"]
    big.server.answer_of["*/.V97010."] = Answer(
        404, FAULT.format(code=100, words="No results found").encode(), XML
    )
    assert night(big)["outcome"] == "updated"
    snapshot = SnapshotStore(DataFolder.from_env()).current("toy")
    assert snapshot.format == "sdmx-csv+slices"


@pytest.mark.parametrize(
    ("behaviour", "kind"), [("503", "Unavailable"), ("404", "NotFound"), ("400", "BadRequest")]
)
def test_a_slice_that_fails_fails_them_all(big: World, behaviour, kind):
    big.server.behave("*/.V11920.", behaviour)
    state = night(big)
    assert state["outcome"] == "failed" and state["failure"]["kind"] == kind
    assert SnapshotStore(DataFolder.from_env()).snapshots == {}


def test_a_provider_without_any_results_is_told_so(big: World):
    nothing = Answer(404, FAULT.format(code=100, words="No results found").encode(), XML)
    big.server.answer_of["*/.V*."] = nothing
    assert night(big)["failure"]["kind"] == "NoResults"


def test_a_table_updated_between_two_slices_is_asked_again_as_a_whole(big: World):
    def update(request) -> None:
        if request.path.endswith("/.V11910."):
            big.server.after = lambda request: None
            big.serve({key: {"2018": "5", "2019": "6"} for key in CELLS})

    big.server.after = update
    assert night(big)["outcome"] == "updated"
    assert [path for path in asked(big) if "/." in path] == 2 * [f"data/toy/.{code}." for code in INDICATORS]
    big.refresh("--offline")
    assert {row[3] for row in big.query(ROWS.format("toy"))} == {5.0, 6.0}


def test_a_code_that_comes_with_an_update_before_the_first_slice_is_not_missed(big: World):
    more = CELLS | {("A", "V97010", "IT"): {"2018": "1.5"}}
    big.entry("toy", **ENTRY | {"unit": {"indic_sb": INDICATORS | {"V97010": "PC"}}}, slices="indic_sb")

    def update(request) -> None:
        if "contentconstraint" in request.path:
            big.server.after = lambda request: None
            big.serve(more)

    big.server.after = update
    assert night(big)["outcome"] == "updated"
    big.refresh("--offline")
    assert len(big.query(ROWS.format("toy"))) == 27


def test_a_table_that_is_never_still_waits_for_the_next_run(big: World):
    big.server.after = lambda request: big.serve(CELLS) if "/." in request.path else None
    state = night(big)
    assert state["failure"]["kind"] == "NotReady" and "discarded" in state["failure"]["message"]


def test_a_provider_that_ignores_the_key_is_found_out(big: World):
    served = big.server.tables["toy"]
    whole = served.table.sdmx_csv("toy", served.last_change)
    big.server.answer_of["*/.V11920."] = Answer(body=whole, content_type="text/csv")
    state = night(big)
    assert state["outcome"] == "quarantined"
    assert "The slice of indic_sb V11920 holds V11910, V11930" in state["failure"]["message"]


@pytest.mark.parametrize(
    ("along", "kind", "words"),
    [
        (None, "ExtractionTooBig", "under `slices`"),
        ("freq", "ExtractionTooBig", "under `slices`"),  # the one code of freq is the whole table
    ],
)
def test_a_table_that_no_cut_makes_small_enough_says_what_to_do(big: World, along, kind, words):
    big.entry("toy", **ENTRY, slices=along)
    failure = night(big)["failure"]
    assert failure["kind"] == kind and words in failure["hint"]
