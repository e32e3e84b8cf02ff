"""A certificate as a page to read and print. It needs no script, no network and no other file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator

from app.api.views.certificate_style import STYLE
from app.api.views.html_parts import any_value as _value
from app.api.views.html_parts import code_of as _code
from app.api.views.html_parts import facts_of as _facts
from app.api.views.html_parts import plain_text as _text
from app.api.views.html_parts import table_of as _table
from app.domain.certificate import CertifiedDecision, CertifiedTask, Predicate, Statement
from app.domain.passkeys import decoded
from app.domain.sender import called
from app.domain.signing import fingerprint_of
from app.domain.signing_links import SETTINGS_ID
from app.sealing.keys import public_key_in
from signoff.schemas.json_value import JsonObject, JsonValue

_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
# A browser opens it as a page of this server. It contains no script, and must not load anything.
SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Vary": "Accept",
}
_MAX_SHORT = 24
_MEANS = {
    "key": "a key",
    "session": "a browser session",
    "loopback": "this machine, without a key",
    "proxy": "a proxy that signs people in",
    "link": "a link to sign, without an account",
}
_ACTOR_ITSELF = {"signoff": "Signoff itself: the project approves its plans automatically"}


def to_html(statement: Statement, public_key: str) -> str:
    """Return the page.

    Args:
        statement: what is certified.
        public_key: the key that signs it, as PEM.
    """
    predicate = statement.predicate
    parts = [
        _lead(predicate),
        "<h2>What was signed</h2>",
        *_signed(predicate),
        "<h2>By whom, and when</h2>",
        *_approvals(predicate),
        "<h2>What came before</h2>",
        *_requests(predicate),
        "<h2>What came of it</h2>",
        *_outcome(predicate),
        "<h2>How to check this</h2>",
        *_checking(statement, public_key),
    ]
    title = f"Certificate of plan {predicate.plan.version}, {predicate.project.created_as}"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{_text(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>\n<body><main>\n'
        + "\n".join(parts)
        + "\n</main></body></html>\n"
    )


def _who(actor: object) -> str:
    return _text(_ACTOR_ITSELF.get(str(actor), called(str(actor))))


def _lead(predicate: Predicate) -> str:
    names = dict.fromkeys(str(each.decision.get("actor")) for each in predicate.approvals)
    people = ", ".join(f"<strong>{_who(name)}</strong>" for name in names)
    first = predicate.approvals[-1].decision.get("at")
    return (
        f"<h1>Certificate of a signed plan</h1>\n"
        f'<p class="lead">Version {predicate.plan.version} of the plan of <strong>{_text(predicate.project.created_as)}</strong> '
        f"({_code(predicate.project.id)}) was approved at {_text(first)} by {people}. "
        f"Outcome: <strong>{_text(_status(predicate))}</strong>.</p>"
    )


def _status(predicate: Predicate) -> str:
    outcome = predicate.outcome
    return f"{outcome.status} ({outcome.outcome})" if outcome.outcome else outcome.status


def _signed(predicate: Predicate) -> Iterator[str]:
    plan, project = predicate.plan, predicate.project
    settings = {name: value for name, value in plan.covered.items() if name not in _SHOWN_APART}
    made = "by hand" if plan.planner == "hand" else f"with {_text(plan.planner)}"
    yield _facts(
        [
            ("Digest (SHA-256)", _code(plan.digest)),
            (
                "Plan",
                f"version {plan.version}, made by {_text(plan.created_by)} {made}",
            ),
            ("Made at", _text(plan.created_at)),
            (
                "Project",
                f"created as {_text(project.created_as)} by {_text(project.created_by)}, {_text(project.created_at)}",
            ),
            *((name, _value(value)) for name, value in settings.items()),
        ]
    )
    yield "<h3>Parameters</h3>"
    yield from _parameters(plan.covered)
    for name in ("assumptions", "questions"):
        if plan.covered.get(name):
            yield f"<h3>{name.capitalize()}</h3>{_value(plan.covered[name])}"
    for phase in _objects(plan.covered.get("phases")):
        yield f"<h3>Phase: {_text(phase.get('name'))}</h3>"
        yield _facts(
            (name, _value(value))
            for name, value in phase.items()
            if name not in {"name", "tasks"} and not _is_empty(value)
        )
        for task in _objects(phase.get("tasks")):
            yield f"<h3>Task: {_text(task.get('title'))}</h3>"
            yield _facts(
                (name, _value(value)) for name, value in task.items() if name != "title" and not _is_empty(value)
            )
    yield from _frozen(predicate.frozen)


_SHOWN_APART = frozenset({"phases", "parameters", "parameter_definitions", "assumptions", "questions"})


def _is_empty(value: JsonValue) -> bool:
    return value is None or (isinstance(value, str | list | dict) and not value)


def _objects(value: JsonValue) -> list[JsonObject]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _parameters(covered: JsonObject) -> Iterator[str]:
    values, definitions = _object(covered.get("parameters")), _object(covered.get("parameter_definitions"))
    if not values and not definitions:
        yield '<p class="none">The plan has none.</p>'
        return
    rows = (
        [_short(name), _value(values.get(name)), _value(definitions.get(name))] for name in {**definitions, **values}
    )
    yield _table(["Name", "Value", "Definition"], rows)


def _frozen(frozen: JsonObject | None) -> Iterator[str]:
    yield "<h3>Files that the plan names</h3>"
    files = _object(frozen.get("files")) if frozen is not None else {}
    if files:
        named = ((path, _object(file)) for path, file in files.items())
        rows = ([_text(path), _code(file.get("sha256")), _value(file.get("size"))] for path, file in named)
        yield _table(["Path", "SHA-256", "Bytes"], rows)
    else:
        yield '<p class="none">None was read for the approval.</p>'
    others = {name: value for name, value in (frozen or {}).items() if name != "files" and not _is_empty(value)}
    if others:
        yield "<h3>Frozen at the approval</h3>"
        yield _facts((name, _value(value)) for name, value in others.items())


def _approvals(predicate: Predicate) -> Iterator[str]:
    for certified in predicate.approvals:
        decision = certified.decision
        payload = {name: value for name, value in _object(decision.get("payload")).items() if name not in _TOLD_APART}
        opened = _object(_object(decision.get("payload")).get("gate")).get("completed_by") is not None
        by = f"Approval by {_who(decision.get('actor'))}"
        yield f"<h3>{'The approvals take effect' if opened else by}</h3>"
        yield _facts(
            [
                ("Name", _who(decision.get("actor"))),
                ("Id", _code(decision.get("actor_id"))),
                ("Signed in with", _means(decision)),
                *_vouched(_object(decision.get("payload")).get("link")),
                ("From", _value(decision.get("address"))),
                ("When", _text(decision.get("at"))),
                ("Comment", _value(decision.get("comment"))),
                *_counts(predicate, decision),
                *([] if opened else [("Passkey", _passkey(_object(decision.get("payload")).get("passkey")))]),
                ("Digest approved", _code(decision.get("plan_digest"))),
                ("Decision", f"{_code(decision.get('id'))}, event {certified.event}, hash {_code(certified.hash)}"),
                ("Details", _value(payload)),
            ]
        )
    yield "<h3>What the policies demanded</h3>"
    rules = _object(predicate.policy)
    if predicate.policy is None:
        yield '<p class="none">No policy was in force.</p>'
        return
    sentences = _list(rules.get("words"))
    yield f"<ul>{''.join(f'<li>{_text(sentence)}</li>' for sentence in sentences)}</ul>"
    yield _value({name: value for name, value in rules.items() if name != "words"})


_TOLD_APART = frozenset({"passkey", "link", "gate"})


def _vouched(link: JsonValue) -> list[tuple[str, str]]:
    """Who vouches for the person of a link through which an approval was given, who asked for it, and where it was sent."""
    if not isinstance(link, dict):
        return []
    code = _code(link.get("id"))
    if link.get("made_by_id") == SETTINGS_ID:
        rows = [("Vouched for by", f"the settings of this server, which allow the link {code} for this person")]
    else:
        maker = f"{_who(link.get('made_by'))} ({_code(link.get('made_by_id'))})"
        did = "asked for" if link.get("requested_by") is not None else "made"
        rows = [("Vouched for by", f"{maker}, who {did} the link {code} for this person")]
    if link.get("requested_by") is not None:
        rows.append(("Link asked for by", f"{_who(link.get('requested_by'))} ({_code(link.get('requested_by_id'))})"))
    if link.get("delivered_to") is not None:
        rows.append(("Link delivered", f"by this server to {_text(link.get('delivered_to'))}; nobody else saw it"))
    return rows


def _counts(predicate: Predicate, decision: JsonObject) -> list[tuple[str, str]]:
    """For which policies an approval counts, and how many there were with it."""
    gate = _object(_object(decision.get("payload")).get("gate"))
    if not gate:
        return []
    if gate.get("completed_by") is not None:
        return [
            (
                "Counts for",
                "nothing more: it says that the time to undo the approval above was over, and opened the gate",
            )
        ]
    if gate.get("automatic"):
        return [("Counts for", "every policy: they allow the project to approve this plan automatically")]
    demands = _objects(_object(gate.get("rules")).get("demands"))
    numbers = _list(gate.get("counts_for"))
    names = [str(demand.get("policy")) for number, demand in enumerate(demands) if number in numbers]
    rows = [
        ("Counts for", _text(", ".join(names)) if names else _value(None)),
        ("Approvals", f"{_text(gate.get('given'))} of {_text(gate.get('needed'))}, with this one"),
    ]
    later = [_object(_object(each.decision.get("payload")).get("gate")) for each in predicate.approvals]
    if any(decision.get("id") in _list(one.get("outdated")) for one in later):
        rows.append(
            ("Outdated", "This approval no longer counts: something that it covers changed before the next one.")
        )
    return rows


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


_BEFORE = {
    "approve": "approved, but withdrew the approval in time",
    "withdraw": "withdrew the approval",
    "reject": "rejected",
    "request_changes": "requested changes",
}


def _requests(predicate: Predicate) -> Iterator[str]:
    if not predicate.requests:
        yield '<p class="none">There was none.</p>'
        return
    rows = (
        [
            _text(_BEFORE.get(kind := str(one.get("kind")), kind)),
            _value(one.get("plan_version")),
            f"{_who(one.get('actor'))}<br>{_code(one.get('actor_id'))}",
            _text(one.get("at")),
            f"{_code(one.get('id'))}, event {certified.event}",
            _comment(one),
        ]
        for certified in predicate.requests
        for one in (certified.decision,)
    )
    yield _table(["What", "Version", "Who", "When", "Decision"], rows)


def _passkey(value: JsonValue) -> str:
    """The signature of the person's own device, which was verified before the certificate was made."""
    if not isinstance(value, dict):
        return '<span class="none">none: signed in, but not signed on a device of their own</span>'
    key = hashlib.sha256(decoded(str(value.get("public_key")))).hexdigest()
    return (
        f"signed on a device of their own, at {_text(value.get('origin'))}, with the key {_code(key)} (SHA-256)"
        + _value(value)
    )


