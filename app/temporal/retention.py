"""How long a Temporal namespace keeps closed runs."""

from __future__ import annotations

from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.workflowservice.v1 import UpdateNamespaceRequest
from temporalio.client import Client


async def keep_closed_runs(client: Client, days: int) -> None:
    """Make the client's namespace keep closed runs for `days`. The dev server keeps them for 1 day and has no flag for it.

    Raises:
        temporalio.service.RPCError: the server refuses the change.
    """
    config = NamespaceConfig()
    config.workflow_execution_retention_ttl.FromSeconds(days * 24 * 3600)
    await client.workflow_service.update_namespace(UpdateNamespaceRequest(namespace=client.namespace, config=config))
