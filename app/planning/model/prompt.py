"""The instructions and the request for a planning model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.domain.actions import Action, Mode
from app.domain.agents import AgentEntry, AgentKind
from app.domain.attributes import API_NAMES, MEANS
from app.domain.material import RULE, framed, one_line
from app.domain.plan import LIMITS
from app.planning.model import prompts
from app.planning.model.facts_in_words import Given, files_in_words, in_words
from app.planning.model.numbering import with_numbers
from app.planning.planner import Brief


def instructions(
    actions: Mapping[str, type[Action]], agents: Mapping[str, AgentEntry], brief: Brief, *, small: bool
) -> str:
    """The instructions for every plan: rules, actions, agents, the expert's brief, and examples.

    Args:
        actions: the actions that the plan may use.
        agents: the agents that its tasks may name.
        brief: what to plan.
        small: whether the model is too small for the whole plan language.
    """
    parts = [prompts.text("small_rules" if small else "rules", data_rule=RULE)]
    heading = "Actions:" if small else "# Actions, their fields, and the fields of a task that mean something for them"
    described = [_action(name, action, small=small) for name, action in sorted(actions.items())]
    parts.append("\n".join([heading, *described]))
    parts += _agents(agents, named=len(agents) > 1 or not small)
    if brief.archetype:
        parts.append(f"Plan the way this expert does:\n{brief.archetype}")
    # Skip examples with actions that this plan may not use. A small model copies what it sees; others are told why there is
    # no `http`.
    usable = actions.keys() if small else {*actions, "http"}
    fitting = [example for example in prompts.examples(small=small) if _action_types(example[1]) <= usable]
    for number, (example_brief, plan) in enumerate(fitting, 1):
        parts.append(f"Example {number}. Brief:\n{example_brief}\nPlan:\n{_compact(plan)}")
    return "\n\n".join(parts)


def request(brief: Brief, given: Given, now: datetime, *, small: bool) -> str:
    """The request for this plan.

    Args:
        brief: what to plan.
        given: what the plan may use.
        now: the time, in the time zone of the facts.
        small: whether the model is too small for more than the names of files.
    """
    limits = LIMITS[brief.strategy]
    parts = [
        f"Project: {brief.name}",
        f"Brief:\n{brief.description.strip() or brief.name}",
        f"At most {limits.max_parallel} tasks run at once.",
    ]
    if brief.facts is not None:
        if small and brief.facts.files:
            names = "\n".join(one_line(file.path) for file in brief.facts.files)
            parts.append(f"Files in the workspace:\n{framed(names)}")
        if not small:
            parts.append(f"# Facts\n{in_words(brief.facts, given, now)}")
            parts.append(files_in_words(brief.facts))
    if brief.previous is not None:
        parts.append(f"Current plan:\n{framed(_compact(with_numbers(brief.previous)))}")
    if brief.instructions:
        heading = (
            "Change the current plan as follows, and keep everything else. What it assumes and asks stays unless you name it "
            "under `settled`. Add only what is new under `assumptions` and `questions`"
            if brief.previous is not None
            else "Additional instructions"
        )
        parts.append(f"{heading}:\n{brief.instructions}")
    return "\n\n".join(parts)


def _compact(plan: object) -> str:
    return json.dumps(plan, ensure_ascii=False, separators=(",", ":"))


def _action_types(plan: dict[str, Any]) -> set[str]:
    return {str(task["action"]["type"]) for phase in plan["phases"] for task in phase["tasks"]}


def _action(name: str, action: type[Action], *, small: bool) -> str:
    visible = {
        field: info for field, info in action.fields_model.model_fields.items() if not small or field not in action.rare
    }
    fields = [
        f"{field}{'' if info.is_required() or field in action.one_of else '?'}" for field, info in visible.items()
    ]
    summary = " ".join((action.__doc__ or "").strip().split("\n\n", maxsplit=1)[0].split())
    line = f"- {name} ({', '.join(fields) or 'no fields'}): {summary}"
    if small:
        return line
    return f"{line} Task fields: {', '.join(_task_fields(name, action.mode)) or 'none'}."


def _task_fields(name: str, mode: Mode) -> list[str]:
    """The fields of a task that mean something for an action, apart from those that every task has."""
    means = MEANS.get(name, MEANS["shell"] if mode == Mode.ACTIVITY else frozenset[str]())
    # Models must not set limits, and the agent is described in a section of its own.
    return [
        field for attribute, field in API_NAMES.items() if attribute in means and field not in {"limits", "agent_id"}
    ]


def _agents(agents: Mapping[str, AgentEntry], *, named: bool) -> list[str]:
    shown = {name: agent for name, agent in agents.items() if agent.kind == AgentKind.MODEL or agent.queue}
    if not shown:
        return []
    heading = "Agents (`agent_id` of a task; without it, `default`):" if named else "Agent of the `agent` tasks:"
    return ["\n".join([heading, *(_agent(name, agent) for name, agent in sorted(shown.items()))])]


def _agent(name: str, agent: AgentEntry) -> str:
    summary = " ".join(agent.instructions.split())[:300]
    tools = f" Tools: {', '.join(agent.tools) or 'none'}." if agent.kind == AgentKind.MODEL else ""
    commands = f" Programs for run_command: {', '.join(agent.commands)}." if "run_command" in agent.tools else ""
    hosts = f" Hosts for http_get: {', '.join(agent.hosts)}." if "http_get" in agent.tools else ""
    machine = " Its tasks run on another machine, whose programs are not known." if agent.queue else ""
    return f"- {name}: {summary or agent.kind}{tools}{commands}{hosts}{machine}"
