"""The release step as a plain function: the datasets' states in, release and the run's record out.

Belongs here: what the step does around `warehouse/release.py`. Does not belong here: Dagster.
"""

from __future__ import annotations

from assets.observations import Workshop, tidy
from assets.site.build import render
from sources.home import utc_now
from warehouse import release
from warehouse.status import describe, read_status, worsened, write_status
from warehouse.store import replay


def publish(shop: Workshop) -> release.Release | None:
    """Publish what stands, or None where nothing changed since the last release. Raises GateClosed.

    Either way `status.json` then holds the run's record: when, which release, and which datasets got worse.
    """
    states = describe(shop.home, shop.catalogue, shop.providers, shop.store, utc_now())
    status = read_status(shop.home)
    before = status["run"].get("datasets", {})
    status["run"] = {
        "at": utc_now().isoformat(),
        "published": None,
        "failed": None,
        "worse": worsened(before, states),
        "datasets": {
            name: {
                key: state[key]
                for key in ("outcome", "trouble", "late", "provider_updated_at")
                if key in state
            }
            for name, state in states.items()
        },
    }
    try:
        with shop.warehouse() as con:
            replay(con, shop.catalogue, shop.store, shop.stage)
            published = release.build(
                shop.home, con, shop.catalogue, shop.providers, shop.store, states, render
            )
        tidy(shop)
        status["run"]["published"] = published.id if published else None
        return published
    except BaseException as failure:
        # what got worse tonight is not told: the next run is compared with the one before
        status["run"] |= {"failed": str(failure) or "interrupted", "datasets": before}
        raise
    finally:
        write_status(shop.home, status)
