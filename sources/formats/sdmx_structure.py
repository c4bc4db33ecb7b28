"""SDMX-ML 2.1 structure messages: a dataflow's version and update stamp, the order of its key, its codes.

They are small and read whole. Does not belong here: asking for them (`protocols/`), data (`sdmx_ml.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from sources.errors import NotData, UnreadableBody

if TYPE_CHECKING:
    from sources.http.client import Body


@dataclass(frozen=True)
class Flow:
    """A dataflow: its data structure as `AGENCY/ID/VERSION`, its LAST_UPDATE if it has one, its own version."""

    structure: str
    last_update: datetime | None
    version: str


def flow(body: Body) -> Flow:
    """The one dataflow of the message `body`. Raises NotData, UnreadableBody."""
    found = [
        (one, structure.attrib)
        for one in _tree(body).iterfind(".//{*}Dataflow")
        if (structure := one.find("{*}Structure/Ref")) is not None
    ]
    if len(found) != 1:
        raise NotData(f"{len(found)} dataflows where one was asked for.")
    ((dataflow, ref),) = found
    titles = [
        note.findtext("{*}AnnotationTitle") or note.findtext("{*}AnnotationText")
        for note in dataflow.iterfind(".//{*}Annotation")
        if "LAST_UPDATE" in (note.get("id"), note.findtext("{*}AnnotationType"))
    ]
    return Flow(
        f"{ref.get('agencyID')}/{ref.get('id')}/{ref.get('version', '1.0')}",
        _stamp(titles[0] if titles else None),
        dataflow.get("version", "1.0"),
    )


def dimensions(body: Body) -> list[str]:
    """The dimensions of the data structure `body` in the order of the key, time left out.

    Raises NotData, UnreadableBody.
    """
    found = _tree(body).find(".//{*}DimensionList")
    if found is None:
        raise NotData("No data structure in the message.")
    listed = [one.attrib for one in found.iterfind("{*}Dimension")]
    try:
        return [one["id"] for one in sorted(listed, key=lambda one: int(one.get("position", 0)))]
    except (KeyError, ValueError):
        raise UnreadableBody("A dimension without an id, or at a position that is no number.") from None


def constraint(body: Body) -> dict[str, set[str]]:
    """The codes in use, by dimension, TIME_PERIOD among them if it is given by values. Raises NotData."""
    return _codes(_tree(body))


@dataclass(frozen=True)
class Actual:
    """A dataflow's constraint: since when its data are valid, the flow's version, the codes in use."""

    valid_from: datetime | None
    version: str
    codes: dict[str, set[str]]


def actual(body: Body) -> Actual:
    """The constraint of the newest version of the flow in the message `body`. Raises NotData, UnreadableBody."""
    found = [(_flow_version(one), one) for one in _tree(body).iterfind(".//{*}ContentConstraint")]
    if not found:
        raise NotData("No constraint in the message.")
    version, newest = max(found, key=lambda pair: [int(part) for part in re.findall(r"\d+", pair[0])])
    return Actual(_stamp(newest.get("validFrom")), version, _codes(newest))


def _flow_version(constraint: ElementTree.Element) -> str:
    """The version of the dataflow that the constraint is attached to, which its own has been seen to repeat."""
    ref = constraint.find("{*}ConstraintAttachment/{*}Dataflow/{*}Ref")
    version = ref.get("version") if ref is not None else None
    return version or constraint.get("version") or "1.0"


def _codes(tree: ElementTree.Element) -> dict[str, set[str]]:
    region = tree.find(".//{*}CubeRegion")
    if region is None:
        raise NotData("No constraint in the message.")
    return {
        one.get("id", ""): {value.text or "" for value in one.iterfind("{*}Value")}
        for one in region.iterfind("{*}KeyValue")
    }


def _tree(body: Body) -> ElementTree.Element:
    text = body.text()
    if "<!DOCTYPE" in text:
        raise UnreadableBody("A document type declaration, which SDMX-ML never has: refused unread.")
    try:
        return ElementTree.fromstring(text.encode())
    except (ElementTree.ParseError, ValueError, LookupError) as failure:
        raise UnreadableBody(f"Not XML: {failure}.") from None


def _stamp(text: str | None) -> datetime | None:
    """`2025-11-14T16:15:51.591Z`; a stamp without a zone is taken for UTC, and only compared with itself."""
    try:
        stamp = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    return stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)
