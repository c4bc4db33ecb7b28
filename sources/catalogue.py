"""The schema of the catalogue and of the providers' file; an unknown key is an error with file and line.

Belongs here: what a dataset and a provider are, as data. Does not belong here: asking a provider.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from sources.common.config import choice
from sources.common.units import units
from sources.errors import SpecError, UnknownUnit

HERE = Path(__file__).parent
# libyaml where PyYAML was built with it: ten times as fast
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_\-]+$")]
# OECD's tables are named STRUCTURE@TABLE
TableCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_@\-]+$")]
Dimension = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Filter = dict[Dimension, list[Code]]
RESERVED = frozenset("dataset indicator period value flag conf known_from snapshot_id series".split())
# each is a published table: the themes of the mission, and the district's own figures
Theme = Literal["enterprise_births", "patents", "employment", "district"]


# may the figures be given out, with their source named, or do they stay in the house
Redistribution = Literal["allowed", "denied"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Title(_Strict):
    it: str
    en: str


class Calendar(_Strict):
    """When the provider publishes: frequency in SDMX codes; `late_after_days` since its last update."""

    frequency: Literal["A", "S", "Q", "M", "W", "D", "N"]
    expected: str
    late_after_days: int | None = Field(default=None, gt=0)


class Range(_Strict):
    """Values of the rows that `where` selects lie between `min` and `max`, in the rows' own unit."""

    where: Filter = {}
    min: float | int | None = None
    max: float | int | None = None


class Checks(_Strict):
    """What must hold of the staged figures before they enter history."""

    min_rows: int = Field(gt=0)
    geos: list[Code] = []
    flags: str = "bcdefimnprsuz"
    ranges: list[Range] = []
    max_revised_share: float = Field(default=0.25, gt=0, le=1)
    min_size_ratio: float = Field(default=0.7, gt=0, le=1)


class Moment(_Strict):
    """Where a table says its period: text in a `column`, in the lines `above` the headings or in the file's `name`.

    `pattern` has the groups year, and quarter (1 to 4 or I to IV), or month, or month and day.
    """

    place: Literal["column", "above", "name"]
    pattern: str
    column: str | None = None

    def contradictions(self) -> Iterator[tuple[tuple[Any, ...], str]]:
        """`(location, problem)` of what does not fit."""
        if (self.place == "column") != bool(self.column):
            yield ("column",), "is given where place is column, and only there"
        try:
            groups = set(re.compile(self.pattern).groupindex)
        except re.error as failure:
            yield ("pattern",), f"is no regular expression: {failure}"
            return
        if groups not in ({"year"}, {"year", "quarter"}, {"year", "month"}, {"year", "month", "day"}):
            yield (
                ("pattern",),
                "has the groups year; year and quarter; year and month; or year, month and day",
            )


class Layout(_Strict):
    """How a table made for people (format `tabular`) becomes observations; headings are told as they stand there.

    A row holds the codes of its dimensions, and a figure in each column of `values`, whose code is one of the dimension
    `measure`. Or the rows are a list, and `counted` is the code of their number; `totals` are dimensions over which they
    are counted together too.
    """

    decimal: Literal[",", "."]
    sheet: str | None = None
    period: list[Moment]
    columns: dict[Dimension, str] = {}
    codes: dict[Dimension, dict[str, Code]] = {}
    constants: dict[Dimension, Code] = {}
    measure: Dimension
    values: dict[str, Code] = {}
    counted: Code | None = None
    totals: list[Dimension] = []

    def contradictions(self, dimensions: list[str]) -> Iterator[tuple[tuple[Any, ...], str]]:
        """`(location, problem)` of every key that does not fit another one, or the entry's `dimensions`."""
        for i, moment in enumerate(self.period):
            yield from ((("period", i, *location), problem) for location, problem in moment.contradictions())
        if not self.period:
            yield ("period",), "names no place"
        if bool(self.values) == bool(self.counted):
            yield ("values",), "either values are read or rows are counted"
        if set(dimensions) - {"freq"} != {*self.columns, *self.constants, self.measure}:
            yield ("columns",), "columns, constants and measure name every dimension but freq, and no other"
        if not set(self.codes) <= set(self.columns) or not set(self.totals) <= set(self.columns):
            yield ("columns",), "codes and totals are of columns"
        if self.totals and not self.counted:
            yield ("totals",), "only rows that are counted have totals"


