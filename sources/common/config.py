"""One loader for every YAML file of the project and of the user: read, checked against a model, problems with lines.

Belongs here: reading YAML, and saying file, line and key of each problem. Does not belong here: the models; each
lives in the module that owns the file's concept.
"""

from __future__ import annotations

import difflib
import logging
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, model_validator
from pydantic_core import ErrorDetails

from sources.errors import SpecError

# libyaml if PyYAML was built with it: ten times as fast
YamlLoader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Location = tuple[str | int, ...]
Problem = tuple[Location, str]
T = TypeVar("T")
# how many allowed names a message lists after the nearest one
FEW = 20
_log = logging.getLogger("distretto")


class Strict(BaseModel):
    """Base of the models of YAML files: an unknown key and a value of another type are errors; immutable."""

    # a model that others contain builds no validator of its own unless it is used alone
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class Names(Strict):
    """A text in both languages."""

    it: str
    en: str


class Text(Strict):
    """A sentence of the data: `{it, en}`, or a bare text, which is English without a translation."""

    en: str
    it: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _bare_is_english(cls, given: Any) -> Any:
        return {"en": given} if isinstance(given, str) else given


@dataclass(frozen=True)
class Document:
    """A YAML file as read: its values, and the nodes that know the lines."""

    path: Path
    values: Any
    _tree: yaml.Node | None

    def line(self, location: Location) -> int:
        """The line of `location`, or that of its nearest parent; 1 in an empty file."""
        return _line(self._tree, location) if self._tree else 1

    def where(self, location: Location) -> str:
        """`file:line` of `location`."""
        return f"{self.path}:{self.line(location)}"

    def validate(self, model: type[T], values: Any = None, at: Location = ()) -> T:
        """An instance of `model` from `values` (default: the whole file), which the file has at `at`.

        Raises SpecError with every problem.
        """
        try:
            # models are strict themselves; this is for a bare list or dict of them too
            found: T = _validator(cast(Hashable, model)).validate_python(
                self.values if values is None else values
            )
            return found
        except ValidationError as failure:
            errors = failure.errors()
        # a key of a mapping that is itself wrong is reported at `(key, "[key]")`
        self.refuse(
            ((*at, *(part for part in error["loc"] if part != "[key]")), _said(error)) for error in errors
        )
        raise AssertionError("a model refused its values without a problem")

    def refuse(self, problems: Iterable[Problem], hint: str | None = None) -> None:
        """Raise one SpecError that names file, line and key of every problem; return if there is none."""
        lines = [
            f"{self.where(location)}: {': '.join(part for part in ('.'.join(map(str, location)), said) if part)}"
            for location, said in problems
        ]
        if lines:
            raise SpecError("; ".join(lines) + ".", hint=hint)

    def renamed(self, old: Mapping[str, str]) -> dict[str, Any]:
        """The file's mapping with each old name of a key (`old`: old to new) replaced, which is logged once."""
        values = dict(self.values)
        both = [
            ((key,), f"is the old name of {new}, which is given too")
            for key, new in old.items()
            if {key, new} <= {*values}
        ]
        self.refuse(both)
        for key, new in old.items():
            if key in values:
                warn_renamed(f"{self.where((key,))}: {key}", new)
                values[new] = values.pop(key)
        return values


def load(
    path: Path,
    model: type[T],
    *,
    problems: Callable[[T], Iterable[Problem]] | None = None,
    hint: str | None = None,
) -> T:
    """The YAML file `path` as `model`: a pydantic model, or a type such as `list[Break]`.

    `problems` yields what does not fit together, as `(location, problem)`. Raises SpecError with `file:line: key:
    problem` for every problem, duplicate keys included.
    """
    document = read(path, mapping=False)
    loaded = document.validate(model)
    if problems:
        document.refuse(problems(loaded), hint)
    return loaded


def read(path: Path, mapping: bool = True) -> Document:
    """The YAML file `path`, which holds a `mapping`. Raises SpecError."""
    try:
        text = path.read_text(encoding="utf-8")
        loader = YamlLoader(text)
        tree = loader.get_single_node()
        for key, line in _repeated(tree):
            raise SpecError(f"{path}:{line}: {key}: duplicate key.")
        values = loader.construct_document(tree) if tree else None
    except OSError as failure:
        raise SpecError(f"{path}: {failure.strerror}.", hint="correct the path.") from failure
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as failure:
        # ValueError: PyYAML on a date such as 2026-02-30
        mark = getattr(failure, "problem_mark", None)
        raise SpecError(f"{path}:{mark.line + 1 if mark else 1}: not YAML: {failure}.") from failure
    if mapping and not isinstance(values, dict):
        raise SpecError(f"{path}:1: must hold keys and values.")
    return Document(path, values, tree)


def choice(given: str, allowed: Iterable[str]) -> str | None:
    """What is wrong with `given` where it must be one of `allowed`: None, or a problem that names the nearest."""
    names = list(allowed)
    if given in names:
        return None
    near = difflib.get_close_matches(given, names, 1)
    parts = [f"{given!r} is unknown"]
    if near:
        parts.append(f"did you mean {near[0]}?")
    if not near or len(names) <= FEW:
        parts.append(f"allowed: {', '.join(names)}")
    return "; ".join(parts)


@cache
def warn_renamed(what: str, new: str) -> None:
    """Log once that the old name `what` is still read, and that `new` is the name now."""
    _log.warning("%s is an old name, still read: write %s.", what, new)


@cache
def _validator(model: Any) -> TypeAdapter[Any]:
    if isinstance(model, type) and issubclass(model, BaseModel):
        model.model_rebuild()
    return TypeAdapter(model)


def _said(error: ErrorDetails) -> str:
    """A pydantic error as a sentence of this project."""
    if error["type"] == "missing":
        return "missing"
    problem = (
        "unknown key" if error["type"] == "extra_forbidden" else error["msg"].removeprefix("Value error, ")
    )
    return f"{problem} (here: {error['input']!r})"


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


def _line(node: yaml.Node, location: Location) -> int:
    line: int = node.start_mark.line + 1
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
