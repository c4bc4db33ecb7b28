"""One body made of several answers: a table too large for one request, kept as one snapshot.

Belongs here: putting answers together so that equal answers give equal bytes, and taking them apart again. Does not
belong here: which codes a slice has (`slices` and `query` of the catalogue entry) and how each is asked (`protocols/`).
A body in slices is a tar in gzip: `addresses.json`, then a member an answer, decoded, in the order asked. Its format is
that of the answers with `+slices` behind it.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import tarfile
import zlib
from dataclasses import replace
from pathlib import Path

from sources.errors import TooLarge, UnreadableBody
from sources.formats.staged import Staged, decoding, name, quoted
from sources.http import Body
from sources.spec import Dataset, Filter

SUFFIX = "+slices"
ADDRESSES = "addresses.json"
CHUNK = 1 << 20


def queries(dataset: Dataset) -> list[Filter]:
    """What each request asks for: the entry's query, one code of the dimension `slices` at a time."""
    if dataset.slices is None:
        return [dataset.query]
    return [{**dataset.query, dataset.slices: [code]} for code in dataset.query[dataset.slices]]


def pack(answers: list[Body], into: Path, largest: int) -> Body:
    """The body of all `answers`, written to the file `into`; theirs are removed. Raises TooLarge past `largest` bytes."""
    plain = into.with_name(f"{into.name}.tar")
    if sum(answer.decoded_size for answer in answers) > largest:
        raise TooLarge(f"The slices expand to more than {largest:,} bytes together.", url=answers[0].url)
    with tarfile.open(plain, "w", format=tarfile.USTAR_FORMAT) as tar:
        listed = json.dumps([answer.url for answer in answers], indent=0).encode()
        tar.addfile(_member(ADDRESSES, len(listed)), io.BytesIO(listed))
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


def unpack(body: Path, folder: Path) -> list[Path]:
    """The answers in the file `body`, each as a file in `folder`, in the order asked. Raises UnreadableBody."""
    folder.mkdir(parents=True, exist_ok=True)
    found: list[Path] = []
    try:
        with tarfile.open(body, "r|gz") as tar:
            for number, member in enumerate(tar):
                expected = f"{number:04}" if number else ADDRESSES
                if member.name != expected or not member.isfile():
                    raise UnreadableBody(f"Member {member.name!r} where {expected} was expected.")
                if number:
                    found.append(folder / expected)
                    with open(found[-1], "wb") as handle:
                        shutil.copyfileobj(tar.extractfile(member), handle, CHUNK)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as failure:
        raise UnreadableBody(f"No body in slices: {failure}.") from None
    if not found:
        raise UnreadableBody("A body in slices without a slice.")
    return found


def merge(parts: list[Staged], dimensions: list[str], folder: Path) -> Staged:
    """All `parts` as one staged folder. Raises UnreadableBody where they are of different extractions."""
    stamps = {part.provider_updated_at for part in parts}
    if len(stamps) != 1:
        raise UnreadableBody(f"The slices bear {len(stamps)} update stamps: they are of several extractions.")
    staged, keys = Staged(folder), ", ".join(map(name, dimensions))
    same = " and ".join(f"a.{name(d)} is not distinct from s.{name(d)}" for d in dimensions)

    def every(which: str) -> str:
        return " union all ".join(
            f"select {i} as part, * from read_parquet({quoted(getattr(part, which))})"
            for i, part in enumerate(parts)
        )

    with decoding(folder) as con:
        con.execute(f"create temp table apart as {every('series')}")
        con.execute(
            f"create temp table together as select row_number() over (order by {keys})::integer as series, {keys} "
            f"from (select distinct {keys} from apart)"
        )
        con.execute(
            f"copy (from together order by series) to {quoted(staged.series)} (format parquet, compression zstd)"
        )
        con.execute(f"""
            copy (
                select s.series, o.* exclude (part, series)
                from ({every("observations")}) o join apart a using (part, series) join together s on {same}
                order by s.series, period
            ) to {quoted(staged.observations)} (format parquet, compression zstd)""")
    return Staged(folder, stamps.pop())


def _member(name_: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name_)
    member.size = size
    return member
