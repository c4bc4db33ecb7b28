"""What is kept on disk: the snapshot store and its manifest after a crash, and releases as they grow old."""

from __future__ import annotations

import gzip
import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sources import manifest
from sources.data_folder import DataFolder, utc_now
from sources.errors import DamagedSnapshot, DistrettoError
from sources.http.client import Body
from sources.snapshots import Snapshot, SnapshotStore
from tests.conftest import TOY, World
from warehouse.publishing.release import Release, current, releases, retain, show

FETCHED = datetime(2026, 5, 13, 11, tzinfo=UTC)
TEXT = "freq,geo\\TIME_PERIOD\t2019 \r\nA,IT\t5905 p\r\n"


@pytest.fixture
def home(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data")


def add(
    home: DataFolder,
    store: SnapshotStore,
    text: str = TEXT,
    *,
    dataset: str = "toy",
    origin: str = "live",
    gzipped: bool = True,
    fetched_at: datetime = FETCHED,
) -> Snapshot:
    """Keep `text` in the store, as it would come from the client."""
    raw = text.encode()
    path = home.root / "incoming"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(raw) if gzipped else raw)
    body = Body(
        path,
        "http://127.0.0.1:9/toy",
        200,
        {},
        {"content-type": "text/csv"},
        fetched_at,
        path.stat().st_size,
        len(raw),
        hashlib.sha256(raw).hexdigest(),
        gzipped,
        raw[:64],
    )
    return store.add(
        body,
        dataset=dataset,
        provider="eurostat",
        code=dataset,
        format="tsv",
        origin=origin,
        provider_updated_at=None,
        coverage={},
        licence="test",
    )


# -- the manifest


def test_a_store_reads_back_what_it_wrote(home):
    store = SnapshotStore(home)
    snapshot = add(home, store)
    store.accept(snapshot, by="checks")
    again = SnapshotStore(home)
    assert (again.snapshots, again.acceptances) == (store.snapshots, store.acceptances)
    assert again.current("toy") == snapshot
    assert gzip.decompress(again.bodies.verified(snapshot).read_bytes()).decode() == TEXT


def test_a_body_that_came_twice_is_decided_once(home):
    """As two machines store it that ask a provider at once."""
    store = SnapshotStore(home)
    first = add(home, store)
    second = add(home, store, fetched_at=first.fetched_at + timedelta(seconds=1))
    assert first.id != second.id
    store.accept(first, by="checks")
    assert store.undecided("toy", "live", "") is None
    assert store.undecided("toy", "shipped", "") is None


TORN = [b'{"event": "accepted", "data', b"{", '{"because": "perché'.encode()[:-1], b'{"event": "snapshot"}']


@pytest.mark.parametrize("torn", TORN)
def test_a_line_torn_by_a_crash_is_ignored_and_the_next_write_repairs_it(home, torn):
    store = SnapshotStore(home)
    snapshot = add(home, store)
    whole = home.manifest.read_bytes()
    home.manifest.write_bytes(whole + torn)
    after = SnapshotStore(home)
    assert list(after.snapshots) == [snapshot.id] and after.acceptances == []
    after.accept(snapshot, by="checks")
    assert home.manifest.read_bytes().startswith(whole + b'{"event": "accepted"')
    assert [json.loads(line)["event"] for line in home.manifest.read_text().splitlines()] == [
        "snapshot",
        "accepted",
    ]
    assert SnapshotStore(home).current("toy") == snapshot


def test_a_manifest_that_holds_nothing_but_a_torn_line(home):
    store = SnapshotStore(home)
    home.manifest.parent.mkdir(parents=True)
    home.manifest.write_bytes(b'{"event": "snap')
    assert SnapshotStore(home).snapshots == {}
    snapshot = add(home, store)
    assert list(SnapshotStore(home).snapshots) == [snapshot.id]


