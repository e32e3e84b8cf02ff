"""The examples of the guide about people: their keys, links to sign, passkeys and sessions."""

from __future__ import annotations

from docs.api_guide.guide import Guide


def people(guide: Guide) -> None:
    """People, keys of programs, links to sign, and passkeys."""
    guide.write("## People and keys")
    guide.call(
        "getMe",
        "GET",
        "/api/me",
        about="Who you are for the server. Without a key, that is the user who runs it.",
    )
    dana = {
        "name": "Dana",
        "email": "dana@example.com",
        "roles": [{"role": "author"}],
        "password": "correct horse battery",
    }
    person = guide.call("addPerson", "POST", "/api/people", dana, status=201)
    guide.call("listPeople", "GET", "/api/people")
    guide.call(
        "changePerson",
        "PUT",
        f"/api/people/{person['id']}",
        {"roles": [{"role": "author"}, {"role": "approver", "labels": ["payments"]}]},
        about="Omitted fields keep their values. `disabled` ends the person's sessions.",
    )
    guide.call(
        "changePassword",
        "PUT",
        "/api/me/password",
        {"password": "correct horse battery", "new_password": "battery horse correct"},
        status=409,
        about="Each person changes their own password. The user who runs the server has none:",
    )
    _passkeys(guide)
    key = guide.call(
        "addKey",
        "POST",
        "/api/keys",
        {"name": "Nightly import", "roles": [{"role": "author", "labels": ["imports"]}], "days": 30},
        status=201,
        about="The answer has the text of the key, which is shown this once.",
    )
    guide.call("listKeys", "GET", "/api/keys")
    guide.call(
        "changeKey",
        "PUT",
        f"/api/keys/{key['id']}",
        {"name": "Import", "days": 60},
        about="The text of the key stays the same, so it cannot get a role that it does not have (409 `key_scope_grows`).",
    )
    guide.call("rotateKey", "POST", f"/api/keys/{key['id']}/rotate", {"days": 30})
    guide.call("revokeKey", "DELETE", f"/api/keys/{key['id']}")
    _signing_links(guide)


def _signing_links(guide: Guide) -> None:
    guide.write("## Links to sign")
    body = {"name": "Close the month", "description": "- Book it: `true`"}
    project = guide.call("createProject", "POST", "/api/projects", body, status=201, show=False)
    base = f"/api/projects/{project['id']}"
    guide.call("generatePlan", "POST", f"{base}/generate-plan", show=False)
    guide.call("listSigningLinks", "GET", f"{base}/signing-links")
    other = guide.call(
        "addSigningLink", "POST", f"{base}/signing-links", {"name": "Lee of the board"}, status=201, show=False
    )
    link = guide.call(
        "addSigningLink",
        "POST",
        f"{base}/signing-links",
        {"name": "Pat of the board", "email": "pat@example.com", "hours": 24},
        status=201,
        about="Lets one person sign what waits now: the plan, an edit, or a phase. The answer has the address, which is shown this "
        "once.",
    )
    guide.call(
        "askForSignature",
        "POST",
        f"{base}/signing-links/ask",
        {"person": "dana@example.com"},
        status=409,
        about="Has the server mail a link, which nobody but its reader sees. It needs an entry with `links_on_request` in "
        "`[[notify]]`, which this server does not have.",
    )
    guide.call("revokeSigningLink", "DELETE", f"{base}/signing-links/{other['id']}")
    sent = {"Authorization": f"Bearer {link['url'].partition('#')[2]}"}
    asked = guide.call(
        "getSigningRequest",
        "GET",
        "/api/signing",
        headers=sent,
        about="The person of a link sends its text, which is behind the `#`. They see what they must read, and nothing else.",
    )
    guide.call("signByLink", "POST", "/api/signing/approve", {"plan_digest": asked["plan"]["digest"]}, headers=sent)
    guide.call("undoApprovalByLink", "POST", "/api/signing/undo-approval", {}, status=409, headers=sent)


def _passkeys(guide: Guide) -> None:
    guide.call(
        "listPasskeys",
        "GET",
        "/api/me/passkeys",
        about="Passkeys are on people's own devices, and browsers reach them; see [Passkeys](people.md#passkeys).",
    )
    guide.call(
        "beginPasskey",
        "POST",
        "/api/me/passkeys/challenge",
        {"password": "correct horse battery"},
        status=409,
        about="Answers a person with what a new device has to sign. The user who runs the server has no passkeys:",
    )
    guide.call(
        "addPasskey",
        "POST",
        "/api/me/passkeys",
        {"name": "Laptop", "nonce": "AAAA", "credential_id": "AAAA", "client_data": "AAAA", "attestation": "AAAA"},
        status=409,
        about="Stores the public key that a device has made. Browsers offer passkeys only at addresses with a name:",
    )
    guide.call("removePasskey", "DELETE", "/api/me/passkeys/passkey_01m85rmr1efqa063eq9hm91agg", status=404)


def session(guide: Guide) -> None:
    """Signing in with a browser."""
    guide.write("## Signing in with a browser")
    guide.call(
        "getSession",
        "GET",
        "/api/session",
        about="Needs no key, so that a page can find out whether to ask for one. `actor` is null if a key is required and was "
        "not sent. This server has no key.",
    )
    guide.call(
        "signIn",
        "POST",
        "/api/session",
        {"key": "…"},
        about="If the server has a key, the answer sets the cookie `signoff_session` for 30 days, or is 401 for a wrong key. No "
        "script can read the cookie, and no other site can make the browser send it.",
    )
    guide.call("signOut", "DELETE", "/api/session")
    guide.call(
        "listSessions",
        "GET",
        "/api/sessions",
        about="Lists the browsers that are signed in. A session ends 30 days after it began.",
    )
    guide.call(
        "revokeSession",
        "DELETE",
        "/api/sessions/sess_01k00000000000000000000000",
        status=404,
        about="Ends a session; its browser must sign in again. The answer is 404 if there is no such session.",
    )
