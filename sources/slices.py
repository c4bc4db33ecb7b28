"""Split a table that exceeds the provider's size limit into several requests; store the responses as one snapshot.

Belongs here: requesting all slices of one edition, packing the responses so that equal responses give equal bytes, and
unpacking them. Does not belong here: how each is requested (`protocols/`). A table is split by the dimension `slices` of
its catalogue entry. A body in slices is a tar in gzip: `slices.json`, which lists the request of each slice and whether it
had results, then one member per response, decoded, in the order of the requests. Its format is that of the responses with
`+slices` appended.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import tarfile
import zlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path

from sources.catalogue import Filter
from sources.common.sql import identifier, literal
from sources.errors import NoResults, NotReady, StructureChanged, TooLarge, UnreadableBody
from sources.formats.staged import Staged, decoding
from sources.formats.write import write_series
from sources.http.client import Body

SUFFIX = "+slices"
CONTENTS = "slices.json"
CHUNK = 1 << 20
# providers update at most twice a day, so a second change mid-download indicates another fault
EDITIONS_TRIED = 2


@dataclass(frozen=True)
class Slice:
    """What one request asked for, in the provider's names and codes; `body` is None if there are no results."""

    asked: Filter
    url: str
    body: Body | None


def cut(query: Filter, along: str, in_use: Callable[[], dict[str, set[str]]]) -> list[Filter]:
    """`query`, one code of the dimension `along` at a time: those it names, else those that the provider has `in_use`.

    Raises StructureChanged if the provider has no such dimension.
    """
    codes = query.get(along) or sorted(in_use().get(along, ()))
    if not codes:
        raise StructureChanged(
            f"The provider lists no codes of {along}, by which the table is to be split.",
            hint="correct `slices` in the catalogue entry.",
        )
    return [{**query, along: [code]} for code in codes]


def gather(
    plan: Callable[[], list[Filter]],
    ask: Callable[[Filter], Body],
    editions: Callable[[list[Body]], Collection[object]],
) -> list[Slice]:
    """Every slice of `plan`, all of one edition: after an update in between, all are discarded and asked again, once.

    `plan` is made again afterwards, since an update may bring codes; `editions` tells the answers' editions. A slice
    without results is one; any other failure fails them all. Raises NotReady, NoResults and what `ask` raises.
    """
    for _ in range(EDITIONS_TRIED):
        asked = plan()
        found = [_asked(query, ask) for query in asked]
        bodies = [one.body for one in found if one.body]
        if len(editions(bodies)) <= 1 and plan() == asked:
            if not bodies:
                raise NoResults(f"None of {len(asked)} slices has results.")
            return found
        for body in bodies:
            body.path.unlink()
    raise NotReady(
        "The table was updated during the download of its slices: they are discarded.",
        hint="the next run asks again.",
    )


def note(found: list[Slice], along: str) -> str:
    """The note of a body in slices, whose address is that of its first response."""
    return f"{len(found)} requests, one for each code of {along}, the first at this address"


def _asked(query: Filter, ask: Callable[[Filter], Body]) -> Slice:
    try:
        body = ask(query)
    except NoResults as nothing:
        return Slice(query, nothing.url, None)
    return Slice(query, body.url, body)


