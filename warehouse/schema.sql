-- The warehouse: figures with their history, append only. It can be built again from the snapshot manifest.
-- `series` also has one VARCHAR column for every dimension of the catalogue; store.py adds them.

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
    returned bigint not null
);

create table if not exists series (
    series integer not null,
    dataset varchar not null
);

create table if not exists history (
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
