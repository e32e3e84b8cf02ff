"""Runs workflows in the SDK's sandbox, without entering the sandbox again for each payload."""

from __future__ import annotations

from typing import Any

from temporalio.converter import StorageDriverStoreContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

_NOWHERE = StorageDriverStoreContext(target=None)


class ProjectWorkflowRunner(WorkflowRunner):
    """The SDK's own runner, for a data converter that depends on neither context, and without external storage.

    For each payload of a workflow task, the SDK asks the workflow for its serialization context and its storage context. It
    compiles and runs a piece of code in the sandbox to do so. That was a tenth of the worker's time.
    """

    def __init__(self) -> None:
        self._sandboxed = SandboxedWorkflowRunner()

    def prepare_workflow(self, defn: Any) -> None:
        """Check that the workflow can run in the sandbox."""
        self._sandboxed.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Create an instance of a workflow in the sandbox."""
        return _Instance(self._sandboxed.create_instance(det))


class _Instance(WorkflowInstance):
    def __init__(self, sandboxed: WorkflowInstance) -> None:
        self._sandboxed = sandboxed

    def activate(self, act: Any) -> Any:
        return self._sandboxed.activate(act)

    def get_serialization_context(self, command_info: Any) -> None:
        # `app.temporal.connection` sets a converter that ignores it.
        return None

    def get_external_store_context(self, command_info: Any) -> StorageDriverStoreContext:
        return _NOWHERE

    def get_info(self) -> Any:
        return self._sandboxed.get_info()

    def get_thread_id(self) -> int | None:
        return self._sandboxed.get_thread_id()
