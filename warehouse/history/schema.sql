-- The warehouse: figures with their history, append only. All but check_results can be built again from the manifest.
-- A dataset's first figures stay the staged Parquet they came as, in baselines/DATASET; only what follows is in tables.
-- The views `series` and `history` (vintages.py) show both as one. Nothing is numbered by what else is in the file: a
-- vintage has the number of its acceptance in the manifest, and a series that of the vintage that brought it (vintages.py).

create table if not exists vintages (
    vintage integer primary key,    -- the place of its acceptance among those of the manifest, from 1
    dataset varchar not null,
    snapshot_id varchar not null,
    known_from timestamptz not null unique,
    kind varchar not null,          -- baseline, update, pin, withdrawal
    series_added bigint not null,   -- series seen for the first time
    added bigint not null,          -- observations of series known before
    changed bigint not null,
    reflagged bigint not null,
    deleted bigint not null,
    returned bigint not null,
    series_from bigint,             -- of a first vintage: its series are numbered from here; NULL for later ones
    provisional boolean not null    -- its acceptance was not in the manifest yet when it was written
);

-- and one VARCHAR column for every dimension of the catalogue; store.py adds them
create table if not exists later_series (
    series bigint not null,
    dataset varchar not null
);

create table if not exists later_history (
    series bigint not null,
    period varchar not null,
    value double,
    flag varchar,
    conf varchar,
    deleted boolean not null,
    vintage integer not null
);

create table if not exists check_results (
    dataset varchar not null,
    snapshot_id varchar not null,
    check_name varchar not null,
    passed boolean,                 -- NULL where there was nothing to judge
    observed varchar,
    expected varchar,
    checked_at timestamptz not null,
    severity varchar                -- of a check that failed: quarantine or alert
);
-- files of earlier versions
alter table check_results alter passed drop not null;
alter table check_results add column if not exists severity varchar;
