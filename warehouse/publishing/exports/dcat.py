"""catalog.ttl: the release for harvesters of open data, as DCAT-AP 3 and DCAT-AP_IT at once.

Belongs here: a dataset for each subject of `published.yml` (`datasets`), a distribution for each of its files, a data service.
Does not belong here: the other standards. Addresses are relative, so that a release describes itself wherever it lies, or
absolute if `publisher.yml` names a public address.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rdflib import DCAT, DCTERMS, FOAF, RDF, SKOS, XSD, Graph, Literal, Namespace, URIRef
from rdflib.term import Node

from sources.common.config import Names
from warehouse.publishing.contract import ListedDataset, contract
from warehouse.publishing.exports.forms import FORMS, files_of, media_type_uri
from warehouse.publishing.exports.release_metadata import Facts, Licence
from warehouse.publishing.exports.workbook import WORKBOOK

AUTHORITY = "http://publications.europa.eu/resource/authority/"
DCATAPIT = Namespace("http://dati.gov.it/onto/dcatapit#")
VCARD = Namespace("http://www.w3.org/2006/vcard/ns#")
SPDX = Namespace("http://spdx.org/rdf/terms#")
ADMS = Namespace("http://www.w3.org/ns/adms#")
DCATAP = Namespace("http://data.europa.eu/r5r/")
FREQUENCIES = {"A": "ANNUAL", "S": "ANNUAL_2", "Q": "QUARTERLY", "M": "MONTHLY", "W": "WEEKLY", "D": "DAILY"}
# licences that reuse with acknowledgement of the source covers: attribution, by the codes of ADMS
ATTRIBUTION = URIRef("http://purl.org/adms/licencetype/Attribution")
PUBLISHER_TYPE = URIRef("http://purl.org/adms/publishertype/NonProfitOrganisation")
# labels of the concepts used, by table of the EU's authorities and code, or by address
LABELS = {
    "access-right/PUBLIC": Names(it="pubblico", en="public"),
    "data-theme/ECON": Names(it="Economia e finanze", en="Economy and finance"),
    "data-theme/GOVE": Names(it="Governo e settore pubblico", en="Government and public sector"),
    "data-theme/SOCI": Names(it="Popolazione e società", en="Population and society"),
    "data-theme/TECH": Names(it="Scienza e tecnologia", en="Science and technology"),
    "file-type/BIN": Names(it="Dati binari", en="Binary data"),
    "file-type/CSV": Names(it="CSV", en="CSV"),
    "file-type/PARQUET": Names(it="Parquet", en="Parquet"),
    "file-type/XLSX": Names(it="Excel XLSX", en="Excel XLSX"),
    "frequency/ANNUAL": Names(it="annuale", en="annual"),
    "frequency/ANNUAL_2": Names(it="semestrale", en="semiannual"),
    "frequency/DAILY": Names(it="quotidiano", en="daily"),
    "frequency/IRREG": Names(it="irregolare", en="irregular"),
    "frequency/MONTHLY": Names(it="mensile", en="monthly"),
    "frequency/QUARTERLY": Names(it="trimestrale", en="quarterly"),
    "frequency/UNKNOWN": Names(it="sconosciuto", en="unknown"),
    "frequency/WEEKLY": Names(it="settimanale", en="weekly"),
    "language/ENG": Names(it="inglese", en="English"),
    "language/ITA": Names(it="italiano", en="Italian"),
    "planned-availability/STABLE": Names(it="stabile", en="stable"),
    str(ATTRIBUTION): Names(it="Attribuzione", en="Attribution"),
    str(PUBLISHER_TYPE): Names(it="Organizzazione senza scopo di lucro", en="Non-profit organisation"),
}
SEVERAL = Names(
    it="Più licenze, una per fonte: {names}",
    en="Several licences, one per source: {names}",
)
SERVICE = Names(
    it="I file del rilascio corrente via HTTP, anche a parti: DuckDB e Parquet si leggono senza scaricarli.",
    en="The files of the current release over HTTP, also in parts: DuckDB and Parquet files are read without a download.",
)


def describe(folder: Path, facts: Facts, territory: dict[str, Any], digests: dict[str, str]) -> str:
    """Turtle. `digests`: SHA-256 of the files in `folder`, by name. No blank nodes, whose order would change between runs."""
    return _Catalogue(folder, facts, territory, digests).turtle()


class _Catalogue:
    def __init__(
        self, folder: Path, facts: Facts, territory: dict[str, Any], digests: dict[str, str]
    ) -> None:
        self.folder, self.facts, self.digests = folder, facts, digests
        self.base = facts.publisher.base
        self.graph = Graph()
        for prefix, space in {
            "dcatapit": DCATAPIT,
            "vcard": VCARD,
            "spdx": SPDX,
            "adms": ADMS,
            "dcatap": DCATAP,
            "dcat": DCAT,
            "dct": DCTERMS,
        }.items():
            self.graph.bind(prefix, space)
        self.day = Literal(f"{facts.release['built_at']:%Y-%m-%d}", datatype=XSD.date)
        self.begun = Literal(f"{facts.begun:%Y-%m-%d}", datatype=XSD.date)
        self.agent = self._agent()
        self.contact = self._contact()
        self.place = self._add(
            URIRef(f"http://data.europa.eu/nuts/code/{territory['region']}"),
            [DCTERMS.Location],
            (DCTERMS.identifier, Literal(territory["region"])),
        )
        self.public = self._concept("access-right", "PUBLIC", DCTERMS.RightsStatement)
        self.languages = [
            self._concept("language", code, DCTERMS.LinguisticSystem) for code in ("ITA", "ENG")
        ]

    def turtle(self) -> str:
        datasets = [self._dataset(name, words) for name, words in contract().datasets.items()]
        service = self._service(datasets)
        who = self.facts.publisher
        catalogue = self._add(
            self._here("catalog"),
            [DCAT.Catalog, DCATAPIT.Catalog],
            *((DCTERMS.title, text) for text in _both(who.title)),
            *((DCTERMS.description, text) for text in _both(who.description)),
            (DCTERMS.publisher, self.agent),
            (DCTERMS.issued, self.begun),
            (DCTERMS.modified, self.day),
            *((DCTERMS.language, language) for language in self.languages),
            (DCTERMS.license, self._licence(self.facts.licences, "catalog")),
            (DCTERMS.spatial, self.place),
            (FOAF.homepage, self._document(who.homepage or f"{self.base}site/index.html")),
            *((DCAT.dataset, dataset) for dataset in datasets),
            (DCAT.service, service),
        )
        taxonomy = self._add(
            URIRef(f"{AUTHORITY}data-theme"),
            [SKOS.ConceptScheme],
            (DCTERMS.title, Literal("Temi dei dati", lang="it")),
            (DCTERMS.title, Literal("Data themes", lang="en")),
        )
        self.graph.add((catalogue, DCAT.themeTaxonomy, taxonomy))
        return self.graph.serialize(format="turtle")

    # -- parts

    def _dataset(self, name: str, words: ListedDataset) -> Node:
        tables = [self.facts.tables[table] for table in words.tables if table in self.facts.tables]
        listed = {d for table in tables for d in table.datasets}
        present = [entry for entry in self.facts.sources if entry["dataset"] in listed] or self.facts.sources
        licence = self._licence(self.facts.licences_of(entry["dataset"] for entry in present), name)
        frequencies = {FREQUENCIES.get(entry["frequency"], "UNKNOWN") for entry in present}
        years = [table.years for table in tables if table.years]
        dataset = self._add(
            self._here(name),
            [DCAT.Dataset, DCATAPIT.Dataset],
            (DCTERMS.identifier, Literal(f"distretto:{name}")),
            *((DCTERMS.title, text) for text in _both(words.title)),
            *((DCTERMS.description, text) for text in _both(words.description)),
            *(
                (DCAT.keyword, Literal(k, lang=lang))
                for lang, keys in (("it", words.keywords.it), ("en", words.keywords.en))
                for k in keys
            ),
            (DCAT.theme, self._concept("data-theme", words.theme, SKOS.Concept)),
            (DCTERMS.publisher, self.agent),
            (DCTERMS.rightsHolder, self.agent),
            (DCAT.contactPoint, self.contact),
            (DCTERMS.issued, self.begun),
            (DCTERMS.modified, self.day),
            (DCTERMS.accessRights, self.public),
            *((DCTERMS.language, language) for language in self.languages),
            (DCTERMS.spatial, self.place),
            (
                DCTERMS.accrualPeriodicity,
                self._concept(
                    "frequency", frequencies.pop() if len(frequencies) == 1 else "IRREG", DCTERMS.Frequency
                ),
            ),
            (DCAT.landingPage, self._document(f"{self.base}site/it/{words.page}.html")),
            *((FOAF.page, page) for page in self._documentation()),
        )
        if years:
            first, last = min(first for first, _ in years), max(last for _, last in years)
            span = self._add(
                self._here(f"period-{name}"),
                [DCTERMS.PeriodOfTime],
                (DCAT.startDate, Literal(f"{first}-01-01", datatype=XSD.date)),
                (DCAT.endDate, Literal(f"{last}-12-31", datatype=XSD.date)),
            )
            self.graph.add((dataset, DCTERMS.temporal, span))
        files = [
            (filename, ending, table.description)
            for table in tables
            for filename, ending in files_of(self.folder, table.name)
        ]
        if name == "indicators":
            files.append((WORKBOOK, "xlsx", "Indicators with labels, a column a period."))
        files.append(("distretto.duckdb", "duckdb", "All tables of the release, each column described."))
        for filename, ending, description in files:
            node = self._distribution(name, filename, ending, description, licence)
            self.graph.add((dataset, DCAT.distribution, node))
        return dataset

    def _distribution(
        self, dataset: str, filename: str, ending: str, description: str, licence: Node
    ) -> Node:
        form = FORMS[ending]
        address = URIRef(self.base + filename)
        # no dcat:byteSize: DCAT 3 wants a nonNegativeInteger, the shapes of DCAT-AP 3.0 a decimal; datapackage.json has it
        # the DuckDB file belongs to every dataset, under the licences of that dataset
        key = f"{dataset}-{filename}" if ending == "duckdb" else filename
        checksum = self._add(
            self._here(f"checksum-{filename}"),
            [SPDX.Checksum],
            (SPDX.algorithm, self._add(SPDX.checksumAlgorithm_sha256, [SPDX.ChecksumAlgorithm])),
            (SPDX.checksumValue, Literal(self.digests[filename], datatype=XSD.hexBinary)),
        )
        return self._add(
            self._here(key),
            [DCAT.Distribution, DCATAPIT.Distribution],
            (DCTERMS.title, Literal(filename)),
            (DCTERMS.description, Literal(description, lang="en")),
            (DCTERMS["format"], self._concept("file-type", form.file_type, DCTERMS.MediaTypeOrExtent)),
            (DCAT.mediaType, self._add(URIRef(form.media_type_uri), [DCTERMS.MediaType])),
            *(
                [
                    (
                        DCAT.compressFormat,
                        self._add(URIRef(media_type_uri(form.compression)), [DCTERMS.MediaType]),
                    )
                ]
                if form.compression
                else []
            ),
            (DCAT.accessURL, self._resource(address)),
            (DCAT.downloadURL, self._resource(address)),
            (DCTERMS.license, licence),
            (DCTERMS.issued, self.day),
            (DCTERMS.modified, self.day),
            (DCATAP.availability, self._concept("planned-availability", "STABLE", SKOS.Concept)),
            (SPDX.checksum, checksum),
        )

    def _service(self, datasets: Iterable[Node]) -> Node:
        who = self.facts.publisher
        return self._add(
            self._here("service"),
            [DCAT.DataService],
            *(
                (DCTERMS.title, text)
                for text in _both(Names(it=f"{who.title.it}: file", en=f"{who.title.en}: files"))
            ),
            *((DCTERMS.description, text) for text in _both(SERVICE)),
            (DCAT.endpointURL, self._resource(URIRef(self.base or "."))),
            (DCAT.endpointDescription, self._resource(URIRef(f"{self.base}datapackage.json"))),
            *((DCAT.servesDataset, dataset) for dataset in datasets),
            (DCTERMS.publisher, self.agent),
            (DCAT.contactPoint, self.contact),
            (DCTERMS.accessRights, self.public),
            (DCTERMS.license, self._licence(self.facts.licences, "catalog")),
            (
                DCTERMS.conformsTo,
                self._add(URIRef("https://www.rfc-editor.org/rfc/rfc9110"), [DCTERMS.Standard]),
            ),
            (DCAT.theme, self._concept("data-theme", "ECON", SKOS.Concept)),
            *(
                (DCAT.keyword, Literal(word, lang=lang))
                for word, lang in (("dati aperti", "it"), ("open data", "en"))
            ),
        )

    def _agent(self) -> Node:
        who = self.facts.publisher
        agent = self._add(
            self._here("publisher"),
            [FOAF.Agent, DCATAPIT.Agent],
            *((FOAF.name, text) for text in _both(who.name)),
            (DCTERMS.identifier, Literal(str(who.identifier))),
            (DCTERMS.type, self._type(PUBLISHER_TYPE)),
        )
        if who.homepage:
            self.graph.add((agent, FOAF.homepage, self._document(who.homepage)))
        return agent

    def _contact(self) -> Node:
        who = self.facts.publisher
        contact = self._add(
            self._here("contact"),
            [VCARD.Kind, VCARD.Organization, DCATAPIT.Organization],
            (VCARD.fn, Literal(who.name.it)),
        )
        if who.email:
            self.graph.add((contact, VCARD.hasEmail, URIRef(f"mailto:{who.email}")))
        return contact

    def _licence(self, licences: list[Licence], name: str) -> Node:
        """The one licence of the sources, or a document that names each: a distribution has one licence."""
        if len(licences) == 1:
            ((title, url),) = licences
            node, words = URIRef(url) if url else self._here(f"licence-{name}"), [Literal(title)]
        else:
            names = "; ".join(title for title, _ in licences)
            node = self._here(f"licence-{name}")
            words = _both(Names(it=SEVERAL.it.format(names=names), en=SEVERAL.en.format(names=names)))
        return self._add(
            node,
            [DCTERMS.LicenseDocument, DCATAPIT.LicenseDocument],
            *((FOAF.name, text) for text in words),
            *((DCTERMS.title, text) for text in words),
            (DCTERMS.type, self._type(ATTRIBUTION)),
        )

    def _documentation(self) -> list[Node]:
        """The data dictionary, and the tables that are in no dataset: code lists, sources, checks."""
        listed = {table for words in contract().datasets.values() for table in words.tables}
        names = ["data_dictionary.md"]
        for table in self.facts.tables.values():
            if table.name not in listed and (files := files_of(self.folder, table.name)):
                names.append(files[0][0])
        return [self._document(self.base + name, name) for name in names]

    # -- nodes

    def _add(self, node: URIRef, kinds: list[Node], *links: tuple[Node, Node]) -> URIRef:
        for kind in kinds:
            self.graph.add((node, RDF.type, kind))
        for predicate, value in links:
            self.graph.add((node, predicate, value))
        return node

    def _here(self, name: str) -> URIRef:
        return URIRef(f"{self.base}catalog.ttl#{name}" if self.base else f"#{name}")

    def _concept(self, table: str, code: str, kind: Node) -> URIRef:
        """A code of one of the EU's authority tables, with its class in DCAT-AP and its label."""
        return self._labelled(
            f"{AUTHORITY}{table}/{code}", f"{AUTHORITY}{table}", LABELS[f"{table}/{code}"], kind
        )

    def _labelled(self, address: str, scheme: str, label: Names, kind: Node = SKOS.Concept) -> URIRef:
        return self._add(
            URIRef(address),
            [SKOS.Concept, kind],
            *((SKOS.prefLabel, text) for text in _both(label)),
            (SKOS.inScheme, URIRef(scheme)),
        )

    def _type(self, address: URIRef) -> URIRef:
        """A type of publisher or licence, by the code lists of ADMS."""
        return self._labelled(address, f"{address.rpartition('/')[0]}/1.0", LABELS[str(address)])

    def _document(self, address: str, title: str = "") -> URIRef:
        links = [(DCTERMS.title, Literal(title))] if title else []
        return self._add(URIRef(address), [FOAF.Document], *links)

    def _resource(self, address: URIRef) -> URIRef:
        return self._add(address, [URIRef("http://www.w3.org/2000/01/rdf-schema#Resource")])


def _both(words: Names) -> list[Literal]:
    return [Literal(words.it, lang="it"), Literal(words.en, lang="en")]
