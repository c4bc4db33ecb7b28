"""Dataflows, data structures, concepts and code lists of a release as SDMX structure messages, written by pysdmx.

Belongs here: the artefacts, and the formats they are written in. Does not belong here: which dimensions a dataflow has
(`sdmx.py`), addresses. pysdmx is imported when a message is written: it takes most of a second.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import duckdb

from sources.common.sql import identifier
from warehouse.publishing.exports.sdmx import AGENCY, MEASURE, TIME, VERSION, Flow, flow, flows

if TYPE_CHECKING:
    from pysdmx.model import Codelist, Concept, ConceptScheme, Dataflow, DataStructureDefinition
    from pysdmx.model.__base import MaintainableArtefact

CONCEPTS = "CONCEPTS"
# an id that every SDMX format accepts
_ID = re.compile(r"[A-Za-z0-9_@$\-]+")
# attribute or measure -> what it means
_MEANINGS = {
    TIME: "Time period",
    MEASURE: "Observation value",
    "OBS_STATUS": "Observation status: one code of SDMX's list",
    "OBS_FLAG": "The provider's flags",
    "CONF_STATUS": "Confidentiality status",
    "UNIT_MEASURE": "Unit of measure",
    "RELIABILITY": "Reliability: A, B or C",
    "KNOWN_FROM": "Since when the value is known; with includeHistory, of each version",
}
# the attributes that an answer to a query has beside those of the flow
HISTORY_ATTRIBUTE = "KNOWN_FROM"
FORMATS = {
    "application/vnd.sdmx.structure+xml;version=3.0.0": "STRUCTURE_SDMX_ML_3_0",
    "application/vnd.sdmx.structure+xml;version=2.1": "STRUCTURE_SDMX_ML_2_1",
    "application/vnd.sdmx.structure+json;version=2.0.0": "STRUCTURE_SDMX_JSON_2_0_0",
}
TYPES = ("dataflow", "datastructure", "codelist", "conceptscheme")


@dataclass(frozen=True)
class Artefacts:
    """What the release has of each type, by id. The ids of dataflows and of their data structures are the same."""

    dataflow: dict[str, Dataflow]
    datastructure: dict[str, DataStructureDefinition]
    codelist: dict[str, Codelist]
    conceptscheme: dict[str, ConceptScheme]

    @staticmethod
    def read(con: duckdb.DuckDBPyConnection) -> Artefacts:
        """The artefacts of the release that `con` reads."""
        from pysdmx.model import Dataflow

        known = [flow(con, one) for one in flows(con)]
        lists = _codelists(con, known)
        scheme = _concepts(known)
        concepts = {concept.id: concept for concept in scheme.concepts}
        titles = dict(con.execute("select dataset, title_en from catalogue").fetchall())
        structures = {one.id: _structure(one, lists, concepts, titles) for one in known}
        dataflows = {
            id: Dataflow(
                id=id,
                name=structure.name,
                agency=AGENCY,
                version=VERSION,
                structure=structure,
            )
            for id, structure in structures.items()
        }
        return Artefacts(dataflows, structures, lists, {CONCEPTS: scheme})

    def used_by(self, artefact: MaintainableArtefact) -> list[MaintainableArtefact]:
        """What `artefact` refers to: the structure of a dataflow, the code lists and concepts of a structure."""
        from pysdmx.model import Dataflow, DataStructureDefinition

        if isinstance(artefact, Dataflow):
            return [self.datastructure[artefact.id]]
        if isinstance(artefact, DataStructureDefinition):
            ids = {
                component.local_codes.id: None for component in artefact.components if component.local_codes
            }
            return [*self.conceptscheme.values(), *(self.codelist[id] for id in ids)]
        return []


def message(artefacts: Iterable[MaintainableArtefact], media_type: str, prepared: datetime) -> bytes:
    """The structure message in one of FORMATS; `prepared` is the moment in its header."""
    from pysdmx.io.format import Format
    from pysdmx.io.writer import write_sdmx
    from pysdmx.model import Organisation
    from pysdmx.model.message import Header

    header = Header(id="DISTRETTO", prepared=prepared, sender=Organisation(AGENCY))
    text = write_sdmx(list(artefacts), Format[FORMATS[media_type]], header=header, prettyprint=False)
    assert text is not None
    return text.encode()


def _codelists(con: duckdb.DuckDBPyConnection, known: list[Flow]) -> dict[str, Codelist]:
    """A list for each dimension: labelled codes, and codes that series have without a label."""
    from pysdmx.model import Code, Codelist

    found = {}
    for dimension in dict.fromkeys(d for one in known for d in one.dimensions):
        labels = {
            "geo": "select geo, coalesce(name_en, name_it) from geography",
        }.get(dimension, "select code, coalesce(label_en, label_it) from codelists where dimension = ?")
        named = dict(con.execute(labels, [dimension] if "?" in labels else None).fetchall())
        column = identifier(dimension)
        used = con.execute(
            f"select distinct {column} from series where {column} is not null union "
            + (f"select {column} from indicators" if dimension in ("indicator", "geo") else "select null")
        ).fetchall()
        codes = sorted({*named, *(code for (code,) in used if code)})
        id = f"CL_{dimension.upper()}"
        found[id] = Codelist(
            id=id,
            name=f"Codes of {dimension}",
            agency=AGENCY,
            version=VERSION,
            items=[Code(id=code, name=named.get(code) or code) for code in codes if _ID.fullmatch(code)],
        )
    return found


def _concepts(known: list[Flow]) -> ConceptScheme:
    from pysdmx.model import Concept, ConceptScheme

    dimensions = dict.fromkeys(d.upper() for one in known for d in one.dimensions)
    meanings = {d: d.capitalize().replace("_", " ") for d in dimensions} | _MEANINGS
    return ConceptScheme(
        id=CONCEPTS,
        name="Concepts",
        agency=AGENCY,
        version=VERSION,
        items=[Concept(id=id, name=name) for id, name in meanings.items()],
    )


def _structure(
    one: Flow, lists: dict[str, Codelist], concepts: dict[str, Concept], titles: dict[str, str]
) -> DataStructureDefinition:
    from pysdmx.model import Component, Components, DataStructureDefinition, DataType, ItemReference, Role

    def component(id: str, role: Role, kind: DataType | None = None) -> Component:
        return Component(
            id=id,
            required=role != Role.ATTRIBUTE,
            role=role,
            concept=ItemReference("Concept", AGENCY, CONCEPTS, VERSION, concepts[id].id),
            local_dtype=kind,
            local_codes=lists.get(f"CL_{id}") if role == Role.DIMENSION else None,
            attachment_level="O" if role == Role.ATTRIBUTE else None,
        )

    attributes = [*one.attributes, HISTORY_ATTRIBUTE]
    return DataStructureDefinition(
        id=one.id,
        name=titles.get(one.id, "Indicators"),
        agency=AGENCY,
        version=VERSION,
        components=Components(
            [
                *(component(d.upper(), Role.DIMENSION) for d in one.dimensions),
                component(TIME, Role.DIMENSION, DataType.PERIOD),
                component(MEASURE, Role.MEASURE, DataType.DOUBLE),
                *(component(a, Role.ATTRIBUTE, DataType.STRING) for a in attributes),
            ]
        ),
    )
