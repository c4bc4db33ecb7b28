"""Telling people: a step that failed, and datasets that got worse, to the log and to a webhook.

The webhook is off unless DISTRETTO_WEBHOOK holds a URL; it receives `{"text": ...}` by POST. An alert that
cannot be delivered never fails a run. Does not belong here: deciding what is worse (`warehouse/status.py`).
"""

from __future__ import annotations

import logging
import os

import dagster as dg
import requests

from sources.home import Home
from warehouse.status import read_status

TIMEOUT_S = 10
log = logging.getLogger("distretto")


def send(text: str) -> None:
    """Log `text` and post it to the webhook, whose address stays out of the log since it may hold a secret."""
    log.error(text)
    url = os.environ.get("DISTRETTO_WEBHOOK")
    if not url:
        return
    try:
        requests.post(url, json={"text": text}, timeout=TIMEOUT_S).raise_for_status()
    except requests.RequestException as failure:
        log.error("the alert was not delivered: %s", type(failure).__name__)


@dg.failure_hook
def on_failure(context: dg.HookContext) -> None:
    """A step raised: nothing was published by it."""
    tell_failure(f"step {context.op.name}", context.op_exception)


def tell_failure(what: str, failure: BaseException) -> None:
    send(f"Distretto: {what} failed, the old release stays: {failure}")


@dg.success_hook
def on_release(context: dg.HookContext) -> None:
    """After the release step: what got worse in this run, although the run succeeded."""
    if context.op.name != "release":
        return
    status = read_status(Home.from_env())
    for dataset in status["run"].get("worse", []):
        failure = status["datasets"].get(dataset, {}).get("failure", {})
        send(
            f"Distretto: {dataset} got worse: {failure.get('message', 'no release by its provider for too long')}"
        )
