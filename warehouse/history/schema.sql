-- The warehouse: figures with their history, append only. All but check_results can be built again from the manifest.
-- A dataset's first figures stay the staged Parquet they came as, in baselines/DATASET; only what follows is in tables.
-- The views `series` and `history` (vintages.py) show both as one.

create table if not exists vintages (
    vintage integer primary key,
    dataset varchar not null,
    snapshot_id varchar not null,
    known_from timestamptz not null unique,
    kind varchar not null,          -- baseline, update, pin
    series_added bigint not null,   -- series seen for the first time
    added bigint not null,          -- observations of series known before
    changed bigint not null,
    reflagged bigint not null,
    deleted bigint not null,
    returned bigint not null,
    series_from integer             -- of a first vintage: its series are numbered from here; NULL for later ones
);

-- and one VARCHAR column for every dimension of the catalogue; store.py adds them
create table if not exists later_series (
    series integer not null,
    dataset varchar not null
);

create table if not exists later_history (
    series integer not null,
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
    passed boolean not null,
    observed varchar,
    expected varchar,
    checked_at timestamptz not null
);
