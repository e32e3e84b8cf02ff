"""The instructions and the request for a planning model."""

from __future__ import annotations

import json
from collections.abc import Mapping

from app.domain.actions import Action
from app.domain.agents import AgentEntry, AgentKind
from app.domain.material import RULE, framed, one_line
from app.domain.plan import LIMITS
from app.planning.model.numbering import NumberedPlan, with_numbers
from app.planning.planner import Brief

MAX_FILES = 200

_RULES = (
    """\
You plan automation projects. Turn the brief into an execution plan: phases that run one after the other, each with tasks.
A person reads and signs the plan. Then machines execute it exactly as written, with nobody there to fill gaps.

Rules:
- Each task does one thing, with one action. A command must work as written, without a terminal and without asking questions.
- Commands run in the project's workspace folder. Tasks pass data in files: one task writes a file, a later task reads it.
- Number the tasks through the whole plan: 1, 2, 3. A phase is `sequential` (each task waits for the one before it),
  `parallel` (no task waits), or `dag` (`depends_on` of a task lists the numbers of the tasks that must finish before it).
- Pass short values by name: a shell task appends `name=value` to the file $SIGNOFF_OUTPUT, and a later task has
  inputs {"x": "${{ tasks.1.outputs.name }}"}, which its command reads as $INPUT_X. Never put `${{ }}` into a command.
- Use an `agent` task for work that needs judgment or writing, if `agent` is available. Use a `manual` task for what only a
  person can do, may do or knows. Use a `decision` task for a choice that a person must make. Do not pretend that a machine
  can do it.
- Use only hosts and secrets that the brief names.
- Set `on_crash: ask` on tasks that send, publish, pay or delete, and place them after the tasks that check them.
- Keep the plan as small as the brief allows: most plans have one to four phases and two to ten tasks.
- List your assumptions under `assumptions`, and what you would ask before signing under `questions`.

"""
    + RULE
)

# Short examples for different kinds of work. A weak model copies what it sees, so every detail in them must be right.
_EXAMPLES: tuple[tuple[str, NumberedPlan], ...] = (
    (
        "Count the lines of all text files, and have somebody check the result.",
        {
            "summary": "Counts the lines of all text files and has a person check the result.",
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
                            "title": "Check the result",
                            "action": {"type": "manual", "instructions": "Does the number in lines.txt look right?"},
                        },
                    ],
                }
            ],
            "assumptions": ["Text files end in .txt."],
        },
    ),
    (
        "Archive the photos and put the archive on the USB drive. Ask me before you delete the old photos.",
        {
            "summary": "Archives the photos, has a person copy the archive, and deletes the photos if a person agrees.",
            "phases": [
                {
                    "name": "Archive",
                    "strategy": "sequential",
                    "tasks": [
                        {
                            "number": 1,
                            "title": "Archive the photos",
                            "action": {"type": "shell", "command": "tar -czf photos.tar.gz photos"},
                            "expected_files": ["photos.tar.gz"],
                        },
                        {
                            "number": 2,
                            "title": "Copy the archive to the USB drive",
                            "action": {"type": "manual", "instructions": "Copy photos.tar.gz to the USB drive."},
                        },
                    ],
                },
                {
                    "name": "Clean up",
                    "strategy": "sequential",
                    "tasks": [
                        {
                            "number": 3,
                            "title": "Decide whether to delete the old photos",
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
            "questions": ["Which USB drive should be used?"],
        },
    ),
    (
        "The shop needs a new sign. Get two quotes. I will choose one. Then order the sign.",
        {
            "summary": "Has a person get two quotes for the sign, choose one of them, and order the sign.",
            "phases": [
                {
                    "name": "Quotes",
                    "strategy": "parallel",
                    "tasks": [
                        {
                            "number": 1,
                            "title": "Get the first quote",
                            "action": {"type": "manual", "instructions": "Ask a sign maker for a quote."},
                        },
                        {
                            "number": 2,
                            "title": "Get the second quote",
                            "action": {"type": "manual", "instructions": "Ask another sign maker for a quote."},
                        },
                    ],
                },
                {
                    "name": "Order",
                    "strategy": "sequential",
                    "tasks": [
                        {
                            "number": 3,
                            "title": "Choose a quote",
                            "action": {"type": "decision", "question": "Which quote?", "options": ["first", "second"]},
                        },
                        {
                            "number": 4,
                            "title": "Order the sign",
                            "action": {
                                "type": "manual",
                                "instructions": "Order the sign from the sign maker with the chosen quote.",
                            },
                        },
                    ],
                },
            ],
            "questions": ["What is the budget for the sign?"],
        },
    ),
)


def instructions(actions: Mapping[str, type[Action]], agents: Mapping[str, AgentEntry], brief: Brief) -> str:
    """The instructions for every plan: rules, actions, agents, the expert's brief, and examples."""
    parts = [_RULES, "Actions:\n" + "\n".join(_action(name, action) for name, action in sorted(actions.items()))]
    named = {name: agent for name, agent in agents.items() if agent.kind == AgentKind.MODEL or agent.queue}
    if named:
        parts.append("Agents (`agent_id`):\n" + "\n".join(_agent(name, agent) for name, agent in sorted(named.items())))
    if brief.archetype:
        parts.append(f"Plan the way this expert does:\n{brief.archetype}")
    # Skip examples with actions that this plan may not use.
    fitting = [(example_brief, plan) for example_brief, plan in _EXAMPLES if _action_types(plan) <= actions.keys()]
    for number, (example_brief, plan) in enumerate(fitting, 1):
        parts.append(f"Example {number}. Brief:\n{example_brief}\nPlan:\n{_compact(plan)}")
    return "\n\n".join(parts)


def request(brief: Brief) -> str:
    """The request for this plan."""
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
    return json.dumps(plan, ensure_ascii=False)


def _action_types(plan: NumberedPlan) -> set[str]:
    return {str(task["action"]["type"]) for phase in plan["phases"] for task in phase["tasks"]}


def _action(name: str, action: type[Action]) -> str:
    visible = {field: info for field, info in action.fields_model.model_fields.items() if field not in action.rare}
    fields = [
        f"{field}{'' if info.is_required() or field in action.one_of else '?'}" for field, info in visible.items()
    ]
    summary = " ".join((action.__doc__ or "").strip().split("\n\n", maxsplit=1)[0].split())
    return f"- {name} ({', '.join(fields) or 'no fields'}): {summary}"


def _agent(name: str, agent: AgentEntry) -> str:
    summary = " ".join(agent.instructions.split())[:300]
    tools = f" Tools: {', '.join(agent.tools)}." if agent.kind == AgentKind.MODEL else ""
    return f"- {name}: {summary or agent.kind}{tools}"
