"""What commands report to people: states of datasets, providers, targets, the provenance of a number.

Belongs here: the wording and order of these reports. Does not belong here: streams and tables (`console.py`), and anything
that `--json` prints.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from pipelines import console
from sources.common.ages import age, ago, since_end
from sources.data_folder import utc_now
from warehouse.history.dataset_state import STATES, DatasetState, Run

if TYPE_CHECKING:
    from sources.doctor import Examination

STATE_STYLES = {
    "live": "bold green",
    "unchanged": "green",
    "stale": "bold red",
    "pinned": "yellow",
    "shipped": "cyan",
    "missing": "dim",
    "not configured": "dim",
}

STATUS_STYLES: Mapping[str, str] = {
    "met": "bold green",
    "on_track": "green",
    "delayed": "yellow",
    "off_track": "bold red",
    "not_assessable": "dim",
    "not_comparable": "dim",
}


@dataclass(frozen=True)
class Overview:
    """What `refresh` and `status` report alike.

    `current` is the current release and `folder` its place, `archived` the day by which bundled figures of a dataset were
    archived. With `everything`, every dataset is listed, not only those with a problem.
    """

    current: str | None
    folder: str
    run: Run
    states: Mapping[str, DatasetState]
    archived: Mapping[str, date]
    headlines: list[dict[str, Any]]
    everything: bool


def refreshed(found: Overview, published: str | None) -> None:
    """The end of a refresh: the release, the datasets by state, the headline figures."""
    run = found.run
    if published:
        console.out.print(
            Text("Published ", style="bold green") + Text(f"release {published} in {found.folder}")
        )
    else:
        console.out.print(
            Text("Nothing changed: ", style="bold")
            + Text(f"the current release is still {found.current} in {found.folder}.")
        )
    console.out.print()
    _datasets(found)
    console.out.print()
    _headlines(found.headlines)
    if run.worse:
        console.err.print(
            Text(
                f"\nDegraded: {', '.join(run.worse)} got worse since the last run; the last good figures stay.",
                style="bold yellow",
            )
        )
    if run.undrawn:
        console.err.print(
            Text(f"\nPages that could not be drawn: {', '.join(run.undrawn)}.", style="bold yellow")
        )


def status(found: Overview) -> None:
    """The current release, the last run, the datasets by state and their problems, the headline figures."""
    run = found.run
    console.out.print(
        Text(
            f"Release {found.current} in {found.folder}"
            if found.current
            else "There is no release yet: run `distretto refresh`."
        )
    )
    console.out.print(Text(f"Last run {run.at:%Y-%m-%d %H:%M} UTC" if run.at else "No run yet"))
    if run.failed:
        console.out.print(Text(f"The last run published nothing: {run.failed}", style="bold red"))
    console.out.print()
    _datasets(found)
    if found.headlines:
        console.out.print()
        _headlines(found.headlines)


def _headlines(headlines: list[dict[str, Any]]) -> None:
    """Each headline with the age of its period."""
    today = utc_now().date()
    for headline in headlines:
        period = headline["period"]
        console.out.print(
            Text(headline["text_en"] + (f"; {since_end(period, today, 'en')}" if period else ""))
        )


def _datasets(found: Overview) -> None:
    """How many datasets are in each state, then those with a problem or all, then the problems."""
    states, archived, everything = found.states, found.archived, found.everything
    counts: Counter[str] = Counter(entry.state for entry in states.values())
    console.out.print(
        Text(
            f"{len(states)} datasets: "
            + ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
            + ".",
            style="bold",
        )
    )
    if archived:
        first, last = min(archived.values()), max(archived.values())
        when = f"by {first}," if first == last else f"between {first} and {last}, the oldest"
        console.out.print(
            Text(
                "The figures of the shipped datasets come with the project. They were archived "
                f"{when} {ago((utc_now().date() - first).days, 'en')}."
            )
        )
    if unproven := [name for name, entry in states.items() if entry.unproven]:
        console.out.print(
            Text(f"Unproven, used by no headline, watch or target: {', '.join(unproven)}.", style="yellow")
        )
    listed = [name for name in states if everything or _unusual(states[name])]
    if listed:
        console.out.print()
        grid = Table(box=None, pad_edge=False, header_style="bold")
        for column in ("dataset", "state", "updated by its provider", "last check"):
            grid.add_column(column, overflow="fold", no_wrap=column == "dataset")
        order = list(STATES)
        for name in sorted(listed, key=lambda name: (order.index(states[name].state), name)):
            entry = states[name]
            updated = f"{entry.provider_updated_at:%Y-%m-%d}" if entry.provider_updated_at else "not known"
            if name in archived:
                updated += (
                    f", archived by {archived[name]} ({ago((utc_now().date() - archived[name]).days, 'en')})"
                )
            grid.add_row(
                name,
                Text(
                    entry.state
                    + (f" for {age(entry.age_days, 'en')}" if entry.age_days is not None else "")
                    + (", unproven" if entry.unproven else ""),
                    style=STATE_STYLES[entry.state],
                ),
                updated,
                Text(entry.outcome or "not checked", style="yellow" if entry.trouble else ""),
            )
        console.wide().print(grid)
    if len(listed) < len(states):
        console.out.print()
        console.out.print(Text("distretto status --all lists every dataset.", style="dim"))
    for (message, hint), names in _problems(states).items():
        console.out.print()
        console.out.print(Text(", ".join(names) if everything else console.some(names), style="yellow"))
        console.out.print(Text(f"  {message}"))
        console.out.print(Text(f"  Next: {hint}", style="dim"))


def _unusual(entry: DatasetState) -> bool:
    """Whether the published figures are not what the provider has now. Other failures are listed among the problems."""
    return bool(entry.state in ("stale", "pinned") or entry.late or entry.quarantine)


def _problems(states: Mapping[str, DatasetState]) -> dict[tuple[str, str], list[str]]:
    """The datasets grouped by problem and next step."""
    found: dict[tuple[str, str], list[str]] = {}
    for name, entry in states.items():
        said = []
        if entry.late:
            said.append(
                (
                    "The provider has not updated it for longer than usual.",
                    "nothing, or check the provider's release calendar.",
                )
            )
        if entry.failing and entry.failure:
            said.append((entry.failure.message, entry.failure.hint))
        if entry.twin:
            said.append(
                (
                    f"The provider also has a table in NACE Rev. 2.1, {entry.twin['code']}, "
                    f"updated {str(entry.twin['updated'])[:10]}.",
                    "see docs/operating.md; its section letters have other meanings, so the two are not joined.",
                )
            )
        if entry.state == "not configured":
            said.append(
                (
                    f"Not asked, which is no failure: the provider needs {' and '.join(entry.unset)}.",
                    "set them in the environment (docs/operating.md) if you want the dataset.",
                )
                if entry.unset
                else (
                    f"Not asked, which is no failure: it needs a file in {entry.folder}/.",
                    "put one there (docs/hand-drops.md) if you want the dataset.",
                )
            )
        for one in said:
            found.setdefault(one, []).append(name)
    return found


def doctor(found: list[Examination]) -> None:
    """Each provider's answer and rate limit, each dataset's next release, then what to do about each problem."""
    now = utc_now()
    answers = {True: "yes", False: "NO", None: "not asked"}
    providers = [
        {
            "provider": row.provider,
            "answers": answers[row.answers] if row.host else "a folder",
            "said": row.said,
            "credentials": row.credentials,
            "one request every": f"{row.seconds_between_requests:g} s" if row.host else "",
            "budget": _budget(row),
            "last asked": _minute(row.last_asked),
            "may be asked": "now"
            if row.may_be_asked_at and row.may_be_asked_at <= now
            else _minute(row.may_be_asked_at),
        }
        for row in found
    ]
    console.table(providers, list(providers[0]))
    console.out.print()
    releases = [
        {
            "dataset": release.dataset,
            "state": release.state,
            "provider updated it": console.minute(release.updated)[:10] or "not known",
            "next release": release.expected,
            "late": "LATE" if release.late else f"after {release.late_after}" if release.late_after else "",
        }
        for row in found
        for release in row.datasets
    ]
    console.table(releases, ["dataset", "state", "provider updated it", "next release", "late"])
    for row in found:
        for release in row.datasets:
            name = release.dataset
            if release.twin:
                console.err.print(
                    f"{name}: the provider also has a table in NACE Rev. 2.1, {release.twin}; see docs/operating.md."
                )
            if release.failing:
                console.err.print(f"{name}: failing. Next: distretto status shows why.")
            if release.late:
                console.err.print(f"{name}: late. Next: distretto probe {name} shows what the provider has.")
        if row.next:
            console.err.print(f"{row.provider}. Next: {row.next}")


def _minute(moment: datetime | None) -> str:
    return console.minute(moment.isoformat()) if moment else ""


def _budget(row: Examination) -> str:
    """The requests and bytes that a provider's limits still allow."""
    parts = (
        (row.requests_a_run, "{:,.0f} requests a run"),
        (row.requests_left_this_hour, "{:,.0f} left this hour"),
        (row.bytes_left_this_week and row.bytes_left_this_week / 1e6, "{:,.0f} MB left this week"),
    )
    return "; ".join(words.format(number) for number, words in parts if number is not None)


