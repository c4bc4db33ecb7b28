"""Content negotiation: which of our media types a client accepts.

Belongs here: reading an Accept header. Does not belong here: the formats.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.service.problems import Refused, shown


def negotiate(accept: str, offered: Sequence[str], plain: dict[str, str]) -> str:
    """The media type of `offered` that the header `accept` prefers; the first one where it has no preference.

    `plain`: general media types, such as application/xml, and the offered one each means. A range without a version means
    every version. Raises Refused (406) if none is accepted.
    """
    wanted: list[tuple[float, str]] = []
    for part in (accept or "*/*").split(","):
        words = [word.strip().lower() for word in part.split(";")]
        parameters = dict(word.partition("=")[::2] for word in words[1:])
        try:
            quality = float(parameters.pop("q", "1"))
        except ValueError:
            quality = 0.0
        if quality > 0 and words[0]:
            given = "".join(f";{name}={value}" for name, value in parameters.items() if name != "charset")
            wanted.append((quality, words[0] + given))
    for _, media_range in sorted(wanted, key=lambda one: -one[0]):
        bare = media_range.partition(";")[0]
        for media_type in offered:
            name = media_type.partition(";")[0]
            if media_range == media_type or (bare == media_range and _matches(bare, name)):
                return media_type
        if media_range in plain:
            return plain[media_range]
    raise Refused(
        406,
        "not-acceptable",
        f"{shown(accept)} is not available here. There is: {', '.join(offered)}.",
        available=list(offered),
    )


def _matches(media_range: str, name: str) -> bool:
    kind, _, rest = media_range.partition("/")
    return media_range in ("*/*", name) or (rest == "*" and name.startswith(f"{kind}/"))