def _means(decision: JsonObject) -> str:
    means = decision.get("via")
    return _text(_MEANS.get(str(means), means)) if means is not None else _value(None)


def _outcome(predicate: Predicate) -> Iterator[str]:
    outcome = predicate.outcome
    yield f"<p>The project: <strong>{_text(_status(predicate))}</strong>.</p>"
    rows = (
        [_value(run.number), _text(run.status), _value(run.started_at), _value(run.completed_at)]
        for run in outcome.runs
    )
    yield _table(["Run", "Status", "Started", "Ended"], rows)
    yield "<h3>Tasks</h3>"
    yield _table(["Task", "Status", "Attempts", "Started", "Ended"], map(_task, outcome.tasks))
    yield "<h3>Files made</h3>"
    if outcome.files:
        made = ([_text(file.path), _code(file.sha256), _value(file.size), _short(file.task)] for file in outcome.files)
        yield _table(["Path", "SHA-256", "Bytes", "Task"], made)
    else:
        yield '<p class="none">The plan names no files that its tasks make, or none was made.</p>'
    yield "<h3>Other decisions</h3>"
    if predicate.decisions:
        yield _table(["What", "Who", "When", "Outcome"], map(_decision, predicate.decisions))
    else:
        yield '<p class="none">There was none.</p>'


