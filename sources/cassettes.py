"""Recorded exchanges with providers, one JSON file each, for fault reports and tests.

Belongs here: writing and reading cassettes. Does not belong here: which exchanges happen (`sources/protocols/`).
A cassette has no secrets: no credentials, no cookies, and no body of a response to credentials. A body of more than
WHOLE bytes is kept as its sha256 and its beginning; only cassettes with whole bodies can be replayed.
"""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from sources.catalogue import Dataset
from sources.data_folder import to_json
from sources.errors import DistrettoError, SourceError
from sources.http.client import HEAD, Client, Exchange
from sources.protocols.interface import Protocol, implementation
from sources.providers import Provider

WHOLE = 1_000_000
MOST_EXCHANGES = 500
# response headers that are not recorded: cookies and addresses of proxies
LEFT_OUT = frozenset({"set-cookie", "set-cookie2", "via", "x-forwarded-for"})


class BadCassette(DistrettoError):
    """The file is not a cassette."""

    hint = "record it again: distretto record DATASET -o FOLDER."


class FolderNotEmpty(DistrettoError):
    """The folder for new cassettes is not empty."""

    hint = "name a new folder."


@dataclass(frozen=True)
class Cassette:
    """One exchange. `body` is whole, as served, or None; `head` is the beginning of what it decodes to.

    `origin`: where the exchange comes from. `made`: written by hand from a documented rule, not recorded.
    """

    origin: str
    provider: str
    recorded_at: datetime | None
    method: str
    url: str
    sent: dict[str, str]
    status: int
    received: dict[str, str]
    size: int
    sha256: str
    body: bytes | None
    head: bytes
    made: bool = False

    def dump(self) -> str:
        """The cassette as JSON: a body that is UTF-8 as text, any other in base64."""
        return to_json(asdict(self) | {"body": _packed(self.body), "head": _packed(self.head)}, indent=1)

    @classmethod
    def load(cls, path: Path) -> Cassette:
        """The cassette in the file `path`. Raises BadCassette."""
        try:
            data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            moment = data["recorded_at"]
            return cls(
                **data
                | {
                    "recorded_at": datetime.fromisoformat(moment) if moment else None,
                    "body": _unpacked(data["body"]),
                    "head": _unpacked(data["head"]) or b"",
                }
            )
        except (OSError, ValueError, LookupError, TypeError) as failure:
            raise BadCassette(f"{path}: no cassette: {failure}.") from failure


def record(
    datasets: Iterable[Dataset], providers: Mapping[str, Provider], kept: Path, folder: Path
) -> list[dict[str, Any]]:
    """Ask for each of `datasets` as a first night would, write every exchange into `folder`, and throw the data away.

    Rate limits and bans apply as in a nightly run. `kept` is the data folder's `pace/`, from which only those are read.
    Returns a row per dataset: its result and the number of exchanges written. Raises FolderNotEmpty.
    """
    recorder = Recorder(folder)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        workdir = Path(scratch)
        protocols: dict[str, Protocol] = {}
        for dataset in datasets:
            provider = providers[dataset.provider]
            row: dict[str, Any] = {
                "dataset": dataset.id,
                "provider": provider.id,
                "exchanges": 0,
                "result": "",
            }
            rows.append(row)
            if not provider.base_url.startswith("http"):
                row["result"] = "not asked: a folder"
            elif provider.unset:
                row["result"] = f"not asked: {' and '.join(provider.unset)} not set"
            else:
                before = len(recorder.written)
                if provider.id not in protocols:
                    observe = partial(recorder.write, provider.id)
                    client = Client(provider, kept, observe=observe, own=workdir / "kept")
                    protocols[provider.id] = implementation(provider.protocol)(client, workdir)
                try:
                    protocols[provider.id].fetch(dataset, None)
                    row["result"] = "answered"
                except SourceError as failure:
                    row["result"] = f"{type(failure).__name__}: {failure.message}"
                row["exchanges"] = len(recorder.written) - before
            if len(recorder.written) >= MOST_EXCHANGES:
                row["result"] += f"; stopped at {MOST_EXCHANGES} exchanges"
                break
    return rows


class Recorder:
    """Writes the exchanges it is shown into a new or empty `folder`, MOST_EXCHANGES at most. Raises FolderNotEmpty."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise FolderNotEmpty(f"{folder} is not empty.")
        self.folder = folder
        self.written: list[Path] = []

    def write(self, provider: str, exchange: Exchange) -> None:
        """Write one exchange with `provider` as the next file."""
        if len(self.written) >= MOST_EXCHANGES:
            return
        body = exchange.body
        whole = body.size <= WHOLE and not exchange.secret
        cassette = Cassette(
            origin="recorded by distretto record",
            provider=provider,
            recorded_at=body.fetched_at.replace(microsecond=0),
            method=exchange.method,
            url=body.url,
            sent=exchange.sent,
            status=body.status,
            received={
                name: value for name, value in exchange.received.items() if name.lower() not in LEFT_OUT
            },
            size=body.size,
            sha256="" if exchange.secret else body.sha256,
            body=body.path.read_bytes() if whole else None,
            head=b"" if exchange.secret else body.head[:HEAD],
        )
        path = self.folder / f"{len(self.written) + 1:04}-{provider}-{body.status}.json"
        path.write_text(cassette.dump() + "\n", encoding="utf-8")
        self.written.append(path)


def _packed(data: bytes | None) -> str | dict[str, str] | None:
    if data is None:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def _unpacked(data: Any) -> bytes | None:
    if data is None:
        return None
    return base64.b64decode(data["base64"], validate=True) if isinstance(data, dict) else data.encode()
