"""The data folder as a Dagster resource: locked for writing while a run lasts.

Belongs here: what every asset is handed. Does not belong here: paths (`sources/home.py`) and steps.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

import dagster as dg
from pydantic import PrivateAttr

from assets.observations import Workshop
from sources.home import Home


class DataFolder(dg.ConfigurableResource):
    """The folder `DISTRETTO_HOME`. `offline`: ask no provider, work with what is there and what ships."""

    offline: bool = False
    _writing: AbstractContextManager[None] = PrivateAttr()
    _shop: Workshop = PrivateAttr()

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        home = Home.from_env()
        self._writing = home.writing()
        self._writing.__enter__()
        self._shop = Workshop(home)

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        self._writing.__exit__(None, None, None)

    @property
    def shop(self) -> Workshop:
        return self._shop
