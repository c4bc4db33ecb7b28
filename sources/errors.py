"""Exceptions that a person reads, one class per failure mode.

Each says what happened and what to do next, where it applies with provider, dataset and URL, and which kind of trouble it
means for a dataset. Does not belong here: deciding what to retry (`http/client.py` reads `transient`) and whom to alert.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TypedDict


class Trouble(StrEnum):
    """Kinds of trouble that a dataset can be in. A new kind is reported once; the same kind again is not."""

    NO_ANSWER = "no answer"  # may pass by itself
    NOT_DATA = "not data"  # an answer without figures
    TABLE_CHANGED = "table changed"  # removed, or in another form
    REFUSED = "refused"  # by the provider: credentials, or a banned address
    CHECKS_FAILED = "checks failed"
    HELD_BACK = "held back"  # passed its own checks, but contradicts other figures
    DAMAGED = "damaged"
    LATE = "late"
    ABSENT = "absent for too long"
    OTHER = "other"


# classes of DistrettoError by name, which is how files remember them
_TYPES: dict[str, type[DistrettoError]] = {}


def error_type(name: str) -> type[DistrettoError]:
    """The class of that name; DistrettoError itself if no imported module has it."""
    return _TYPES.get(name, DistrettoError)


class DistrettoError(Exception):
    """Any failure this project explains: what happened, and `hint`, what to do next."""

    hint = ""
    trouble = Trouble.OTHER
    alerts_in_first_run = True

    def __init_subclass__(cls) -> None:
        _TYPES[cls.__name__] = cls

    def __init__(self, message: str, *, hint: str | None = None):
        super().__init__(message)
        self.message = message
        self.hint = self.hint if hint is None else hint

    def __str__(self) -> str:
        return f"{self.message} Next: {self.hint}" if self.hint else self.message


class InvalidPeriod(DistrettoError, ValueError):
    """A text that is not a reference period in a form known to `sources.common.periods`."""


class InvalidMoment(DistrettoError, ValueError):
    """A text that is not a moment, or a moment of which nothing can be known yet."""

    hint = (
        "write a day, 2026-11-30 (its end on the territory's clock), or a moment, 2026-11-30T12:00:00Z or "
        "2026-11-30T13:00+01:00; not later than today."
    )


class NoSuchFigure(DistrettoError):
    """The release has no figure for this territory, indicator and period; the message names the part that is missing.

    `near`: what may be meant instead, as the release names it.
    """

    def __init__(self, message: str, *, hint: str | None = None, near: Sequence[str] = ()):
        super().__init__(message, hint=hint)
        self.near = tuple(near)


class UnknownTerritory(NoSuchFigure):
    """Neither the code nor the name of a territory of the release."""


class UnknownIndicator(NoSuchFigure):
    """Neither an indicator of the release, by id or title, nor a code of a provider's table."""


class UnclearClaim(DistrettoError):
    """A claim about a figure that cannot be read in one way only: what is missing, unknown, or can mean several things.

    `message_it`: the same in Italian. `near`: what may be meant, as the release names it.
    """

    hint = 'write TERRITORY INDICATOR PERIOD VALUE, such as "ITG17 enterprise_birth_rate 2019 9.38".'

    def __init__(self, message: str, message_it: str, *, near: Sequence[str] = ()):
        super().__init__(message)
        self.message_it, self.near = message_it, tuple(near)


class UnknownUnit(DistrettoError, ValueError):
    """A code that is not a unit of `sources/common/units.yml`."""

    hint = "use a code of sources/common/units.yml, or add a line there."


class Interrupted(BaseException):
    """The run was stopped by Ctrl-C or SIGTERM. Like KeyboardInterrupt, it is not caught by handlers of failures."""


class SpecError(DistrettoError):
    """A YAML file of the project or of the user breaks its schema."""

    hint = "fix the line named above; the keys are listed in docs/add-a-dataset.md."


class Busy(DistrettoError):
    """Another process writes to this data folder."""

    hint = "wait for it to end, or look at its process; reading needs no lock."


class LakeUnavailable(DistrettoError):
    """The database or the object store of the lake does not answer, or refuses the connection."""

    hint = (
        "start it, or correct DISTRETTO_LAKE, PGUSER, PGPASSWORD, AWS_ENDPOINT_URL; then run again. Nothing was lost, and "
        "releases that are in DISTRETTO_HOME can be read."
    )


class LakeRefused(LakeUnavailable):
    """The lake answers, and does not accept the credentials."""

    hint = "set PGUSER, PGPASSWORD, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to a user who may write; nothing was lost."


class OtherLake(DistrettoError):
    """The lake was written by a newer version of the project."""

    hint = "update this machine to the version that the other workers run; nothing was changed."


class DamagedFolder(DistrettoError):
    """A file of the data folder contradicts the others, or cannot be read."""

    trouble = Trouble.DAMAGED


class ImplausibleClock(DistrettoError):
    """The machine's clock contradicts what was written before, or every provider that answered."""

    hint = (
        "set the clock (timedatectl), then run again; nothing was published or deleted. If the clock is right: "
        "distretto clock confirm --because TEXT (docs/operating.md)."
    )


class BrokenContract(DistrettoError):
    """A published column goes, or changes its type, without the notice that its readers were promised."""

    hint = (
        "keep the column and list it under `deprecated` in contract.yml: every release then announces it in the feed, and it "
        "may go after the stated number of releases."
    )


class OtherFolder(DistrettoError):
    """Steps of one run wrote to different data folders."""

    hint = "run every step with the same DISTRETTO_HOME; nothing was published."


