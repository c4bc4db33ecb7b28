"""Answers of a warm server beside the same number of bytes of a static file, as ratios of p50 and p95.

Belongs here: measuring `distretto serve` through one connection that is kept. Does not belong here: many clients at once
(`tests/service/test_load.py`).
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

import requests

from sources.data_folder import DataFolder
from tests.conftest import distretto
from tests.test_serve import served

ADDRESSES = {
    "a figure": "/figure/ITG17/enterprise_birth_rate/2019.json",
    "a figure as of a day": "/figure/ITG17/enterprise_birth_rate/2019.json?asOf={day}",
    "a filtered query": "/api/v1/data.json?indicator=enterprise_birth_rate&geo=ITG1,ITG17",
    "a filtered query as of a day": "/api/v1/data.json?indicator=enterprise_birth_rate&geo=ITG1,ITG17&asOf={day}",
    "provider's codes": "/api/v1/data.csv?indicator=V11920&geo=ITG17",
    "SDMX": "/sdmx/v2/data/dataflow/DISTRETTO/indicators/1.0/enterprise_birth_rate.ITG17",
}


def measure(turns: int, warm_ups: int) -> None:
    """Print the times of `turns` requests of each address, in turn with its static file, after `warm_ups`.

    On the release of DISTRETTO_HOME if that is set, else on one of the bundled figures.
    """
    with tempfile.TemporaryDirectory() as folder:
        home = DataFolder(Path(os.environ.get("DISTRETTO_HOME") or folder))
        if not home.current.exists():
            night = distretto(home.root, "refresh", "--offline", "--json")
            assert night.code == 0, night.err
        with served(home) as address, requests.Session() as session:
            release = home.current.resolve().name
            day = f"{release[:4]}-{release[4:6]}-{release[6:8]}"
            static = f"{address}/releases/{release}/observations.parquet"
            print(
                f"{'one connection, warm server':<32}{'p50 ms':>9}{'p95 ms':>9}{'bytes':>9}   beside a static file"
            )
            for name, path in ADDRESSES.items():
                url = address + path.format(day=day)
                answer = session.get(url)
                answer.raise_for_status()
                part = {"Range": f"bytes=0-{len(answer.content) - 1}"}
                times: dict[str, list[float]] = {"ours": [], "static": []}
                for turn in range(warm_ups + turns):
                    for which, asked, headers in (("ours", url, {}), ("static", static, part)):
                        started = time.perf_counter()
                        assert session.get(asked, headers=headers).ok
                        if turn >= warm_ups:
                            times[which].append(1000 * (time.perf_counter() - started))
                ours, file = (_percentiles(times[which]) for which in ("ours", "static"))
                print(
                    f"{name:<32}{ours[0]:9.1f}{ours[1]:9.1f}{len(answer.content):9,}"
                    f"   {ours[0] / file[0]:.1f} times (p50), {ours[1] / file[1]:.1f} times (p95)"
                )


def _percentiles(times: list[float]) -> tuple[float, float]:
    """The 50th and the 95th percentile."""
    if len(times) < 2:
        return times[0], times[0]
    steps = statistics.quantiles(times, n=20, method="inclusive")
    return steps[9], steps[18]
