"""A plan written out as Markdown makes the same plan again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.domain.plan import ActionSpec, PhaseDraft, PlanDraft, RunSettings, TaskCondition, TaskDraft, digest_of, slug
from app.planning.outline.reader import read_outline
from app.planning.render import to_markdown
from signoff.vocabulary import OnCrash, PhaseStrategy, RunsOn

NASTY = [
    *(
        "`",
        "``",
        "```",
        "```sh\n",
        "~~~",
        "{",
        "}",
        "{#key}",
        "{x=1}",
        "{milestone}",
        "=",
        '"',
        "\\",
        "${{ tasks.a.outputs.b }}",
    ),
    *(
        "#",
        "# ",
        "## ",
        "- ",
        "* ",
        "1. ",
        "[ ] ",
        "[x] ",
        "> ",
        "---",
        "===",
        "<b>",
        "<!-- ",
        "&amp;",
        "**b**",
        "__b__",
    ),
    *(" ", "  ", "    ", "\t", "\n", "\n\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\u00a0", "\x7f", "\ufeff"),
    *(
        "Rollback",
        "If ",
        "Optional: ",
        "Option A",
        "Prerequisites",
        "References",
        "Never ",
        "(if needed)",
        "YOUR_KEY",
        "X.Y.Z",
    ),
    *("[a]", "[a](b)", "[a]: http://x\n", "![", "](", "<name>", "<!-- x -->", "\\`", "$ ", "$A", "set -e\n", "+++"),
    "| a |\n|---|\n",
    *(
        "a",
        "word ",
        "Ünï",
        "集める",
        "🙂",
        ": ",
        ", ",
        "(parallel)",
        "(sequential)",
        "null",
        "1",
        "true",
        ";",
        "http://x",
    ),
]

ARGVS = [["bash", "-eo", "pipefail", "-c"], ["bash", "-c"], ["python3", "-c"], ["zsh", "-e", "-c"], ["make"], []]

nasty = st.one_of(st.lists(st.sampled_from(NASTY), max_size=8).map("".join), st.text(max_size=30)).map(
    lambda text: text.encode("utf-8", "ignore").decode().replace("\x00", "")
)
plain = st.lists(st.sampled_from(["gather", "numbers", "of", "all", "teams,", "twice."]), min_size=1, max_size=6).map(
    " ".join
)
text = st.one_of(plain, nasty)
short = text.filter(bool).map(lambda value: value[:200])
json_value = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), nasty),
    lambda children: st.one_of(st.lists(children, max_size=3), st.dictionaries(nasty, children, max_size=3)),
    max_leaves=5,
)


def spec(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[ActionSpec]:
    """Actions of one type with any of `fields`."""
    return st.fixed_dictionaries({"type": st.just(kind)}, optional=fields).map(ActionSpec.model_validate)


actions = st.one_of(
    spec("manual"),
    spec("manual", instructions=text),
    spec("milestone"),
    spec("decision", options=st.lists(text, max_size=2), stop=st.one_of(st.lists(text, max_size=2), json_value)),
    spec("wait", seconds=st.one_of(st.integers(-1, 10**12), st.floats(0, 1e9))),
    spec("shell", command=text, cwd=text),
    spec("shell", command=text),
    spec(
        "shell",
        command=text,
        env=st.dictionaries(st.one_of(st.just("NAME"), nasty), text, max_size=2),
        expect=text,
        every_seconds=st.one_of(st.integers(1, 90), st.floats(1, 90)),
        until_seconds=st.integers(1, 90),
    ),
    spec("shell", command=text.map("set -e\n".__add__)),
    spec("shell", argv=st.tuples(st.sampled_from(ARGVS), text).map(lambda pair: [*pair[0], pair[1]]), cwd=text),
    spec("agent", prompt=text),
    spec(
        "http",
        method=st.sampled_from(["GET", "POST", "get", "ODD"]),
        url=st.one_of(st.just("https://a.example/x y"), text),
        headers=st.dictionaries(st.one_of(st.just("Accept"), st.just("accept"), nasty), text, max_size=3),
        body=st.one_of(text, json_value),
        expected_status=st.one_of(st.lists(st.integers(100, 599), max_size=3), json_value),
        save_to=st.one_of(st.just("out.json"), nasty),
    ),
    st.dictionaries(nasty.filter(lambda name: name not in {"", "type"}), json_value, max_size=3).map(
        lambda fields: ActionSpec.model_validate({"type": "plug-in", **fields})
    ),
)


@st.composite
def drafts(draw: st.DrawFn) -> PlanDraft:
    """Drafts whose keys are unique and whose dependencies exist."""
    taken: set[str] = set()
    phase_keys: set[str] = set()
    phases: list[PhaseDraft] = []
    for _ in range(draw(st.integers(1, 3))):
        name = draw(short)
        key = slug(name, phase_keys)
        phase_keys.add(key)
        phase = PhaseDraft(
            key=key,
            name=name,
            description=draw(text),
            strategy=draw(st.sampled_from(PhaseStrategy)),
            requires_approval=draw(st.sampled_from([None, True, False])),
            condition=draw(conditions(taken)),
            runs_on=draw(st.sampled_from(RunsOn)),
        )
        chain = draw(st.booleans())
        for _ in range(draw(st.integers(0, 4))):
            phase.tasks.append(draw(tasks(taken, [phase.tasks[-1].key] if chain and phase.tasks else [])))
            taken.add(phase.tasks[-1].key)
        phases.append(phase)
    if not taken:
        phases[0].tasks.append(draw(tasks(taken, [])))
    return PlanDraft(summary=draw(text), phases=phases)


@st.composite
def conditions(draw: st.DrawFn, taken: set[str]) -> TaskCondition | None:
    """No condition, or one on a task that exists."""
    if not taken or draw(st.booleans()):
        return None
    value = short.map(str.strip).filter(bool)
    return TaskCondition(
        task=draw(st.sampled_from(sorted(taken))), values=draw(st.lists(value, min_size=1, max_size=3))
    )


@st.composite
def tasks(draw: st.DrawFn, taken: set[str], before: list[str]) -> TaskDraft:
    title = draw(short)
    others = draw(st.lists(st.sampled_from(sorted(taken)), max_size=3)) if taken else []
    return TaskDraft(
        key=slug(draw(plain), taken),
        title=title,
        description=draw(text),
        condition=draw(conditions(taken)),
        requires_approval=draw(st.booleans()),
        agent_id=draw(st.one_of(st.none(), short.map(lambda value: value[:64]))),
        action=draw(actions),
        depends_on=[*before, *others],
        inputs=draw(
            st.dictionaries(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,9}", fullmatch=True), json_value, max_size=3)
        ),
        expected_files=draw(st.lists(short, max_size=3)),
        retries=draw(st.one_of(st.none(), st.integers(0, 100))),
        timeout_seconds=draw(st.one_of(st.none(), st.integers(1, 2_592_000), st.floats(1e-9, 2_592_000))),
        on_crash=draw(st.sampled_from(OnCrash)),
    )


def task(**fields: Any) -> PlanDraft:
    """A plan of one task."""
    given_fields = {"key": "k", "title": "T", "action": {"type": "manual"}, **fields}
    return PlanDraft(phases=[PhaseDraft(key="p", name="P", tasks=[TaskDraft.model_validate(given_fields)])])


def empty(text: str) -> PlanDraft:
    """A plan with a phase without tasks before one with a task. The summary and that phase have this text."""
    done = task()
    return done.model_copy(
        update={"summary": text, "phases": [PhaseDraft(key="e", name="E", description=text), *done.phases]}
    )


def digest(draft: PlanDraft) -> str:
    return digest_of(draft, RunSettings())


@given(drafts(), st.booleans(), nasty)
@example(task(title="a\nb", description="``` \n~~~"), True, "")
@example(task(action={"type": "wait", "seconds": 60.0}), False, "# name\n## x")
@example(task(action={"type": "shell", "command": "echo $FOO_BAR"}), False, "n")
@example(empty("a\r```\rmake\r```"), False, "n")
@example(empty("Do it:\n\n```\nmake\n```"), False, "n")
@example(empty("```console\nmake\n```\n\n~~~~\ngit push\n~~~~"), False, "n")
@example(task(inputs={"A": "1", "B": 1, "C": 1.0, "D": " x", "E": ""}), False, "n")
def test_round_trip(draft: PlanDraft, has_model: bool, name: str) -> None:
    markdown = to_markdown(draft, name)
    again = read_outline(markdown, has_model=has_model)
    assert again.phases == draft.phases
    assert digest(again) == digest(draft)
    assert to_markdown(again, name) == to_markdown(draft.model_copy(update={"summary": again.summary}), name)


def test_reads_as_a_person_would_write_it() -> None:
    markdown = """\