def pack(slices: list[Slice], into: Path, largest: int) -> Body:
    """The body of all `slices`, written to the file `into`; their own are removed. Raises TooLarge past `largest` bytes."""
    plain = into.with_name(f"{into.name}.tar")
    answers = [one.body for one in slices if one.body]
    if sum(answer.decoded_size for answer in answers) > largest:
        raise TooLarge(f"The slices expand to more than {largest:,} bytes together.", url=answers[0].url)
    with tarfile.open(plain, "w", format=tarfile.USTAR_FORMAT) as tar:
        contents = [{"asked": one.asked, "url": one.url, "results": one.body is not None} for one in slices]
        listed = json.dumps(contents, indent=0).encode()
        tar.addfile(_member(CONTENTS, len(listed)), io.BytesIO(listed))
        for number, answer in enumerate(answers, 1):
            with gzip.open(answer.path) if answer.gzipped else open(answer.path, "rb") as handle:
                tar.addfile(_member(f"{number:04}", answer.decoded_size), handle)
    with open(plain, "rb") as handle, open(into, "wb") as file:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
        handle.seek(0)
        with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0, compresslevel=6) as packed:
            shutil.copyfileobj(handle, packed, CHUNK)
    size = plain.stat().st_size
    for path in (plain, *(answer.path for answer in answers)):
        path.unlink()
    return replace(
        answers[0],
        path=into,
        response_headers={**answers[0].response_headers, "content-type": "application/x-tar"},
        fetched_at=answers[-1].fetched_at,
        size=into.stat().st_size,
        decoded_size=size,
        sha256=digest,
        gzipped=True,
        head=b"",
    )


def unpack(body: Path, folder: Path) -> list[tuple[Filter, Path]]:
    """What was asked and the answer as a file in `folder`, of each slice with results. Raises UnreadableBody."""
    folder.mkdir(parents=True, exist_ok=True)
    found: list[Path] = []
    try:
        with tarfile.open(body, "r|gz") as tar:
            for number, member in enumerate(tar):
                expected = f"{number:04}" if number else CONTENTS
                content = tar.extractfile(member) if member.isfile() else None
                if member.name != expected or content is None:
                    raise UnreadableBody(f"Member {member.name!r} where {expected} was expected.")
                target = folder / expected
                with open(target, "wb") as handle:
                    shutil.copyfileobj(content, handle, CHUNK)
                if number:
                    found.append(target)
        contents = json.loads((folder / CONTENTS).read_bytes())
        asked = [one["asked"] for one in contents if one["results"]]
    except (tarfile.TarError, EOFError, OSError, zlib.error, ValueError, KeyError, TypeError) as failure:
        raise UnreadableBody(f"No body in slices: {failure}.") from None
    if not found or len(found) != len(asked):
        raise UnreadableBody(f"{len(found)} slices where {len(asked)} were asked for and had results.")
    return list(zip(asked, found, strict=True))


def merge(parts: list[tuple[Filter, Staged]], dimensions: list[str], folder: Path) -> Staged:
    """All `parts` as one staged folder, each with what it was asked for.

    Raises UnreadableBody if they are of different extractions, or hold what they were not asked for.
    """
    stamps = {part.provider_updated_at for _, part in parts} - {None}
    if len(stamps) > 1:
        raise UnreadableBody(
            f"The slices have {len(stamps)} update stamps: they come from several extractions."
        )
    staged, keys = Staged(folder), ", ".join(map(identifier, dimensions))

    def every(which: str) -> str:
        return " union all ".join(
            f"select {i} as part, * from read_parquet({literal(getattr(part, which))})"
            for i, (_, part) in enumerate(parts)
        )

    with decoding(folder) as con:
        for asked, part in parts:
            for dimension, codes in asked.items():
                others = con.execute(
                    f"select distinct {identifier(dimension)} from read_parquet({literal(part.series)}) "
                    f"where {identifier(dimension)} not in ({', '.join(map(literal, codes))}) order by all limit 3"
                ).fetchall()
                if others:
                    raise UnreadableBody(
                        f"The slice of {dimension} {', '.join(codes)} holds {', '.join(code for (code,) in others)}: "
                        "the provider did not do as asked.",
                        hint="compare the address with what the provider's service expects today.",
                    )
        con.execute(
            f"create temp view together as select {keys}, o.* exclude (part, series) "
            f"from ({every('series')}) s left join ({every('observations')}) o using (part, series)"
        )
        write_series(con, "together", dimensions, staged, where="period is not null")
    return Staged(folder, stamps.pop() if stamps else None)


def _member(name_: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name_)
    member.size = size
    return member
