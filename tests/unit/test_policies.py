"""Policies: which documents each matches, what it demands in words, and how several combine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.agents import AgentEntry, AgentKind
from app.domain.gates import Approval, Approver, Demand, Rules, Signer, needed, refusal, still_missing
from app.domain.plan import PhaseDraft
from app.domain.policies import (
    Document,
    OwnSigning,
    Policies,
    Policy,
    Signing,
    about,
    allows_automatic,
    in_words,
    matching,
    seconds_in,
)
from app.domain.sender import Sender
from signoff.vocabulary import GateKind, Role
from tests.factories import plan_of, task

AGENTS = {"writer": AgentEntry(kind=AgentKind.MODEL, model="test:model")}


def policy(**values: Any) -> Policy:
    return Policy.model_validate({"name": "Rule", **values})


def document(*tasks: dict[str, Any], labels: tuple[str, ...] = (), **parameters: Any) -> Document:
    phases: list[PhaseDraft] = plan_of(*tasks).phases
    return Document(GateKind.PLAN, labels, None, phases, parameters)


def shell(key: str, command: str, **fields: Any) -> dict[str, Any]:
    return task(key, action={"type": "shell", "command": command}, **fields)


def http(key: str, url: str) -> dict[str, Any]:
    return task(key, action={"type": "http", "method": "GET", "url": url})


def is_about(match: dict[str, Any], found: Document) -> bool:
    return bool(matching(Signing((policy(match=match),), AGENTS), found))


@pytest.mark.parametrize(
    ("match", "found", "expected"),
    [
        ({}, document(), True),
        ({"labels": ["production"]}, document(labels=("production", "eu")), True),
        ({"labels": ["production"]}, document(labels=("test",)), False),
        ({"actions": ["http"]}, document(shell("a", "true")), False),
        ({"actions": ["http"]}, document(http("a", "https://x.example/")), True),
        ({"hosts": ["api.example"]}, document(http("a", "https://api.example/v1")), True),
        ({"hosts": ["api.example"]}, document(http("a", "https://user@api.example:8443/v1")), True),
        ({"hosts": ["api.example"]}, document(http("a", "https://other.example/api.example.html")), False),
        ({"hosts": ["*.example"]}, document(http("a", "https://deep.api.example/")), True),
        ({"hosts": ["api.example"]}, document(shell("a", "curl -s API.example/v1")), True),
        ({"hosts": ["api.example"]}, document(shell("a", "curl my-api.example")), False),
        ({"hosts": ["api.example"]}, document(shell("a", "curl api.example.org")), False),
        # Only the run knows the host, so it may be this one.
        ({"hosts": ["api.example"]}, document(http("a", "https://${{ tasks.b.outputs.host }}/")), True),
        ({"hosts": ["api.example"]}, document(http("a", "https://x.example/${{ tasks.b.outputs.host }}")), False),
        ({"hosts": ["api.example"]}, document(http("a", "https://${{ parameters.host }}/"), host="api.example"), True),
        ({"hosts": ["api.example"]}, document(http("a", "https://${{ parameters.host }}/"), host="x.example"), False),
        ({"agents": ["writer"]}, document(shell("a", "true", agent_id="writer")), True),
        ({"agents": ["default"]}, document(shell("a", "true")), True),
        ({"agents": ["writer"]}, document(shell("a", "true")), False),
        ({"secrets": ["TOKEN"]}, document(shell("a", "true", inputs={"t": "${{ secrets.TOKEN }}"})), True),
        ({"secrets": ["TOKEN"]}, document(shell("a", "true", inputs={"t": "${{ secrets.OTHER }}"})), False),
        ({"critical": True}, document(shell("a", "rm -rf /")), True),
        ({"critical": True}, document(shell("a", "true")), False),
        ({"labels": ["production"], "critical": True}, document(shell("a", "rm -rf /")), False),
    ],
)
def test_which_documents_a_policy_is_about(match: dict[str, Any], found: Document, expected: bool) -> None:
    assert is_about(match, found) is expected


def test_a_policy_may_be_about_some_gates_only() -> None:
    signing = Signing((policy(gates=["phase"]),))
    assert matching(signing, document()) == []
    assert matching(signing, document()._replace(kind=GateKind.PHASE)) != []


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "Rule: one approver."),
        (
            {"approvals": 2, "from": ["role:approver"], "four_eyes": True, "expires": "3d"},
            "Rule: two approvers, not the author, within 3 days.",
        ),
        ({"from": ["person:dana@example.com"]}, "Rule: dana@example.com."),
        (
            {"passkey": True, "gates": ["plan"], "four_eyes": True},
            "Rule: one approver, with a passkey, not the author.",
        ),
        (
            {"approvals": 2, "from": ["person:Dana", "role:operator"]},
            "Rule: two from among Dana and people with the role operator.",
        ),
        (
            {"expires": "90m", "auto_approve_below": "high"},
            "Rule: one approver, within 90 minutes, or automatically below high risk.",
        ),
    ],
)
def test_what_a_policy_demands_in_words(values: dict[str, Any], words: str) -> None:
    assert in_words(policy(**values)) == words


def test_what_a_policy_is_about_in_words() -> None:
    assert about(policy()) == "all documents"
    match = {"labels": ["a", "b"], "critical": True}
    assert about(policy(match=match)) == "documents with the label a or b and a critical finding"


@pytest.mark.parametrize(
    ("values", "risk", "allowed"),
    [
        ({}, "critical", True),
        ({"expires": "1h"}, "critical", True),
        ({"approvals": 2}, None, False),
        ({"four_eyes": True}, None, False),
        ({"passkey": True, "gates": ["plan"]}, None, False),
        ({"from": ["role:approver"]}, None, False),
        ({"auto_approve_below": "high"}, "critical", False),
        ({"auto_approve_below": "high"}, "high", False),
        ({"auto_approve_below": "high"}, "medium", True),
        ({"approvals": 2, "auto_approve_below": "low"}, None, True),
    ],
)
def test_when_a_plan_may_be_approved_automatically(values: dict[str, Any], risk: Any, allowed: bool) -> None:
    assert allows_automatic(policy(**values), risk) is allowed


def test_the_risk_of_a_plan_is_its_worst_finding() -> None:
    assert document(shell("a", "true")).risk({}) is None
    assert document(shell("a", "git reset --hard")).risk({}) == "medium"
    assert document(shell("a", "git reset --hard"), shell("b", "rm -rf /")).risk({}) == "critical"
    agent = task("a", action={"type": "agent", "prompt": "Write run.sh."}, agent_id="writer")
    writes = document(agent, shell("b", "sh run.sh", depends_on=["a"]))
    assert writes.risk(AGENTS) == "high"


@pytest.mark.parametrize("text", ["", "3", "3 d", "0d", "10s", "400d", "-1d", "3D"])
def test_what_is_no_span_of_time(text: str) -> None:
    with pytest.raises(ValueError, match="not a valid time"):
        seconds_in(text)


def test_two_policies_may_not_have_one_name() -> None:
    with pytest.raises(ValidationError, match="two policies have the name 'A'"):
        Policies.model_validate({"policy": [{"name": "A"}, {"name": "A"}]})


@pytest.mark.parametrize(
    ("after", "looser"),
    [
        ({"approvals": 2, "four_eyes": True, "expires": "1d", "undo": "10s"}, False),
        ({"approvals": 3, "four_eyes": True, "expires": "1h", "undo": "1m"}, False),
        ({"approvals": 1, "four_eyes": True, "expires": "1d"}, True),
        ({"approvals": 2, "expires": "1d"}, True),
        ({"approvals": 2, "four_eyes": True, "expires": "2d"}, True),
        ({"approvals": 2, "four_eyes": True}, True),
        ({"approvals": 2, "four_eyes": True, "expires": "1d", "undo": "9s"}, True),
        ({"approvals": 2, "four_eyes": True, "expires": "1d"}, True),
    ],
)
def test_when_the_own_rule_of_a_project_is_looser(after: dict[str, Any], looser: bool) -> None:
    before = OwnSigning(approvals=2, four_eyes=True, expires="1d", undo="10s")
    assert OwnSigning.model_validate(after).is_looser_than(before) is looser


DANA, KIM, LEE = (Approver(name, f"person_{name}", frozenset({Role.APPROVER})) for name in ("Dana", "Kim", "Lee"))
SECURITY = Demand(policy="Security", signers=[Signer(name="Dana", id="person_Dana")])
TWO = Demand(policy="Two", approvals=2)


def given(who: Approver, *counts_for: int) -> Approval:
    return Approval(Sender(who.name, who.id), "2026-01-01T00:00:00.000Z", counts_for, f"dec_{who.name}")


def code(rules: Rules, approvals: list[Approval], who: Approver, *authors: str) -> str | None:
    refused = refusal(GateKind.PLAN, rules, approvals, who, authors)
    return refused.info.code if refused is not None else None


def test_every_policy_must_be_met() -> None:
    rules = Rules(demands=[SECURITY, TWO])
    assert needed(rules, []) == 2
    # Two others meet one policy. The other one still needs Dana, and nobody else any more.
    both = [given(KIM, 1), given(LEE, 1)]
    assert [missing.words for missing in still_missing(rules, both)] == ["one more approval from Dana"]
    assert needed(rules, both) == 3
    other = Approver("Max", "person_Max", frozenset({Role.APPROVER}))
    assert code(rules, both, other) == "not_a_signer"
    assert code(rules, both, DANA) is None
    assert still_missing(rules, [*both, given(DANA, 0, 1)]) == []


def test_who_may_not_approve() -> None:
    rules = Rules(demands=[TWO], four_eyes=True)
    assert code(rules, [], Approver("temporal", None, frozenset())) == "not_a_signer"
    assert code(rules, [], DANA, "person_Dana") == "four_eyes"
    assert code(rules, [given(KIM, 0)], KIM) == "already_approved"
    # A namesake is somebody else.
    assert code(rules, [given(KIM, 0)], Approver("Kim", "person_Other", frozenset())) is None


@pytest.mark.parametrize("undo", ["0s", "301s", "6m", "5", "1h", ""])
def test_a_time_to_undo_is_short(undo: str) -> None:
    with pytest.raises(ValidationError, match="write 5s or 2m, and at most 5 minutes"):
        policy(undo=undo)


def test_where_a_passkey_is_demanded() -> None:
    rules = Rules(demands=[TWO], passkey=True)
    assert code(rules, [], KIM) == "passkey_needed"
    assert code(rules, [], replace(KIM, with_passkey=True)) is None
    # What somebody cannot change comes first.
    assert code(rules, [given(KIM, 0)], KIM) == "already_approved"
    for gates in (["plan", "edit"], ["plan", "phase"], ["retry"], []):
        assert policy(passkey=True, gates=gates).passkey


def test_a_key_counts_only_where_it_is_named() -> None:
    key = Approver("Nightly", "key_1", frozenset({Role.APPROVER}), is_key=True)
    assert code(Rules(demands=[TWO]), [], key) == "not_a_signer"
    by_role = Demand(policy="Role", signers=[Signer(name="approver", role=Role.APPROVER)])
    assert code(Rules(demands=[by_role]), [], key) == "not_a_signer"
    named = Demand(policy="Key", signers=[Signer(name="Nightly", id="key_1")])
    assert code(Rules(demands=[named]), [], key) is None


def test_a_name_that_nobody_has_lets_nobody_approve() -> None:
    rules = Rules(demands=[Demand(policy="Typo", signers=[Signer(name="Dnaa")])])
    assert code(rules, [], DANA) == "not_a_signer"
    assert still_missing(rules, [])[0].words == "one more approval from Dnaa (nobody has this name)"
