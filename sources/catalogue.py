"""The catalogue: what a dataset is, as data; one YAML file in `catalogue/` per dataset.

Belongs here: the model of an entry, and loading all of them. Does not belong here: reading YAML (`common/config.py`),
how a provider is asked (`providers.py`, `protocols/`), reading its tables (`formats/`).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from sources.common.config import Location, Names, Problem, Strict, Text, choice, read
from sources.common.periods import FREQUENCIES, Frequency
from sources.common.units import units
from sources.errors import SpecError, UnknownUnit
from sources.formats import FORMATS
from sources.formats.layout import Code, TableLayout
from sources.providers import Dimension, Redistribution, load_providers

HERE = Path(__file__).parent
# OECD's tables are named STRUCTURE@TABLE
TableCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_@\-]+$")]
Filter = dict[Dimension, list[Code]]
RESERVED = frozenset("dataset indicator period value flag conf known_from snapshot_id series".split())
# each is a published table: the themes of the mission, and the district's own figures
Theme = Literal["enterprise_births", "patents", "employment", "district"]
# old names of keys, still read with a warning
RENAMED = {"latest": "keep_latest", "rest": "collect_rest"}


class Calendar(Strict):
    """How often the provider publishes, N for irregularly; a table is late `late_after_days` after its last update."""

    frequency: Literal["A", "S", "Q", "M", "W", "D", "N"]
    expected: Text
    late_after_days: int | None = Field(default=None, gt=0)


class Range(Strict):
    """Values of the rows that `where` selects lie between `min` and `max`, in the rows' own unit."""

    where: Filter = {}
    min: float | int | None = None
    max: float | int | None = None


class PerHead(Strict):
    """Codes of `dimension`: what is `total` divided by what is `per_head` is a population."""

    dimension: Dimension
    total: Code
    per_head: Code


class Rate(Strict):
    """Codes of `dimension`: `rate` is `part` / `whole` x `scale`."""

    dimension: Dimension
    rate: Code
    part: Code
    whole: Code
    scale: float | int = 100


class Plausibility(Strict):
    """How far new figures may be from the last ones. Factors are of new / old or old / new, shares of figures compared.

    Above `max_...` the figures wait in quarantine; above `alert_...` they are published and the analyst is notified.
    `national_currency`: series that a country's change of currency moves as a whole.
    """

    max_level_ratio: float = Field(default=2, gt=1)
    max_country_ratio: float = Field(default=1.5, gt=1)
    max_country_share: float = Field(default=0.3, gt=0, le=1)
    max_territory_ratio: float = Field(default=1.5, gt=1)
    alert_territory_ratio: float = Field(default=1.25, gt=1)
    max_revision: float = Field(default=5, gt=1)
    alert_revision: float = Field(default=2, gt=1)
    max_jump: float = Field(default=6, gt=1)
    alert_jump: float = Field(default=3, gt=1)
    max_scaled_share: float = Field(default=0.001, ge=0, le=1)
    max_lost_share: float = Field(default=0.3, gt=0, le=1)
    max_swapped_share: float = Field(default=0.5, gt=0, le=1)
    max_shifted_share: float = Field(default=0.3, gt=0, le=1)
    max_population_ratio: float = Field(default=1.1, gt=1)
    max_other_population_ratio: float = Field(default=1.3, gt=1)
    max_rate_ratio: float = Field(default=1.25, gt=1)
    national_currency: Filter = {}
    per_head: list[PerHead] = []
    rates: list[Rate] = []


class Total(Strict):
    """The code `total` of `dimension` is the sum of all its other codes, of each territory and period."""

    dimension: Dimension
    total: Code


class Checks(Strict):
    """What must hold of the staged figures before they enter history.

    `rectangular`: every combination of the codes and periods in the file has a value. `territories_add_up`: the regions, and the
    provinces, add up to their country. `new_period`: the newest period is no copy of the one before.
    """

    min_rows: int = Field(gt=0)
    geos: list[Code] = []
    # None until the entry is loaded: then the letters of its provider
    flags: str | None = None
    ranges: list[Range] = []
    max_revised_share: float = Field(default=0.25, gt=0, le=1)
    min_size_ratio: float = Field(default=0.7, gt=0, le=1)
    rectangular: bool = False
    totals: list[Total] = []
    territories_add_up: bool = False
    new_period: bool = False
    plausibility: Plausibility = Plausibility()


