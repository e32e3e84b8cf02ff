"""The SDK's runtime of a worker that serves its metrics to Prometheus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig


class AddressUnusable(RuntimeError):
    """The metrics cannot be served at this address. The message says what to do."""


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
        return Runtime(telemetry=TelemetryConfig(metrics=config, attach_service_name=False))
    except (RuntimeError, ValueError) as error:
        message = f"The metrics cannot be served at {address}: {error}. Change SIGNOFF_METRICS, or free the port."
        raise AddressUnusable(message) from error