# Weekly report

What the team sees on Monday.

## Gather {#gather approval=no}

Numbers from both systems.

- Orders: `python orders.py` {#orders retries=2 timeout=300 files=orders.csv}

- Visits {#visits on_crash=ask}

  ```http expect=200,204 save=visits.json
  POST https://stats.example/query
  Accept: application/json

  {"days": 7}
  ```

## Write (sequential) {#write}

1. Draw the chart {#chart agent=artist}

   Bars, one a day.

   ```sh cwd=charts
   python chart.py \\
     --bars
   ```

   ```inputs
   DAYS: 7
   SOURCE: ${{ tasks.orders.outputs.file }}
   ```

2. [ ] Read it {#read}

3. Let it rest {#rest wait=7200}

4. Ready {#ready milestone}

## Send {#send}

1. `make mail` {#mail}
2. Tell them: `make tell` {#tell after=chart}
3. [ ] Listen {#listen}
"""
    draft = read_outline(markdown, has_model=False)
    assert draft.tasks()[-2].depends_on == ["mail", "chart"]
    assert to_markdown(draft, "Weekly report") == markdown


@pytest.mark.parametrize("summary", ["# No", "- item", "```\nx", "## Q"])
def test_a_summary_that_is_no_text_is_left_out(summary: str) -> None:
    draft = task()
    draft.summary = summary
    assert summary not in to_markdown(draft, "n")


def test_a_command_with_fences_in_it_stays_readable() -> None:
    markdown = to_markdown(task(action={"type": "shell", "command": "cat <<E\n```\nE"}), "n")
    assert "\n  ````sh on_error=continue\n  cat <<E\n  ```\n  E\n  ````\n" in markdown


def test_a_dependency_named_twice_stays_twice() -> None:
    draft = task()
    draft.phases[0].tasks.append(draft.phases[0].tasks[0].model_copy(update={"key": "l", "depends_on": ["k", "k"]}))
    assert read_outline(to_markdown(draft, "n"), has_model=False).tasks()[1].depends_on == ["k", "k"]
