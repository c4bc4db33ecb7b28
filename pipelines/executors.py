"""Where the steps of a run are executed: in this process, or by DISTRETTO_EXECUTOR on the workers of Celery or Kubernetes.

Belongs here: Dagster's executors. Does not belong here: what the steps share then (`sources/lake`).
"""

from __future__ import annotations

import os

import dagster as dg

from sources.errors import SpecError


def executor() -> dg.ExecutorDefinition:
    """The executor that the settings name. Raises SpecError."""
    name = os.environ.get("DISTRETTO_EXECUTOR")
    if not name:
        # one writer: every step of a run in one process
        return dg.in_process_executor
    if not os.environ.get("DISTRETTO_LAKE"):
        raise SpecError(
            "DISTRETTO_EXECUTOR is set, but DISTRETTO_LAKE is not: workers would share nothing.",
            hint="set both (docs/cluster.md), or neither.",
        )
    if name == "celery":
        return _celery()
    if name == "kubernetes":
        from dagster_k8s import k8s_job_executor

        return k8s_job_executor
    raise SpecError(f"DISTRETTO_EXECUTOR is {name!r}.", hint="write celery or kubernetes, or leave it out.")


def _celery() -> dg.ExecutorDefinition:
    from dagster_celery import celery_executor

    broker = os.environ.get("DISTRETTO_BROKER")
    if not broker:
        raise SpecError("DISTRETTO_BROKER is not set.", hint="write redis://HOST:6379/0 or pyamqp://HOST//.")
    # RabbitMQ returns results by itself; Redis has to be told
    backend: object = {"env": "DISTRETTO_BROKER"} if broker.startswith("redis") else "rpc://"
    return celery_executor.configured({"broker": {"env": "DISTRETTO_BROKER"}, "backend": backend})
