"""The check that every plan draft must pass, regardless of who made it. It reports all problems together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath

from pydantic import ValidationError

from app.domain import conditions, graph, output_conditions, references, two_people
from app.domain.actions import Action, Actions
from app.domain.agents import AgentEntry, AgentKind
from app.domain.attributes import meaningless_fields, means
from app.domain.errors import Invalid
from app.domain.file_paths import is_private
from app.domain.plan import DEFAULT_AGENT, MAX_PHASES, MAX_TASKS, PhaseDraft, PlanDraft, TaskDraft, task_of
from signoff.schemas.json_value import JsonValue
from signoff.schemas.problems import Problem
from signoff.vocabulary import PhaseStrategy

MAX_PROBLEMS = 200
# Where a value belongs, if an action cannot have a reference in its fields.
_INSTEAD_IN_A_COMMAND = (
    "Put it into the task's inputs; a command reads an input as $INPUT_<NAME>, and a parameter as $<NAME>."
)
_INSTEAD = {
    "agent": "Put it into the task's inputs; the model sees them beside the prompt.",
    "manual": "Say in which task or file the person finds the value.",
    "decision": "Say in which task or file the person finds the value.",
}

Agents = Mapping[str, AgentEntry]
# Returns why a task may not be granted a path, as the rest of a sentence that starts with "it". None if it may.
Objection = Callable[[str], str | None]


def no_objection(path: str) -> None:
    """Accept every path: nothing is known about the machine on which tasks run."""
    del path


def check_draft(
    draft: PlanDraft,
    actions: Actions,
    agents: Agents | None,
    *,
    may_be_empty: bool = False,
    objection: Objection = no_objection,
    before: PlanDraft | None = None,
) -> None:
    """Accept `draft`, or report every problem in it.

    Args:
        draft: the plan.
        actions: the actions that tasks may use.
        agents: the agents that may execute tasks; None if the agents were already checked.
        may_be_empty: accept a plan without tasks, for manual edits; it cannot be approved anyway.
        objection: returns why a path may not be granted to a task.
        before: the plan that was edited. Its tasks may be older than a rule about the attributes of a task.

    Raises:
        Invalid: `plan_invalid`, with one entry in `details` for each problem (at most 200).
    """
    problems = _Checker(draft, actions, agents, objection, may_be_empty=may_be_empty, before=before).run()
    if problems:
        count = len(problems)
        raise Invalid(
            problems[0].message if count == 1 else f"The plan has {count} problems. The first: {problems[0].message}",
            code="plan_invalid",
            details=problems[:MAX_PROBLEMS],
        )


def effective_dependencies(phase: PhaseDraft) -> list[list[str]]:
    """For each task of a phase, the keys it waits for: declared, by reference, by a condition, or by the order of a
    sequential phase.
    """
    result: list[list[str]] = []
    for position, task in enumerate(phase.tasks):
        keys = dict.fromkeys([*task.depends_on, *references.referenced_tasks([task.inputs, task.action.fields()])])
        keys.update(dict.fromkeys(task_of(task.condition)))
        if phase.strategy == PhaseStrategy.SEQUENTIAL and position > 0:
            keys[phase.tasks[position - 1].key] = None
        result.append(list(keys))
    return result


def phase_graphs(draft: PlanDraft) -> list[list[list[int]]]:
    """For each phase, the dependencies of its tasks within the phase, by position, in ascending order."""
    result: list[list[list[int]]] = []
    for phase in draft.phases:
        position = {task.key: index for index, task in enumerate(phase.tasks)}
        needed = effective_dependencies(phase)
        result.append([sorted({position[key] for key in keys if key in position}) for keys in needed])
    return result


def for_project(agents: Agents, agent_id: str | None) -> Agents:
    """The agents as a project's tasks see them: a task that does not name an agent gets the project's agent."""
    return {**agents, DEFAULT_AGENT: agents.get(agent_id or DEFAULT_AGENT, AgentEntry(kind=AgentKind.LOCAL))}


def has_model(agents: Agents, agent_id: str | None) -> bool:
    """Whether tasks without an agent go to a model. `agent_id` is the agent of the project."""
    return for_project(agents, agent_id)[DEFAULT_AGENT].kind == AgentKind.MODEL


def retries_of(task: TaskDraft, actions: Actions) -> int:
    """Number of retries after a failure: the task's own setting, or the default of its action."""
    default = actions[task.action.type].default_retries(task.action.fields())
    return default if task.retries is None else task.retries


