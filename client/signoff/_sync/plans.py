# Generated from signoff/_async by tools/make_sync_client.py. Edit signoff/_async instead.
"""The methods of `client.projects` that make, approve and compare plans."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from signoff import schemas
from signoff._requests import get, markdown_of, path_of, plan_match, post

if TYPE_CHECKING:
    from collections.abc import Sequence

    from signoff._sync.transport import Transport
    from signoff.schemas.answers import Recorded, StatusAnswer
    from signoff.schemas.passkeys import PasskeyChallenge
    from signoff.schemas.plans import Plan, PlanDiff, PlanList

# Values of parameters by name; None removes a value.
ParameterChanges = Mapping[str, str | float | bool | None]


class Plans:
    """The part of `client.projects` that makes, approves and compares plans."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def plan(self, project_id: str, *, version: int | None = None) -> Plan:
        """Get the current plan, or another version of it.

        Raises:
            NotFound: there is no plan yet (`no_plan`), or no such version.
        """
        return self._transport.call(get(path_of(project_id, "plan"), {"version": version}), schemas.plans.Plan)

    def plan_markdown(self, project_id: str, *, version: int | None = None) -> str:
        """Get the Markdown outline that makes the plan. Raises as `plan` does."""
        request = get(path_of(project_id, "plan"), {"version": version}, {"Accept": "text/markdown"})
        return markdown_of(self._transport.send(request))

    def plans(self, project_id: str) -> PlanList:
        """List every version of the plan, newest first."""
        return self._transport.call(get(path_of(project_id, "plans")), schemas.plans.PlanList)

    def plan_diff(self, project_id: str, before: int | None = None, after: int | None = None) -> PlanDiff:
        """Compare two versions of the plan.

        Args:
            before: the older version; None means the one before `after`.
            after: the newer version; None means the current one.
        """
        query = {"from": before, "to": after}
        return self._transport.call(get(path_of(project_id, "plan", "diff"), query), schemas.plans.PlanDiff)

    def generate_plan(
        self,
        project_id: str,
        *,
        planner: str | None = None,
        instructions: str | None = None,
        parameters: ParameterChanges | None = None,
        wait: int | None = None,
    ) -> Plan | Recorded:
        """Generate the first plan.

        Args:
            planner: the name of the planner; None means `outline`.
            instructions: instructions for the planner, in words.
            parameters: values for the parameters of the plan, in addition to those that the project has already. None as a value
                removes it.
            wait: the number of seconds to wait for the plan, at most 60; None means the server's default of 10.

        Returns:
            The plan, or `Recorded` if it is still being generated.
        """
        body = {"planner": planner, "instructions": instructions, "parameters": parameters}
        return self._make(project_id, "generate-plan", body, wait)

    def regenerate_plan(
        self,
        project_id: str,
        *,
        planner: str | None = None,
        instructions: str | None = None,
        parameters: ParameterChanges | None = None,
        wait: int | None = None,
    ) -> Plan | Recorded:
        """Generate a new version in place of the current plan. Takes and returns the same as `generate_plan`."""
        body = {"planner": planner, "instructions": instructions, "parameters": parameters}
        return self._make(project_id, "regenerate-plan", body, wait)

    def refine_plan(
        self,
        project_id: str,
        *,
        message: str | None = None,
        edits: Sequence[Mapping[str, Any]] | None = None,
        answers: Mapping[str, str] | None = None,
        wait: int | None = None,
        of_plan: str | None = None,
    ) -> Plan | Recorded:
        """Change the plan.

        Args:
            message: the change in words, for a planner.
            edits: a list of edits; either all of them are applied, or none.
            answers: answers to questions of the plan, by the exact text of the question. If the project has a model, it makes a
                version that follows them.
            wait: the number of seconds to wait for a version that a model makes, at most 60; None means the server's default
                of 10.
            of_plan: the digest of the plan that you have read; it is changed only if it is still the current one.

        Raises:
            PreconditionFailed: the plan has changed since.
        """
        body = {
            "message": message,
            "edits": None if edits is None else list(edits),
            "answers": None
            if answers is None
            else [{"question": question, "answer": answer} for question, answer in answers.items()],
        }
        return self._make(project_id, "refine-plan", body, wait, of_plan)

    def approve(
        self,
        project_id: str,
        *,
        plan_version: int | None = None,
        plan_digest: str | None = None,
        phase_id: str | None = None,
        frozen_digest: str | None = None,
        comment: str | None = None,
        passkey: Mapping[str, str] | None = None,
    ) -> StatusAnswer | Recorded:
        """Approve the plan. During a run, approve the phase that waits for approval.

        Args:
            plan_version: the version that you have read. The server refuses to approve another version.
            plan_digest: the digest of the plan that you have read. The server refuses to approve another plan.
            phase_id: the phase to approve. The server refuses to approve another phase.
            frozen_digest: the plan's `frozen.digest`. The server refuses the approval if files, agents or settings have changed.
            comment: a comment to record with the decision.
            passkey: the signature of your device: `nonce`, and in base64url `credential_id`, `client_data`,
                `authenticator_data` and `signature`.

        Raises:
            Conflict: another plan is current now (`plan_superseded`), or files, agents or settings have changed
                (`surroundings_changed`).
        """
        body = {
            "plan_version": plan_version,
            "plan_digest": plan_digest,
            "phase_id": phase_id,
            "frozen_digest": frozen_digest,
            "comment": comment,
            "passkey": passkey,
        }
        return self._transport.settle(post(path_of(project_id, "approve"), body), schemas.answers.StatusAnswer)

    def begin_passkey_approval(
        self,
        project_id: str,
        *,
        plan_version: int,
        plan_digest: str,
        frozen_digest: str | None = None,
        phase_id: str | None = None,
        task_id: str | None = None,
        answer: Literal["retry", "complete", "skip"] | None = None,
        outputs: Mapping[str, Any] | None = None,
        decision_id: str | None = None,
        tasks: Sequence[str] | None = None,
    ) -> PasskeyChallenge:
        """Get what your device has to sign for an approval: the digests of the plan that you have read.

        Args:
            plan_version: the version that you have read.
            plan_digest: its digest.
            frozen_digest: its `frozen.digest`, if it has one. Name it in the approval too. Leave it out for what waits in a run.
            phase_id: the phase that you approve.
            task_id: the task that you release.
            answer: what you do with that task; by default, `retry`, which releases it.
            outputs: the outputs that you give to that task.
            decision_id: the decision to let a task run although it no longer matches what was signed.
            tasks: the tasks that you name in a retry of the project; empty for a retry that names none.

        Raises:
            Conflict: you have no passkey for this server (`no_passkey`).
        """
        body = {
            "plan_version": plan_version,
            "plan_digest": plan_digest,
            "frozen_digest": frozen_digest,
            "phase_id": phase_id,
            "task_id": task_id,
            "answer": answer,
            "outputs": outputs,
            "decision_id": decision_id,
            "tasks": None if tasks is None else list(tasks),
        }
        return self._transport.call(
            post(path_of(project_id, "passkey-challenge"), body), schemas.passkeys.PasskeyChallenge
        )

    def undo_approval(
        self, project_id: str, *, gate_id: str | None = None, comment: str | None = None
    ) -> StatusAnswer | Recorded:
        """Withdraw your approval that has not taken effect yet, because a policy gives time to undo it.

        Args:
            gate_id: the gate at which it was given, if several of your approvals can be withdrawn.
            comment: a comment to record with the withdrawal.

        Raises:
            Conflict: no approval can be withdrawn (`nothing_to_undo`), or several can (`gate_ambiguous`).
            Forbidden: somebody else has given the approval (`not_your_approval`).
        """
        body = {"gate_id": gate_id, "comment": comment}
        return self._transport.settle(post(path_of(project_id, "undo-approval"), body), schemas.answers.StatusAnswer)

    def discard_edit(
        self,
        project_id: str,
        *,
        plan_version: int | None = None,
        plan_digest: str | None = None,
        comment: str | None = None,
    ) -> StatusAnswer | Recorded:
        """Discard the version that edits of a running plan have made. The run continues with the approved version.

        Args:
            plan_version: the version that you have read. The server refuses to discard another version.
            plan_digest: the digest of the version that you have read. The server refuses to discard another one.
            comment: a comment to record with the decision.

        Raises:
            Conflict: no edit waits for approval (`no_edit_waiting`), or another version waits now (`plan_superseded`).
        """
        body = {"plan_version": plan_version, "plan_digest": plan_digest, "comment": comment}
        return self._transport.settle(post(path_of(project_id, "discard-edit"), body), schemas.answers.StatusAnswer)

    def _make(
        self, project_id: str, call: str, body: Mapping[str, Any], wait: int | None, of_plan: str | None = None
    ) -> Plan | Recorded:
        headers = ({} if wait is None else {"Prefer": f"wait={wait}"}) | plan_match(of_plan)
        return self._transport.settle(post(path_of(project_id, call), body, headers), schemas.plans.Plan)
