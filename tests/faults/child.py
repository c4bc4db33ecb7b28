"""One command of `distretto` in a process that a warm server forked, with a fault built in.

Belongs here: what happens inside that process. Does not belong here: which fault, and what is looked at afterwards.
A night takes the cheapest real path to the step that is hit: without Dagster, pages or exported files where they are not the
point. The command line, its messages, exit codes and locks are real in every case.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import logging
import os
import resource
import signal
import sys
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

# imported once by the server, so that a forked process begins at once
import great_expectations  # noqa: F401
import typst  # noqa: F401

import assets.release
import pipelines.cli
import pipelines.definitions  # noqa: F401
import pipelines.reports  # noqa: F401
import pipelines.run
from assets import observations
from assets.run import RunContext
from assets.soundness import prepare
from sources import data_folder
from sources.data_folder import DataFolder
from sources.protocols import REGISTRY
from warehouse.publishing import release

# of every audited event that changes a file, the one before which the process is killed
CHANGES = {
    "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.chmod", "os.truncate",
    "shutil.rmtree", "shutil.copyfile",
}  # fmt: skip

for _name in REGISTRY:
    REGISTRY[_name]
release.code_sha256()
gc.collect()
gc.freeze()


@dataclass(frozen=True)
class Order:
    """A command, where it works, and the fault. `said` receives what it prints; `said`.json its number of changes to files and
    its seconds of CPU."""

    words: tuple[str, ...]
    environment: dict[str, str]
    said: Path
    draws: bool = False  # through Dagster, with pages
    exports: bool = True  # with CSV, Parquet and the workbook
    kill_at: int = 0  # SIGKILL before this change to a file
    cpu_s: float = 0.0  # killed by the kernel after so many seconds of CPU
    days: float = 0.0  # by which the clock is wrong
    most_bytes: int = 0  # that a file may have
    watched: list[str] = field(default_factory=list)  # folders in which changes count


def run(order: Order) -> None:
    """Carry out `order`; the process ends with the command's exit code."""
    for name in [name for name in os.environ if name.startswith(("DISTRETTO_", "DAGSTER_"))]:
        del os.environ[name]
    os.environ.update(order.environment)
    written = os.open(order.said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(written, 1)
    os.dup2(written, 2)
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)
    # where a library crashes the process, the message says in which call
    faulthandler.enable()
    counted = _count(order)
    if not order.draws:
        pipelines.run.run_nightly = _steps
        assets.release.render = lambda built: []
    if not order.exports:
        release.exports = SimpleNamespace(write=lambda *_: {})
    if order.days:
        _shift(timedelta(days=order.days))
    if order.most_bytes:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (order.most_bytes, order.most_bytes))
    if order.cpu_s:
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, order.cpu_s)
    sys.argv = ["distretto", *order.words]
    begun = time.process_time()
    try:
        pipelines.cli.main()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.flush()
        sys.stderr.flush()
        if not order.most_bytes:
            spent = {"changes": counted[0], "cpu_s": time.process_time() - begun}
            order.said.with_suffix(".json").write_text(json.dumps(spent))


def _count(order: Order) -> list[int]:
    """Count changes to files below the watched folders, and kill the process before the chosen one."""
    counted = [0]

    def hook(event: str, given: tuple[Any, ...]) -> None:
        if event == "open":
            writes = isinstance(given[2], int) and given[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            if not writes:
                return
        elif event not in CHANGES:
            return
        if not any(str(path).startswith(tuple(order.watched)) for path in given[:2]):
            return
        counted[0] += 1
        if counted[0] == order.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    if order.watched:
        sys.addaudithook(hook)
    return counted


def _shift(by: timedelta) -> None:
    real = data_folder.utc_now
    for module in list(sys.modules.values()):
        if getattr(module, "utc_now", None) is real:
            module.utc_now = lambda: real() + by  # type: ignore[attr-defined]


def _steps(only: list[str] | None, offline: bool, handler: logging.Handler) -> None:
    """The nightly job's steps in their order, without Dagster."""
    home = DataFolder.from_env()
    with home.writing():
        run = RunContext(home)
        prepare(run)
        names = only or list(run.catalogue)
        if not offline:
            observations.collect(run, names)
        with run.warehouse() as con:
            for name in names:
                observations.judge(run, con, name)
        assets.release.publish(run, {})
