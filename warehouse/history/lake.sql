-- The warehouse in a lake: the tables of schema.sql, where no constraint can be declared, and where first figures are in the
-- tables too. Figures lie by dataset, so that a dataset's step reads no others. Executed once, when a lake is first used.

create table vintages (
    vintage integer not null,
    dataset varchar not null,
    snapshot_id varchar not null,
    known_from timestamptz not null,
    kind varchar not null,
    series_added bigint not null,
    added bigint not null,
    changed bigint not null,
    reflagged bigint not null,
    deleted bigint not null,
    returned bigint not null,
    series_from bigint,
    provisional boolean not null
);

create table later_series (
    series bigint not null,
    dataset varchar not null
);
alter table later_series set partitioned by (dataset);

create table later_history (
    dataset varchar not null,
    series bigint not null,
    period varchar not null,
    value double,
    flag varchar,
    conf varchar,
    deleted boolean not null,
    vintage integer not null
);
alter table later_history set partitioned by (dataset);

create table check_results (
    dataset varchar not null,
    snapshot_id varchar not null,
    check_name varchar not null,
    passed boolean,
    observed varchar,
    expected varchar,
    checked_at timestamptz not null,
    severity varchar
);

create view series as from later_series;
create view history as select * exclude (dataset) from later_history;