def probed(found: dict[str, Any]) -> None:
    """What a probe found: first what breaks the entry, then what is new."""
    broken = [
        (f"dimension {kind}", ", ".join(found["dimensions"][kind]))
        for kind in ("gone", "new")
        if found["dimensions"][kind]
    ]
    broken += [
        (f"{d}: asked for, no longer there", console.some(codes)) for d, codes in found["codes_gone"].items()
    ]
    broken += [
        (words, console.some(found[key]))
        for key, words in (
            ("codes_without_unit", "codes without a unit in the entry"),
            ("territories_unknown", "territories that geography.csv lacks"),
        )
        if found[key]
    ]
    changed = [(f"{d}: new at the provider", console.some(codes)) for d, codes in found["codes_new"].items()]
    changed += [
        (f"{d}: held, no longer listed", console.some(codes)) for d, codes in found["codes_vanished"].items()
    ]
    changed += (
        [("periods new at the provider", console.some(found["periods_new"]))] if found["periods_new"] else []
    )
    periods = {side: " to ".join(dict.fromkeys(span)) or "unknown" for side, span in found["periods"].items()}
    console.out.print(f"{found['dataset']} ({found['code']} of {found['provider']})")
    console.out.print(f"  dimensions  {', '.join(found['dimensions']['found'])}")
    console.out.print(
        f"  periods     {periods['provider']}"
        + (f"; held: {periods['held']}" if found["held"] else "; no figures held")
    )
    for style, rows in (("red", broken), ("yellow", changed)):
        for what, which in rows:
            console.out.print(Text(f"  {what}: ", style=style) + Text(which))
    if not broken:
        console.done("The provider has everything the catalogue entry asks for.")
    else:
        console.failed(
            "The catalogue entry and the provider differ.", "correct the entry, see docs/add-a-dataset.md."
        )


