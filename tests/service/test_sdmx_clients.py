"""SDMX-REST as its two Python clients use it: dataflows, a structure, data, and the value before a revision."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pysdmx.io
import pytest
import requests
import sdmx
from pysdmx.api.dc.query import MultiFilter, Operator, TextFilter
from pysdmx.api.qb import (
    ApiVersion,
    DataContext,
    DataFormat,
    DataQuery,
    RestService,
    StructureFormat,
    StructureQuery,
    StructureReference,
    StructureType,
)

from tests.conftest import distretto
from tests.service.conftest import Revised
from tests.test_serve import LONGEST

ITG1 = {"GEO": "ITG1", "INDIC_SB": "V11920"}


def service(address: str, form: StructureFormat = StructureFormat.SDMX_ML_3_0) -> RestService:
    """pysdmx's client of the server."""
    return RestService(
        f"{address}/sdmx/v2",
        ApiVersion.V2_2_0,
        data_format=DataFormat.SDMX_CSV_2_0_0,
        structure_format=form,
        timeout=LONGEST,
    )


def data(address: str, dataset: str = "toy", **asked: Any) -> list[dict[str, Any]]:
    """The rows that pysdmx reads, checked against the structure that it reads."""
    client = service(address)
    structure = client.structure(
        StructureQuery(StructureType.DATAFLOW, "DISTRETTO", dataset, "1.0", references=StructureReference.ALL)
    )
    answer = client.data(DataQuery(DataContext.DATAFLOW, "DISTRETTO", dataset, "1.0", **asked))
    (found,) = pysdmx.io.get_datasets(answer.decode(), structure.decode())
    return found.data.to_dict("records")


@pytest.mark.parametrize(
    "form", [StructureFormat.SDMX_ML_3_0, StructureFormat.SDMX_ML_2_1, StructureFormat.SDMX_JSON_2_0_0]
)
def test_pysdmx_reads_every_dataflow_and_its_structure(revised: Revised, form: StructureFormat):
    client = service(revised.address, form)
    flows = pysdmx.io.read_sdmx(
        client.structure(StructureQuery(StructureType.DATAFLOW, "DISTRETTO")).decode(), validate=False
    ).get_dataflows()
    assert [flow.id for flow in flows] == ["indicators", "toy"]
    whole = pysdmx.io.read_sdmx(
        client.structure(
            StructureQuery(
                StructureType.DATA_STRUCTURE,
                "DISTRETTO",
                "toy",
                "1.0",
                references=StructureReference.DESCENDANTS,
            )
        ).decode(),
        validate=form != StructureFormat.SDMX_JSON_2_0_0,
    )
    (structure,) = whole.get_data_structure_definitions()
    assert [c.id for c in structure.components.dimensions] == [
        "GEO",
        "FREQ",
        "INDIC_SB",
        "UNIT",
        "TIME_PERIOD",
    ]
    assert [c.id for c in structure.components.measures] == ["OBS_VALUE"]
    lists = {one.id: {code.id: code.name for code in one} for one in whole.get_codelists()}
    assert sorted(lists) == ["CL_FREQ", "CL_GEO", "CL_INDIC_SB", "CL_UNIT"]
    assert lists["CL_GEO"]["ITG1"] == "Sicily" and "V11920" in lists["CL_INDIC_SB"]
    assert [scheme.id for scheme in whole.get_concept_schemes()] == ["CONCEPTS"]


def test_pysdmx_reads_the_data_and_the_value_before_a_revision(revised: Revised):
    key = "ITG1.A.V11920.NR"
    now = {row["TIME_PERIOD"]: row["OBS_VALUE"] for row in data(revised.address, key=key)}
    then = {
        row["TIME_PERIOD"]: row["OBS_VALUE"] for row in data(revised.address, key=key, as_of=revised.between)
    }
    assert (now, then) == ({"2018": 40.0, "2019": 45.0}, {"2018": 40.0, "2019": 44.0})
    versions = data(revised.address, key=key, include_history=True)
    assert [(row["TIME_PERIOD"], row["OBS_VALUE"]) for row in versions] == [
        ("2018", 40.0),
        ("2019", 44.0),
        ("2019", 45.0),
    ]
    assert versions[1]["KNOWN_FROM"] < f"{revised.between:%Y-%m-%dT%H:%M:%S}" < versions[2]["KNOWN_FROM"]


def test_pysdmx_filters_components_and_pages(revised: Revised):
    chosen = MultiFilter(
        [
            TextFilter("GEO", Operator.IN, ["ITG1", "IT"]),
            TextFilter("TIME_PERIOD", Operator.GREATER_THAN_OR_EQUAL, "2019"),
        ]
    )
    rows = data(revised.address, components=chosen)
    assert {(row["GEO"], row["TIME_PERIOD"]) for row in rows} == {("IT", "2019"), ("ITG1", "2019")}
    pages = [data(revised.address, components=chosen, limit=1, offset=n) for n in range(len(rows))]
    assert [row for page in pages for row in page] == rows
    assert {row["TIME_PERIOD"] for row in data(revised.address, last_n_obs=1)} == {"2019"}
    assert {row["TIME_PERIOD"] for row in data(revised.address, first_n_obs=1)} == {"2018"}
    late = data(revised.address, updated_after=revised.between)
    assert [(row["GEO"], row["OBS_VALUE"]) for row in late] == [("ITG1", 45.0)]


