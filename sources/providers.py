"""Providers: address, rate limits, licence and redistribution of each. Data: `providers.yml`.

Belongs here: the model of a provider, and overriding the project's settings by the user's. Does not belong here: asking a
provider (`protocols/`).
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, StringConstraints, ValidationInfo, field_validator

from sources.common.config import Document, Strict, choice, read
from sources.protocols import REGISTRY

FILE = Path(__file__).parent / "providers.yml"
Dimension = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
# whether data may be redistributed with their source named, or are for internal use only
Redistribution = Literal["allowed", "denied"]


class Provider(Strict):
    """How a provider may be asked. Times in seconds, sizes in bytes."""

    id: str
    title: str
    # the title in Italian, if it is another one
    title_it: str | None = None
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
    # requests a minute until the provider says its own number
    assumed_per_minute: int | None = Field(default=None, gt=0)
    # other origins that the provider redirects to
    redirects_to: list[str] = []
    # what `distretto doctor` asks for below base_url, `HEAD ` before it if the file is large
    small_request: str | None = None
    # the dataset by which `make live` tries the provider
    smoke_table: str | None = None
    # the environment variable by which an operator allows asking; unset: the provider is not asked
    decision: str | None = None
    renames: dict[str, Dimension] = {}
    territories: str | None = None
    allowed_absence_days: int = Field(gt=0)
    timezone: str
    # the letters that flags of its tables may consist of: Eurostat's list, unless the provider has another one
    flags: str = "bcdefimnprsuz"
    credentials: list[str] = []

    @field_validator("protocol")
    @classmethod
    def _is_registered(cls, protocol: str) -> str:
        if problem := choice(protocol, REGISTRY):
            raise ValueError(problem)
        return protocol

    @field_validator("base_url")
    @classmethod
    def _is_address(cls, base_url: str, others: ValidationInfo) -> str:
        if others.data.get("protocol") != "drop" and not re.match(r"https?://[^/]", base_url):
            raise ValueError("must begin with http:// or https:// and a host")
        return base_url

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, timezone: str) -> str:
        try:
            ZoneInfo(timezone)
        except (OSError, ValueError, KeyError):
            raise ValueError("is not a time zone of the IANA database, such as Europe/Rome") from None
        return timezone

    @property
    def unset(self) -> list[str]:
        """The environment variables without a value, credentials and `decision`: the provider is not asked without them."""
        needed = [*self.credentials, *([self.decision] if self.decision else [])]
        return [name for name in needed if not os.environ.get(name)]

    @property
    def interval_s(self) -> float:
        """The seconds between two requests at the beginning of a run."""
        return max(float(self.min_interval_s), 60 / self.assumed_per_minute if self.assumed_per_minute else 0)


def load_providers() -> dict[str, Provider]:
    """Providers by id: `providers.yml`, overridden key by key by the file that `DISTRETTO_PROVIDERS` names.

    Raises SpecError with file and line.
    """
    document = read(FILE)
    settings: dict[str, dict[str, Any]] = dict(document.values)
    said_in: dict[str, Document] = dict.fromkeys(settings, document)
    if over := os.environ.get("DISTRETTO_PROVIDERS"):
        document = read(Path(over))
        for name, values in document.values.items():
            if not isinstance(values, dict):
                document.refuse([((name,), f"{name} must hold settings, such as base_url")])
            settings[name] = {**settings.get(name, {}), **values}
            said_in[name] = document
    return {
        name: said_in[name].validate(Provider, {"id": name, **values}, at=(name,))
        for name, values in settings.items()
    }