def results(rows: list[dict[str, Any]]) -> None:
    """Each target with its goal, and its assessment at each milestone and at its end."""
    # its models are not made for the other reports
    from warehouse.targets.schema import STATUS_WORDS

    shown: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in rows:
        shown.setdefault((row["target_id"], row["version"]), []).append(row)
    for (target, version), points in shown.items():
        about = points[0]
        standing = f", superseded by version {about['superseded_by']}" if about["superseded_by"] else ""
        console.out.print(
            Text(f"{target}, version {version}", style="bold")
            + Text(f"  {about['stage']}{standing}", style="yellow")
        )
        console.out.print(
            Text(
                f"  {about['directive']}; {about['geo']} {about['indicator']} ({about['unit']}) "
                f"from {console.cell(about['baseline_value'])} in {about['baseline_period']}; "
                f"{about['timing'].replace('_', ' ')}",
                style="dim",
            )
        )
        grid = Table(box=None, pad_edge=False, header_style="dim")
        for column in (
            "",
            "point",
            "period",
            "goal",
            "expected",
            "value",
            "progress",
            "change",
            "peers",
            "status",
            "chance",
            "because",
        ):
            numbers = column not in ("", "point", "period", "status", "because")
            grid.add_column(column, justify="right" if numbers else "left", overflow="fold")
        for row in points:
            grid.add_row(
                "",
                row["point"],
                row["period"],
                console.cell(row["goal"]),
                console.cell(row["expected"]),
                console.cell(row["value"]),
                _percent(row["progress"], ".0f"),
                _percent(row["change"], "+.1f"),
                _percent(row["peers_change"], "+.1f"),
                Text(STATUS_WORDS[row["status"]]["en"], style=STATUS_STYLES[row["status"]]),
                _percent(row["probability"] and row["probability"] * 100, ".0f"),
                row["reason_en"],
            )
        console.wide().print(grid)
        console.out.print()


def provenance(found: dict[str, Any]) -> None:
    """A published number and its origin: definition first, then each input."""
    for answer in found["answers"]:
        console.facts(answer["title"], answer["facts"], 0)
        for step in answer["inputs"]:
            console.facts(f"from {step['title']}", step["facts"], 2)
        console.wide().print()


def _percent(value: float | None, form: str) -> str:
    return "" if value is None else f"{value:{form}} %"