def test_a_missing_value_stays_missing(revised: Revised):
    (row,) = data(revised.address, key="ITG17.A.V11920.NR", last_n_obs=1)
    assert (row["OBS_VALUE"] != row["OBS_VALUE"] or row["OBS_VALUE"] in ("", None)) and row[
        "OBS_STATUS"
    ] == "Q"


@pytest.fixture
def client(revised: Revised) -> sdmx.Client:
    """sdmx1's client of the server."""
    sdmx.add_source(
        json.dumps(
            {
                "id": "DISTRETTO",
                "name": "Distretto",
                "url": f"{revised.address}/sdmx/v2",
                "versions": ["3.0.0"],
                "supports": {"dataflow": True, "datastructure": True, "data": True},
            }
        ),
        override=True,
    )
    return sdmx.Client("DISTRETTO")


def test_sdmx1_reads_dataflows_structure_data_and_the_value_before_a_revision(
    revised: Revised, client: sdmx.Client, tmp_path: Path
):
    assert sorted(client.dataflow().dataflow) == ["indicators", "toy"]
    flow = client.dataflow("toy").dataflow["toy"]
    message = client.datastructure("toy", params={"references": "descendants"})
    structure = message.structure["toy"]
    assert [dimension.id for dimension in structure.dimensions] == [
        "GEO",
        "FREQ",
        "INDIC_SB",
        "UNIT",
        "TIME_PERIOD",
    ]
    assert str(message.codelist["CL_GEO"]["ITG17"].name) == "Catania"
    flow.structure = structure

    def values(**parameters: str) -> dict[str, float]:
        # the client itself hands no structure to its reader of CSV
        url = f"{revised.address}/sdmx/v2/data/dataflow/DISTRETTO/toy/+/ITG1.A.V11920.NR"
        answer = requests.get(url, params=parameters, timeout=LONGEST)
        (tmp_path / "data.csv").write_bytes(answer.content)
        return {
            observation.key["TIME_PERIOD"].value: float(observation.value)
            for dataset in sdmx.read_sdmx(tmp_path / "data.csv", structure=flow).data
            for observation in dataset.obs
        }

    assert values() == {"2018": 40.0, "2019": 45.0}
    assert values(asOf=f"{revised.between:%Y-%m-%dT%H:%M:%SZ}") == {"2018": 40.0, "2019": 44.0}


def test_every_interface_has_the_same_value_before_and_after_the_revision(revised: Revised):
    """The data API, SDMX, the figure's address as JSON and text, a checked claim, the command line, and SQL."""
    for moment, expected in ((revised.between, 44.0), (None, 45.0)):
        asked = {"indicator": "V11920", "geo": "ITG1", "period": "2019"}
        at = {"asOf": moment.isoformat()} if moment else {}
        answer = requests.get(f"{revised.address}/api/v1/data.json", params=asked | at, timeout=LONGEST)
        assert [row["value"] for row in answer.json()["data"]] == [expected]
        rows = data(revised.address, key="ITG1.A.V11920.NR", as_of=moment)
        assert [row["OBS_VALUE"] for row in rows if row["TIME_PERIOD"] == "2019"] == [expected]
        figure = requests.get(f"{revised.address}/figure/ITG1/V11920/2019.json", params=at, timeout=LONGEST)
        assert [one["then"]["value"] for one in figure.json()["figures"]] == [expected]
        text = requests.get(f"{revised.address}/figure/ITG1/V11920/2019.txt", params=at, timeout=LONGEST).text
        assert f"{expected:.0f}" in text
        claim = f"ITG1 V11920 2019 {expected:.0f}"
        checked = requests.get(
            f"{revised.address}/verify-figure",
            params={"claim": claim, "format": "json"} | at,
            timeout=LONGEST,
        )
        assert checked.json()["outcome"] == "right"
        if moment is None:
            told = distretto(revised.home, "verify-figure", claim, "--json")
            assert told.json["outcome"] == "right"
            old = distretto(revised.home, "verify-figure", "ITG1 V11920 2019 44", "--json")
            assert old.json["outcome"] == "revised"
        with duckdb.connect(str(revised.home / "current" / "distretto.duckdb"), read_only=True) as con:
            table = f"as_of(timestamptz '{moment.isoformat()}')" if moment else "observations"
            sql = f"select value from {table} where indicator = 'V11920' and geo = 'ITG1' and period = '2019'"
            assert con.execute(sql).fetchall() == [(expected,)]
