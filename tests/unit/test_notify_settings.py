"""The entries `[[notify]]`: what they may say, how they reach another process, and that their secrets are shown nowhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.domain.messages import letter_of, plain
from app.domain.notifying import NotifyRules, Occasion
from app.hidden_environment import is_secret
from app.settings import Settings
from app.settings.environment import as_variables, wanted_by_worker
from app.settings.loading import SettingsInvalid, load_settings
from app.settings.masked import masked_values
from signoff.schemas.notifications import Message, MessageData
from signoff.vocabulary import InboxKind, NotifyEvent
from tests.receiver import SECRET

PAT, LEE = {"name": "Pat", "email": "pat@example.com"}, {"name": "Lee", "email": "lee@example.com"}
MAIL = "mailtos://user:pass-word-1@smtp.example.com?to=dana@example.com"


def write(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    file = folder / "signoff.toml"
    file.write_text(text)
    monkeypatch.setenv("SIGNOFF_CONFIG", str(file))


def test_entries_reach_another_process_and_their_secrets_are_shown_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = f'[[notify]]\nname = "hook"\nwebhook = "https://a.example/x"\nsecret = "{SECRET}"\nremind = "1d"\n'
    mail = f'[[notify]]\nname = "mail"\nurl = "{MAIL}"\nlabels = ["ops"]\n'
    mail += 'links_on_request = true\nsign_by_link = [{ name = "Pat", email = "pat@example.com" }]\n'
    by_variable = '[[notify]]\nname = "chat"\nurl_env = "CHAT_URL"\n'
    write(tmp_path, monkeypatch, hook + mail + by_variable)
    settings = load_settings()
    variables = as_variables(settings)
    assert is_secret("SIGNOFF_NOTIFY", variables["SIGNOFF_NOTIFY"])
    for text in (repr(settings), str(settings.notify), settings.model_dump_json()):
        assert SECRET not in text
        assert "pass-word-1" not in text
    assert {SECRET, MAIL} <= set(masked_values(settings, {}))
    assert masked_values(settings, {"CHAT_URL": "slack://a/b/c"})[-1] == "slack://a/b/c"
    assert wanted_by_worker(settings)("CHAT_URL")
    monkeypatch.delenv("SIGNOFF_CONFIG")
    monkeypatch.setenv("SIGNOFF_NOTIFY", variables["SIGNOFF_NOTIFY"])
    again = load_settings()
    assert again.notify == settings.notify
    assert [entry.secret.get_secret_value() for entry in again.notify if entry.secret] == [SECRET]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"name": "a"}, "exactly one of url, url_env, url_file and webhook"),
        ({"name": "a", "webhook": "https://a.example"}, "needs exactly one of secret"),
        ({"name": "a", "url": "json://a", "secret": SECRET}, "needs exactly one of secret"),
        ({"name": "a", "webhook": "https://a.example", "secret": "short"}, "openssl rand"),
        ({"name": "a", "webhook": "https://user:word@a.example", "secret": SECRET}, "without a password"),
        ({"name": "a", "webhook": "file:///etc/passwd", "secret": SECRET}, "http(s) address"),
        ({"name": "a", "url": "json://a", "events": ["failed"], "kinds": ["plan"]}, "not among events"),
        ({"name": "a", "url": "json://a", "events": ["failed"], "remind": "1d"}, "not among events"),
        ({"name": "a", "url": "json://a", "remind": "soon"}, "such as 30m, 4h or 1d"),
        ({"name": "a", "url": "json://a", "escalate": "4h"}, "both escalate and escalate_to"),
        ({"name": "a", "url": "json://a", "escalate": "4h", "escalate_to": "b"}, "name another entry"),
        ({"name": "a", "url": "slack://a/b/c", "sign_by_link": [PAT]}, "sent only to its person"),
        ({"name": "a", "url": MAIL, "sign_by_link": [PAT, PAT]}, "an address twice"),
        ({"name": "a", "url": MAIL, "sign_by_link": [PAT], "events": ["failed"]}, "for the event waiting"),
        ({"name": "a", "url": MAIL, "sign_by_link": [PAT], "kinds": ["manual"]}, "the kinds plan, edit and phase"),
        ({"name": "a", "url": MAIL, "sign_by_link": [{"name": "Pat", "email": "a@b.example,c@d.example"}]}, "email"),
        (
            {"name": "a", "webhook": "https://a.example", "secret": SECRET, "sign_by_link": [PAT, LEE]},
            "a webhook has one reader",
        ),
        (
            {"name": "a", "webhook": "https://a.example", "secret": SECRET, "links_on_request": True},
            "needs an e-mail server",
        ),
        ({"name": "a", "url": MAIL, "link_domains": ["b.example"]}, "for links_on_request"),
        ({"name": "a", "url": MAIL, "events": []}, "nobody would be told"),
        ({"name": "a", "url": "json://a", "color": "b"}, "there is no such field"),
    ],
)
def test_a_mistake_says_what_to_do(monkeypatch: pytest.MonkeyPatch, entry: dict[str, object], words: str) -> None:
    monkeypatch.setenv("SIGNOFF_NOTIFY", json.dumps([entry]))
    with pytest.raises(SettingsInvalid, match=r"notify") as raised:
        load_settings()
    assert words in str(raised.value)
    assert SECRET not in str(raised.value)


def test_a_mistake_in_the_file_is_named_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, monkeypatch, 'log_level = "info"\n\n[[notify]]\nname = "a"\nurl_file = "a"\ncolor = "b"\n')
    with pytest.raises(SettingsInvalid, match=r"signoff\.toml:6: notify\[0\]\.color: there is no such field"):
        load_settings()


def test_a_found_file_may_not_say_who_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIGNOFF_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "signoff.toml").write_text('[[notify]]\nname = "a"\nurl = "json://elsewhere.example"\n')
    monkeypatch.setenv("SIGNOFF_API_KEY", "a key of 32 characters or a few more")
    with pytest.raises(SettingsInvalid, match="notify"):
        load_settings()


def test_an_occasion_is_told_to_the_entries_that_ask_for_it() -> None:
    entries = [
        {"name": "all", "url": "json://a", "events": ["waiting", "completed"]},
        {"name": "plans", "url": "json://a", "kinds": ["plan"]},
        {"name": "ops", "url": "json://a", "labels": ["ops"]},
    ]
    rules = NotifyRules(Settings.model_validate({"notify": entries}).notify)
    plan, manual = Occasion(NotifyEvent.WAITING, InboxKind.PLAN), Occasion(NotifyEvent.WAITING, InboxKind.MANUAL)
    assert rules.told(plan, ["ops"]) == ["all", "plans", "ops"]
    assert rules.told(manual, []) == ["all"]
    assert rules.told(Occasion(NotifyEvent.FAILED), []) == ["plans"]
    assert rules.told(Occasion(NotifyEvent.COMPLETED), ["ops"]) == ["all"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\r\nBcc: x", "a Bcc: x"),
        ("<!channel> @everyone", "\u2039!channel\u203a \uff20everyone"),
        ("[here](https://evil.example)", "(here)(https: //evil.example)"),
        ("a\u202eb\u200bc\x00", "abc"),
        ("x" * 30, "x" * 19 + "…"),
    ],
)
def test_words_of_a_project_do_no_harm_in_a_message(text: str, shown: str) -> None:
    assert plain(text, 20 if text.startswith("x") else 100) == shown


def test_a_letter_says_what_waits_until_when_and_where() -> None:
    data = MessageData(
        event=NotifyEvent.WAITING,
        kind=InboxKind.DECISION,
        project_id="proj_1",
        project_name="Release",
        labels=[],
        title="Ship it?",
        summary="yes, no",
        findings={"critical": 2},
        expires_at="2026-11-27T15:00:00.000Z",
        seq=1,
        url="https://signoff.example/projects/proj_1",
    )
    letter = letter_of(Message(type="signoff.waiting", timestamp="2026-11-27T14:00:00.000Z", data=data))
    assert letter.subject == "A decision is waiting: Release"
    assert letter.body.splitlines() == [
        *("A decision is waiting.", "", "Project: Release", "What: Ship it?", "Summary: yes, no"),
        *("Audit findings: 2 critical", "Deadline: 2026-11-27 15:00 UTC", "", data.url),
    ]
