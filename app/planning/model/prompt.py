"""What a planning model is told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from app.domain.actions import Action
from app.domain.agents import AgentEntry, AgentKind
from app.domain.material import RULE, framed, one_line
from app.domain.plan import LIMITS
from app.planning.model.numbering import with_numbers
from app.planning.planner import Brief

MAX_FILES = 200

_RULES = (
    """\
You plan automation projects. Turn the brief into an execution plan: phases that run one after the other, each with tasks.
A person reads the plan and signs it; then machines carry it out exactly as it stands, with nobody there to fill gaps.

Rules:
- Every task does one thing, with one action. A command must work as it stands, without a terminal and without questions.
- Commands run in the project's workspace folder. Files are how tasks hand work on: one writes a file, the next reads it.
- Tasks are numbered through the whole plan: 1, 2, 3. A phase is `sequential` (each task waits for the one before it),
  `parallel` (none waits), or `dag`: there, `depends_on` of a task holds the numbers of those that must be done before it.
- A short value is handed on by name: a shell task appends `name=value` to the file $SIGNOFF_OUTPUT, and a later task has
  inputs {"x": "${{ tasks.1.outputs.name }}"}, which a command sees as $INPUT_X. Never paste `${{ }}` into a command.
- What needs judgement or writing is an `agent` task, where there is one. What only a person can do, may do or knows is a
  `manual` task; a choice that a person must make is a `decision` task. Do not pretend that a machine can do it.
- Use hosts and secrets only where the brief names them.
- What sends, publishes, pays or deletes has `on_crash: ask`, and comes after what checks it.
- Keep it as small as the brief allows: most plans have one to four phases and two to ten tasks.
- List under `assumptions` what you took for granted, under `questions` what you would ask before signing.

"""
    + RULE
)

# Short ones for different work: a model that cannot do much copies what it sees, so what it sees has to be right throughout.
_EXAMPLES = (
    (
        "Count the lines of all text files, and have somebody look at the result.",
        {
            "summary": "Counts the lines of all text files and has a person look at the result.",
            "phases": [
                {
                    "name": "Measure",
                    "strategy": "sequential",
                    "tasks": [
                        {
                            "number": 1,
                            "title": "Count the lines",
                            "action": {"type": "shell", "command": "cat *.txt | wc -l > lines.txt"},
                            "expected_files": ["lines.txt"],
                        },
                        {
                            "number": 2,
                            "title": "Look at the result",
                            "action": {"type": "manual", "instructions": "Does the number in lines.txt look right?"},
                        },
                    ],
                }
            ],
            "assumptions": ["Text files end in .txt."],
        },
    ),
    (
        "Pack the photos and put them on the stick. Ask me before the old ones are deleted.",
        {
            "summary": "Packs the photos, has them copied to the stick, and deletes the old ones if a person agrees.",
            "phases": [
                {
                    "name": "Pack",
                    "strategy": "sequential",
                    "tasks": [
                        {
                            "number": 1,
                            "title": "Pack the photos",
                            "action": {"type": "shell", "command": "tar -czf photos.tar.gz photos"},
                            "expected_files": ["photos.tar.gz"],
                        },
                        {
                            "number": 2,
                            "title": "Copy the archive to the stick",
                            "action": {"type": "manual", "instructions": "Copy photos.tar.gz to the stick."},
                        },
                    ],
                },
                {
                    "name": "Clean up",
                    "strategy": "sequential",
                    "tasks": [
                        {
                            "number": 3,
                            "title": "Decide about the old photos",
                            "action": {
                                "type": "decision",
                                "question": "Delete the old photos?",
                                "options": ["delete", "keep"],
                            },
                        },
                        {
                            "number": 4,
                            "title": "Delete the old photos",
                            "action": {
                                "type": "shell",
                                "command": 'if [ "$INPUT_ANSWER" = delete ]; then rm -r photos; fi',
                            },
                            "inputs": {"answer": "${{ tasks.3.outputs.answer }}"},
                            "on_crash": "ask",
                        },
                    ],
                },
            ],
            "questions": ["Which stick is meant?"],
        },
    ),
    (
        "The shop needs a new sign. Get two offers; I choose one, then it is ordered.",
        {
            "summary": "Has a person get two offers for the sign, choose one, and order it.",
            "phases": [
                {
                    "name": "Offers",
                    "strategy": "parallel",
                    "tasks": [
                        {
                            "number": 1,
                            "title": "Get the first offer",
                            "action": {"type": "manual", "instructions": "Ask a sign maker for an offer."},
                        },
                        {
                            "number": 2,
                            "title": "Get the second offer",
                            "action": {"type": "manual", "instructions": "Ask another sign maker for an offer."},
                        },
                    ],
                },
                {
                    "name": "Order",
                    "strategy": "sequential",
                    "tasks": [
                        {
                            "number": 3,
                            "title": "Choose an offer",
                            "action": {"type": "decision", "question": "Which offer?", "options": ["first", "second"]},
                        },
                        {
                            "number": 4,
                            "title": "Order the sign",
                            "action": {"type": "manual", "instructions": "Order the sign as it was chosen."},
                        },
                    ],
                },
            ],
            "questions": ["How much may the sign cost?"],
        },
    ),
)


def instructions(actions: Mapping[str, type[Action]], agents: Mapping[str, AgentEntry], brief: Brief) -> str:
    """What holds for every plan: rules, actions, agents, the expert's brief, an example."""
    parts = [_RULES, "Actions:\n" + "\n".join(_action(name, action) for name, action in sorted(actions.items()))]
    named = {name: agent for name, agent in agents.items() if agent.kind == AgentKind.MODEL or agent.queue}
    if named:
        parts.append("Agents (`agent_id`):\n" + "\n".join(_agent(name, agent) for name, agent in sorted(named.items())))
    if brief.archetype:
        parts.append(f"Plan as this expert does:\n{brief.archetype}")
    # None that shows what this plan may not have.
    fitting = [(wanted, plan) for wanted, plan in _EXAMPLES if _action_types(plan) <= actions.keys()]
    for number, (wanted, plan) in enumerate(fitting, 1):
        parts.append(f"Example {number}. Brief:\n{wanted}\nPlan:\n{_compact(plan)}")
    return "\n\n".join(parts)


