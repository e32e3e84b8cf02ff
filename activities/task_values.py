"""The values that a task runs with: its inputs and its action's fields, with every reference replaced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from pydantic import BaseModel, ValidationError

from app.domain import references
from app.domain.actions import Action, TaskFailed
from app.domain.attributes import means
from app.domain.plan import DEFAULT_AGENT
from app.domain.references import Reference, ReferenceMisplaced
from app.domain.secret_scopes import SecretScopes
from app.storage.attempt_values import Started
from signoff.schemas.json_value import JsonObject, JsonValue


class TaskValues:
    """Replaces the references of one task.

    Args:
        started: the attempt.
        app_url: the URL of Signoff.
        secrets: the worker's secrets, by name.
        scopes: which projects and agents may use which secret.
    """

    def __init__(self, started: Started, *, app_url: str, secrets: Mapping[str, str], scopes: SecretScopes) -> None:
        self._started = started
        self._app_url = app_url
        self._secrets = secrets
        self._scopes = scopes

    def resolved(self, kind: type[Action]) -> tuple[JsonObject, BaseModel]:
        """Return the inputs and the fields of a task with this action.

        Raises:
            TaskFailed: a value is missing, or cannot be used.
        """
        inputs = references.resolved_fields(self._started.task.inputs, self._value)
        fields = {name: value for name, value in self._started.task.action.items() if name != "type"}
        try:
            if kind.resolves_fields:
                fields = kind.fill_fields(fields, self._value)
            elif "env" in fields and means(kind.type, "env", kind.mode):
                # The plan was checked: variables use parameters only, whose values were signed.
                variables = cast("JsonObject", fields["env"])
                resolved = references.resolved_fields(variables, self._value)
                fields["env"] = {name: references.as_text(value) for name, value in resolved.items()}
            return inputs, kind.fields_model.model_validate(fields)
        except ValidationError as error:
            message = f"The action's fields are not valid: {error.errors(include_url=False)[0]['msg']}."
            raise TaskFailed("bad_fields", message, retryable=False) from None
        except ReferenceMisplaced as error:
            message = f"The value of a reference cannot be used: {error}."
            raise TaskFailed("bad_reference", message, retryable=False) from None

    def _value(self, reference: Reference) -> JsonValue:
        match reference.kind:
            case "project":
                return self._started.project_value(reference.name)
            case "parameter":
                # The plan was checked: it has every parameter that its tasks name, and each has a value.
                return self._started.parameters[reference.name]
            case "signoff":
                return self._app_url
            case "secret":
                return self._secret(reference.name)
            case _:
                return _output(self._started, reference)

    def _secret(self, name: str) -> str:
        if name not in self._secrets:
            message = f"The secret {name} is missing. Set SIGNOFF_SECRET_{name} on the worker."
            raise TaskFailed("missing_secret", message, retryable=False)
        self._check_secret(name)
        return self._secrets[name]

    def _check_secret(self, name: str) -> None:
        """Repeat the check from planning: the entries may have changed since, and an edit may have added a use."""
        started = self._started
        agent = started.task.agent_id or started.project.agent_id or DEFAULT_AGENT
        refusal = self._scopes.refusal(name, started.project.id, agent)
        if refusal is not None:
            raise TaskFailed("secret_refused", f"The task cannot run: {refusal}.", retryable=False)


def _output(started: Started, reference: Reference) -> JsonValue:
    outputs = started.upstream.get(reference.name, {})
    if reference.output in outputs:
        return outputs[reference.output]
    if reference.name in started.skipped:
        message = (
            f"Task '{reference.name}' was skipped, so its output '{reference.output}' is missing. "
            f"Retry the project with task '{reference.name}' named, and complete it or skip it with this output."
        )
    else:
        known = ", ".join(sorted(outputs)) or "none"
        message = f"Task '{reference.name}' has no output '{reference.output}'. Its outputs: {known}."
    raise TaskFailed("missing_output", message, retryable=False)
