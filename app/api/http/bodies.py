"""The request bodies of the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)

from app.api.http.kind_readings import REFINE_NAMES, TASK_NAMES, edits_with_own_names, with_own_names, without_empty
from app.domain.edits import MAX_EDITS, ConditionEdit
from app.domain.limits import OwnLimits
from app.domain.parameters import Changes, Given
from app.domain.people import Labels
from app.domain.plan import PLAIN, ActionSpec, AgentId, Grant, Inputs, Json, Key, LongText, Name, Note, RelativePath
from app.domain.policies import OwnSigning
from app.domain.texts import normalized_fields
from signoff.schemas.json_value import JsonValue
from signoff.vocabulary import AfterFailure, DecisionMode, LimitName, OnCrash, PhaseStrategy, RunsOn, Strategy


def _flag(value: object) -> object:
    # Litestar makes pydantic accept "yes" and 1 as true, even in strict fields; that is too lax for `auto_approve_plan`.
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def number(value: object) -> object:
    """A number that is not a flag or a text.

    Raises:
        ValueError: it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be a number")
    return value


Flag = Annotated[bool, BeforeValidator(_flag)]
# The upper limit is the largest integer that every database accepts.
Version = Annotated[int, Field(ge=1, le=2**31 - 1), BeforeValidator(number)]
Path = Annotated[str, StringConstraints(min_length=1, max_length=4096), PLAIN]
Id = Annotated[str, StringConstraints(min_length=1, max_length=64), PLAIN]
# A longer one would only cost time to check.
MAX_PASSWORD_LENGTH = 256
MAX_COMMENT_LENGTH = 10_000
# The length of a `LongText`.
MAX_TEXT_LENGTH = 100_000
Comment = Annotated[str, StringConstraints(max_length=MAX_COMMENT_LENGTH), PLAIN]
# Bytes as browsers write them.
Base64Url = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,8192}$")]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class RequestBody(BaseModel):
    """Base of all request bodies, which refuse unknown fields. Texts are normalized.

    Attributes:
        other_names: other names of fields, each with the field's own name.
        empty_is_unset: whether null and `""` mean that an optional field is not set.
    """

    other_names: ClassVar[Mapping[str, str]] = {}
    empty_is_unset: ClassVar[bool] = False

    # Most processes need few of these models, so each is built when it is first used.
    model_config = ConfigDict(extra="forbid", use_enum_values=True, validate_default=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _normalized(cls, value: JsonValue) -> JsonValue:
        if not isinstance(value, dict):
            return value
        value = with_own_names(value, cls.other_names)
        if cls.empty_is_unset:
            value = without_empty(value, {name for name, field in cls.model_fields.items() if not field.is_required()})
        # Read-only fields that the caller sends back are compared with their current values, so they stay as they are.
        kept = {name: item for name, item in value.items() if name not in cls.model_fields}
        return normalized_fields(value) | kept


Password = Annotated[SecretStr, Field(max_length=MAX_PASSWORD_LENGTH)]


class SignIn(RequestBody):
    """A name or e-mail address with its password, or the server's API key. None of them is printed or logged."""

    name: Annotated[str, StringConstraints(max_length=200), PLAIN] | None = None
    password: Password | None = None
    key: SecretStr | None = Field(default=None, max_length=1000)


class NoFields(RequestBody):
    """An empty body."""


class CreateProject(RequestBody):
    """A new project. Null and an empty text mean that a field is not set."""

    empty_is_unset: ClassVar[bool] = True

    name: Name = "Untitled"
    description: LongText = ""
    strategy: Strategy = Strategy.PERFORMANCE
    auto_approve_plan: Flag = False
    auto_approve_phases: Flag = True
    decision_mode: DecisionMode = DecisionMode.AGENT
    path: Path | None = None
    agent_id: AgentId | None = None
    sme_archetype: AgentId | None = None
    max_tokens: Annotated[int, Field(ge=1, le=10**12), BeforeValidator(number)] | None = None
    max_cost_usd: Annotated[float, Field(ge=0, le=10**9, allow_inf_nan=False), BeforeValidator(number)] | None = None
    labels: Labels = Field(
        default_factory=list[str],
        description="Short words by which the project is found, and to which roles are bound, such as `payments`.",
    )
    template: Name | None = Field(
        default=None, description="The name of the template from which the project starts. The overview groups by it."
    )
    parameters: Given = Field(
        default_factory=dict, description="Values for the parameters that the description asks for, by name."
    )
    signing: OwnSigning | None = Field(
        default=None, description="What the project demands of its signers in addition to the policies."
    )


class UpdateProject(CreateProject):
    """The fields to change; omitted fields keep their values. Read-only fields are accepted with their current value."""

    model_config = ConfigDict(extra="allow", validate_default=False)
    empty_is_unset: ClassVar[bool] = False


class DuplicateProject(RequestBody):
    """Options for a copy of a project. The default name is the project's name followed by ` (Copy)`."""

    empty_is_unset: ClassVar[bool] = True

    name: Name | None = None
    include_files: Flag = False


class DeleteProjects(RequestBody):
    """The projects to delete."""

    ids: list[Id] = Field(min_length=1, max_length=200)


class ArchiveProjects(RequestBody):
    """The projects to move to the archive or, if `archived` is false, back into the lists."""

    ids: list[Id] = Field(min_length=1, max_length=200)
    archived: Flag = True


class MakePlan(RequestBody):
    """Options for generating a plan."""

    planner: Id | None = None
    instructions: LongText | None = None
    parameters: Changes | None = Field(
        default=None,
        description=(
            "Values for the parameters of the plan, by name. The project keeps them, together with the values that it has "
            "already. Null removes a value, so that the default applies."
        ),
    )


class PreviewOutline(RequestBody):
    """A description, and the other project fields that affect its plan."""

    description: LongText
    agent_id: AgentId | None = None
    parameters: Given | None = Field(
        default=None,
        description="Values to check. Without them, missing values are no problem: they are asked for later.",
    )
    labels: Labels = Field(
        default_factory=list[str], description="Labels of the project, on which depends who must sign."
    )


SIGNED = "The signature of your own device. Get what it has to sign from `passkey-challenge`."


class PasskeySignature(RequestBody):
    """What the sender's own device has answered to the challenge with this nonce, in base64url."""

    nonce: Base64Url
    credential_id: Base64Url
    client_data: Base64Url
    authenticator_data: Base64Url
    signature: Base64Url


class Approve(RequestBody):
    """The plan or phase to approve; omitted fields refer to the current one."""

    plan_version: Version | None = None
    plan_digest: Digest | None = None
    phase_id: Id | None = None
    frozen_digest: Digest | None = Field(default=None, description="The `frozen.digest` of the plan that was read.")
    comment: Comment = ""
    passkey: PasskeySignature | None = Field(default=None, description=SIGNED)


class UndoApproval(RequestBody):
    """The approval to withdraw; without `gate_id`, the only one of the sender that can be withdrawn."""

    gate_id: Id | None = Field(default=None, description="The gate at which it was given, if there are several.")
    comment: Comment = ""


class DiscardEdit(RequestBody):
    """The edit to discard; omitted fields refer to the one that waits."""

    plan_version: Version | None = None
    plan_digest: Digest | None = None
    comment: Comment = ""


class Cancel(RequestBody):
    """The reason for the cancellation."""

    reason: Comment = ""


class CreateTask(RequestBody):
    """A task to add to the plan. Its title may also be sent as `name`. Null and an empty text mean that a field is not set."""

    other_names: ClassVar[Mapping[str, str]] = TASK_NAMES
    empty_is_unset: ClassVar[bool] = True

    title: Name
    key: Key | None = None
    description: LongText = ""
    phase_id: Id | None = None
    agent_id: AgentId | None = None
    action: ActionSpec | None = None
    depends_on: list[Id] = Field(default_factory=list[str], max_length=1000)
    inputs: Inputs = Field(default_factory=dict)
    expected_files: list[RelativePath] = Field(default_factory=list[str], max_length=1000)
    retries: Annotated[int, Field(ge=0, le=100), BeforeValidator(number)] | None = None
    timeout_seconds: Annotated[float, Field(gt=0, le=2_592_000), BeforeValidator(number)] | None = None
    on_crash: OnCrash = OnCrash.RERUN
    after_failure: AfterFailure | None = None
    reads: list[Grant] = Field(default_factory=list[str], max_length=100)
    writes: list[Grant] = Field(default_factory=list[str], max_length=100)
    limits: OwnLimits = Field(default_factory=dict[LimitName, int])
    condition: ConditionEdit | None = None
    requires_approval: Flag = False


class UpdateTask(CreateTask):
    """The fields to change; omitted fields keep their values. Read-only fields are accepted with their current value."""

    model_config = ConfigDict(extra="allow", validate_default=False)
    empty_is_unset: ClassVar[bool] = False

    title: Name = ""


class CreatePhase(RequestBody):
    """A phase to add to the plan. Null and an empty text mean that a field is not set."""

    empty_is_unset: ClassVar[bool] = True

    name: Name
    key: Key | None = None
    description: LongText = ""
    strategy: PhaseStrategy = PhaseStrategy.DAG
    position: Annotated[int, Field(ge=0, le=500), BeforeValidator(number)] | None = None
    requires_approval: Flag | None = None
    condition: ConditionEdit | None = None
    runs_on: RunsOn = RunsOn.SUCCESS


class QuestionAnswer(RequestBody):
    """The answer to a question of the plan, which is named word for word."""

    question: Note
    answer: Note


class RefinePlan(RequestBody):
    """The requested changes: in words for a planner, as edits, as answers to the plan's questions, or several of these.

    The words may also be sent as `instructions`, as when a plan is generated.
    """

    other_names: ClassVar[Mapping[str, str]] = REFINE_NAMES

    message: LongText | None = None
    answers: list[QuestionAnswer] | None = Field(default=None, max_length=100)
    edits: Annotated[list[dict[str, Json]], AfterValidator(edits_with_own_names)] | None = Field(
        default=None, max_length=MAX_EDITS
    )


class Remark(RequestBody):
    """An optional comment on the request."""

    comment: Comment = ""


class ReleaseTask(Remark):
    """A remark, and the signature of the sender's own device if the task waits to be released."""

    passkey: PasskeySignature | None = Field(default=None, description=SIGNED)


class RetryRun(Remark):
    """Tasks (ids or keys) to run again regardless of their status, together with all tasks that depend on them."""

    tasks: list[Id] = Field(default_factory=list[str], max_length=10_000)
    passkey: PasskeySignature | None = Field(default=None, description=SIGNED)


class AnswerDecision(Remark):
    """The answer to an open decision."""

    answer: Annotated[str, StringConstraints(min_length=1, max_length=10_000), PLAIN]
    passkey: PasskeySignature | None = Field(default=None, description=SIGNED)


class AnswerTask(RequestBody):
    """A person's decision on a task that waits for it."""

    outputs: dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$")], Json] = Field(
        default_factory=dict
    )
    comment: Comment = ""
    passkey: PasskeySignature | None = Field(default=None, description=SIGNED)


class FailTask(RequestBody):
    """Says that a waiting task did not work, and why."""

    comment: Annotated[
        str, StringConstraints(min_length=1, max_length=MAX_COMMENT_LENGTH, strip_whitespace=True), PLAIN
    ]


class CompleteTask(AnswerTask):
    """Marks a waiting task as done."""

    read: dict[RelativePath, Digest] = Field(
        default_factory=dict,
        max_length=50,
        description="For a task that shows files: the SHA-256 of each file as you saw it. Refused if a file has changed.",
    )
    missing_files: list[RelativePath] = Field(
        default_factory=list[str],
        max_length=1000,
        description="Expected files that are missing, and that you do without.",
    )