def request(brief: Brief) -> str:
    """What is asked for this time."""
    limits = LIMITS[brief.strategy]
    parts = [
        f"Project: {brief.name}",
        f"Brief:\n{brief.description.strip() or brief.name}",
        f"At most {limits.max_parallel} tasks run at once (strategy {brief.strategy}).",
    ]
    if brief.files:
        names = "\n".join(one_line(name) for name in brief.files[:MAX_FILES])
        parts.append(f"Files in the workspace:\n{framed(names)}")
    if brief.previous is not None:
        parts.append(f"The plan so far:\n{framed(_compact(with_numbers(brief.previous)))}")
    if brief.instructions:
        wanted = "Change that plan as follows, and keep everything else" if brief.previous is not None else "Heed this"
        parts.append(f"{wanted}:\n{brief.instructions}")
    return "\n\n".join(parts)


def _compact(plan: dict[str, Any]) -> str:
    return json.dumps(plan, ensure_ascii=False)


def _action_types(plan: dict[str, Any]) -> set[str]:
    return {task["action"]["type"] for phase in plan["phases"] for task in phase["tasks"]}


def _action(name: str, action: type[Action]) -> str:
    shown = {field: info for field, info in action.fields_model.model_fields.items() if field not in action.rare}
    fields = [f"{field}{'' if info.is_required() or field in action.one_of else '?'}" for field, info in shown.items()]
    said = " ".join((action.__doc__ or "").strip().split("\n\n", maxsplit=1)[0].split())
    return f"- {name} ({', '.join(fields) or 'no fields'}): {said}"


def _agent(name: str, agent: AgentEntry) -> str:
    said = " ".join(agent.instructions.split())[:300]
    tools = f" Tools: {', '.join(agent.tools)}." if agent.kind == AgentKind.MODEL else ""
    return f"- {name}: {said or agent.kind}{tools}"
