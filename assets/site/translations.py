"""Italian of the English sentences that come with the data, and the reverse, read where each is written.

Belongs here: collecting the pairs. Does not belong here: the sentences (catalogue, headers of indicators, reference
files), nor the site's own strings (`messages.yml`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from sources.catalogue import load_catalogue
from sources.common.config import Text, load
from sources.providers import load_providers
from warehouse.publishing.contract import contract
from warehouse.reference.territory import REFERENCE
from warehouse.statistics import breaks, peers
from warehouse.statistics.indicators import ITALIAN, load_indicators
from warehouse.targets import drafts


@cache
def italian() -> dict[str, str]:
    """English to Italian, of every sentence that has both."""
    return {text.en: text.it for text in _texts() if text.it}


@cache
def english() -> dict[str, str]:
    """Italian to English, of the sentences that the ledger may hold in Italian: it once sealed drafts in that language."""
    return {sentence.it: sentence.en for sentence in drafts.texts()}


def _texts() -> Iterator[Text]:
    for dataset in load_catalogue().values():
        yield dataset.calendar.expected
        yield from dataset.warnings
    for provider in load_providers().values():
        yield Text(en=provider.title, it=provider.title_it)
    for indicator in load_indicators():
        for key in ITALIAN:
            yield Text(en=indicator.header[key.removesuffix("_it")], it=indicator.header.get(key))
    for table in contract().described.values():
        yield Text(en=table.description, it=table.description_it)
    for entry in breaks.load():
        yield from (entry.reason, entry.evidence)
    for group in peers.benchmarks().groups:
        yield group.reason
    # the reason alone: the name before it is shown in its own place
    for text in peers.shown().values():
        yield Text(en=text.en.partition(": ")[2], it=(text.it or "").partition(": ")[2])
    yield from load(REFERENCE / "shipped_ledger_texts.yml", list[Text])
    for sentence in drafts.texts():
        yield Text(en=sentence.en, it=sentence.it)