@pytest.mark.parametrize(
    "line",
    [
        '{"event": "snapshot", "id": "toy-2026',
        "[1]",
        "{}",
        '{"event": "snapshot", "colour": "red"}',
        '{"event": "accepted", "dataset": "toy", "snapshot_id": "toy-gone", "kind": "update", "by": "checks", '
        '"accepted_at": "2026-05-13T11:00:00+00:00"}',
    ],
    ids=["torn", "a list", "empty", "unknown key", "of no snapshot"],
)
def test_a_line_damaged_within_is_named(home, line):
    store = SnapshotStore(home)
    store.accept(add(home, store), by="checks")
    first, second, _ = home.manifest.read_text().split("\n")
    home.manifest.write_text(f"{first}\n{line}\n{second}\n")
    with pytest.raises(DamagedSnapshot, match=r"manifest\.jsonl:2: not a line of the manifest"):
        SnapshotStore(home)


def test_moments_of_acceptance_only_grow_whatever_the_clock_does(home, monkeypatch):
    clock = iter([FETCHED, FETCHED, FETCHED - timedelta(days=400), FETCHED + timedelta(days=1), FETCHED])
    store = SnapshotStore(home)
    snapshot = add(home, store)
    monkeypatch.setattr(manifest, "utc_now", lambda: next(clock))
    for _ in range(3):
        store.accept(snapshot, by="checks")
    store.pin(snapshot, by="me", because="test")
    store.accept(snapshot, by="checks")
    moments = [event.accepted_at for event in SnapshotStore(home).acceptances]
    assert moments == [
        FETCHED,
        FETCHED + timedelta(microseconds=1),
        FETCHED + timedelta(microseconds=2),
        FETCHED + timedelta(days=1),
        FETCHED + timedelta(days=1, microseconds=1),
    ]
    assert all(earlier < later for earlier, later in zip(moments, moments[1:], strict=False))


def test_a_later_acceptance_ends_a_quarantine_even_if_the_clock_was_set_back(home, monkeypatch):
    store = SnapshotStore(home)
    refused, good = add(home, store, "bad"), add(home, store, "good")
    clock = iter([FETCHED, FETCHED - timedelta(hours=1)])
    monkeypatch.setattr(manifest, "utc_now", lambda: next(clock))
    store.refuse(refused, ["no"])
    assert [event.snapshot_id for event in store.quarantined("toy")] == [refused.id]
    store.accept(good, by="checks")
    assert store.quarantined("toy") == []


# -- bodies


def test_the_same_body_twice_is_one_snapshot(home):
    store = SnapshotStore(home)
    first = add(home, store)
    assert add(home, store) == first
    assert list(SnapshotStore(home).snapshots) == [first.id]
    assert len([path for path in home.objects.rglob("*") if path.is_file()]) == 1
    assert len(home.manifest.read_text().splitlines()) == 1


def test_of_refused_bodies_the_last_five_stay_and_every_line_of_the_manifest(home):
    store = SnapshotStore(home)
    kept = add(home, store, "accepted")
    store.accept(kept, by="checks")
    other = add(home, store, "another dataset's", dataset="toy2")
    store.refuse(other, ["no"])
    refused = [add(home, store, f"refused {number}") for number in range(8)]
    for snapshot in refused:
        store.refuse(snapshot, ["too short", "wrong unit"])
    assert [snapshot.id for snapshot in refused if store.bodies.path(snapshot).exists()] == [
        snapshot.id for snapshot in refused[-5:]
    ]
    assert store.bodies.path(kept).exists() and store.bodies.path(other).exists()
    again = SnapshotStore(home)
    assert [event.snapshot_id for event in again.quarantined("toy")] == [snapshot.id for snapshot in refused]
    assert again.refusals[-1].reasons == ["too short", "wrong unit"]


def test_a_refused_body_that_a_person_let_in_stays(home):
    store = SnapshotStore(home)
    first = add(home, store, "refused, then let in")
    store.refuse(first, ["no"])
    store.accept(first, by="me", because="announced")
    for number in range(6):
        store.refuse(add(home, store, f"refused {number}"), ["no"])
    assert store.bodies.verified(first).exists()
    assert store.current("toy") == first


def _flip(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]


