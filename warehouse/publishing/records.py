"""The published tables about the figures: datasets, snapshots, check results, and the release itself.

Belongs here: the rows of these tables. Does not belong here: the figures (`tables.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import duckdb

from sources import bundled
from sources.catalogue import Catalogue, Dataset
from sources.common.sql import literal
from sources.providers import Provider
from sources.snapshots import SnapshotStore
from warehouse.database import write_table
from warehouse.history.dataset_state import DatasetState


def build(
    con: duckdb.DuckDBPyConnection,
    catalogue: Catalogue,
    providers: dict[str, Provider],
    store: SnapshotStore,
    states: Mapping[str, DatasetState],
    release: dict[str, Any],
    target: str,
) -> None:
    """Create `catalogue`, `snapshots`, `check_results` and `release` in the database `target`, which has `observations`.

    `release` holds a value for each column of the table `release`.
    """
    latest = dict(
        con.execute(
            f"select dataset, max(period) from {target}.observations where value is not null group by dataset"
        ).fetchall()
    )
    write_table(
        con,
        f"{target}.catalogue",
        {
            "dataset": "varchar",
            "title_it": "varchar",
            "title_en": "varchar",
            "theme": "varchar",
            "provider": "varchar",
            "provider_title": "varchar",
            "provider_code": "varchar",
            "status": "varchar",
            "state": "varchar",
            "age_days": "integer",
            "latest_period": "varchar",
            "archived_by": "date",
            "failing_since": "timestamptz",
            "failure": "varchar",
            "provider_updated_at": "timestamptz",
            "snapshot_id": "varchar",
            "frequency": "varchar",
            "expected": "varchar",
            "late_after_days": "integer",
            "licence": "varchar",
            "licence_url": "varchar",
            "redistribution": "varchar",
            "citation": "varchar",
            "warnings": "varchar[]",
        },
        [
            _catalogue_row(
                dataset,
                providers[dataset.provider],
                states[dataset.id],
                latest.get(dataset.id),
                release["built_at"],
            )
            for dataset in catalogue.values()
        ],
    )
    accepted = {event.snapshot_id: event for event in store.acceptances}
    refused = {event.snapshot_id: event for event in store.refusals}
    write_table(
        con,
        f"{target}.snapshots",
        {
            "snapshot_id": "varchar",
            "dataset": "varchar",
            "provider": "varchar",
            "provider_code": "varchar",
            "origin": "varchar",
            "outcome": "varchar",
            "url": "varchar",
            "sha256": "varchar",
            "bytes": "bigint",
            "media_type": "varchar",
            "fetched_at": "timestamptz",
            "provider_updated_at": "timestamptz",
            "accepted_by": "varchar",
            "because": "varchar",
            "reasons": "varchar[]",
            "licence": "varchar",
            "note": "varchar",
        },
        [
            (
                s.id,
                s.dataset,
                s.provider,
                s.code,
                s.origin,
                ("withdrawn" if accepted[s.id].kind == "withdrawal" else "accepted")
                if s.id in accepted
                else "refused"
                if s.id in refused
                else "waiting",
                s.url,
                s.sha256,
                s.size,
                s.media_type,
                s.fetched_at,
                accepted[s.id].provider_updated_at if s.id in accepted else s.provider_updated_at,
                accepted[s.id].by if s.id in accepted else None,
                accepted[s.id].because or None if s.id in accepted else None,
                refused[s.id].reasons if s.id in refused else None,
                s.licence,
                s.note or None,
            )
            for s in store.snapshots.values()
        ],
    )
    withheld = ", ".join(literal(d.id) for d in catalogue.values() if d.redistribution == "denied") or "''"
    con.execute(f"""
        create table {target}.check_results as
        select 'dataset' as scope, dataset, snapshot_id, check_name, passed, observed, expected as expected_value, checked_at,
               severity
        from check_results
        -- what a check saw of restricted figures is restricted too
        where dataset not in ({withheld})
        qualify row_number() over (partition by dataset, snapshot_id, check_name order by checked_at desc) = 1
        order by all""")
    write_table(
        con,
        f"{target}.release",
        {
            "release_id": "varchar",
            "built_at": "timestamptz",
            "known_until": "timestamptz",
            "code_commit": "varchar",
            "code_sha256": "varchar",
            "fingerprint": "varchar",
            "schema_version": "varchar",
        },
        [
            tuple(
                release[key]
                for key in (
                    "release_id",
                    "built_at",
                    "known_until",
                    "code_commit",
                    "code_sha256",
                    "fingerprint",
                    "schema_version",
                )
            )
        ],
    )


def _catalogue_row(
    dataset: Dataset, provider: Provider, state: DatasetState, latest: str | None, built_at: datetime
) -> tuple[Any, ...]:
    archived_by, age_days = None, state.age_days
    if state.origin == "shipped" and dataset.id in bundled.load():
        archived_by = bundled.load()[dataset.id].archived_by
        # the file's own stamp outranks the day by which it was archived
        known = state.provider_updated_at.date() if state.provider_updated_at else archived_by
        age_days = (built_at.date() - known).days
    return (
        dataset.id,
        dataset.title.it,
        dataset.title.en,
        dataset.theme,
        provider.id,
        provider.title,
        dataset.code,
        dataset.status,
        state.state,
        age_days,
        latest,
        archived_by,
        state.failing_since,
        state.failure.message if state.failure else None,
        state.provider_updated_at,
        state.snapshot_id,
        dataset.calendar.frequency,
        dataset.calendar.expected.en,
        dataset.calendar.late_after_days,
        dataset.licence or provider.licence,
        provider.licence_url,
        dataset.redistribution,
        dataset.citation,
        [warning.en for warning in dataset.warnings],
    )