class ChecksFailed(DistrettoError):
    """Staged figures break checks of their catalogue entry; the body waits in quarantine."""

    trouble = Trouble.CHECKS_FAILED


class HeldBack(DistrettoError):
    """Figures that passed their own checks make a release check fail; the body waits in quarantine."""

    trouble = Trouble.HELD_BACK


class NotReplayable(DistrettoError):
    """An accepted snapshot cannot enter history; its body waits in quarantine."""

    trouble = Trouble.CHECKS_FAILED


class DamagedSnapshot(DistrettoError):
    """A stored body no longer has the sha256 it was stored under."""

    trouble = Trouble.DAMAGED

    hint = "restore the file from a backup; the published release does not need it, a rebuild does."


class Where(TypedDict, total=False):
    """What a request is for, as far as it is known: keyword arguments that every SourceError takes."""

    provider: str
    dataset: str
    url: str


class SourceError(DistrettoError):
    """A provider's answer, or its absence. `transient` failures may be asked again in the same run."""

    transient = False

    def __init__(
        self,
        message: str,
        *,
        provider: str = "",
        dataset: str = "",
        url: str = "",
        hint: str | None = None,
        retry_after: float | None = None,
    ):
        super().__init__(message, hint=hint)
        self.provider, self.dataset, self.url, self.retry_after = provider, dataset, url, retry_after

    def __str__(self) -> str:
        where = "/".join(part for part in (self.provider, self.dataset) if part)
        url = f" ({self.url})" if self.url else ""
        return f"{where}: {super().__str__()}{url}" if where else f"{super().__str__()}{url}"


class Unreachable(SourceError):
    """No connection: refused, no such host, no route, TLS failure. The host is down for this run."""

    trouble = Trouble.NO_ANSWER
    alerts_in_first_run = False
    hint = "nothing to do if the provider is down; else check the network, DNS and the firewall."


class BrokenRead(SourceError):
    """The connection or the body broke off: reset, timeout while reading, truncated gzip."""

    trouble = Trouble.NO_ANSWER
    transient = True
    hint = "the next run asks again; if it lasts, the provider or a proxy cuts long answers."


class Unavailable(SourceError):
    """The provider says it cannot answer now: 408, 5xx, a maintenance page."""

    trouble = Trouble.NO_ANSWER
    transient = True
    hint = "the next run asks again."


class RateLimited(SourceError):
    """429, or a ban still in force; `retry_after` seconds if the provider said so."""

    trouble = Trouble.NO_ANSWER
    transient = True
    hint = "raise min_interval_s of this provider in providers.yml; the next run waits until the ban is over."


class NotReady(SourceError):
    """An extraction was queued and did not become available within its time."""

    trouble = Trouble.NO_ANSWER
    hint = "the next run asks again: the provider keeps the finished result for the same URL."


class ExtractionTooBig(SourceError):
    """The provider refuses the size permanently; a retry cannot help."""

    trouble = Trouble.TABLE_CHANGED
    hint = "name a dimension to cut along under `slices` in the catalogue entry, or ask for fewer codes with `query`."


class NotFound(SourceError):
    """The provider does not know this table."""

    trouble = Trouble.TABLE_CHANGED
    hint = "look for the new code in the provider's table of contents; mark the entry `frozen` if it is gone."


class BadRequest(SourceError):
    """The provider rejects the query: a wrong code, a wrong number of dimensions."""

    trouble = Trouble.TABLE_CHANGED
    hint = "compare `dimensions` and `query` of the catalogue entry with the provider's structure."


class Forbidden(SourceError):
    """401 or 403: a key is missing, or this address is banned."""

    trouble = Trouble.REFUSED
    hint = "check the credentials; if none are needed, this address may be banned: wait a day before asking again."


class RedirectedElsewhere(SourceError):
    """The provider redirects to another host, or in a loop."""

    trouble = Trouble.REFUSED
    hint = "if the provider has moved, change base_url in providers.yml."


class TooLarge(SourceError):
    """A body, or its decoded size, exceeds the limit."""

    trouble = Trouble.NOT_DATA
    hint = "raise max_bytes or max_decoded_bytes in providers.yml if the table has really grown."


class TooSlow(SourceError):
    """A body, or a host as a whole, took longer than its time."""

    trouble = Trouble.NO_ANSWER
    hint = "the next run asks again; raise max_seconds or host_budget_s in providers.yml if the provider is always slow."


class NotData(SourceError):
    """A success status with a body that is not data: a fault, a web page, nothing."""

    trouble = Trouble.NOT_DATA
    hint = "open the URL in a browser and read what the provider says."


class NoResults(NotData):
    """The provider knows the table and has nothing for this key: not a failure."""

    hint = "nothing, if the key may be empty; else ask for other codes with `query` in the catalogue entry."


class StructureChanged(SourceError):
    """The dimensions are not those of the catalogue entry."""

    trouble = Trouble.TABLE_CHANGED
    hint = "read the provider's structure, then change `dimensions` in the catalogue entry."


# exceptions our parsers raise on a response shape we did not anticipate; they cost one dataset
UNFORESEEN = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)


class UnreadableBody(SourceError):
    """A body that breaks its format: a cell that fits no rule, a short row, a wrong encoding."""

    trouble = Trouble.TABLE_CHANGED
    hint = "open the stored body at the row named; if the provider is right, extend the decoder."


class Unforeseen(SourceError):
    """A response that our own code failed to parse; `failure` is what it raised."""

    hint = (
        "report it with the stored body, or with the address: the code that reads it does not know its form."
    )

    def __init__(self, failure: BaseException):
        super().__init__(f"Reading the answer failed: {type(failure).__name__}: {failure}.")