class Dataset(_Strict):
    """One catalogue entry; its file name is its `id`."""

    id: str
    path: str
    title: Title
    theme: Literal[Theme, "context"]
    provider: str
    code: TableCode
    format: Literal[
        "tsv", "sdmx-csv", "sdmx-ml", "json-stat", "regional-archive", "tabular", "regpat", "cordis"
    ] = "tsv"
    layout: Layout | None = None
    accumulates: bool = False
    dimensions: list[Dimension]
    indicator: str
    unit: str | dict[Dimension, dict[Code, Code]]
    query: Filter = {}
    slices: Dimension | None = None
    latest: Dimension | None = None
    rest: Dimension | None = None
    status: Literal["live", "frozen"]
    licence: str | None = None
    redistribution: Redistribution | None = None
    citation: str
    calendar: Calendar
    warnings: list[str] = []
    checks: Checks
    feeds: dict[Theme, Filter] = {}

    def contradictions(self) -> Iterator[tuple[tuple[Any, ...], str]]:
        """`(location, problem)` of every key that does not fit another one."""
        for location, filter_ in (
            (("query",), self.query),
            (("unit",), self.unit if isinstance(self.unit, dict) else {}),
            *((("feeds", table), feed) for table, feed in self.feeds.items()),
            *((("checks", "ranges", i, "where"), rule.where) for i, rule in enumerate(self.checks.ranges)),
        ):
            for dimension in filter_:
                if dimension not in self.dimensions:
                    yield (*location, dimension), f"{dimension} is not among the dimensions"
        if "geo" not in self.dimensions or len(set(self.dimensions)) != len(self.dimensions):
            yield ("dimensions",), "names each dimension once, geo among them"
        if self.slices and self.slices not in self.dimensions:
            yield ("slices",), f"{self.slices} is not among the dimensions"
        if self.latest in self.dimensions:
            yield ("latest",), f"{self.latest} is dropped, so it is not among the dimensions"
        if self.rest and (self.rest not in self.dimensions or self.format != "sdmx-csv" or self.slices):
            yield ("rest",), "is one of the dimensions; of sdmx-csv alone, and without slices"
        if (self.format == "tabular") != bool(self.layout):
            yield ("layout",), "is given where format is tabular, and only there"
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
            yield ("unit",), "maps the codes of one dimension"
        for location, code in self._units():
            if problem := choice(code, units()):
                yield location, f"{problem}: {UnknownUnit.hint}"
        if self.status == "live" and self.calendar.late_after_days is None:
            yield ("calendar",), "a live dataset says late_after_days"

    def _units(self) -> Iterator[tuple[tuple[Any, ...], str]]:
        """`(location, code)` of every unit the entry names; none where the provider's table says it in a dimension."""
        if isinstance(self.unit, dict):
            for dimension, codes in self.unit.items():
                yield from ((("unit", dimension, code), unit) for code, unit in codes.items())
        elif self.unit not in self.dimensions:
            yield ("unit",), self.unit

    @property
    def indicator_dimension(self) -> str | None:
        return self.indicator if self.indicator in self.dimensions else None

    @property
    def sha256(self) -> str:
        """Of the entry's content, wherever its file lies."""
        return hashlib.sha256(self.model_dump_json(exclude={"path"}).encode()).hexdigest()


class Provider(_Strict):
    """How a provider may be asked. Times in seconds, sizes in bytes."""

    id: str
    title: str
    protocol: str
    base_url: str
    licence: str
    licence_url: str
    redistribution: Redistribution | None = None
    min_interval_s: float | int = Field(ge=0)
    max_per_hour: int | None = Field(default=None, gt=0)
    max_bytes_a_week: int | None = Field(default=None, gt=0)
    connect_timeout_s: float | int = Field(gt=0)
    read_timeout_s: float | int = Field(gt=0)
    attempts: int = Field(ge=1, le=10)
    backoff_s: float | int = Field(ge=0)
    retry_budget_s: float | int = Field(ge=0)
    max_seconds: float | int = Field(gt=0)
    max_bytes: int = Field(gt=0)
    max_decoded_bytes: int = Field(gt=0)
    host_budget_s: float | int = Field(gt=0)
    async_poll_s: float | int = Field(default=0, ge=0)
    async_budget_s: float | int = Field(default=0, ge=0)
    ban_s: float | int | None = Field(default=None, gt=0)
    renames: dict[str, Dimension] = {}
    territories: str | None = None
    allowed_absence_days: int = Field(gt=0)
    timezone: str
    credentials: list[str] = []

    @field_validator("base_url")
    @classmethod
    def _is_address(cls, base_url: str, others: ValidationInfo) -> str:
        if others.data.get("protocol") != "drop" and not re.match(r"https?://[^/]", base_url):
            raise ValueError("must begin with http:// or https:// and a host")
        return base_url

    @property
    def unset(self) -> list[str]:
        """The environment variables among `credentials` that have no value: the provider is not asked without them."""
        return [name for name in self.credentials if not os.environ.get(name)]


