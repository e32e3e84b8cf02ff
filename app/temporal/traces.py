"""Traces of what goes through Temporal: from the call that sends a command, through the workflow, to each activity.

The context of a trace is a header of the signal. It is in the run's history from then on, so it survives every crash. It is in
no record and no digest. The SDK's own interceptor makes the spans of calls and activities. It would put all that a workflow
ever does into the trace of the request that has started the workflow. Here, the activities of a run belong to the trace of the
approval (or the retry) that has started the run, and each `decide` to the trace of its own command.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn, cast

from opentelemetry import trace
from opentelemetry.propagators.textmap import CarrierValT
from opentelemetry.trace import SpanKind, Tracer
from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.contrib.opentelemetry import TracingInterceptor
from temporalio.worker import (
    ContinueAsNewInput,
    ExecuteWorkflowInput,
    HandleSignalInput,
    StartActivityInput,
    StartLocalActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)

from workflows.deliveries import command_in

# The SDK's name for the header.
HEADER = "_tracer-data"
# What follows one of these signals belongs to the trace of its request.
_LEADING = frozenset({"plan", "approve", "retry"})
_SIGNAL_SPAN = "signoff_signal_span"
_Functions = dict[str, Callable[..., Payload]]


class Traces(TracingInterceptor):
    """Makes spans of calls to Temporal, of signals that a workflow handles, and of activities."""

    def __init__(self, tracer: Tracer) -> None:
        super().__init__(tracer)

    def workflow_interceptor_class(  # pyright: ignore[reportIncompatibleMethodOverride] - the SDK names its own class
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002 - of the SDK
    ) -> type[WorkflowInboundInterceptor]:
        """The interceptor that passes the context on within a workflow. It needs nothing of OpenTelemetry in the sandbox."""
        functions = cast("_Functions", input.unsafe_extern_functions)  # pyright: ignore[reportUnknownMemberType]
        functions[_SIGNAL_SPAN] = self._signal_span
        return _Inbound

    def _signal_span(self, signal: str, sent: Payload, info: workflow.Info, at: int) -> Payload:
        """Make the span of a signal that has reached its workflow. Returns the context for what follows.

        Runs outside the sandbox. The span takes no time: one that stays open would be lost in a replay.
        """
        context = self._context_from_headers({HEADER: sent})
        about = {"temporalWorkflowID": info.workflow_id, "temporalRunID": info.run_id}
        span = self.tracer.start_span(
            f"HandleSignal:{signal}", context, kind=SpanKind.SERVER, attributes=about, start_time=at
        )
        span.end(at)
        carrier: dict[str, CarrierValT] = {}
        self.text_map_propagator.inject(carrier, trace.set_span_in_context(span, context))
        return self.payload_converter.to_payloads([carrier])[0]


class _Inbound(WorkflowInboundInterceptor):
    """Remembers the contexts that reach a workflow."""

    def __init__(self, next: WorkflowInboundInterceptor) -> None:  # noqa: A002 - of the SDK
        super().__init__(next)
        # The context of the run, and those of commands by their ids.
        self._leading: Payload | None = None
        self._of_commands: dict[str, Payload] = {}

    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        """Have the interceptor of outgoing calls ask this one."""
        super().init(_Outbound(outbound, self))

    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:  # noqa: A002 - of the SDK
        """Continue the trace of the workflow's start, or of the history before this one."""
        self._leading = self._leading or input.headers.get(HEADER)
        return await super().execute_workflow(input)

    async def handle_signal(self, input: HandleSignalInput) -> None:  # noqa: A002 - of the SDK
        """Remember the context of a signal. In a replay, its span was made before."""
        sent = input.headers.get(HEADER)
        if sent is not None:
            if not workflow.unsafe.is_replaying():
                functions = cast("_Functions", workflow.extern_functions())  # pyright: ignore[reportUnknownMemberType]
                sent = functions[_SIGNAL_SPAN](input.signal, sent, workflow.info(), workflow.time_ns())
            if (command := command_in(input.args)) is not None:
                self._of_commands[command] = sent
            if input.signal in _LEADING:
                self._leading = sent
        await super().handle_signal(input)

    def with_context(self, headers: Mapping[str, Payload], argument: object = None) -> Mapping[str, Payload]:
        """Add the context for an activity with this argument, or for the next history."""
        command = getattr(argument, "command", None)
        context = self._of_commands.get(command, self._leading) if isinstance(command, str) else self._leading
        return headers if context is None else {**headers, HEADER: context}


class _Outbound(WorkflowOutboundInterceptor):
    """Sends a context along with each activity, and to the next history."""

    def __init__(self, next: WorkflowOutboundInterceptor, contexts: _Inbound) -> None:  # noqa: A002 - of the SDK
        super().__init__(next)
        self._contexts = contexts

    def start_activity(self, input: StartActivityInput) -> workflow.ActivityHandle[Any]:  # noqa: A002 - of the SDK
        """Send the context of the activity's command, or else that of the run."""
        argument = input.args[0] if input.args else None
        input.headers = self._contexts.with_context(input.headers, argument)
        return super().start_activity(input)

    def start_local_activity(self, input: StartLocalActivityInput) -> workflow.ActivityHandle[Any]:  # noqa: A002 - of the SDK
        """Send the context of the activity's command, or else that of the run."""
        argument = input.args[0] if input.args else None
        input.headers = self._contexts.with_context(input.headers, argument)
        return super().start_local_activity(input)

    def continue_as_new(self, input: ContinueAsNewInput) -> NoReturn:  # noqa: A002 - of the SDK
        """Send the context of the run to the next history."""
        input.headers = self._contexts.with_context(input.headers)
        super().continue_as_new(input)
