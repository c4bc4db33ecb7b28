"""The ledger of targets on the terminal: each entry as it is sealed, with the outcome of its check.

Belongs here: layout. Does not belong here: checking (`warehouse/targets/verification.py`).

Everything shown comes from the parsed entries: comments in the file are not part of the ledger.
"""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from pipelines import console
from warehouse.targets.ledger import Ledger
from warehouse.targets.schema import Anchor, Entry
from warehouse.targets.verification import Outcome, Verification

OUTCOMES: dict[Outcome, tuple[str, str]] = {
    "sound": ("sound", "green"),
    "contradicted": ("contradicted", "bold red"),
    "unverifiable": ("cannot be checked", "yellow"),
}


def show(ledger: Ledger, found: Verification) -> None:
    """Print every entry with its outcome, the evidence of the head's date, and possible next steps."""
    for place, entry in enumerate(ledger.entries, 1):
        verdict = found.verdicts[place]
        word, style = OUTCOMES[verdict.outcome]
        console.out.print(Text(f"{verdict.name}: ", style="bold") + Text(word, style=style))
        grid = Table.grid(padding=(0, 2))
        for label, value in _fields(entry):
            grid.add_row("  ", Text(label, style="dim"), Text(value))
        if verdict.reason_en:
            grid.add_row("  ", Text("reason", style="dim"), Text(verdict.reason_en))
        if verdict.stamp:
            stamp = (
                f"{verdict.stamp.time:%Y-%m-%d %H:%M} UTC by {verdict.stamp.authority}, signature verified"
            )
            grid.add_row("  ", Text("dated", style="dim"), Text(stamp))
        console.out.print(grid)
    if found.shipped:
        names = ", ".join(entry.id for entry in found.shipped)
        console.err.print(
            f"Proposals from an earlier version of the project, never adopted: {names}. They stay until you "
            "withdraw them: docs/targets.md, Withdrawing a target."
        )
    if found.problems:
        return
    lost = len(found.unverifiable)
    dated = ledger.anchors[-1] if ledger.anchors else None
    console.done(
        f"{ledger.path}: {len(ledger.entries)} entries, nothing contradicts them"
        f"{f'; {lost} cannot be checked' if lost else ''}. Head {ledger.head}.",
        f"anchored up to entry {dated.number - 1}{f': {dated.protocol}' if dated.protocol else ''}."
        if dated
        else "no outside evidence of its date yet (distretto targets anchor).",
    )


def _fields(entry: Entry | Anchor) -> list[tuple[str, str]]:
    recorded = f"{entry.recorded_at:%Y-%m-%d %H:%M} UTC"
    if isinstance(entry, Anchor):
        stamp = f"{entry.stamped_at:%Y-%m-%d %H:%M} UTC by {entry.authority}" if entry.stamped_at else "none"
        return [
            ("anchors", entry.anchors),
            ("protocol", entry.protocol or "none"),
            ("time stamp", "of an earlier version" if entry.token_sha256 and not entry.stamped_at else stamp),
            ("recorded", recorded),
        ]
    points = ", ".join(f"{point.value:g} in {point.period}" for point in entry.points)
    return [
        ("stage", entry.stage),
        ("target", f"{entry.indicator} of {entry.geo} ({entry.unit}), {entry.direction} to {points}"),
        ("baseline", f"{entry.baseline.value:g} in {entry.baseline.period}"),
        ("fixed", f"{entry.fixed_on} by {entry.fixed_by}; {entry.document}"),
        ("recorded", f"{recorded}, {entry.timing.replace('_', ' ')}"),
    ]
