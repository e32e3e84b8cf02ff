"""The model planner: asks a model for a draft, checks it, and returns an invalid draft to the model with all its problems."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from app.database.database import Database
from app.domain.actions import Action, Actions
from app.domain.agents import AgentEntry
from app.domain.errors import NEEDS_ANSWERS, Conflict, Invalid
from app.domain.material import one_line
from app.domain.parameters import bind
from app.domain.plan import PlanDraft, field_path
from app.domain.validation import check_draft, for_project
from app.llm.access import load, model_for
from app.llm.small_models import is_small
from app.planning.model import prompt, reach
from app.planning.model.facts_in_words import Given
from app.planning.model.readings import restore_shown, with_readings
from app.planning.model.repair import told, with_numbers
from app.planning.model.schema import Missing, ModelPlan, plan_type
from app.planning.planner import Brief
from app.settings import Settings
from app.storage.model_steps import Conversation
from app.workspace.private_places import objection_to_grants
from signoff.schemas.problems import Problem

REPAIRS = 3


class ModelPlanner:
    """Makes plans with a language model.

    Args:
        settings: the model, and what it may put into a plan.
        actions: the actions that tasks may use.
        database: the database that records calls to the model.

    Raises:
        RuntimeError: the settings allow models to plan an action that does not exist.
    """

    name = "model"

    def __init__(self, settings: Settings, actions: Actions, database: Database) -> None:
        self._settings = settings
        unknown = sorted(set(settings.planner_actions) - set(actions))
        if unknown or not settings.planner_actions:
            known = ", ".join(sorted(actions))
            raise RuntimeError(
                f"SIGNOFF_PLANNER_ACTIONS must name existing actions, not '{', '.join(unknown)}'. Choose from: {known}."
            )
        self._actions = {name: actions[name] for name in settings.planner_actions}
        self._all_actions = actions
        self._database = database
        self._objection = objection_to_grants(settings.private_places)

    async def plan(self, brief: Brief) -> PlanDraft:
        """Make a valid draft that stays within what the settings and the project's own text allow.

        Raises:
            Conflict: `planner_unavailable`, `model_unavailable` or `budget_exceeded`.
            Invalid: `plan_invalid`: the draft was still not valid after the last repair.
                `needs_answers`: the model cannot plan before its questions are answered; `details` has each of them.
                `parameters_invalid`: the description asks for parameters, and their values are missing or wrong.
            Unavailable: the model's provider does not answer.
        """
        access = model_for(self._settings, brief.strategy)
        if access is None:
            raise Conflict("No model is configured for planning. Set SIGNOFF_MODEL.", code="planner_unavailable")
        from app.planning.outline.front_matter import parameters_of  # noqa: PLC0415 - a parser, which only a plan needs

        parameters = bind(parameters_of(brief.description), brief.parameters)
        await load("app.llm.asking")
        from app.llm.asking import ask  # noqa: PLC0415 - loaded only when a model is called
        from app.llm.ledger import DatabaseLedger  # noqa: PLC0415

        agents = self._agents(brief)
        words = f"{brief.name}\n{brief.description}\n{brief.instructions or ''}"
        hosts = reach.hosts_in(words) | set(self._settings.planner_hosts)
        actions = self._offered(hosts, brief.previous)
        small = is_small(self._settings, access.name)
        given = Given(hosts, words, access.max_output, "http" in actions, parameters)
        problems: list[Problem] = []

        def checked(made: ModelPlan) -> PlanDraft | Missing:
            if made.missing is not None:
                return made.missing
            keyed = made.keyed(brief.previous)
            draft, problems[:] = self._checked(keyed.plan, brief, agents, given)
            problems.extend(made.problems())
            if draft is None or problems:
                raise ValueError(told(problems, keyed.numbers, draft))
            return made.carried_over(draft, brief.previous)

        ledger = DatabaseLedger(self._database, self._settings, Conversation(brief.project_id, f"plan:{brief.version}"))
        try:
            draft = await ask(
                access,
                ledger,
                plan_type(
                    actions, agents, small=small, refines=brief.previous is not None, has_parameters=bool(parameters)
                ),
                checked,
                repairs=REPAIRS,
                instructions=prompt.instructions(actions, agents, brief, small=small),
                request=lambda began: prompt.request(brief, given, began.astimezone(), small=small),
                worded=with_numbers,
            )
        except Invalid as error:
            raise _not_valid(error, problems) from error
        if isinstance(draft, Missing):
            raise _needs_answers(draft)
        self._keep(draft, brief.previous)
        draft.warnings += [*with_readings(draft, agents, brief.may_have), *reach.warnings_of(draft)]
        return draft

    def _keep(self, draft: PlanDraft, previous: PlanDraft | None) -> None:
        """Restore fields of tasks and phases that stay. A model does not see every field, and may write out default values."""
        if previous is None:
            return
        restore_shown(draft, previous)
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
        """The actions that a plan of this project can use. Without an allowed host, actions that need one are left out.

        The actions of the previous plan are always included.
        """
        asking = {name for name, action in self._actions.items() if "url" in action.fields_model.model_fields}
        useless = asking if not hosts and asking != self._actions.keys() else set[str]()
        names = {*self._actions} - useless
        names |= {task.action.type for task in previous.tasks()} if previous is not None else set()
        return {name: self._all_actions[name] for name in sorted(names)}

    def _agents(self, brief: Brief) -> Mapping[str, AgentEntry]:
        return for_project(self._settings.known_agents, brief.agent_id)

    def _checked(
        self, plan: dict[str, object], brief: Brief, agents: Mapping[str, AgentEntry], given: Given
    ) -> tuple[PlanDraft | None, list[Problem]]:
        """The draft, if the plan can become one, and everything that is wrong with it."""
        try:
            draft = PlanDraft.model_validate(plan)
        except ValidationError as error:
            errors = error.errors(include_url=False, include_context=False)
            return None, [Problem(field=field_path(item["loc"]), message=item["msg"]) for item in errors]
        draft.parameters = dict(given.parameters)
        problems: list[Problem] = []
        try:
            check_draft(draft, self._all_actions, agents, objection=self._objection, before=brief.previous)
        except Invalid as error:
            problems += error.info.details
        problems += reach.check_reach(
            draft, actions=self._actions, hosts=given.hosts, words=given.words, previous=brief.previous
        )
        return draft, problems


def _not_valid(error: Invalid, problems: list[Problem]) -> Invalid:
    why = f"Problem in its last readable draft: {problems[0].message}" if problems else error.info.message
    message = f"The model could not make a valid plan. {why}"
    return Invalid(message, code="plan_invalid", details=problems or error.info.details)


def _needs_answers(missing: Missing) -> Invalid:
    """The refusal with which planning ends if the model has to know more."""
    message = (
        f"The model cannot plan this before its questions are answered. {one_line(missing.reason)} Put the answers into the "
        "description, then generate the plan again."
    )
    details = [
        Problem(field=f"questions[{index}]", message=question) for index, question in enumerate(missing.questions)
    ]
    return Invalid(message, code=NEEDS_ANSWERS, details=details)