def _task(task: CertifiedTask) -> list[str]:
    name = f"{_text(task.title)}<br>{_code(task.key)}"
    times = [_value(task.started_at), _value(task.ended_at)]
    told = _value(task.ended) if not _is_empty(task.ended) else ""
    return [name, f'<span class="short">{_text(task.status)}</span>', _text(task.attempts), *times, told]


def _decision(certified: CertifiedDecision) -> list[str]:
    decision = certified.decision
    who = f"{_who(decision.get('actor'))}<br>{_code(decision.get('actor_id'))}"
    cells = [_text(decision.get("kind")), who, _text(decision.get("at")), _text(decision.get("outcome"))]
    payload = decision.get("payload")
    return [*cells, _comment(decision), _value(payload) if not _is_empty(payload) else ""]


def _comment(decision: JsonObject) -> str:
    """A comment, for a line of its own; empty if there is none."""
    comment = decision.get("comment")
    return f"<strong>Comment:</strong> {_value(comment)}" if comment else ""


def _short(name: str) -> str:
    """A name on one line, unless it is too long for that."""
    return f'<span class="short">{_code(name)}</span>' if len(name) <= _MAX_SHORT else _code(name)


def _checking(statement: Statement, public_key: str) -> Iterator[str]:
    record = statement.predicate.record
    yield (
        "<p>This page is for reading. What proves it is the signed certificate, a file that the server gives out as "
        "<code>signoff certificate ID</code>. Its statement has the SHA-256 below. Check it, alone or with an export of the "
        "record, on a machine that you trust:</p>"
    )
    commands = [
        "signoff verify certificate.json --public-key server.pub",
        "signoff verify project.zip certificate.json --public-key server.pub",
    ]
    yield f"<pre>{_text(chr(10).join(commands))}</pre>"
    yield _facts(
        [
            ("Statement (SHA-256)", _code(hashlib.sha256(statement.payload()).hexdigest())),
            ("Record", f"{record.events} events, hash {_code(record.hash)}"),
            ("Seal", f"number {record.seal.number}, {_text(record.seal.at)}, key {_code(record.seal.key_id)}"),
            ("Key fingerprint", _code(fingerprint_of(public_key_in(public_key)))),
            ("Public key", f"<pre>{_text(public_key)}</pre>"),
        ]
    )
    yield (
        "<p>Do not take the key from this page: whoever forges a certificate can print any key. Get the fingerprint from the "
        "operator of the server in another way, and compare it.</p>"
    )
