"""What a plan grants its tasks: in the outline, in the digest, and not by a model of its own accord."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from app.domain.plan import PlanDraft, RunSettings, TaskDraft, digest_of
from app.planning.model.reach import check_reach
from tests.factories import plan_of, task


def draft(**fields: object) -> PlanDraft:
    return plan_of(task("t", **fields))


def test_grants_and_limits_are_signed_and_older_digests_stay() -> None:
    plain = draft()
    assert "reads" not in plain.model_dump(mode="json")["phases"][0]["tasks"][0]
    digests = {
        digest_of(plan, RunSettings())
        for plan in (
            plain,
            draft(reads=["/a"]),
            draft(writes=["/a"]),
            draft(limits={"memory": "2g"}),
            draft(limits={"memory": 0}),
        )
    }
    assert len(digests) == 5


@pytest.mark.parametrize("path", ["data", "/", "/a/../b", "/a/", "//a", "~/x", "/a/./b", "/a\0"])
def test_a_grant_is_an_absolute_path(path: str) -> None:
    with pytest.raises(ValidationError):
        TaskDraft.model_validate({"key": "t", "title": "T", "action": {"type": "shell"}, "reads": [path]})


def test_a_model_grants_only_what_the_description_names() -> None:
    def refused(words: str, **fields: object) -> bool:
        return bool(list(check_reach(draft(**fields), actions={"shell"}, hosts=set(), words=words)))

    assert refused("Report on the data.", reads=["/data/exports"])
    assert not refused("Report on /data/exports.", reads=["/data/exports"])
    assert refused("Report on /data/exports/old.", reads=["/data/exports"])
    assert refused("Report on /srv/data/exports.", writes=["/data/exports"])
    assert refused("Take all memory.", limits={"memory": 0})
