"""What Dagster shows and does: assets from the catalogue, checks, the nightly schedule, alerts."""

from __future__ import annotations

import json
import threading
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
import yaml

from assets.lineage import FROM_INDICATORS, WRITTEN, published_specs
from pipelines.definitions import build_definitions
from sources.catalogue import load_catalogue
from tests.conftest import ROOT, World
from warehouse.publishing.contract import contract
from warehouse.statistics.indicators import load_families


@pytest.fixture
def definitions(world: World) -> dg.Definitions:
    return build_definitions()


def test_a_catalogue_file_is_all_an_asset_needs(definitions: dg.Definitions):
    graph = definitions.resolve_asset_graph()
    node = graph.get(dg.AssetKey(["observations", "toy"]))
    assert node.group_name == "enterprise_births"
    assert node.owners == ["team:distretto"]
    assert node.kinds == {"duckdb", "parquet"}
    assert "Trial" in node.description
    assert node.parent_keys == {dg.AssetKey(["snapshots", "toy"])}
    assert {column.name for column in node.metadata["dagster/column_schema"].columns} >= {
        "dataset",
        "geo",
        "value",
        "indic_sb",
    }
    assert {"answered", "min_rows", "known_geos"} <= {key.name for key in node.check_keys}


def test_every_asset_has_a_group_owners_kinds_and_a_description(definitions: dg.Definitions):
    graph = definitions.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.group_name and node.owners and node.kinds and node.description, key


def test_every_check_has_a_description(definitions: dg.Definitions):
    graph = definitions.resolve_asset_graph()
    assert graph.asset_check_keys
    assert [key for key in graph.asset_check_keys if not graph.get_check_spec(key).description] == []


def test_the_night_comes_once_every_day_of_the_year(definitions: dg.Definitions):
    schedule = definitions.resolve_schedule_def("nightly")
    minute, hour = map(int, schedule.cron_schedule.split()[:2])
    rome = ZoneInfo(schedule.execution_timezone)
    assert rome.key == "Europe/Rome"
    for day in range(366):
        wall = datetime(2026, 1, 1, hour, minute, tzinfo=rome) + timedelta(days=day)
        there_and_back = wall.astimezone(ZoneInfo("UTC")).astimezone(rome)
        assert there_and_back.replace(tzinfo=None) == wall.replace(tzinfo=None), "skipped"
        assert wall.replace(fold=0).utcoffset() == wall.replace(fold=1).utcoffset(), "repeated"


def test_the_workspace_names_the_code_location():
    workspace = yaml.safe_load((ROOT / "workspace.yaml").read_text())
    (entry,) = workspace["load_from"]
    assert entry["python_module"]["module_name"] == "pipelines.definitions"


def _run_of_toy() -> tuple[
    dict[str, bool], dict[str, dg.AssetMaterialization], dict[str, dg.AssetObservation]
]:
    """A run of the dataset `toy`: its checks, materialisations and observations, by name."""
    selection = [dg.AssetKey([kind, "toy"]) for kind in ("snapshots", "observations")]
    selection += [spec.key for spec in published_specs(load_catalogue())]
    result = build_definitions().resolve_job_def("nightly").execute_in_process(asset_selection=selection)
    assert result.success
    made = [
        e.step_materialization_data.materialization for e in result.all_events if e.is_step_materialization
    ]
    seen = [
        e.asset_observation_data.asset_observation
        for e in result.all_events
        if e.event_type == dg.DagsterEventType.ASSET_OBSERVATION
    ]
    return (
        {e.check_name: e.passed for e in result.get_asset_check_evaluations()},
        {m.asset_key.to_user_string(): m for m in made if m.asset_key.path[-1] == "toy"},
        {o.asset_key.to_user_string(): o for o in seen},
    )


def test_what_was_obtained_is_materialised_with_its_hash_and_its_checks(world: World):
    checks, made, _ = _run_of_toy()
    assert checks["answered"] is True and checks["min_rows"] is True
    assert set(made) == {"snapshots/toy", "observations/toy"}
    sha = made["snapshots/toy"].metadata["sha256"].value
    assert made["snapshots/toy"].tags["dagster/data_version"] == sha
    assert made["observations/toy"].metadata["dagster/row_count"].value == 8


def test_a_night_with_nothing_new_materialises_nothing_and_shows_no_check_that_did_not_run(world: World):
    _run_of_toy()
    checks, made, seen = _run_of_toy()
    assert made == {} and checks == {"answered": True}
    assert seen["observations/toy"].metadata["dagster/row_count"].value == 8


def test_a_failure_is_observed_and_nothing_is_materialised(world: World):
    world.first_night()
    world.server.behave("toy", "latin1")
    world.serve(last_change=datetime(2026, 9, 10, tzinfo=ZoneInfo("UTC")))
    checks, made, seen = _run_of_toy()
    assert checks == {"answered": False}
    assert set(made) <= {"snapshots/toy"}
    assert seen["observations/toy"].metadata["dagster/row_count"].value == 8
    assert seen["observations/toy"].metadata["state"].value == "stale"


def test_lineage_shows_every_family_and_every_published_table(definitions: dg.Definitions):
    keys = {key.to_user_string() for key in definitions.resolve_asset_graph().get_all_asset_keys()}
    assert {f"published/{table}" for table in contract().tables} <= keys
    assert {f"indicators/{family.id}" for family in load_families()} <= keys
    assert FROM_INDICATORS | WRITTEN <= set(contract().tables)


def test_the_sensor_starts_one_run_when_uploaded_files_are_at_rest(world: World, definitions: dg.Definitions):
    sensor = definitions.resolve_sensor_def("uploaded_files")
    cursor = None

    def look() -> int:
        nonlocal cursor
        context = dg.build_sensor_context(cursor=cursor, definitions=definitions)
        found = sensor.evaluate_tick(context)
        cursor = found.cursor
        return len(found.run_requests or [])

    assert look() == 0
    folder = world.home / "drop"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "own_figures.csv").write_text("figure,period,value\n", encoding="utf-8")
    assert [look() for _ in range(4)] == [0, 1, 0, 0]


class Listener:
    """A webhook on loopback that keeps what it is sent."""

    def __init__(self):
        received = self.received = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                received.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/secret-token"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def listener():
    found = Listener()
    yield found
    found.server.shutdown()
    found.server.server_close()


def test_what_got_worse_is_told_to_the_webhook_once(world: World, listener: Listener, monkeypatch):
    monkeypatch.setenv("DISTRETTO_WEBHOOK", listener.url)
    world.first_night()
    assert listener.received == []
    world.server.behave("inventory", 500)
    world.server.behave("toy", 500)
    first, second = world.refresh(), world.refresh()
    assert (first.code, second.code) == (3, 0)
    (told,) = listener.received
    assert "toy got worse" in told["text"] and "500" in told["text"]
    assert "secret-token" not in first.err + first.out


def test_a_step_that_fails_is_told_and_an_unreachable_webhook_fails_nothing(
    world: World, listener: Listener, monkeypatch
):
    from warehouse.publishing import release

    def broken(*_):
        raise OSError(28, "No space left on device", "releases")

    monkeypatch.setenv("DISTRETTO_WEBHOOK", listener.url)
    with monkeypatch.context() as patch:
        patch.setattr(release.exports, "write", broken)
        assert world.refresh().code == 1
    (told,) = listener.received
    assert "job failed" in told["text"] and "No space left" in told["text"]
    monkeypatch.setenv("DISTRETTO_WEBHOOK", "http://127.0.0.1:9/secret-token")
    world.server.behave("toy", 500)
    outcome = world.refresh()
    assert "secret-token" not in outcome.err
