"""How this process connects to Temporal. Signoff's settings override Temporal's own `TEMPORAL_*` variables (TLS, API key)."""

from __future__ import annotations

from temporalio.client import Client, Interceptor
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.runtime import Runtime

from app.hidden_environment import variables
from app.settings import Settings
from app.temporal.runtime import own_runtime
from app.tracing import tracer


async def connect(settings: Settings, *, lazy: bool = False, runtime: Runtime | None = None) -> Client:
    """Create a client for the configured server and namespace.

    Args:
        settings: names the server. Without an address, `TEMPORAL_ADDRESS` applies, and without that, the dev server.
        lazy: connect at the first call instead of now.
        runtime: the SDK's runtime; default: the one that serves no metrics.

    Raises:
        RuntimeError: the server does not answer. Not raised with `lazy`.
    """
    known = variables()
    config = ClientConfig.load_client_connect_config(override_env_vars=known)
    if settings.temporal_address or "target_host" not in config:
        config["target_host"] = settings.effective_temporal_address
    if settings.temporal_namespace != "default" or "TEMPORAL_NAMESPACE" not in known:
        config["namespace"] = settings.temporal_namespace
    return await Client.connect(
        **config,
        data_converter=pydantic_data_converter,
        lazy=lazy,
        runtime=runtime or own_runtime(),
        interceptors=_interceptors(),
    )


def _interceptors() -> list[Interceptor]:
    """What makes traces of calls, workflows and activities, if traces are wanted."""
    made_by = tracer()
    if made_by is None:
        return []
    from app.temporal.traces import Traces  # noqa: PLC0415 - with its library, and only for those who want it

    return [Traces(made_by)]
