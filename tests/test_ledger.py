"""The chain of the ledger: what was altered, removed or sealed again is named. All figures are made up."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.data_folder import DataFolder
from sources.errors import SpecError
from tests.target_examples import KNOWN, NOW, TARGET, entry, target
from warehouse.targets import ledger, schema
from warehouse.targets.ledger import Ledger
from warehouse.targets.rules import Known
from warehouse.targets.schema import LedgerError, Target


@pytest.fixture
def chain(tmp_path: Path) -> tuple[DataFolder, Ledger]:
    """A ledger of three targets, the second in two versions, and an anchor."""
    home = DataFolder(tmp_path)
    home.ledger.write_text("# a ledger\n")
    for name, aim in (("first", 200.0), ("second", 210.0), ("second", 220.0)):
        standing = ledger.load(home)
        point = {**TARGET["target"], "value": aim}
        ledger.append(home, standing, ledger.sealed(standing, target(id=name, target=point), KNOWN, NOW))
    standing = ledger.load(home)
    ledger.append(home, standing, ledger.anchored(home, standing, "Prot. 1/2025", None, [], NOW))
    return home, ledger.load(home)


def test_a_ledger_reads_back_as_it_was_sealed(chain):
    home, found = chain
    assert ledger.chain_problems(found, {}, home) == []
    assert [(e.id, e.version) for e in found.targets] == [("first", 1), ("second", 1), ("second", 2)]
    assert found.anchors[0].anchors == found.targets[-1].seal
    assert home.ledger.read_text().startswith("# a ledger\n")


def test_adding_leaves_what_is_there_as_it_is(chain):
    home, found = chain
    before = home.ledger.read_bytes()
    ledger.append(home, found, ledger.sealed(found, target(id="third"), KNOWN, NOW))
    assert home.ledger.read_bytes().startswith(before.rstrip(b"\n"))
    assert len(ledger.load(home).entries) == 5


CHANGES = {
    "target.value": ("value: 210.0", "value: 205.0"),
    "fixed_by": ("The board", "Nobody"),
    "recorded_at": ("recorded_at: 2025-06-30", "recorded_at: 2024-06-30"),
    "timing": ("timing: ex_ante", "timing: within_period"),
    "thresholds.delayed": ("delayed: 0.75", "delayed: 0.1"),
}


@pytest.mark.parametrize("field", CHANGES)
def test_an_altered_field_breaks_the_chain_at_its_entry(chain, field):
    home, found = chain
    published = {e.number: schema.content(e) for e in found.entries}
    old, new = CHANGES[field]
    text = home.ledger.read_text()
    start = text.index("- id: second")
    home.ledger.write_text(text[:start] + text[start:].replace(old, new, 1))
    assert ledger.chain_problems(ledger.load(home), {}, home)[0].startswith(
        "entry 2 (second, version 1) was altered after it was sealed"
    )
    told = ledger.chain_problems(ledger.load(home), published, home)[0]
    assert f"{field} was" in told and "entry 2 (second, version 1)" in told


@given(st.sampled_from([0, 1, 2, 3]), st.sampled_from(["gone", "twice", "swapped"]))
def test_an_entry_taken_out_or_put_in_is_found(number, what):
    """Nothing but the order is changed: every entry keeps its own good seal."""
    entries = []
    for i in range(4):
        standing = Ledger(Path("none"), list(entries))
        entries.append(ledger.sealed(standing, target(id=f"target-{i}"), KNOWN, NOW))
    published = {e.number: schema.content(e) for e in entries}
    home = DataFolder(Path("none"))
    if what == "gone":
        changed = entries[:number] + entries[number + 1 :]
    elif what == "twice":
        changed = [*entries[: number + 1], *entries[number:]]
    else:
        other = (number + 1) % 4
        changed = list(entries)
        changed[number], changed[other] = changed[other], changed[number]
    assert ledger.chain_problems(Ledger(Path("none"), entries), published, home) == []
    told = ledger.chain_problems(Ledger(Path("none"), changed), published, home)
    assert told != [] and "value was" not in " ".join(told)
    if (what, number) == ("swapped", 0):
        assert told[0].endswith(": in its place a release had published target-0, version 1")
    # without the last entry the chain is valid: only a release or an anchor shows that it is missing
    assert (ledger.chain_problems(Ledger(Path("none"), changed), {}, home) == []) == (
        what == "gone" and number == 3
    )


def test_a_letter_of_another_alphabet_is_told_by_its_number(chain):
    home, found = chain
    published = {e.number: schema.content(e) for e in found.entries}
    text = home.ledger.read_text(encoding="utf-8")
    assert "made up for a test" in text
    home.ledger.write_text(text.replace("made up for a test", "mad\u0435 up for a test", 1), encoding="utf-8")
    assert r"'mad\u0435 up for a test'" in ledger.chain_problems(ledger.load(home), published, home)[0]


def test_a_ledger_sealed_anew_is_known_from_what_was_published(chain):
    home, found = chain
    published = {e.number: schema.content(e) for e in found.entries}
    anew = Ledger(found.path, [])
    for old in found.targets:
        fields = {k: v for k, v in old.model_dump().items() if k in Target.model_fields}
        fields["target"]["value"] += 1
        fields["baseline"].pop("value")
        anew.entries.append(ledger.sealed(anew, Target.model_validate(fields), KNOWN, NOW))
    assert ledger.chain_problems(anew, {}, home) == []
    told = ledger.chain_problems(anew, published, home)
    assert told[0].startswith(
        "entry 1 (first, version 1) was sealed again after a release had published it: target.value was 200.0 and is 201.0"
    )
    assert told[-1] == "entry 4 is gone, which a release had published: an anchor"


def test_a_withdrawal_repeats_what_it_withdraws_and_may_come_late(chain):
    _, found = chain
    later = datetime(2031, 1, 1, tzinfo=UTC)
    known = Known({**KNOWN.values, "2026": 1.0, "2028": 1.0}, "NR", "up")
    point = {**TARGET["target"], "value": 220.0}
    gone = ledger.sealed(found, target(id="second", stage="withdrawn", target=point), known, later)
    assert gone.version == 3
    with pytest.raises(LedgerError, match="a withdrawal repeats"):
        ledger.sealed(found, target(id="second", stage="withdrawn"), known, later)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: 1\n", "must be a list"),
        ("- {id: x}\n", "targets.yml:1: 0.stage: missing"),
        ("- [\n", "not YAML"),
        ("- {id: x, id: y}\n", "targets.yml:1: id: duplicate key"),
        ("- id: x\n  target:\n    value: 9.1\n    value: 9.4\n", "targets.yml:4: value: duplicate key"),
        ("- 5\n", "targets.yml:1: 0"),
    ],
)
def test_what_is_no_ledger_is_refused_with_its_place(tmp_path, text, reason):
    home = DataFolder(tmp_path)
    home.ledger.write_text(text)
    with pytest.raises(SpecError, match=reason):
        ledger.load(home)


def test_content_is_stable():
    """The seal of a known entry: a change here would break every ledger there is."""
    text = schema.content(entry())
    assert json.loads(text)["recorded_at"] == "2025-06-30T12:00:00+00:00"
    assert (
        schema.seal(text)
        == entry().seal
        == "4e1a253255e22d48ed0e746776ce35a50713249836efb32d94359169cb5aeaa8"
    )
