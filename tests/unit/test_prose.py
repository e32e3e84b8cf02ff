"""Plain prose becomes steps, and is not cut into nonsense."""

from __future__ import annotations

import pytest

from app.domain.errors import Invalid
from app.domain.plan import PlanDraft
from app.planning.outline.reader import read_outline


def plan(text: str) -> PlanDraft:
    return read_outline(text, has_model=False)


class TestProse:
    @pytest.mark.parametrize(
        ("text", "titles"),
        [
            (
                "Weekly report: gather metrics, write a summary, mail it",
                ["Gather metrics", "Write a summary", "Mail it"],
            ),
            (
                "Gather metrics, write summary, email stakeholders.",
                ["Gather metrics", "Write summary", "Email stakeholders"],
            ),
            ("Gather metrics, then write a summary and mail it", ["Gather metrics", "Write a summary", "Mail it"]),
            ("First, fetch it. Then check it; finally, file it.", ["Fetch it", "Check it", "File it"]),
            ("Build, test and deploy the site.", ["Build", "Test and deploy the site"]),
            (
                "Daten sammeln, Bericht schreiben, alles verschicken",
                ["Daten sammeln", "Bericht schreiben", "Alles verschicken"],
            ),
            ("Gather metrics\nWrite summary\nEmail it", ["Gather metrics", "Write summary", "Email it"]),
            ("Do this.\n\nDo that.", ["Do this", "Do that"]),
            (
                "Buy 3.5 kg of apples, e.g. from https://a.example/x.y?z,1.",
                ["Buy 3.5 kg of apples, e.g. from https://a.example/x.y?z,1"],
            ),
            ("Mail it to Alice, Bob and Carol.", ["Mail it to Alice, Bob and Carol"]),
            (
                "Copy large files, old photos and letters to the archive",
                ["Copy large files, old photos and letters to the archive"],
            ),
            ("Wait for the build and test results", ["Wait for the build and test results"]),
            ("If the tests pass then deploy", ["If the tests pass then deploy"]),
            ("Find the report that Bob, who left, wrote", ["Find the report that Bob, who left, wrote"]),
            ('Say "come, see, win" (now, here, loud)', ['Say "come, see, win" (now, here, loud)']),
        ],
    )
    def test_becomes_steps(self, text: str, titles: list[str]) -> None:
        (phase,) = plan(text).phases
        assert phase.strategy == "sequential"
        assert [task.title for task in phase.tasks] == titles

    def test_code_in_it_runs_only_where_the_step_says_so(self) -> None:
        first, second, third = plan("`make a; b, c`. Then run `make d`. Clean: `make e`.").tasks()
        assert [first.action.fields(), third.action.fields()] == [{"command": "make a; b, c"}, {"command": "make e"}]
        assert (second.title, second.action.type) == ("Run make d", "manual")

    def test_its_lead_names_the_plan(self) -> None:
        draft = plan("Weekly report: gather metrics, write a summary, mail it")
        assert (draft.summary, draft.phases[0].name) == ("Weekly report", "Weekly report")

    def test_errors_find_their_line(self) -> None:
        with pytest.raises(Invalid) as caught:
            plan("Do this.\nThen: `a <b>`.")
        assert caught.value.info.details[0].field == "line 2, column 10"
