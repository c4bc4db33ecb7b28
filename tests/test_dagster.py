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

from pipelines.definitions import build_definitions
from tests.conftest import ROOT, World


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


def test_checks_and_metadata_reach_the_events(world: World):
    world.first_night()
    world.server.behave("toy", "latin1")
    world.serve(last_change=datetime(2026, 9, 10, tzinfo=ZoneInfo("UTC")))
    selection = [dg.AssetKey([kind, "toy"]) for kind in ("snapshots", "observations")]
    result = build_definitions().resolve_job_def("nightly").execute_in_process(asset_selection=selection)
    assert result.success
    checks = {e.check_name: e.passed for e in result.get_asset_check_evaluations()}
    assert checks["answered"] is False and checks["min_rows"] is True
    (event,) = [e for e in result.asset_materializations_for_node("observations__toy")]
    assert event.metadata["dagster/row_count"].value == 8
    assert event.metadata["state"].value == "stale"


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
