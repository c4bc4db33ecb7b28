"""Opening pages in the system's Chromium, and what axe finds on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from assets.site.language import Language

IT, EN = Language("it"), Language("en")
VIEWPORTS = {"phone": (390, 844), "desk": (1280, 900), "projector": (1920, 1080)}
# one page of each template
EACH = (
    "index sector search indicators indicator-enterprise_birth_rate indicator-enterprise_births "
    "indicator-epo_applications territories territory-ITG17 territory-ITC4 targets changes quality calendar downloads reading"
).split()


def opened(browser: Any, width: int = 1280, height: int = 900, **more: Any) -> tuple[Any, list[str]]:
    """A page, and the list that fills with what must not happen: errors, and requests that are not for our files."""
    context = browser.new_context(viewport={"width": width, "height": height}, **more)
    page, wrong = context.new_page(), []
    page.on(
        "console",
        lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None,
    )
    page.on("pageerror", lambda failure: wrong.append(str(failure)))
    page.on("requestfailed", lambda request: wrong.append(f"failed {request.url}"))
    page.on(
        "request", lambda request: None if request.url.startswith("file:///") else wrong.append(request.url)
    )
    return page, wrong


def complaints(page: Any, path: Path, **options: Any) -> list[str]:
    """What axe finds on the page, already open or opened here."""
    from axe_playwright_python.sync_playwright import Axe

    if page.url != path.as_uri():
        page.goto(path.as_uri())
    # preloading would fetch the style sheet again, which no browser allows from disk
    asked = {
        "preload": False,
        "rules": {"target-size": {"enabled": True}},
        "resultTypes": ["violations"],
        **options,
    }
    page.evaluate(Axe().axe_script)
    # what passed is as long as the page and would cross over for nothing
    found = page.evaluate("asked => axe.run(document, asked).then(told => told.violations)", asked)
    return [
        f"{path.parent.name}/{path.stem} {v['id']}: {node['html'][:120]}"
        for v in found
        for node in v["nodes"][:3]
    ]
