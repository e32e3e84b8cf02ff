"""Whose approvals are needed, in words that people read."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.gates import Approval, Demand, Rules, Signer, still_missing
from app.domain.policies import Policy, in_words
from app.domain.sender import Sender
from signoff.vocabulary import Role

DANA, KIM, LEE = (Signer(name=name, id=f"person_{name}") for name in ("Dana", "Kim", "Lee"))
NIGHTLY = Signer(name="Nightly", id="key_1")
NOBODY = Signer(name="Dnaa")
APPROVER, OPERATOR = (Signer(name=role, role=role) for role in (Role.APPROVER, Role.OPERATOR))


@pytest.mark.parametrize(
    ("number", "signers", "four_eyes", "words"),
    [
        (1, None, False, "one more approval"),
        (2, None, False, "two more approvals"),
        (12, None, False, "12 more approvals"),
        (1, None, True, "one more approval from somebody other than the author"),
        (2, None, True, "two more approvals from people other than the author"),
        (1, [DANA], False, "one more approval from Dana"),
        (1, [DANA], True, "one more approval from Dana"),
        (1, [DANA, KIM], False, "one more approval from Dana or Kim"),
        (2, [DANA, KIM], False, "two more approvals, from Dana and Kim"),
        (2, [DANA, KIM, LEE], False, "two more approvals from Dana, Kim or Lee"),
        (3, [DANA, KIM, LEE], True, "three more approvals, from Dana, Kim and Lee"),
        (1, [NIGHTLY], False, "one more approval from the key Nightly"),
        (1, [NOBODY], False, "one more approval from Dnaa (nobody has this name)"),
        (1, [APPROVER], False, "one more approval from somebody with the role approver"),
        (2, [APPROVER], False, "two more approvals from people with the role approver"),
        (1, [APPROVER], True, "one more approval from somebody with the role approver, but not from the author"),
        (2, [APPROVER], True, "two more approvals from people with the role approver, but not from the author"),
        (1, [APPROVER, OPERATOR], False, "one more approval from somebody with the role approver or operator"),
        (2, [APPROVER, OPERATOR], False, "two more approvals from people with the role approver or operator"),
        (1, [APPROVER, DANA], False, "one more approval from Dana or somebody with the role approver"),
        (2, [DANA, APPROVER], False, "two more approvals from Dana or people with the role approver"),
        (2, [DANA, KIM, APPROVER], False, "two more approvals from Dana, Kim or people with the role approver"),
    ],
)
def test_what_a_gate_still_needs(number: int, signers: Any, four_eyes: bool, words: str) -> None:
    rules = Rules(demands=[Demand(policy="Rule", approvals=number, signers=signers)], four_eyes=four_eyes)
    assert [missing.words for missing in still_missing(rules, [])] == [words]


def test_who_has_approved_is_not_named_again() -> None:
    rules = Rules(demands=[Demand(policy="Rule", approvals=2, signers=[DANA, KIM])])
    given = Approval(Sender("Dana", "person_Dana"), "2026-01-01T00:00:00.000Z", (0,), "dec_1")
    (missing,) = still_missing(rules, [given])
    assert (missing.words, missing.signers) == ("one more approval from Kim", ["Kim"])


@pytest.mark.parametrize(
    ("number", "signers", "words"),
    [
        (1, None, "one approver"),
        (2, None, "two approvers"),
        (2, ["role:approver"], "two approvers"),
        (1, ["role:admin"], "anybody with the role admin"),
        (2, ["role:admin"], "two people with the role admin"),
        (1, ["role:admin", "role:operator"], "anybody with the role admin or operator"),
        (2, ["role:admin", "role:operator"], "two people with the role admin or operator"),
        (1, ["person:Dana"], "Dana"),
        (1, ["person:Dana", "person:Kim"], "Dana or Kim"),
        (1, ["key:Nightly", "person:Kim"], "the key Nightly or Kim"),
        (2, ["person:Dana", "person:Kim"], "both Dana and Kim"),
        (2, ["person:Dana", "person:Kim", "person:Lee"], "two of Dana, Kim and Lee"),
        (3, ["person:Dana", "person:Kim", "person:Lee"], "all of Dana, Kim and Lee"),
        (1, ["person:Dana", "role:admin"], "Dana or anybody with the role admin"),
        (2, ["role:admin", "person:Dana"], "two from among Dana and people with the role admin"),
    ],
)
def test_what_a_policy_demands(number: int, signers: list[str] | None, words: str) -> None:
    policy = Policy.model_validate({"name": "Rule", "approvals": number, "from": signers})
    assert in_words(policy) == f"Rule: {words}."
