"""The data folder as a Dagster resource: locked for writing while a run lasts, or while a step of a distributed run does.

Belongs here: the resource that every asset receives. Does not belong here: paths (`sources/data_folder.py`) and steps.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

import dagster as dg
from pydantic import PrivateAttr

from assets.run import RunContext
from assets.soundness import prepare
from sources.data_folder import DataFolder


class DataFolderResource(dg.ConfigurableResource):
    """The folder `DISTRETTO_HOME`. `offline`: ask no provider, work with stored and bundled figures."""

    offline: bool = False
    _writing: AbstractContextManager[None] = PrivateAttr()
    _run: RunContext = PrivateAttr()

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        home = DataFolder.from_env()
        self._writing = home.running()
        self._writing.__enter__()
        try:
            self._run = RunContext(home)
            if home.lake:
                # what else is checked belongs to the release step, which has the lake to itself
                home.sweep()
            else:
                prepare(self._run)
        except BaseException:
            self._writing.__exit__(None, None, None)
            raise

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        self._writing.__exit__(None, None, None)

    @property
    def run(self) -> RunContext:
        return self._run
