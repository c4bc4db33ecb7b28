"""The catalogue's schema: errors of a wrong file, with file and line, and how settings override one another."""

from __future__ import annotations

from pathlib import Path

import pytest

from sources.catalogue import load_catalogue
from sources.errors import SpecError
from sources.providers import load_providers

ENTRY = """\
title: {it: Prova, en: Trial}
theme: enterprise_births
provider: eurostat
code: toy
dimensions: [freq, indic_sb, geo]
indicator: indic_sb
unit:
  indic_sb: {V11920: NR}
query:
  geo: [IT, ITG1]
status: live
citation: test
calendar: {frequency: A, expected: in tests, late_after_days: 500}
checks:
  min_rows: 4
  geos: [IT]
  ranges:
    - where: {indic_sb: [V11920]}
      min: 0
feeds:
  enterprise_births: {indic_sb: [V11920]}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A further folder of catalogue entries, with the good entry `toy`."""
    entries = tmp_path / "catalogue"
    entries.mkdir()
    monkeypatch.setenv("DISTRETTO_CATALOGUE", str(entries))
    (entries / "toy.yml").write_text(ENTRY)
    return entries


def refused(path: Path, text: str) -> SpecError:
    path.write_text(text)
    with pytest.raises(SpecError) as failure:
        load_catalogue()
    assert failure.value.hint
    return failure.value