class Catalogue(dict[str, Dataset]):
    """Datasets by id, in the order of their ids, and what follows from them together.

    Each says whether its figures may be redistributed, by itself or by its provider.
    """

    @cached_property
    def dimensions(self) -> list[str]:
        """Every dimension of any dataset: freq and geo first, the others in order of their names."""
        every = {name for dataset in self.values() for name in dataset.dimensions} | {"freq", "geo"}
        return ["freq", "geo", *sorted(every - {"freq", "geo"})]


def load_catalogue() -> Catalogue:
    """The project's entries, and those of the folder `DISTRETTO_CATALOGUE`, which win where ids are equal."""
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
            entries[path.stem] = _entry(path)
    providers = load_providers()
    for dataset in entries.values():
        problems = list(dataset.contradictions())
        if dataset.provider not in providers:
            problems.append(
                (
                    ("provider",),
                    f"provider {dataset.provider!r} is not in providers.yml, which has {', '.join(providers)}",
                )
            )
        elif not (dataset.redistribution or providers[dataset.provider].redistribution):
            told = (
                "says allowed or denied, since the provider's licence does not settle it for all its tables"
            )
            problems.append((("redistribution",), told))
        _raise_if_any(Path(dataset.path), _read_yaml(Path(dataset.path))[1] if problems else None, problems)
        if not dataset.redistribution:
            default = {"redistribution": providers[dataset.provider].redistribution}
            entries[dataset.id] = dataset.model_copy(update=default)
    return Catalogue(sorted(entries.items()))


def load_providers() -> dict[str, Provider]:
    """Providers by id: `providers.yml` with `DISTRETTO_PROVIDERS` laid over it key by key."""
    path = HERE / "providers.yml"
    settings, tree = _read_yaml(path)
    if over := os.environ.get("DISTRETTO_PROVIDERS"):
        path = Path(over)
        laid, tree = _read_yaml(path)
        for name, values in laid.items():
            if not isinstance(values, dict):
                raise SpecError(
                    f"{path}:{_line(tree, (name,))}: {name} must hold settings, such as base_url."
                )
            settings[name] = {**settings.get(name, {}), **values}
    return {
        name: _validated(Provider, path, tree, {"id": name, **values}, at=(name,))
        for name, values in settings.items()
    }


def _entry(path: Path) -> Dataset:
    values, tree = _read_yaml(path)
    given = {"id": path.stem, "path": str(path)}
    _raise_if_any(path, tree, [((key,), "unknown key") for key in given if key in values])
    return _validated(Dataset, path, tree, {**values, **given})


def _validated(
    model: type[Any], path: Path, tree: yaml.Node, values: dict[str, Any], at: tuple[str, ...] = ()
) -> Any:
    """An instance of `model` from `values`, which stand below `at` in the file `path`."""
    try:
        return model.model_validate(values)
    except ValidationError as failure:
        problems = [((*at, *error["loc"]), _told(error)) for error in failure.errors()]
    _raise_if_any(path, tree, problems)


def _told(error: Any) -> str:
    """A pydantic error in our words."""
    if error["type"] == "missing":
        return "missing"
    problem = (
        "unknown key" if error["type"] == "extra_forbidden" else error["msg"].removeprefix("Value error, ")
    )
    return f"{problem} (here: {error['input']!r})"


def _raise_if_any(path: Path, tree: yaml.Node | None, problems: list[tuple[tuple[Any, ...], str]]) -> None:
    """One SpecError that names file, line and key of every problem."""
    if problems:
        lines = [
            f"{path}:{_line(tree, place)}: {'.'.join(map(str, place))}: {told}" for place, told in problems
        ]
        raise SpecError("; ".join(lines) + ".")


def _read_yaml(path: Path) -> tuple[dict[str, Any], yaml.Node]:
    try:
        text = path.read_text(encoding="utf-8")
        loader = Loader(text)
        tree = loader.get_single_node()
        for key, line in _repeated(tree):
            raise SpecError(f"{path}:{line}: {key}: duplicate key.")
        values = loader.construct_document(tree) if tree else None
    except OSError as failure:
        raise SpecError(f"{path}: {failure.strerror}.", hint="correct the path.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as failure:
        mark = getattr(failure, "problem_mark", None)
        raise SpecError(f"{path}:{mark.line + 1 if mark else 1}: not YAML: {failure}.") from None
    if not isinstance(values, dict):
        raise SpecError(f"{path}:1: must hold keys and values.")
    return values, tree


def _repeated(node: yaml.Node | None) -> Iterator[tuple[str, int]]:
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if key.value in seen:
                yield key.value, key.start_mark.line + 1
            seen.add(key.value)
            yield from _repeated(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _repeated(value)


def _line(node: yaml.Node, location: tuple[Any, ...]) -> int:
    """The line on which `location` stands, or that of its nearest parent."""
    line = node.start_mark.line + 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == str(part)]
            if not found:
                break
            line, node = found[0][0].start_mark.line + 1, found[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line
