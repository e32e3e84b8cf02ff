"""The one check of every draft: it finds each fault, names where it is, and reports all of them together."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.agents import AgentEntry, AgentKind
from app.domain.errors import Invalid
from app.domain.graph import (
    critical_path,
    critical_path_of_phases,
    find_cycles,
    levels,
    levels_of_phases,
    topological_order,
)
from app.domain.plan import MAX_PHASES, MAX_TASKS, PlanDraft
from app.domain.registry import load_actions
from app.domain.validation import MAX_PROBLEMS, check_draft, effective_dependencies, phase_graphs
from tests.unit.effort import lines_executed
from tests.unit.test_graph import Graph, graphs, knots

Fields = dict[str, Any]


def task(key: str, *, after: list[str] | None = None, **fields: Any) -> Fields:
    return {
        "key": key,
        "title": key,
        "action": {"type": "shell", "command": "true"},
        "depends_on": after or [],
        **fields,
    }


def phase(key: str, *tasks: Fields, strategy: str = "dag") -> Fields:
    return {"key": key, "name": key, "strategy": strategy, "tasks": list(tasks)}


def plan(*phases: Fields) -> PlanDraft:
    return PlanDraft.model_validate({"phases": list(phases)})


def problems(draft: PlanDraft, agents: tuple[str, ...] = ("default",)) -> list[tuple[str, str]]:
    """Field and message of each problem; none where the draft is accepted."""
    try:
        check_draft(draft, load_actions(), {name: AgentEntry() for name in agents})
    except Invalid as error:
        return [(problem.field, problem.message) for problem in error.info.details]
    return []


def the_problem(draft: PlanDraft) -> tuple[str, str]:
    found = problems(draft)
    assert len(found) == 1, found
    return found[0]


def test_a_valid_plan_of_every_kind_of_phase_is_accepted() -> None:
    draft = plan(
        phase("one", task("a"), task("b"), strategy="parallel"),
        phase("two", task("c", after=["a"]), task("d"), strategy="sequential"),
        phase("empty"),
        phase("three", task("e", after=["d", "f"], agent_id="default"), task("f", inputs={"x": "${{ project.id }}"})),
    )
    assert problems(draft) == []


def test_all_problems_are_reported_together() -> None:
    draft = plan(
        phase("one", task("a"), task("a"), task("b", after=["nobody"])),
        phase("one", task("c", after=["c"]), task("d", after=["z"], agent_id="ghost")),
        phase("par", task("e"), task("f", after=["e"]), strategy="parallel"),
        phase(
            "bad",
            task("g", action={"type": "teleport"}),
            task("h", action={"type": "shell", "argv": ["echo", "${{ project.id }}"], "shell": True}),
            task("i", inputs={"x": ["${{ tasks.g }}"]}, expected_files=["../x", "ok.txt"]),
        ),
        phase("last", task("z")),
    )
    found = problems(draft)
    fields = sorted(field for field, _ in found)
    assert fields == sorted(
        [
            "phases[1].key",
            "phases[0].tasks[1].key",
            "phases[0].tasks[2].depends_on",
            "phases[1].tasks[0].depends_on",
            "phases[1].tasks[1].depends_on",
            "phases[1].tasks[1].agent_id",
            "phases[2].tasks[1].depends_on",
            "phases[3].tasks[0].action.type",
            "phases[3].tasks[1].action",
            "phases[3].tasks[1].action.shell",
            "phases[3].tasks[2].inputs",
            "phases[3].tasks[2].expected_files",
        ]
    )
    with pytest.raises(Invalid) as error:
        check_draft(draft, load_actions(), {"default": AgentEntry()})
    assert (error.value.info.status, error.value.info.code) == (422, "plan_invalid")
    assert str(error.value).startswith("The plan has 12 problems. The first: ")


def test_a_single_problem_is_the_message_itself() -> None:
    draft = plan(phase("p", task("a", after=["b"])))
    with pytest.raises(Invalid, match=r"^Task 'a' depends on 'b', which does not exist\.$"):
        check_draft(draft, load_actions(), {})


def test_no_more_than_two_hundred_problems_are_listed_and_all_are_counted() -> None:
    draft = plan(phase("p", *(task(f"t{n}", after=["nobody"]) for n in range(MAX_PROBLEMS + 50))))
    with pytest.raises(Invalid, match=r"^The plan has 250 problems") as error:
        check_draft(draft, load_actions(), {})
    assert len(error.value.info.details) == MAX_PROBLEMS


def test_duplicate_keys_are_found_across_phases_and_once_each() -> None:
    draft = plan(phase("p", task("a"), task("b")), phase("q", task("b"), task("c")), phase("q", task("a")))
    assert problems(draft) == [
        ("phases[1].tasks[0].key", "The task key 'b' is used more than once."),
        ("phases[2].key", "The phase key 'q' is used more than once."),
        ("phases[2].tasks[0].key", "The task key 'a' is used more than once."),
    ]


def test_duplicate_keys_in_a_sequential_phase_are_no_circle() -> None:
    draft = plan(phase("p", task("a"), task("a"), strategy="sequential"))
    assert problems(draft) == [("phases[0].tasks[1].key", "The task key 'a' is used more than once.")]


def test_a_task_and_a_phase_may_share_a_key() -> None:
    assert problems(plan(phase("a", task("a")))) == []


def test_dependency_on_a_later_phase_is_refused_and_on_an_earlier_one_is_fine() -> None:
    draft = plan(phase("p", task("a", after=["b"])), phase("q", task("b")))
    assert the_problem(draft) == (
        "phases[0].tasks[0].depends_on",
        "Task 'a' depends on 'b', which is in a later phase.",
    )
    assert problems(plan(phase("p", task("b")), phase("q", task("a", after=["b"])))) == []


@pytest.mark.parametrize("strategy", ["dag", "sequential", "parallel"])
def test_a_task_cannot_wait_for_itself(strategy: str) -> None:
    draft = plan(phase("p", task("a", after=["a"]), task("b"), strategy=strategy))
    assert the_problem(draft) == ("phases[0].tasks[0].depends_on", "Tasks depend on each other in a cycle: a → a.")


def test_tasks_of_a_parallel_phase_do_not_wait_for_each_other() -> None:
    field, message = the_problem(plan(phase("p", task("a"), task("b", after=["a"]), strategy="parallel")))
    assert field == "phases[0].tasks[1].depends_on"
    assert "'b' depends on 'a' in the same phase, but phase 'p' is parallel" in message


def test_the_order_of_a_sequential_phase_counts_for_circles() -> None:
    draft = plan(phase("p", task("a", after=["c"]), task("b"), task("c"), strategy="sequential"))
    assert the_problem(draft)[1] == "Tasks depend on each other in a cycle: a → c → b → a."


def test_a_reference_is_a_dependency_too() -> None:
    use = {"x": {"deep": ["${{ tasks.b.outputs.n }}"]}}
    assert the_problem(plan(phase("p", task("a", inputs=use)))) == (
        "phases[0].tasks[0].depends_on",
        "Task 'a' uses outputs of 'b', which does not exist.",
    )
    assert "later phase" in the_problem(plan(phase("p", task("a", inputs=use)), phase("q", task("b"))))[1]
    circle = plan(phase("p", task("a", inputs=use), task("b", after=["a"])))
    assert the_problem(circle)[1] == "Tasks depend on each other in a cycle: a → b → a."
    http = {"type": "http", "url": "http://example.invalid/${{ tasks.b.outputs.n }}"}
    waiting = plan(phase("p", task("a", action=http), task("b")))
    assert problems(waiting) == []
    assert effective_dependencies(waiting.phases[0]) == [["b"], []]


@pytest.mark.parametrize("where", [{"inputs": {"x": "a ${{ env.HOME }}"}}, {"inputs": {"x": ["${{ }}"]}}])
def test_malformed_references_are_refused(where: Fields) -> None:
    field, message = the_problem(plan(phase("p", task("a", **where))))
    assert field == "phases[0].tasks[0].inputs"
    assert message.startswith("Task 'a': unknown reference '")


@pytest.mark.parametrize("words", [{"command": "echo ${{ project.id }}"}, {"argv": ["echo", "${{ secrets.A }}"]}])
def test_nothing_is_pasted_into_a_command(words: Fields) -> None:
    draft = plan(phase("p", task("a", action={"type": "shell", **words}), task("b")))
    field, message = the_problem(draft)
    assert field == "phases[0].tasks[0].action"
    assert "$INPUT_<NAME>" in message


@pytest.mark.parametrize(
    ("action", "field"),
    [
        ({"type": "shell"}, "action"),
        ({"type": "shell", "command": "a", "argv": ["a"]}, "action"),
        ({"type": "shell", "command": 5}, "action.command"),
        ({"type": "shell", "command": "a", "env": {"A": []}}, "action.env.A"),
        ({"type": "wait"}, "action.seconds"),
        ({"type": "wait", "seconds": -1}, "action.seconds"),
        ({"type": "http"}, "action.url"),
        ({"type": "milestone", "x": 1}, "action.x"),
        ({"type": "unheard-of"}, "action.type"),
    ],
)
def test_the_fields_of_an_action_are_checked_by_the_action(action: Fields, field: str) -> None:
    where, message = the_problem(plan(phase("p", task("a", action=action))))
    assert where == f"phases[0].tasks[0].{field}"
    assert message.startswith("Task 'a'")


def test_an_unknown_action_is_told_which_there_are() -> None:
    _, message = the_problem(plan(phase("p", task("a", action={"type": "robot", "prompt": "x"}))))
    assert "agent, decision, http, manual, milestone, shell, wait" in message


def test_an_agent_task_needs_an_agent_with_a_model() -> None:
    draft = plan(phase("p", task("a", action={"type": "agent", "prompt": "x"})))
    check_draft(draft, load_actions(), {"default": AgentEntry()})
    with pytest.raises(Invalid, match="Set SIGNOFF_MODEL"):
        check_draft(draft, load_actions(), {"default": AgentEntry(kind=AgentKind.LOCAL)})


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "..",
        "../x",
        "a/../x",
        "a/..",
        "/",
        ".signoff/x",
        ".signoff",
        "./.signoff/x",
        ".//.signoff",
        "a/.signoff",
        "a/.Signoff/x",
        "./../x",
    ],
)
def test_expected_files_lie_inside_the_workspace(path: str) -> None:
    field, message = the_problem(plan(phase("p", task("a", expected_files=["fine.txt", path]))))
    assert field == "phases[0].tasks[0].expected_files"
    assert f"'{path}'" in message


@pytest.mark.parametrize("path", ["a", "a/b.txt", "..a", "a..b", ".signoff2", ".hidden", "ü ü"])
def test_expected_files_with_odd_names_are_fine(path: str) -> None:
    assert problems(plan(phase("p", task("a", expected_files=[path])))) == []


def test_agents_are_those_that_exist() -> None:
    draft = plan(phase("p", task("a", agent_id="ghost"), task("b", agent_id="default")))
    assert the_problem(draft) == (
        "phases[0].tasks[0].agent_id",
        "Task 'a': unknown agent 'ghost'; known: default.",
    )


def test_sizes_are_limited_and_the_limits_themselves_are_fine() -> None:
    at_most = [phase("p0", *(task(f"t{n}") for n in range(MAX_TASKS)), strategy="sequential")]
    at_most += [phase(f"p{n}") for n in range(1, MAX_PHASES)]
    assert problems(plan(*at_most)) == []
    more = plan(*at_most, phase("q", task("one_more")))
    assert [message for _, message in problems(more)] == [
        "The plan has 501 phases; the limit is 500.",
        "The plan has 10001 tasks; the limit is 10000.",
    ]


@pytest.mark.parametrize("phases", [[], [phase("p")], [phase("p"), phase("q")]])
def test_a_plan_without_tasks_is_refused(phases: list[Fields]) -> None:
    assert the_problem(plan(*phases)) == ("phases", "The plan has no tasks.")


@given(graphs())
def test_any_circle_is_named_task_by_task_and_any_other_graph_accepted(graph: Graph) -> None:
    tasks = [task(f"t{n}", after=[f"t{other}" for other in needed]) for n, needed in enumerate(graph)]
    found = problems(plan(phase("first", task("x")), phase("p", *tasks)))
    named = sorted(map(_circle, found))
    expected = [" → ".join(f"t{n}" for n in [*cycle, cycle[0]]) for cycle in find_cycles(graph)]
    assert named == sorted(expected)
    assert len(found) == len(knots(graph))


def _circle(problem: tuple[str, str]) -> str:
    field, message = problem
    chain = message.removeprefix("Tasks depend on each other in a cycle: ").removesuffix(".")
    assert field == f"phases[1].tasks[{chain.split(' ')[0][1:]}].depends_on"
    return chain


@st.composite
def drafts(draw: st.DrawFn) -> PlanDraft:
    """Any valid plan: phases of every strategy, some empty, with dependencies on earlier phases and inside."""
    earlier: list[str] = []
    phases: list[Fields] = []
    for number in range(draw(st.integers(1, 4))):
        strategy = draw(st.sampled_from(["dag", "sequential", "parallel"]))
        here: list[str] = []
        tasks: list[Fields] = []
        for index in range(draw(st.integers(0, 4))):
            may = earlier if strategy == "parallel" else earlier + here
            after = sorted(draw(st.sets(st.sampled_from(may), max_size=3))) if may else []
            used = draw(st.sampled_from(may)) if may and draw(st.booleans()) else None
            inputs = {"x": f"${{{{ tasks.{used}.outputs.o }}}}"} if used else {}
            tasks.append(task(f"t{number}_{index}", after=after, inputs=inputs))
            here.append(f"t{number}_{index}")
        phases.append(phase(f"p{number}", *tasks, strategy=strategy))
        earlier += here
    return plan(*phases)


def project_graph(draft: PlanDraft) -> Graph:
    """The dependencies of all tasks by position; each phase waits for everything before it."""
    position = {item.key: index for index, item in enumerate(draft.tasks())}
    graph: Graph = []
    for part in draft.phases:
        earlier = list(range(len(graph)))
        graph += [sorted({*earlier, *(position[key] for key in keys)}) for keys in effective_dependencies(part)]
    return graph


@given(drafts())
def test_any_valid_draft_is_accepted_and_orders_every_task_once_after_all_it_depends_on(draft: PlanDraft) -> None:
    if draft.tasks():
        assert problems(draft) == []
    graph = project_graph(draft)
    order = topological_order(graph)
    assert sorted(order) == list(range(len(draft.tasks())))


@given(drafts(), st.data())
def test_phase_by_phase_levels_and_critical_path_are_those_of_the_whole_graph(
    draft: PlanDraft, data: st.DataObject
) -> None:
    whole, parts = project_graph(draft), phase_graphs(draft)
    assert levels_of_phases(parts) == levels(whole)
    weights = [float(data.draw(st.integers(1, 4))) for _ in whole]
    assert critical_path_of_phases(parts, weights) == critical_path(whole, weights)


def test_wide_phases_take_an_effort_that_grows_with_their_tasks_and_not_with_its_square() -> None:
    def work(size: int) -> None:
        wide = plan(*(phase(f"p{part}", *(task(f"t{part}_{n}") for n in range(size))) for part in range(2)))
        parts = phase_graphs(wide)
        levels_of_phases(parts)
        critical_path_of_phases(parts, [1.0] * 2 * size)

    files = ("app/domain/graph.py", "app/domain/validation.py")
    assert lines_executed(lambda: work(1_000), *files) < 15 * lines_executed(lambda: work(100), *files)


@given(drafts())
def test_effective_dependencies_are_declared_ones_references_and_the_order_of_a_sequence(draft: PlanDraft) -> None:
    for part in draft.phases:
        found = effective_dependencies(part)
        for index, item in enumerate(part.tasks):
            expected = set(item.depends_on)
            if "x" in item.inputs:
                expected.add(item.inputs["x"].split(".")[1])
            if part.strategy == "sequential" and index:
                expected.add(part.tasks[index - 1].key)
            assert sorted(found[index]) == sorted(expected)


def test_inputs_that_are_one_variable_to_a_command_are_refused() -> None:
    field, message = the_problem(plan(phase("p", task("a", inputs={"name": 1, "Name": 2}))))
    assert field == "phases[0].tasks[0].inputs.Name"
    assert "'name' and 'Name' would share the variable $INPUT_NAME" in message