class _Checker:
    def __init__(
        self,
        draft: PlanDraft,
        actions: Actions,
        agents: Agents | None,
        objection: Objection,
        *,
        may_be_empty: bool,
        before: PlanDraft | None,
    ) -> None:
        self.before = {task.key: task for task in before.tasks()} if before is not None else {}
        self.objection = objection
        self.draft = draft
        self.may_be_empty = may_be_empty
        self.actions = actions
        self.agents = agents
        self.problems: list[Problem] = []
        self.phase_of: dict[str, int] = {}

    def run(self) -> list[Problem]:
        self._sizes()
        self._keys()
        for number, phase in enumerate(self.draft.phases):
            for index, task in enumerate(phase.tasks):
                where = f"phases[{number}].tasks[{index}]"
                self._task(task, where)
                self._grants(task, where)
                self._input_names(task, where)
                self._references(task, where)
                self._dependencies(phase, number, task, where)
            self.problems += conditions.problems_of(self.draft, number, self.phase_of)
        self.problems += output_conditions.problems_of(self.draft, self.actions)
        self.problems += two_people.problems_of(self.draft)
        self._cycles()
        return self.problems

    def _add(self, field: str, message: str) -> None:
        self.problems.append(Problem(field=field, message=message))

    def _sizes(self) -> None:
        tasks = len(self.draft.tasks())
        if len(self.draft.phases) > MAX_PHASES:
            self._add("phases", f"The plan has {len(self.draft.phases)} phases; the limit is {MAX_PHASES}.")
        if tasks > MAX_TASKS:
            self._add("phases", f"The plan has {tasks} tasks; the limit is {MAX_TASKS}.")
        if tasks == 0 and not self.may_be_empty:
            self._add("phases", "The plan has no tasks.")

    def _keys(self) -> None:
        seen: set[str] = set()
        for number, phase in enumerate(self.draft.phases):
            if phase.key in seen:
                self._add(f"phases[{number}].key", f"The phase key '{phase.key}' is used more than once.")
            seen.add(phase.key)
            for index, task in enumerate(phase.tasks):
                if task.key in self.phase_of:
                    field = f"phases[{number}].tasks[{index}].key"
                    self._add(field, f"The task key '{task.key}' is used more than once.")
                self.phase_of.setdefault(task.key, number)

    def _task(self, task: TaskDraft, where: str) -> None:
        if self.agents is not None and task.agent_id is not None and task.agent_id not in self.agents:
            known = ", ".join(sorted(self.agents)) or "none"
            self._add(f"{where}.agent_id", f"Task '{task.key}': unknown agent '{task.agent_id}'; known: {known}.")
        for path in task.expected_files:
            parts = PurePosixPath(path).parts
            if path.startswith("/") or ".." in parts or any(map(is_private, parts)):
                message = (
                    f"Task '{task.key}': the expected file '{path}' must be inside the workspace, and not in .signoff."
                )
                self._add(f"{where}.expected_files", message)
        action = self.actions.get(task.action.type)
        if action is None:
            known = ", ".join(sorted(self.actions))
            message = f"Task '{task.key}': unknown action '{task.action.type}'; known: {known}."
            self._add(f"{where}.action.type", message)
            return
        if task.action.type == "agent" and self.agents is not None:
            agent = self.agents.get(task.agent_id or DEFAULT_AGENT)
            if agent is not None and agent.kind != AgentKind.MODEL:
                message = (
                    f"Task '{task.key}': an agent task needs an agent with a model. Set SIGNOFF_MODEL, name an agent "
                    "that has a model in signoff.toml, or make it a manual task."
                )
                self._add(f"{where}.action.type", message)
        self._fields(task, action, where)
        if self.before.get(task.key) != task:
            for name, message in meaningless_fields(action.type, action.mode, dict(task)):
                self._add(f"{where}.{name}", f"Task '{task.key}': {message}")

    def _grants(self, task: TaskDraft, where: str) -> None:
        for field, paths in (("reads", task.reads), ("writes", task.writes)):
            for path in paths:
                if (why := self.objection(path)) is not None:
                    self._add(f"{where}.{field}", f"Task '{task.key}' cannot be granted {path}: it {why}.")

    def _fields(self, task: TaskDraft, action: type[Action], where: str) -> None:
        fields = task.action.fields()
        try:
            action.fields_model.model_validate(fields)
        except ValidationError as error:
            for item in error.errors(include_url=False, include_context=False):
                path = ".".join(str(part) for part in item["loc"])
                message = f"Task '{task.key}', {task.action.type} action: {path or 'fields'}: {item['msg']}."
                self._add(f"{where}.action.{path}".rstrip("."), message)
        if task.retries is not None and action.repeat(fields) is not None:
            message = (
                f"Task '{task.key}' is repeated until it succeeds, so 'retries' means nothing for it. Remove 'retries'."
            )
            self._add(f"{where}.retries", message)
        variables: JsonValue = fields.pop("env", {}) if means(task.action.type, "env", action.mode) else {}
        if not all(references.is_parameter(expression) for expression in references.expressions(variables)):
            message = (
                f"Task '{task.key}': in 'env', '${{{{ … }}}}' can only be a parameter, such as ${{{{ parameters.version }}}}. "
                "Put any other value into the task's inputs; a command reads an input as $INPUT_<NAME>."
            )
            self._add(f"{where}.action.env", message)
        if not action.resolves_fields and any(references.expressions(fields)):
            message = (
                f"Task '{task.key}': '${{{{ … }}}}' is not allowed in the fields of the action {task.action.type}. "
                f"{_INSTEAD.get(task.action.type, _INSTEAD_IN_A_COMMAND)}"
            )
            self._add(f"{where}.action", message)
        if action.resolves_fields:
            for path, problem in action.misplaced(fields):
                message = f"Task '{task.key}', {task.action.type} action: {path}: {problem}."
                self._add(f"{where}.action.{path}", message)

    def _input_names(self, task: TaskDraft, where: str) -> None:
        by_variable: dict[str, str] = {}
        for name in task.inputs:
            other = by_variable.setdefault(references.input_variable(name), name)
            if other != name:
                message = (
                    f"Task '{task.key}': the inputs '{other}' and '{name}' would share the variable "
                    f"${references.input_variable(name)}; rename one of them."
                )
                self._add(f"{where}.inputs.{name}", message)

    def _references(self, task: TaskDraft, where: str) -> None:
        value: JsonValue = [task.inputs, task.action.fields()]
        action = self.actions.get(task.action.type)
        if any(references.names_with_references(value)):
            message = f"Task '{task.key}': the name of a field cannot be a reference; write the name in the plan."
            self._add(f"{where}.inputs", message)
        for expression in references.expressions(value):
            if action is not None and not action.takes_secrets and expression.startswith("secrets."):
                message = (
                    f"Task '{task.key}': an {task.action.type} task cannot use secrets: it would send them to a model."
                )
                self._add(f"{where}.inputs", message)
            try:
                reference = references.parse(expression)
            except ValueError as error:
                self._add(f"{where}.inputs", f"Task '{task.key}': {error}.")
                continue
            if reference.kind == "parameter" and reference.name not in self.draft.parameters:
                known = ", ".join(self.draft.parameters) or "none"
                message = (
                    f"Task '{task.key}': the plan has no parameter '{reference.name}'; its parameters: {known}. Define it "
                    "under 'parameters' in the front matter of the description."
                )
                self._add(f"{where}.inputs", message)

    def _dependencies(self, phase: PhaseDraft, number: int, task: TaskDraft, where: str) -> None:
        referenced = references.referenced_tasks([task.inputs, task.action.fields()])
        for key in dict.fromkeys([*task.depends_on, *referenced, *task_of(task.condition)]):
            uses = "uses outputs of" if key in referenced else "has a condition on"
            verb = "depends on" if key in task.depends_on else uses
            there = self.phase_of.get(key)
            if there is None:
                self._add(f"{where}.depends_on", f"Task '{task.key}' {verb} '{key}', which does not exist.")
            elif there > number:
                message = f"Task '{task.key}' {verb} '{key}', which is in a later phase."
                self._add(f"{where}.depends_on", message)
            elif there == number and key != task.key and phase.strategy == PhaseStrategy.PARALLEL:
                message = (
                    f"Task '{task.key}' {verb} '{key}' in the same phase, but phase '{phase.key}' is parallel. "
                    "Set the phase's strategy to dag, or move one of the tasks."
                )
                self._add(f"{where}.depends_on", message)

    def _cycles(self) -> None:
        for number, phase in enumerate(self.draft.phases):
            # A duplicate key means its first task. Otherwise, a sequence of the two would look like a cycle.
            position = {task.key: index for index, task in reversed(list(enumerate(phase.tasks)))}
            edges = [
                sorted({position[key] for key in keys if key in position}) for keys in effective_dependencies(phase)
            ]
            for cycle in graph.find_cycles(edges):
                names = [phase.tasks[node].key for node in cycle]
                chain = " → ".join([*names, names[0]])
                self._add(
                    f"phases[{number}].tasks[{cycle[0]}].depends_on",
                    f"Tasks depend on each other in a cycle: {chain}.",
                )
