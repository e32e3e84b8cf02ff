"""The planner itself: asks, checks, and sends a draft that is not valid back with everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from app.domain.actions import Action, Actions
from app.domain.agents import AgentEntry
from app.domain.errors import Conflict, Invalid, Problem
from app.domain.plan import PlanDraft
from app.domain.validation import check_draft, for_project
from app.models.access import load, model_for
from app.planning.model import prompt, reach
from app.planning.model.schema import ModelPlan, plan_type
from app.planning.planner import Brief
from app.settings import Settings
from app.storage.database import Database
from app.storage.model_steps import Talk
from app.storage.private_places import objection_to_grants

REPAIRS = 3
_MAX_SHOWN = 20


class ModelPlanner:
    """Has a language model make the plan.

    Args:
        settings: name the model, and what it may put into a plan.
        actions: what tasks may do.
        database: where calls are recorded.

    Raises:
        RuntimeError: the settings let models plan an action that is not there.
    """

    name = "model"

    def __init__(self, settings: Settings, actions: Actions, database: Database) -> None:
        self._settings = settings
        unknown = sorted(set(settings.planner_actions) - set(actions))
        if unknown or not settings.planner_actions:
            known = ", ".join(sorted(actions))
            raise RuntimeError(
                f"SIGNOFF_PLANNER_ACTIONS names no action '{', '.join(unknown)}'; choose some of: {known}."
            )
        self._actions = {name: actions[name] for name in settings.planner_actions}
        self._all_actions = actions
        self._database = database
        self._objection = objection_to_grants(settings.private_places)

    async def plan(self, brief: Brief) -> PlanDraft:
        """A draft that is valid, and reaches no further than the settings and the project's own words allow.

        Raises:
            Conflict: `planner_unavailable`, `model_unavailable` or `budget_exceeded`.
            Invalid: `plan_invalid`: not even the last repair made it valid.
            Unavailable: the model's provider does not answer.
        """
        access = model_for(self._settings, brief.strategy)
        if access is None:
            raise Conflict("No model is set up to plan with; set SIGNOFF_MODEL.", code="planner_unavailable")
        await load("app.models.asking")
        from app.models.asking import ask  # noqa: PLC0415 - loaded only where a model is asked
        from app.models.ledger import DatabaseLedger  # noqa: PLC0415

        agents = self._agents(brief)
        words = f"{brief.name}\n{brief.description}\n{brief.instructions or ''}"
        hosts = reach.hosts_in(words) | set(self._settings.planner_hosts)
        actions = self._offered(hosts, brief.previous)
        problems: list[Problem] = []

        def checked(made: ModelPlan) -> PlanDraft:
            problems[:] = self._problems(made, brief, agents, hosts, words)
            if problems:
                raise ValueError(
                    "\n".join(f"- {problem.field}: {problem.message}" for problem in problems[:_MAX_SHOWN])
                )
            return made.draft(brief.previous)

        ledger = DatabaseLedger(self._database, self._settings, Talk(brief.project_id, f"plan:{brief.version}"))
        try:
            draft = await ask(
                access, ledger, plan_type(actions, agents, whole=brief.previous is not None), checked, repairs=REPAIRS,
                instructions=prompt.instructions(actions, agents, brief), request=prompt.request(brief),
            )  # fmt: skip
        except Invalid as error:
            why = f"The last draft that could be read: {problems[0].message}" if problems else error.info.message
            message = f"The model made no valid plan, whatever was sent back to it. {why}"
            raise Invalid(message, code="plan_invalid", details=problems or error.info.details) from error
        if brief.previous is not None:
            self._keep(draft, brief.previous)
        draft.warnings += reach.warnings_of(draft)
        return draft

    def _keep(self, draft: PlanDraft, previous: PlanDraft) -> None:
        """Have what stays be what it was: a model neither sees everything, nor leaves out what is as usual."""
        phases = {phase.key: phase for phase in previous.phases}
        for phase in draft.phases:
            if not phase.description and phase.key in phases:
                phase.description = phases[phase.key].description
        before = {task.key: task for task in previous.tasks()}
        for task in draft.tasks():
            former = before.get(task.key)
            if former is None or former.action.type != task.action.type:
                continue
            if task.retries is None:
                task.retries = former.retries
            fields = self._all_actions[task.action.type].fields_model
            if fields.model_validate(former.action.fields()) == fields.model_validate(task.action.fields()):
                task.action = former.action

    def _offered(self, hosts: set[str], previous: PlanDraft | None) -> Mapping[str, type[Action]]:
        """The actions that a plan of this project can use: none that asks a host where no host may be asked.

        What the plan before has can be kept in any case.
        """
        asking = {name for name, action in self._actions.items() if "url" in action.fields_model.model_fields}
        useless = asking if not hosts and asking != self._actions.keys() else set[str]()
        names = {*self._actions} - useless
        names |= {task.action.type for task in previous.tasks()} if previous is not None else set()
        return {name: self._all_actions[name] for name in sorted(names)}

    def _agents(self, brief: Brief) -> Mapping[str, AgentEntry]:
        return for_project(self._settings.known_agents, brief.agent_id)

    def _problems(
        self, made: ModelPlan, brief: Brief, agents: Mapping[str, AgentEntry], hosts: set[str], words: str
    ) -> list[Problem]:
        try:
            draft = made.draft(brief.previous)
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False)
            return [Problem(field=".".join(map(str, item["loc"])), message=item["msg"]) for item in found]
        problems = list(made.problems())
        try:
            check_draft(draft, self._all_actions, agents, objection=self._objection)
        except Invalid as error:
            problems += error.info.details
        problems += reach.check_reach(draft, actions=self._actions, hosts=hosts, words=words, previous=brief.previous)
        return problems
