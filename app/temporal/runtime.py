"""The SDK's runtime of this process: what its core reports is logged as Signoff's own messages are."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import cache

from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)


class AddressUnusable(RuntimeError):
    """The metrics cannot be served at this address. The message says what to do."""


@cache
def own_runtime() -> Runtime:
    """The runtime of a process that serves no metrics. Each runtime has threads of its own, so there is only one."""
    return Runtime(telemetry=TelemetryConfig(logging=_logging()))


def measured_runtime(address: str, buckets: Mapping[str, Sequence[float]]) -> Runtime:
    """Create a runtime that serves its own metrics, and those of its `metric_meter`, at `http://ADDRESS/metrics`.

    Args:
        address: HOST:PORT. Everybody who can reach it can read the metrics.
        buckets: the upper bounds of histograms' buckets, by their names.

    Raises:
        AddressUnusable: the port is in use, or the host is not an address of this machine.
    """
    config = PrometheusConfig(
        bind_address=address,
        counters_total_suffix=True,
        unit_suffix=True,
        durations_as_seconds=True,
        histogram_bucket_overrides=buckets,
    )
    try:
        return Runtime(telemetry=TelemetryConfig(logging=_logging(), metrics=config, attach_service_name=False))
    except (RuntimeError, ValueError) as error:
        message = f"The metrics cannot be served at {address}: {error}. Change SIGNOFF_METRICS, or free the port."
        raise AddressUnusable(message) from error


def _logging() -> LoggingConfig:
    """What the core logs. By default it writes to stdout itself, in colors and in a format of its own."""
    forwarding = LogForwardingConfig(logging.getLogger("temporalio.core"), append_target_to_name=False)
    return LoggingConfig(TelemetryFilter(core_level="WARN", other_level="ERROR"), forwarding=forwarding)