@pytest.mark.parametrize("gzipped", [True, False])
@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:20],
        lambda data: b"",
        lambda data: b"something else",
        lambda data: data + b"more",
        *(lambda data, place=place: _flip(data, place) for place in (0, 12, 25, 30)),
    ],
    ids=[
        "cut",
        "emptied",
        "replaced",
        "longer",
        "flipped at 0",
        "flipped at 12",
        "flipped at 25",
        "flipped at 30",
    ],
)
def test_damage_is_told_with_the_snapshot_and_never_passed_on(home, gzipped, damage):
    store = SnapshotStore(home)
    snapshot = add(home, store, gzipped=gzipped)
    path = store.bodies.path(snapshot)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DamagedSnapshot, match=snapshot.id) as failure:
        store.bodies.verified(snapshot)
    assert failure.value.hint


def test_a_lost_body_is_damage_too_and_can_be_restored(home):
    store = SnapshotStore(home)
    snapshot = add(home, store)
    body = store.bodies.path(snapshot).read_bytes()
    store.bodies.path(snapshot).unlink()
    with pytest.raises(DamagedSnapshot):
        store.bodies.verified(snapshot)
    served = home.root / "served-again"
    served.write_bytes(body)
    store.bodies.replace(snapshot, served)
    assert store.bodies.verified(snapshot).read_bytes() == body
    assert not served.exists()


def test_a_snapshot_is_found_by_the_end_of_its_id(home):
    store = SnapshotStore(home)
    first, second = add(home, store, "one"), add(home, store, "two")
    assert store.find("toy", first.id) == store.find("toy", first.id[-8:]) == first
    for name in ("", "nothing"):
        with pytest.raises(DistrettoError) as failure:
            store.find("toy", name)
        assert first.id in failure.value.hint and second.id in failure.value.hint


def test_live_figures_begin_anew_where_shipped_ones_stood(home):
    store = SnapshotStore(home)
    kinds = [
        store.accept(add(home, store, text, origin=origin), by="checks").kind
        for text, origin in (("one", "shipped"), ("two", "shipped"), ("three", "live"), ("four", "live"))
    ]
    assert kinds == ["baseline", "update", "baseline", "update"]
    assert store.current("toy").origin == "live"


# -- releases


def made(home: DataFolder, moment: datetime) -> Release:
    """The folder of a release that was built at `moment`, without real figures."""
    folder = home.releases / f"{moment:%Y%m%dT%H%M%SZ}"
    folder.mkdir(parents=True)
    for name in ("distretto.duckdb", "release.json", "observations.parquet", "SHA256SUMS"):
        (folder / name).write_text("{}")
        (folder / name).chmod(0o444)
    (folder / "embed").mkdir()
    (folder / "embed" / "chart.html").write_text("a chart")
    return Release(folder.name, folder)


def kept_whole(home: DataFolder) -> list[str]:
    return [release.id for release in releases(home)]


def test_thirty_nights_stay_then_the_last_of_each_month_the_current_one_and_every_record_and_chart(home):
    tonight = utc_now().replace(hour=3, minute=15, second=0, microsecond=0) - timedelta(days=1)
    built = [made(home, tonight - timedelta(days=age)) for age in range(150, -1, -1)]
    shown = built[10]
    show(home, shown)
    retain(home)
    recent = [
        release.id for release in built if release.id >= f"{utc_now() - timedelta(days=30):%Y%m%dT%H%M%SZ}"
    ]
    last_of_month = {release.id[:6]: release.id for release in built}
    assert len(recent) >= 29
    assert kept_whole(home) == sorted({*recent, *last_of_month.values(), shown.id})
    for release in built:
        names = {path.name for path in release.folder.iterdir()}
        whole = {"distretto.duckdb", "release.json", "observations.parquet", "SHA256SUMS", "embed"}
        assert names == (whole if release.id in kept_whole(home) else {"release.json", "embed"})
        assert (release.folder / "embed" / "chart.html").read_text() == "a chart"
    assert home.current.resolve() == shown.folder


