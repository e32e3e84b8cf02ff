"""Traces in the form of OpenTelemetry, for operators who have a collector for them.

Unless they are asked for, nothing of OpenTelemetry is imported, and each function here returns at once. This module sends traces
with OTLP over HTTP. The library reads everything else from its own variables (`OTEL_…`).
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import version
from typing import TYPE_CHECKING

from app.hidden_environment import lent, variables

if TYPE_CHECKING:
    from opentelemetry.propagators.textmap import CarrierValT
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer

logger = logging.getLogger(__name__)
OFF = "none"
_PATH = "/v1/traces"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
# How long the end of a process may wait for a collector that does not answer.
_STOP_SECONDS = 2.0
_NOTHING = nullcontext()

Values = Mapping[str, str | int]


class TracesUnavailable(ValueError):
    """Traces were asked for, but cannot be made. The message says what to do."""


class _State:
    """The traces of this process."""

    provider: TracerProvider | None = None
    tracer: Tracer | None = None


def wanted(setting: str, environment: Mapping[str, str]) -> bool:
    """Whether a process makes traces. `setting` is an address, `none`, or empty; then the standard variables decide."""
    if setting == OFF or environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if setting:
        return True
    exporter = environment.get("OTEL_TRACES_EXPORTER", "otlp").strip().lower()
    return exporter != OFF and any(environment.get(name, "").strip() for name in _ENDPOINTS)


def start(service: str, setting: str) -> None:
    """Make traces from now on, if they are wanted. A second call does nothing.

    Args:
        service: the name of this process in traces, unless `OTEL_SERVICE_NAME` gives one.
        setting: the setting `traces`.

    Raises:
        TracesUnavailable: the setting asks for traces, and the library is not installed.
    """
    if _State.tracer is not None or not wanted(setting, variables()):
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as error:
        message = "Traces need more packages: pip install 'signoff-server[traces]'"
        if setting:
            raise TracesUnavailable(f"{message}, or set SIGNOFF_TRACES=none.") from error
        # The variable may be set for every program of this machine.
        logger.warning("OTEL_EXPORTER_OTLP_ENDPOINT has no effect. %s", message)
        return
    about = {"service.namespace": "signoff", "service.version": version("signoff-server")}
    about["service.instance.id"] = f"{os.uname().nodename}:{os.getpid()}"
    if "OTEL_SERVICE_NAME" not in os.environ:
        about["service.name"] = service
    with lent():
        # Headers with keys are among the hidden variables.
        exporter = OTLPSpanExporter(endpoint=_address(setting) if setting else None)
        provider = TracerProvider(resource=Resource.create(about), shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(exporter))
    _State.provider, _State.tracer = provider, provider.get_tracer("signoff", version("signoff-server"))


def _address(setting: str) -> str:
    return setting if setting.endswith(_PATH) else setting.rstrip("/") + _PATH


def stop() -> None:
    """Send the last spans, and make no more traces. Takes at most 2 s."""
    provider, _State.provider, _State.tracer = _State.provider, None, None
    if provider is not None:
        ending = threading.Thread(target=provider.shutdown, name="last-spans", daemon=True)
        ending.start()
        ending.join(_STOP_SECONDS)


def tracer() -> Tracer | None:
    """The maker of spans. None if no traces are made."""
    return _State.tracer


def span(name: str, values: Values | None = None) -> AbstractContextManager[object]:
    """A span of the current trace for what happens in a `with` block. An exception marks the span as failed."""
    if _State.tracer is None:
        return _NOTHING
    return _State.tracer.start_as_current_span(name, attributes=values)


def note(values: Values, *, failed: bool = False) -> None:
    """Add values to the current span. `failed` marks the span as failed."""
    if _State.tracer is None:
        return
    from opentelemetry import trace  # noqa: PLC0415 - loaded with the tracer

    current = trace.get_current_span()
    for name, value in values.items():
        current.set_attribute(name, value)
    if failed:
        current.set_status(trace.StatusCode.ERROR)


def current_ids() -> dict[str, str]:
    """The ids of the current trace and span, for log messages. Empty outside a trace."""
    if _State.tracer is None:
        return {}
    from opentelemetry import trace  # noqa: PLC0415 - loaded with the tracer

    current = trace.get_current_span().get_span_context()
    if not current.is_valid:
        return {}
    return {"trace_id": trace.format_trace_id(current.trace_id), "span_id": trace.format_span_id(current.span_id)}


def as_variables() -> dict[str, str]:
    """The variables that let a program continue the current trace: `TRACEPARENT`, and perhaps `TRACESTATE`."""
    if _State.tracer is None:
        return {}
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    carrier: dict[str, CarrierValT] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return {name.upper(): str(value) for name, value in carrier.items()}