def test_a_good_entry(folder):
    toy = load_catalogue()["toy"]
    assert (toy.id, toy.path, toy.indicator_dimension, toy.format) == (
        "toy",
        str(folder / "toy.yml"),
        "indic_sb",
        "tsv",
    )
    assert (toy.checks.max_revised_share, toy.checks.min_size_ratio, toy.warnings) == (0.25, 0.7, [])


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("status: live", "status: live\ncolour: red", 12, "colour: unknown key"),
        ("  min_rows: 4", "  min_rows: 4\n  minrows: 4", 16, "checks.minrows: unknown key"),
        ("status: live", "status: live\nid: other", 12, "id"),
        ("  min_rows: 4\n", "", 14, "checks.min_rows: missing"),
        ("min_rows: 4", "min_rows: 0", 15, "checks.min_rows"),
        ("min_rows: 4", "min_rows: many", 15, "checks.min_rows"),
        ("code: toy\n", "", 1, "code: missing"),
        ("code: toy", "code: to y", 4, "code"),
        ("theme: enterprise_births", "theme: births", 2, "theme"),
        ("status: live", "status: dead", 11, "status"),
        ("{it: Prova, en: Trial}", "{it: Prova}", 1, "title.en: missing"),
        ("{frequency: A,", "{frequency: Y,", 13, "calendar.frequency"),
        ("geo: [IT, ITG1]", "geo: [IT, NO]", 10, "query.geo.1"),
        ("geos: [IT]", "geos: [IT, NO]", 16, "checks.geos.1"),
        ("geo: [IT, ITG1]", "geo: [IT, 0]", 10, "query.geo.1"),
        ("geo: [IT, ITG1]", "geo: [IT, 'I T']", 10, "query.geo.1"),
        ("geo: [IT, ITG1]", "geo: IT", 10, "query.geo"),
        ("enterprise_births: {", "enterprise_birth: {", 21, "enterprise_birth"),
        (
            "{indic_sb: [V11920]}\n      min",
            "{indic_sb: V11920}\n      min",
            18,
            "checks.ranges.0.where.indic_sb",
        ),
        ("status: live", "status: live\nfrequencies: []", 12, "frequencies"),
        ("status: live", "status: live\nfrequencies: [A, Y]", 12, "frequencies.1"),
        ("status: live", "status: live\nfrequencies: A", 12, "frequencies"),
        ("status: live", "status: live\nstatus: frozen", 12, "status: duplicate key"),
        ("  min_rows: 4", "  min_rows: 4\n  min_rows: 5", 16, "min_rows: duplicate key"),
        ("status: live", "status: [live", 12, "not YAML"),
        ("status: live", "\tstatus: live", 11, "not YAML"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_line(folder, old, new, line, told):
    assert ENTRY.count(old) == 1
    failure = refused(folder / "toy.yml", ENTRY.replace(old, new))
    assert f"{folder / 'toy.yml'}:{line}: " in failure.message
    assert told in failure.message
    assert "Value error" not in failure.message


@pytest.mark.parametrize(
    ("old", "new", "lines", "told"),
    [
        ("geo: [IT, ITG1]", "sex: [T]", (9, 10), "sex is not among the dimensions"),
        (
            "  indic_sb: {V11920: NR}",
            "  indic_sbs: {V11920: NR}",
            (7, 8),
            "indic_sbs is not among the dimensions",
        ),
        ("where: {indic_sb:", "where: {indic_sbs:", (14, 17, 18), "indic_sbs is not among the dimensions"),
        ("births: {indic_sb:", "births: {sizeclas:", (20, 21), "sizeclas is not among the dimensions"),
        (", late_after_days: 500", "", (11, 13), "late_after_days"),
        ("provider: eurostat", "provider: nobody", (3,), "'nobody' is unknown; allowed: "),
        ("provider: eurostat", "provider: eurosat", (3,), "did you mean eurostat?"),
        (
            "code: toy",
            "code: toy\nformat: tvs",
            (5,),
            "format: 'tvs' is unknown; did you mean tsv?; allowed: cordis,",
        ),
        ("code: toy", "code: toy\nfrequencies: [A, A]", (5,), "must name each frequency once"),
        ("indic_sb, geo]", "indic_sb]", (5,), "geo"),
        ("indic_sb, geo]", "indic_sb, geo, geo]", (5,), "once"),
    ],
)
def test_what_does_not_fit_another_key_is_told_where_it_stands(folder, old, new, lines, told):
    assert ENTRY.count(old) == 1
    message = refused(folder / "toy.yml", ENTRY.replace(old, new)).message
    assert told in message
    assert any(f"{folder / 'toy.yml'}:{line}: " in message for line in lines), message


@pytest.mark.parametrize("text", ["", "just text\n", "- a list\n", "# a comment\n"])
def test_a_file_without_keys_is_refused(folder, text):
    assert "toy.yml:1: must hold keys and values" in refused(folder / "toy.yml", text).message


def test_a_file_that_is_not_utf_8_is_refused(folder):
    (folder / "toy.yml").write_bytes(ENTRY.replace("Prova", "Società").encode("latin-1"))
    with pytest.raises(SpecError, match=r"toy\.yml:1: not YAML"):
        load_catalogue()


def test_everything_wrong_is_told_at_once(folder):
    message = refused(folder / "toy.yml", ENTRY.replace("status: live", "status: dead\ncolour: red")).message
    assert "toy.yml:11: status" in message and "toy.yml:12: colour" in message


def test_a_frozen_dataset_is_never_late(folder):
    (folder / "toy.yml").write_text(
        ENTRY.replace("status: live", "status: frozen").replace(", late_after_days: 500", "")
    )
    assert load_catalogue()["toy"].calendar.late_after_days is None


@pytest.mark.parametrize(
    ("old", "new"), [("latest: edition", "keep_latest: edition"), ("rest: sex", "collect_rest: sex")]
)
def test_the_old_name_of_a_key_is_read_with_a_warning(folder, caplog, old, new):
    given = ENTRY.replace("code: toy\n", f"code: toy\nformat: sdmx-csv\n{old}\n")
    (folder / "toy.yml").write_text(given.replace("indic_sb, geo]", "indic_sb, sex, geo]"))
    before = load_catalogue()["toy"]
    load_catalogue()
    key, name = old.split(": ")[0], new.split(": ")[0]
    (warning,) = [r.getMessage() for r in caplog.records if "old name" in r.getMessage()]
    assert warning == f"{folder / 'toy.yml'}:6: {key} is an old name, still read: write {name}."
    caplog.clear()
    (folder / "toy.yml").write_text((folder / "toy.yml").read_text().replace(old, new))
    after = load_catalogue()["toy"]
    assert after == before and getattr(after, name) == old.split(": ")[1]
    assert not caplog.records
    (folder / "toy.yml").write_text((folder / "toy.yml").read_text() + old + "\n")
    with pytest.raises(
        SpecError, match=rf"toy\.yml:24: {key}: is the old name of {name}, which is given too"
    ):
        load_catalogue()


def test_an_entry_without_frequencies_takes_them_all(folder):
    assert load_catalogue()["toy"].frequencies == ["A", "S", "Q", "M", "W", "D"]
    (folder / "toy.yml").write_text(ENTRY + "frequencies: [W]\n")
    assert load_catalogue()["toy"].frequencies == ["W"]


def test_every_entry_of_the_project_names_its_frequencies(monkeypatch):
    monkeypatch.delenv("DISTRETTO_CATALOGUE", raising=False)
    entries = load_catalogue()
    for entry in entries.values():
        assert "frequencies" in entry.model_fields_set, entry.path
    assert entries["own_figures"].frequencies == ["A", "S", "Q", "M"]
    assert entries["epo_named_groups"].frequencies == ["W"]
    assert entries["startup_innovative"].frequencies == ["D"]


# -- folders and providers


def test_a_further_folder_adds_entries_and_overrides_those_of_the_project(folder, monkeypatch):
    (folder / "pat_ep_rtot.yml").write_text(ENTRY)
    catalogue = load_catalogue()
    assert {"toy", "bd_size_r3", "nama_10r_3gdp"} <= set(catalogue)
    assert (catalogue["pat_ep_rtot"].code, catalogue["pat_ep_rtot"].path) == (
        "toy",
        str(folder / "pat_ep_rtot.yml"),
    )
    assert list(catalogue) == sorted(catalogue)
    monkeypatch.delenv("DISTRETTO_CATALOGUE")
    assert load_catalogue()["pat_ep_rtot"].code == "pat_ep_rtot"
    assert "toy" not in load_catalogue()


def test_dimensions_of_the_catalogue_are_those_of_all_entries(folder):
    (folder / "toy.yml").write_text(ENTRY.replace("indic_sb, geo]", "indic_sb, zone, geo]"))
    dimensions = load_catalogue().dimensions
    assert dimensions[:2] == ["freq", "geo"]
    assert dimensions[2:] == sorted(dimensions[2:])
    assert "zone" in dimensions and len(set(dimensions)) == len(dimensions)


def test_a_folder_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("DISTRETTO_CATALOGUE", str(tmp_path / "nowhere"))
    with pytest.raises(SpecError, match="DISTRETTO_CATALOGUE names no folder: .*nowhere") as failure:
        load_catalogue()
    assert failure.value.hint


@pytest.fixture
def providers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that DISTRETTO_PROVIDERS names."""
    path = tmp_path / "over.yml"
    monkeypatch.setenv("DISTRETTO_PROVIDERS", str(path))
    return path


def test_providers_are_laid_over_key_by_key(providers, monkeypatch):
    providers.write_text("eurostat: {base_url: 'http://127.0.0.1:9/mirror', min_interval_s: 0}\n")
    laid = load_providers()["eurostat"]
    monkeypatch.delenv("DISTRETTO_PROVIDERS")
    own = load_providers()["eurostat"]
    assert laid == own.model_copy(update={"base_url": "http://127.0.0.1:9/mirror", "min_interval_s": 0})
    assert own.base_url.startswith("https://")


def test_a_further_provider_can_be_laid_beside(providers, folder, monkeypatch):
    monkeypatch.delenv("DISTRETTO_PROVIDERS")
    settings = load_providers()["eurostat"].model_dump(exclude={"id"}, exclude_none=True) | {
        "title": "Mirror"
    }
    providers.write_text(f"mirror: {settings}\n")
    monkeypatch.setenv("DISTRETTO_PROVIDERS", str(providers))
    (folder / "toy.yml").write_text(ENTRY.replace("provider: eurostat", "provider: mirror"))
    assert load_providers()["mirror"].title == "Mirror"
    assert load_catalogue()["toy"].provider == "mirror"


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("eurostat:\n  base_url: 'http://127.0.0.1:9'\n  colour: red\n", 3, "colour: unknown key"),
        ("eurostat:\n  min_interval_s: -1\n", 2, "min_interval_s"),
        ("eurostat:\n  attempts: many\n", 2, "attempts"),
        (
            "eurostat:\n  protocol: eurosat\n",
            2,
            "eurostat.protocol: 'eurosat' is unknown; did you mean eurostat?; allowed: download, drop,",
        ),
        ("istat_archive:\n  protocol: dowload\n", 2, "did you mean download?"),
        ("eurostat:\n  timezone: Europe/Roma\n", 2, "timezone: is not a time zone"),
        ("eurostat:\n  base_url: localhost:9\n", 2, "base_url: must begin with http:// or https://"),
        ("other:\n  title: Other\n", 1, "base_url: missing"),
        ("eurostat:\n  attempts: 1\n  attempts: 2\n", 3, "attempts: duplicate key"),
        ("eurostat: http://127.0.0.1:9\n", 1, "eurostat must hold settings"),
        ("eurostat: {\n", 2, "not YAML"),
    ],
)
def test_wrong_provider_settings_are_told_with_file_and_line(providers, text, line, told):
    providers.write_text(text)
    with pytest.raises(SpecError) as failure:
        load_providers()
    assert f"{providers}:{line}: " in failure.value.message
    assert told in failure.value.message
    assert failure.value.hint


def test_a_file_of_providers_that_is_not_there_is_named(providers):
    with pytest.raises(SpecError, match=r"over\.yml: No such file"):
        load_providers()


def test_old_names_of_keys_are_read_with_a_warning(folder, caplog):
    old = ENTRY + "format: sdmx-csv\nlatest: edition\nrest: indic_sb\n"
    (folder / "toy.yml").write_text(old)
    toy = load_catalogue()["toy"]
    assert (toy.keep_latest, toy.collect_rest) == ("edition", "indic_sb")
    warnings = [record.getMessage() for record in caplog.records]
    assert [text.partition(": ")[2] for text in warnings] == [
        "latest is an old name, still read: write keep_latest.",
        "rest is an old name, still read: write collect_rest.",
    ]
    assert (
        "is the old name of keep_latest"
        in refused(folder / "toy.yml", old + "keep_latest: edition\n").message
    )