def test_retention_a_second_time_changes_nothing(home):
    for age in (100, 99, 65, 64, 2, 1):
        made(home, utc_now() - timedelta(days=age))
    show(home, releases(home)[-1])
    retain(home)
    before = kept_whole(home)
    retain(home)
    assert kept_whole(home) == before


def test_releases_on_another_disk_keep_the_current_one(home, tmp_path):
    (tmp_path / "disk").mkdir()
    home.root.mkdir()
    home.releases.symlink_to(tmp_path / "disk")
    old = made(home, datetime(2020, 1, 1, tzinfo=UTC))
    made(home, datetime(2020, 1, 2, tzinfo=UTC))
    show(home, old)
    retain(home)
    assert (home.current / "distretto.duckdb").exists()
    assert current(home).id == old.id


@pytest.mark.long
def test_rollback_list_diff_and_verify(world: World):
    world.first_night()
    world.serve(
        {**TOY, ("A", "V11920", "ITG1"): {"2018": "40", "2019": "45"}},
        last_change=FETCHED + timedelta(days=90),
    )
    world.refresh()
    old, new = world.releases
    value = "select value from observations where dataset = 'toy' and geo = 'ITG1' and indicator = 'V11920' and period = '2019'"
    assert world.query(value) == [(45.0,)]

    differences = {row["table"]: row for row in world.run("release", "diff", old, "--json").json}
    for table, (removed, added) in {
        "observations": (1, 1),
        "enterprise_births": (1, 1),
        "revisions": (0, 1),
        "vintages": (0, 1),
        "history": (0, 1),
        "series": (0, 0),
        "codelists": (0, 0),
    }.items():
        assert (differences[table]["removed"], differences[table]["added"]) == (removed, added), table
    backwards = {row["table"]: row for row in world.run("release", "diff", new, old, "--json").json}
    assert (backwards["revisions"]["removed"], backwards["revisions"]["added"]) == (1, 0)

    assert world.run("release", "rollback", old).code == 0
    assert world.query(value) == [(44.0,)]
    listed = world.run("release", "list", "--json").json
    assert [(row["release"], row["current"]) for row in listed] == [(old, True), (new, False)]
    assert world.run("release", "verify", "--json").json == {"release": old, "problems": []}
    # nothing new: the older release stays on show, and rolling forward is a rollback to the newer id
    assert world.refresh().json["current"] == old
    assert world.run("release", "rollback", new, "--json").json == {"current": new}
    assert world.query(value) == [(45.0,)]


def test_equal_files_of_two_releases_are_one_file_on_disk(world: World):
    world.first_night()
    world.server.stop()
    world.refresh()
    old, new = world.releases
    for path in (world.home / "releases" / new).glob("*.parquet"):
        twin = world.home / "releases" / old / path.name
        told = path.name in ("catalogue.parquet", "check_results.parquet", "release.parquet")
        assert path.samefile(twin) != told, path.name


@pytest.mark.long
def test_a_damaged_release_is_not_shown_again(world: World):
    world.first_night()
    world.serve(
        {**TOY, ("A", "V11920", "ITG1"): {"2018": "40", "2019": "45"}},
        last_change=FETCHED + timedelta(days=90),
    )
    world.refresh()
    old, new = world.releases
    damaged = world.home / "releases" / old / "observations.parquet"
    damaged.chmod(0o644)
    damaged.write_bytes(b"")
    outcome = world.run("release", "rollback", old)
    assert outcome.code == 1
    assert "observations.parquet" in outcome.err
    assert (world.home / "current").resolve().name == new
    assert world.run("release", "rollback", "20000101T000000Z").code == 1
    # now the newest: nothing reads it, and once it is removed the next run publishes the current figures
    database = world.home / "releases" / new / "distretto.duckdb"
    database.chmod(0o644)
    database.write_bytes(b"no database")
    for words in (["query", "from release"], ["refresh", "--only", "toy"]):
        outcome = world.run(*words)
        assert outcome.code == 1
        assert f"Release {new} is damaged" in outcome.err and "move it away" in outcome.err
    database.parent.rename(world.folder / "away")
    assert world.refresh().json["published"] not in (old, new)
