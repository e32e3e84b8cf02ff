"""The outline planner: what each piece of Markdown becomes, and where its errors point."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.domain.agents import AgentEntry
from app.domain.errors import Invalid
from app.domain.plan import PlanDraft, TaskDraft
from app.domain.registry import load_actions
from app.domain.validation import check_draft
from app.planning.outline import OutlinePlanner
from app.planning.outline.reader import read_outline
from app.planning.planner import Brief

FULL = """\
# Weekly report

What the team sees on Monday.

## Gather {#gather}

Numbers from both systems.

- Orders: `python orders.py` {#orders retries=2 timeout=5m files=orders.csv}
- Visits {#visits on_crash=ask}

  ```http expect=200,204 save=visits.json
  POST https://stats.example/query
  Accept: application/json
  X-Team: blue

  {"days": 7}
  ```

## Write (sequential) {#write approval=yes}

1. Draw the chart {#chart after=orders agent=artist}

   Bars, one a day.

   ```inputs
   TITLE: Orders of the week
   DAYS: 7
   SOURCE: ${{ tasks.orders.outputs.file }}
   ```

   ```sh
   python chart.py \\
     --bars
   ```
2. [ ] Read it
3. Let it rest {wait=2h}
4. Ready {milestone}
"""


def plan(text: str, *, has_model: bool = False) -> PlanDraft:
    return read_outline(text, has_model=has_model)


def tasks(text: str, *, has_model: bool = False) -> list[TaskDraft]:
    return plan(text, has_model=has_model).tasks()


def only(text: str, *, has_model: bool = False) -> TaskDraft:
    (task,) = tasks(text, has_model=has_model)
    return task


def problems(text: str) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as caught:
        plan(text)
    assert caught.value.info.code == "plan_invalid"
    return [(problem.field, problem.message) for problem in caught.value.info.details]


async def test_a_full_plan() -> None:
    brief = Brief(name="Weekly report", description=FULL, strategy="balanced")
    draft = await OutlinePlanner().plan(brief)
    assert draft.summary == "What the team sees on Monday."
    assert draft.warnings == []
    gather, write = draft.phases
    assert (gather.key, gather.name, gather.description) == ("gather", "Gather", "Numbers from both systems.")
    assert (gather.strategy, gather.requires_approval) == ("dag", None)
    assert (write.key, write.strategy, write.requires_approval) == ("write", "sequential", True)
    assert [task.model_dump(exclude_defaults=True) for task in draft.tasks()] == [
        {
            "key": "orders",
            "title": "Orders",
            "action": {"type": "shell", "command": "python orders.py"},
            "retries": 2,
            "timeout_seconds": 300.0,
            "expected_files": ["orders.csv"],
        },
        {
            "key": "visits",
            "title": "Visits",
            "action": {
                "type": "http",
                "method": "POST",
                "url": "https://stats.example/query",
                "headers": {"Accept": "application/json", "X-Team": "blue"},
                "body": '{"days": 7}',
                "expected_status": [200, 204],
                "save_to": "visits.json",
            },
            "on_crash": "ask",
        },
        {
            "key": "chart",
            "title": "Draw the chart",
            "description": "Bars, one a day.",
            "agent_id": "artist",
            "depends_on": ["orders"],
            "inputs": {"TITLE": "Orders of the week", "DAYS": 7, "SOURCE": "${{ tasks.orders.outputs.file }}"},
            "action": {"type": "shell", "command": "set -e\npython chart.py \\\n  --bars"},
        },
        {"key": "read_it", "title": "Read it", "action": {"type": "manual"}},
        {"key": "let_it_rest", "title": "Let it rest", "action": {"type": "wait", "seconds": 7200}},
        {"key": "ready", "title": "Ready", "action": {"type": "milestone"}},
    ]


async def test_instructions_are_answered_with_a_warning() -> None:
    brief = Brief(name="n", description="- `true`", strategy="balanced", instructions="Make it shorter")
    assert "instructions had no effect" in (await OutlinePlanner().plan(brief)).warnings[0]


class TestOrder:
    def test_a_numbered_list_runs_in_order_and_a_bullet_list_does_not(self) -> None:
        assert [task.depends_on for task in tasks("1. a\n2. b\n3. c {after=a}")] == [[], ["a"], ["b", "a"]]
        assert [task.depends_on for task in tasks("1. a\n2. b {after=a}")] == [[], ["a"]]
        assert [task.depends_on for task in tasks("- a\n- b {after=a}\n- c")] == [[], ["a"], []]

    def test_a_sequential_phase_needs_no_dependencies(self) -> None:
        assert [task.depends_on for task in tasks("## P (sequential)\n1. a\n2. b")] == [[], []]

    def test_a_numbered_list_that_goes_on_after_a_text_stays_in_order(self) -> None:
        assert [task.depends_on for task in tasks("1. a\n\nText.\n\n2. b\n\n- c\n\n1. d")] == [[], ["a"], ["b"], ["c"]]

    def test_the_lists_of_two_phases_are_apart(self) -> None:
        assert [task.depends_on for task in tasks("## P\n1. a\n\n## Q\n2. b")] == [[], []]

    def test_a_numbered_list_contradicts_a_parallel_phase(self) -> None:
        ((field, message),) = problems("## P (parallel)\n\n1. a\n2. b")
        assert field == "line 3, column 1"
        assert "parallel" in message
        assert [task.depends_on for task in tasks("## P (Parallel)\n\n- a\n- b")] == [[], []]

    def test_items_before_any_phase_lie_in_a_phase_of_their_own(self) -> None:
        assert [(phase.key, phase.name) for phase in plan("- a\n\n## Tasks\n- b").phases] == [
            ("tasks", "Tasks"),
            ("tasks_2", "Tasks"),
        ]


class TestKeys:
    def test_made_keys_keep_clear_of_given_ones(self) -> None:
        assert [task.key for task in tasks("- Copy it\n- Copy it!\n- Other {#copy_it}")] == [
            "copy_it_2",
            "copy_it_3",
            "copy_it",
        ]

    def test_titles_in_any_script(self) -> None:
        assert [(task.key, task.title) for task in tasks("- 集める\n- Ελέγχω: `true`\n- Größe messen")] == [
            ("task", "集める"),
            ("task_2", "Ελέγχω"),
            ("gr_e_messen", "Größe messen"),
        ]
        assert plan("## 準備\n- a").phases[0].key == "phase"

    def test_doubled_and_unknown_keys(self) -> None:
        assert problems("## P {#p}\n- a {#k}\n- b {#k after=k,nope}\n\n## Q {#p}\n- c {#Bad}") == [
            ("line 3, column 6", "The task key 'k' is used more than once."),
            ("line 3, column 9", "'after' names the key 'nope', but no task has it."),
            ("line 5, column 4", "The phase key 'p' is used more than once."),
            (
                "line 6, column 6",
                "'Bad' is not a valid key. Use a lowercase letter, then up to 63 lowercase letters, digits, _ or -.",
            ),
        ]


class TestTitles:
    @pytest.mark.parametrize(
        ("item", "title", "command"),
        [
            ("Count lines: `wc -l a.txt`", "Count lines", "wc -l a.txt"),
            ("`make`", "make", "make"),
            ("Build in docs: `make html` {#x}", "Build in docs", "make html"),
            ("Show: `make`", "Show", "make"),
            ("With: `make`", "With", "make"),
            ("Show ticks: `` echo `date` ``", "Show ticks", "echo `date`"),
            ("Braces stay: `echo ${A} {#k}`", "Braces stay", "echo ${A} {#k}"),
            ("**Bold one**: `true`", "Bold one", "true"),
            ("Over\n  two lines:\n  `true`", "Over two lines", "true"),
            ("Check \\`it\\` &amp; go: `true`", "Check `it` & go", "true"),
            ("Run `make` {run}", "Run make", "make"),
            ("Example: `make` {run}", "Example", "make"),
            ("Before it {#x}: `true`", "Before it", "true"),
            ("Before it {#x retries=1}: `true`", "Before it", "true"),
        ],
    )
    def test_inline_code_is_the_command(self, item: str, title: str, command: str) -> None:
        task = only(f"- {item}")
        assert (task.title, task.action.fields()) == (title, {"command": command})

    @pytest.mark.parametrize(
        ("item", "title"),
        [
            ("Run `make test`", "Run make test"),
            ("`make` builds it", "make builds it"),
            ("Copy `a` to `b`", "Copy a to b"),
            ("Replace `a` with: `b`", "Replace a with: b"),
            ("Never do: `rm -rf x`", "Never do: rm -rf x"),
            ("Edit the file: `setup.cfg`", "Edit the file: setup.cfg"),
            ("`CHANGELOG.md`", "CHANGELOG.md"),
            ("Open: `https://a.example/x`", "Open: https://a.example/x"),
            ("Replace it with: `make`", "Replace it with: make"),
            ("Set it: `A=1`", "Set it: A=1"),
            ("Add the option: `--force`", "Add the option: --force"),
            ("The version: `1.2.3`", "The version: 1.2.3"),
        ],
    )
    def test_any_other_code_is_text_and_the_title_keeps_every_word(self, item: str, title: str) -> None:
        draft = plan(f"- {item}")
        (task,) = draft.tasks()
        assert (task.title, task.action.type) == (title, "manual")
        assert draft.warnings[0].startswith("Line 1: The code in this line is not run")

    def test_code_is_text_where_something_else_says_what_to_do(self) -> None:
        assert only("- [ ] Compare `a` with `b`").title == "Compare a with b"
        assert only("- Compare `a` with `b`\n\n  ```sh\n  diff a b\n  ```").action.fields() == {"command": "diff a b"}

    def test_bold_titles_lose_their_stars(self) -> None:
        assert only("- **Gather** the __numbers__ of snake__case__names").title == (
            "Gather the numbers of snake__case__names"
        )

    def test_a_long_title_moves_into_the_description(self) -> None:
        task = only(f"- {'word ' * 60}\n  more")
        assert len(task.title) == 200
        assert task.title.endswith("…")
        assert task.description == f"{'word ' * 60}more"
        sentence = only(f"- Do this and that first. {'Then more words follow. ' * 10}")
        assert sentence.title == "Do this and that first."

    def test_a_ticked_box_is_still_a_task(self) -> None:
        draft = plan("- [x] Call\n- [ ] Write")
        assert [task.action.type for task in draft.tasks()] == ["manual", "manual"]
        assert [warning.partition(".")[0] for warning in draft.warnings] == ["Line 1: This checkbox is already ticked"]

    def test_attributes_may_stand_before_the_command(self) -> None:
        task = only("- Before it {#first retries=1}: `echo {#x}`")
        assert (task.key, task.retries, task.action.fields()) == ("first", 1, {"command": "echo {#x}"})
        assert problems("- Before it {#first retrie=1}: `true`")[0][0] == "line 1, column 21"

    def test_a_bash_block_is_run_by_bash(self) -> None:
        assert only("- A\n\n  ```bash\n  [[ a ]]\n  ```").action.fields() == {
            "argv": ["bash", "-eo", "pipefail", "-c", "[[ a ]]"]
        }

    def test_braces_within_the_text_are_text(self) -> None:
        assert only("- Fill {{ name }} in {place}.").title == "Fill {{ name }} in {place}."


class TestDescriptions:
    def test_what_follows_the_first_line_is_kept_as_it_stands(self) -> None:
        task = only("- Title\n  second line\n\n  - nested\n    - deeper\n\n  ```json\n  {}\n  ```\n\n  # not a phase\n")
        assert task.title == "Title second line"
        assert task.description == "- nested\n  - deeper\n\n```json\n{}\n```\n\n# not a phase"

    def test_a_block_that_is_not_run_and_has_no_action_beside_it_is_pointed_out(self) -> None:
        (warning, _) = plan("- T\n\n  ```python\n  x\n  ```").warnings
        assert warning.startswith("Line 3: The python block is treated as text")

    def test_indented_code_is_text(self) -> None:
        draft = plan("-      a\n-\tb\n\n      # c\n\n     ## P")
        assert [task.title for task in draft.tasks()] == ["a", "b"]
        assert [warning.partition(".")[0] for warning in draft.warnings[:1]] == [
            "Line 1: Code by indentation is treated as text"
        ]
        assert [phase.name for phase in draft.phases] == ["Tasks"]

    def test_nested_steps_are_tasks_after_their_item(self) -> None:
        found = tasks("- A: `true` {#a}\n  - [ ] check\n- B: `true` {after=a}")
        assert [(task.key, task.title, task.depends_on) for task in found] == [
            ("a", "A", []),
            ("a_check", "A: check", ["a"]),
            ("b", "B", ["a", "a_check"]),
        ]


class TestActions:
    def test_a_prompt(self) -> None:
        assert only("- T\n  ```prompt\n  Write it.\n\n  Well.\n  ```").action.model_dump() == {
            "type": "agent",
            "prompt": "Write it.\n\nWell.",
        }

    def test_a_plain_item_is_the_models_where_there_is_one(self) -> None:
        assert only("- Sum up\n\n  In a page.", has_model=True).action.model_dump() == {
            "type": "agent",
            "prompt": "Sum up\n\nIn a page.",
        }
        assert only("- Sum up").action.type == "manual"
        assert plan("- Sum up\n- `true`").warnings[0].startswith("A person must do 1 of 2 tasks")
        assert plan("- Sum up", has_model=True).warnings == []

    def test_any_action_as_json(self) -> None:
        assert only('- T\n  ```action\n  {"type": "mail", "to": ["a"]}\n  ```').action.model_dump() == {
            "type": "mail",
            "to": ["a"],
        }

    def test_a_whole_task_and_a_whole_phase_as_json(self) -> None:
        text = (
            '```phase\n{"key": "p", "name": "A\\nB", "strategy": "parallel"}\n```\n\n'
            '- ```task\n  {"key": "k", "title": "x\\ny", "action": {"type": "manual"}}\n  ```\n'
        )
        (phase,) = plan(text).phases
        assert (phase.key, phase.name, phase.strategy, phase.tasks[0].title) == ("p", "A\nB", "parallel", "x\ny")

    def test_a_request_in_short(self) -> None:
        assert only("- T\n  ```http\n  get https://a.example/${{ tasks.t.outputs.id }}\n  ```").action.fields() == {
            "method": "GET",
            "url": "https://a.example/${{ tasks.t.outputs.id }}",
        }
        assert only("- T\n  ```http\n  HEAD https://a.example HTTP/1.1\n  ```").action.fields() == {
            "method": "HEAD",
            "url": "https://a.example",
        }
        assert only("- T\n  ```http\n  https://a.example\n  ```").action.fields() == {"url": "https://a.example"}


class TestErrors:
    @pytest.mark.parametrize(
        ("text", "field", "message"),
        [
            ("", "line 1, column 1", "description is empty"),
            ("\n \n", "line 1, column 1", "description is empty"),
            ("## P\n\nText only.", "line 1, column 1", "There are no tasks"),
            ("- a {#k color=red}", "line 1, column 9", "Unknown attribute 'color'; known: #key, after"),
            ("- a {#k\n- b", "line 1, column 5", "are not valid"),
            ("- a {# k = v}", "line 1, column 5", "are not valid"),
            ("-   a {timeout=soon}", "line 1, column 8", "timeout: 'soon' is not a valid duration; write seconds"),
            ("- a {retries=101}", "line 1, column 6", "less than or equal to 100"),
            ("- a {retries=-1}", "line 1, column 6", "not a whole number"),
            ("- a {on_crash=panic}", "line 1, column 6", "not one of rerun, ask, fail"),
            ("- a {retries=1 retries=2}", "line 1, column 16", "appears twice"),
            ("- a {agent}", "line 1, column 6", "'agent' needs a value"),
            ("- [ ] a {wait=5} {#k", "line 1, column 18", "are not valid"),
            ("- [ ] a {wait=5}", "line 1, column 3", "several actions (wait, manual)"),
            ("- a\n\ntext\n\n```inputs\nA: 1\n```", "line 5, column 4", "does not belong to a task"),
            ("- a\n\n```sh\nls", "line 3, column 1", "This block has no end"),
            ("```sh\nls\n", "line 1, column 1", "This block has no end"),
            ("- a\n  ```sh\n  cat <<E\n  x\n  ```", "line 3, column 7", "This here-document has no end"),
            ("- a: `echo <name>`", "line 1, column 12", "<name> is a placeholder"),
            ("- a\n  ```sh\n  x --key YOUR_KEY\n  ```", "line 3, column 11", "YOUR_KEY is a placeholder"),
            ("- a\n  ```sh background=true\n  x\n  ```", "line 2, column 9", "cannot stay in the background"),
            ("- a\n  ```sql run\n  x\n  ```", "line 2, column 10", "A sql block cannot be run"),
            ("---\nshell: tcsh\n---\n- a", "line 2, column 1", "'shell' must be one of sh, bash, zsh, ksh, dash."),
            ("- a: `echo ${{ tasks.b.outputs.c }}`", "line 1, column 12", "not allowed in a command"),
            ("- a\n  ```inputs\n  A: ${{ b }}\n  ```", "line 3, column 6", "Unknown reference 'b'"),
            ("- a\n  ```sh\n  ```", "line 2, column 6", "block is empty"),
            ("- a\n  ```http\n  FETCH https://a.example\n  ```", "line 3, column 3", "Start a request with a method"),
            ("- a\n  ```http\n  GET https://a.example\n  nonsense\n  ```", "line 4, column 3", "Write a header as"),
            ("- a\n  ```http expect=ok\n  GET https://a.example\n  ```", "line 2, column 11", "not a whole number"),
            (
                "- a\n  ```sh cdw=x\n  ls\n  ```",
                "line 2, column 9",
                "Unknown option 'cdw' of a sh block. Did you mean 'cwd'?",
            ),
            ("- a\n  ```inputs\n  no colon\n  ```", "line 3, column 3", "NAME: value"),
            ("- a\n  ```inputs\n  A: 1\n  A: 2\n  ```", "line 4, column 3", "appears twice"),
            ('- a\n  ```action\n  {"type":\n  ```', "line 3, column 11", "not valid JSON"),
            ("- a\n  ```action\n  {}\n  ```", "line 2, column 6", "type: Field required"),
            (
                '- ```task\n  {"key": "k", "action": {"type": "manual"}}\n  ```',
                "line 1, column 6",
                "title: Field required",
            ),
            ("## P {approval=maybe}\n- a", "line 1, column 7", "'approval' must be yes or no"),
            ("## P {color=red}\n- a", "line 1, column 7", "Unknown attribute 'color' of a phase"),
            ("## {#p}\n- a", "line 1, column 4", "has no name"),
            ("- a\x00b", "line 1, column 4", "NUL"),
            ("- a\ud800b", "line 1, column 4", "surrogate"),
            ("- a\n" * 10_001, "line 1, column 1", "10001 tasks; the limit is 10000"),
        ],
    )
    def test_name_the_place(self, text: str, field: str, message: str) -> None:
        found = problems(text)
        assert [problem[0] for problem in found] == [field], found
        assert message in found[0][1]

    def test_come_all_at_once_in_the_order_of_the_text(self) -> None:
        found = problems("- a {x=1}\n- b {retries=z}\n- c: `a <b>`\n- d {after=q}")
        assert [field for field, _ in found] == [
            "line 1, column 6",
            "line 2, column 6",
            "line 3, column 9",
            "line 4, column 6",
        ]

    @pytest.mark.parametrize(
        "value", ["[" * 5000 + "]" * 5000, "1e999", "NaN", '"\\u0000"', '"\\ud800"', '{"a": "\\udfff"}']
    )
    def test_json_that_nothing_can_store_is_refused(self, value: str) -> None:
        ((field, _),) = problems(f'- a\n  ```action\n  {{"type": "x", "v": {value}}}\n  ```')
        assert field == "line 3, column 1"


class TestPage:
    """docs/plans.md says what is true."""

    PAGE = (Path(__file__).parents[2] / "docs" / "plans.md").read_text()

    def test_its_plans_are_plans(self) -> None:
        examples = re.findall(r"^````markdown\n(.*?)^````$", self.PAGE, re.MULTILINE | re.DOTALL)
        *good, wrong = examples
        drafts = [plan(example) for example in good]
        for draft in drafts:
            check_draft(draft, load_actions(), agents={"artist": AgentEntry()})
        restarted, moved, installed = (draft for draft in drafts if draft.warnings)
        assert [warning.partition(":")[0] for warning in restarted.warnings] == ["Line 11"]
        assert [task.key for task in restarted.tasks() if task.requires_approval] == ["start_it"]
        assert [warning.partition(":")[0] for warning in moved.warnings] == ["Line 5", "Line 11", "Line 25"]
        assert [task.action.type for task in installed.tasks()] == [
            "decision",
            "shell",
            "shell",
            "shell",
            "shell",
            "shell",
        ]
        assert [phase.condition is not None for phase in installed.phases] == [False, True, True, False]
        assert [task.key for task in installed.tasks() if task.requires_approval] == ["if_a_proxy_is_needed_set_it"]
        answer = re.search(r"^```text\n(.*?)^```$", self.PAGE, re.MULTILINE | re.DOTALL)
        assert answer is not None
        assert [f"{field}: {message}" for field, message in problems(wrong)] == answer[1].splitlines()

    def test_it_knows_every_attribute(self) -> None:
        ((_, message),) = problems("- a {nope=1}")
        for name in message.partition("known: ")[2].partition(". ")[0].split(", "):
            assert f"`{name}" in self.PAGE


@pytest.mark.parametrize(
    ("line", "action"),
    [
        ("Copy the file: `cp a b`", "shell"),
        ("Switch to the branch: `git switch main`", "shell"),
        ("Name of the branch: `main`", "manual"),
        ("The file: `cp a b`", "manual"),
        ("Subject: `Version 2 is out`", "manual"),
    ],
)
def test_a_title_that_ends_with_a_thing_runs_what_is_a_call(line: str, action: str) -> None:
    draft = read_outline(f"1. {line}", has_model=False)
    assert draft.tasks()[0].action.type == action
    assert any(warning.startswith("Line 1: The code in this line is not run") for warning in draft.warnings) == (
        action == "manual"
    )