class Dataset(Strict):
    """One catalogue entry; its file name is its `id`.

    `frequencies`: those that its periods may have; decoding refuses any other. Without the key, all are taken.
    `keep_latest`: a dimension of which the greatest code alone is kept, and which is then dropped.
    `collect_rest`: the dimension that collects, as text, every dimension of the provider that the entry does not name.
    """

    id: str
    path: str
    title: Names
    theme: Literal[Theme, "context"]
    provider: str
    code: TableCode
    format: str = "tsv"
    layout: TableLayout | None = None
    accumulates: bool = False
    dimensions: list[Dimension]
    frequencies: Annotated[list[Frequency], Field(min_length=1)] = list(FREQUENCIES)
    indicator: str
    unit: str | dict[Dimension, dict[Code, Code]]
    query: Filter = {}
    slices: Dimension | None = None
    keep_latest: Dimension | None = None
    collect_rest: Dimension | None = None
    # for the protocol `download`: the file's name below base_url, with `{period}` if there is one file per period
    file: str | None = None
    # the provider takes minutes to serve it: requested last
    slow: bool = False
    # unproven: no body of the table has been seen; no headline, watch or target rests on it until an operator confirms it
    status: Literal["live", "frozen", "unproven"]
    licence: str | None = None
    redistribution: Redistribution | None = None
    citation: str
    calendar: Calendar
    warnings: list[Text] = []
    checks: Checks
    feeds: dict[Theme, Filter] = {}

    def contradictions(self) -> Iterator[Problem]:
        """`(location, problem)` of every key that does not fit another one."""
        filters: list[tuple[Location, Iterable[str]]] = [
            (("query",), self.query),
            (("unit",), self.unit if isinstance(self.unit, dict) else {}),
            *((("feeds", table), feed) for table, feed in self.feeds.items()),
            *((("checks", "ranges", i, "where"), rule.where) for i, rule in enumerate(self.checks.ranges)),
            (("checks", "plausibility", "national_currency"), self.checks.plausibility.national_currency),
            *(
                (("checks", "plausibility", name, i), [rule.dimension])
                for name in ("per_head", "rates")
                for i, rule in enumerate(getattr(self.checks.plausibility, name))
            ),
            *((("checks", "totals", i), [rule.dimension]) for i, rule in enumerate(self.checks.totals)),
        ]
        for location, filter_ in filters:
            for dimension in filter_:
                if dimension not in self.dimensions:
                    yield (*location, dimension), f"{dimension} is not among the dimensions"
        if "geo" not in self.dimensions or len(set(self.dimensions)) != len(self.dimensions):
            yield ("dimensions",), "must name each dimension once, geo included"
        if self.file and "{period}" in self.file and not (self.accumulates and len(self.frequencies) == 1):
            yield (
                ("file",),
                "with one file per period, accumulates must be true and frequencies must name one",
            )
        if self.slices and self.slices not in self.dimensions:
            yield ("slices",), f"{self.slices} is not among the dimensions"
        if self.keep_latest in self.dimensions:
            yield ("keep_latest",), f"{self.keep_latest} is dropped, so it is not among the dimensions"
        if self.collect_rest and (
            self.collect_rest not in self.dimensions or self.format != "sdmx-csv" or self.slices
        ):
            yield ("collect_rest",), "must be one of the dimensions, with format sdmx-csv and without slices"
        if problem := choice(self.format, FORMATS):
            yield ("format",), problem
        if len(set(self.frequencies)) != len(self.frequencies):
            yield ("frequencies",), "must name each frequency once"
        if (self.format == "tabular") != bool(self.layout):
            yield ("layout",), "is required if format is tabular, and not allowed otherwise"
        if self.layout:
            yield from (
                (("layout", *location), problem)
                for location, problem in self.layout.contradictions(self.dimensions)
            )
        for dimension in sorted(RESERVED.intersection(self.dimensions)):
            yield ("dimensions",), f"{dimension} is a column of every published table"
        for i, rule in enumerate(self.checks.ranges):
            if rule.min is not None and rule.max is not None and rule.min > rule.max:
                yield ("checks", "ranges", i), "min is greater than max"
        if isinstance(self.unit, dict) and len(self.unit) != 1:
            yield ("unit",), "must map the codes of one dimension"
        for location, code in self._units():
            if problem := choice(code, units()):
                yield location, f"{problem}: {UnknownUnit.hint}"
        if self.status != "frozen" and self.calendar.late_after_days is None:
            yield ("calendar",), "late_after_days is missing: only a frozen dataset has none"

    def _units(self) -> Iterator[tuple[Location, str]]:
        """`(location, code)` of every unit that the entry names; none if a dimension of the table has it."""
        if isinstance(self.unit, dict):
            for dimension, codes in self.unit.items():
                yield from ((("unit", dimension, code), unit) for code, unit in codes.items())
        elif self.unit not in self.dimensions:
            yield ("unit",), self.unit

    @property
    def indicator_dimension(self) -> str | None:
        """The dimension whose codes are the indicators; None if the table has one indicator."""
        return self.indicator if self.indicator in self.dimensions else None

    @property
    def sha256(self) -> str:
        """Of the entry's content, independent of its path."""
        return hashlib.sha256(self.model_dump_json(exclude={"path"}).encode()).hexdigest()


