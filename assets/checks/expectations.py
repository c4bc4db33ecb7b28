"""Great Expectations: running expectations on frames, and their outcome as text.

Belongs here: the runner, the outcome of a check, and its words. Does not belong here: which expectations a dataset has
(`profile.py`, `plausibility.py`). Great Expectations is imported only when there is something to judge.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from numbers import Real
from typing import Any, Literal

Severity = Literal["quarantine", "alert"]
NOT_RUN = "not run"
# findings of a check that are named; of the others the number
SHOWN = 3


@dataclass(frozen=True)
class Result:
    """One check's outcome. `passed` is None where there was nothing to judge. `observed` and `expected` are text for people.

    `severity`: whether figures that fail are refused, or published with an alert.
    """

    name: str
    passed: bool | None
    observed: str
    expected: str
    severity: Severity = "quarantine"

    @property
    def refuses(self) -> bool:
        """Whether the figures may not enter history."""
        return self.passed is False and self.severity == "quarantine"

    @property
    def doubts(self) -> bool:
        """Whether published figures have to be reviewed."""
        return self.passed is False and self.severity == "alert"


def not_run(name: str, why: str) -> Result:
    """The result of a check that had nothing to judge."""
    return Result(name, None, f"{NOT_RUN}: {why}", "")


@dataclass(frozen=True)
class Rule:
    """An expectation on the frame of that name; without rows nothing is judged, where an `empty` frame says nothing."""

    check: str
    frame: str
    expectation: Any
    severity: Severity = "quarantine"


def judge(frames: dict[str, Any], rules: list[Rule]) -> list[Result]:
    """Run the expectations; results of one check are joined into one, which is as bad as its worst."""
    by_frame: dict[str, list[int]] = {}
    results: dict[int, Result] = {}
    for number, rule in enumerate(rules):
        if _says_nothing(frames[rule.frame]):
            results[number] = not_run(rule.check, "no row to judge")
        else:
            by_frame.setdefault(rule.frame, []).append(number)
    for name, numbers in by_frame.items():
        for number, outcome in zip(numbers, _outcomes(name, frames[name], rules, numbers), strict=True):
            rule, passed = rules[number], bool(outcome.success)
            observed, expected = _observed(outcome, frames[name]), _expected(rule.expectation)
            results[number] = Result(rule.check, passed, observed, expected, rule.severity)
    joined: dict[str, list[Result]] = {}
    for number, rule in enumerate(rules):
        joined.setdefault(rule.check, []).append(results[number])
    return [_joined(found) for found in joined.values()]


def _outcomes(name: str, frame: Any, rules: list[Rule], numbers: list[int]) -> list[Any]:
    """What each of these rules found in the frame, in their order: one validation a frame costs half of one a rule."""
    from great_expectations import ExpectationSuite

    suite = ExpectationSuite(name=name)
    for number in numbers:
        # results come in an order of Great Expectations' own
        rules[number].expectation.meta = {"rule": number}
        suite.expectations.append(rules[number].expectation)
    # all unknown territories, because each has to be looked up
    listed = {"result_format": "SUMMARY", "partial_unexpected_count": 500 if name == "geos" else 20}
    outcome = _whole_frame(name).get_batch({"dataframe": frame}).validate(suite, result_format=listed)
    return sorted(outcome.results, key=lambda result: result.expectation_config.meta["rule"])


def _says_nothing(frame: Any) -> bool:
    return frame.empty or ("least" in frame and frame["least"].isna().all())


@cache
def _source() -> Any:
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context.data_sources.add_pandas("staged")


@cache
def _whole_frame(frame_name: str) -> Any:
    """Great Expectations' definition of a batch: one a name and process, since making it costs more than its use."""
    return _source().add_dataframe_asset(frame_name).add_batch_definition_whole_dataframe("all")


def _joined(results: list[Result]) -> Result:
    ran = [r for r in results if r.passed is not None]
    refusing = [r for r in ran if r.refuses]
    reported = refusing or [r for r in ran if r.doubts] or ran or results
    first = reported[0]
    return Result(
        first.name,
        first.passed,
        "; ".join(dict.fromkeys(r.observed for r in reported)),
        "; ".join(dict.fromkeys(r.expected for r in reported)),
        "quarantine" if first.passed else first.severity,
    )


def _observed(outcome: Any, frame: Any) -> str:
    """What the expectation saw, short enough to read."""
    if error := (outcome.exception_info or {}).get("exception_message"):
        return str(error).splitlines()[0]
    if "subject" in frame:
        return _findings(frame, outcome.expectation_config.kwargs["column_A"])
    if "least" in frame:
        return f"{frame['least'][0]:,.10g} to {frame['greatest'][0]:,.10g}"
    result = outcome.result
    if result.get("unexpected_count"):
        wrong = dict.fromkeys(sorted(map(str, result["partial_unexpected_list"])))
        some = len(wrong) < result["unexpected_count"]
        return f"{result['unexpected_count']:,} unexpected{', such as' if some else ':'} {', '.join(wrong)}"
    if missing := (result.get("details") or {}).get("missing"):
        return f"missing: {', '.join(missing)}"
    value = result.get("observed_value")
    return f"{value:,.10g}" if isinstance(value, Real) else f"{len(frame):,} as expected"


def _expected(expectation: Any) -> str:
    given = expectation.configuration.kwargs
    if "value_set" in given:
        values = [str(v) for v in given["value_set"]]
        return f"{given['column']} among {', '.join(values) if len(values) <= 30 else f'{len(values)} codes'}"
    if "column_A" in given:
        return "each within its limit"
    if "column_list" in given:
        return f"{', '.join(given['column_list'])} unique"
    low, high = given.get("min_value"), given.get("max_value")
    if low is None and high is None:
        return f"no {given['column']}"
    bounds = " and ".join(
        text
        for text in (
            f"at least {low:,.10g}" if low is not None else "",
            f"at most {high:,.10g}" if high is not None else "",
        )
        if text
    )
    return f"{given['column']} {bounds}"


def _findings(frame: Any, limit: str) -> str:
    """The worst rows beyond their limit, each with the figure that shows it best; else how far the worst one is."""
    beyond = frame[frame["measured"] > frame[limit]]
    if beyond.empty:
        worst = frame.iloc[frame["measured"].argmax()]
        return f"{int(frame['judged'].sum()):,} judged, at most {_measured(worst)}: {worst['subject']}"
    # one place is often wrong in several kinds of figures: each place once
    shown = beyond.drop_duplicates("geo").head(SHOWN)
    more = len(beyond) - len(shown)
    return "; ".join(_finding(row, limit) for _, row in shown.iterrows()) + (
        f"; and {more:,} more" if more else ""
    )


def _finding(row: Any, limit: str) -> str:
    about = f"{row['subject']}: {_measured(row)}, {_measured(row, limit)} allowed"
    if not row["geo"]:
        return about
    place = " ".join(str(row[name]) for name in ("geo", "what", "period") if row[name])
    return f"{about} ({place}: {_figure(row['old'])} before, now {_figure(row['new'])})"


def _measured(row: Any, column: str = "measured") -> str:
    value = row[column]
    match row["measure"]:
        case "share":
            return f"{value:.1%}"
        case "factor":
            return f"factor {value:,.4g}"
        case unit:
            return f"{value:,.10g} {unit}"


def _figure(value: Any) -> str:
    return "missing" if value is None or value != value else f"{value:,.10g}"
