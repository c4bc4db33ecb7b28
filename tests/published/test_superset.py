"""Apache Superset reads a release: its own database, user, web server and API, on loopback.

Superset is no dependency of the project: opt in with DISTRETTO_SUPERSET=FOLDER, the `bin` of an environment that has it
(docs/connect.md).
"""

from __future__ import annotations

import http.cookiejar
import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.test_serve import free_port

SUPERSET = os.environ.get("DISTRETTO_SUPERSET", "")
pytestmark = pytest.mark.skipif(not SUPERSET, reason="opt in with DISTRETTO_SUPERSET=FOLDER")
PASSWORD = "only-for-this-test"
CONFIG = """
SECRET_KEY = "only-for-this-test-0123456789abcdef0123456789"
SQLALCHEMY_DATABASE_URI = "sqlite:///{folder}/superset.db"
WTF_CSRF_ENABLED = False
"""


class Api:
    """Superset's API, signed in."""

    def __init__(self, port: int):
        self.base = f"http://127.0.0.1:{port}/api/v1"
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), cookies)
        self.headers = {"Content-Type": "application/json"}
        user = {"username": "admin", "password": PASSWORD, "provider": "db"}
        token = self.call("security/login", user)["access_token"]
        self.headers["Authorization"] = f"Bearer {token}"

    def call(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """GET, or POST of `body`; raises for an answer that is no success."""
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"{self.base}/{path}", data=data, headers=self.headers)
        with self.opener.open(request) as answer:
            answered: dict[str, Any] = json.load(answer)
        return answered


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder, port = tmp_path_factory.mktemp("superset"), free_port()
    config = folder / "superset_config.py"
    config.write_text(CONFIG.format(folder=folder))
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "SUPERSET_CONFIG_PATH": str(config),
        "FLASK_APP": "superset",
    }

    def command(*words: str) -> list[str]:
        return [str(Path(SUPERSET) / "superset"), *words]

    admin = "--username admin --firstname A --lastname B --email admin@example.org --password".split()
    for words in (("db", "upgrade"), ("fab", "create-admin", *admin, PASSWORD), ("init",)):
        done = subprocess.run(command(*words), env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
    server = subprocess.Popen(
        command("run", "-h", "127.0.0.1", "-p", str(port)),
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield _signed_in(port, server)
    finally:
        server.terminate()
        server.wait()


def _signed_in(port: int, server: subprocess.Popen[bytes]) -> Api:
    """The API, as soon as the server answers; fails if the server ends first."""
    while server.poll() is None:
        try:
            return Api(port)
        except urllib.error.URLError:
            time.sleep(0.5)
    pytest.fail("Superset ended")


def test_superset_lists_the_tables_queries_them_and_draws_a_chart(api: Api, home: Path):
    file = (home / "current").resolve() / "distretto.duckdb"
    given = {
        "database_name": "distretto",
        "sqlalchemy_uri": f"duckdb:///{file}",
        "expose_in_sqllab": True,
        "extra": json.dumps({"engine_params": {"connect_args": {"read_only": True}}}),
    }
    database = api.call("database/", given)["id"]
    tables = api.call(f"database/{database}/tables/?q=(schema_name:main)")["result"]
    sql = "select geo, period, value from births_total where geo = 'ITG17' order by period"
    with duckdb.connect(str(file), read_only=True) as con:
        names = {
            name
            for (name,) in con.execute(
                "select table_name from duckdb_tables() union select view_name from duckdb_views() where not internal"
            ).fetchall()
        }
        expected = con.execute(sql).fetchall()
    assert {table["value"] for table in tables} == names

    ask = {"database_id": database, "schema": "main", "client_id": "first", "runAsync": False}
    rows = api.call("sqllab/execute/", ask | {"sql": sql})["data"]
    assert [tuple(row.values()) for row in rows] == expected
    with pytest.raises(urllib.error.HTTPError):
        api.call("sqllab/execute/", ask | {"sql": "create table x (a int)", "client_id": "second"})

    table = {"database": database, "schema": "main", "table_name": "births_total"}
    dataset = api.call("dataset/", table)["id"]
    births = {"expressionType": "SQL", "sqlExpression": "sum(value)", "label": "births"}
    query = {
        "columns": ["period"],
        "metrics": [births],
        "filters": [{"col": "geo", "op": "==", "val": "ITG17"}],
        "orderby": [["period", True]],
    }
    chart = api.call("chart/data", {"datasource": {"id": dataset, "type": "table"}, "queries": [query]})
    drawn = [(row["period"], row["births"]) for row in chart["result"][0]["data"]]
    assert drawn == [(period, value) for _, period, value in expected]