class Catalogue(dict[str, Dataset]):
    """Datasets by id, in the order of their ids, and what follows from them together.

    Each says whether its figures may be redistributed and which flags they may have, by itself or by its provider.
    """

    @cached_property
    def dimensions(self) -> list[str]:
        """Every dimension of any dataset: freq and geo first, the others in order of their names."""
        every = {name for dataset in self.values() for name in dataset.dimensions} | {"freq", "geo"}
        return ["freq", "geo", *sorted(every - {"freq", "geo"})]


def load_catalogue() -> Catalogue:
    """The project's entries, and those of the folder `DISTRETTO_CATALOGUE`, which replace project entries of the same id."""
    folders = [HERE / "catalogue"]
    if further := os.environ.get("DISTRETTO_CATALOGUE"):
        folders.append(Path(further))
        if not folders[-1].is_dir():
            raise SpecError(f"DISTRETTO_CATALOGUE names no folder: {further}.", hint="correct or unset it.")
    entries: dict[str, Dataset] = {}
    for folder in folders:
        if others := sorted(folder.glob("*.yaml")):
            raise SpecError(f"{others[0]}:1: entries end in .yml.", hint="rename the file.")
        for path in sorted(folder.glob("*.yml")):
            stat = path.stat()
            entries[path.stem] = _entry(path, stat.st_mtime_ns, stat.st_size)
    providers = load_providers()
    for dataset in entries.values():
        problems = list(dataset.contradictions())
        if problem := choice(dataset.provider, providers):
            problems.append((("provider",), f"{problem} (in providers.yml)"))
        elif not (dataset.redistribution or providers[dataset.provider].redistribution):
            problems.append(
                (
                    ("redistribution",),
                    "must be allowed or denied: the provider's licence does not settle it for all its tables",
                )
            )
        if problems:
            read(Path(dataset.path)).refuse(problems)
        provider = providers[dataset.provider]
        checks = dataset.checks
        if checks.flags is None:
            checks = checks.model_copy(update={"flags": provider.flags})
        right = dataset.redistribution or provider.redistribution
        entries[dataset.id] = dataset.model_copy(update={"checks": checks, "redistribution": right})
    return Catalogue(sorted(entries.items()))


@cache
def _entry(path: Path, _modified: int, _size: int) -> Dataset:
    """The entry in `path`, read again only when the file changed: a run loads the catalogue several times."""
    document = read(path)
    given = {"id": path.stem, "path": str(path)}
    document.refuse(((key,), "unknown key") for key in given if key in document.values)
    return document.validate(Dataset, {**document.renamed(RENAMED), **given})
