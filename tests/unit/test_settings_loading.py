"""All mistakes in the settings are reported together, each with its location and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.domain.agents import AgentTool
from app.settings.environment import as_variables
from app.settings.loading import SettingsInvalid, load_settings


@pytest.fixture(autouse=True)
def _no_settings_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SIGNOFF_CONFIG", raising=False)


def complaints(text: str, **flags: object) -> list[str]:
    Path("signoff.toml").write_text(text)
    with pytest.raises(SettingsInvalid) as caught:
        load_settings(flags)
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("\n[agents.x]\ncolor = 1", "3: agents.x.color: ", "no such field; known: kind, model"),
        ("[agents.x]\nkind = 'robot'", "2: agents.x.kind: ", "'robot'; known: 'local' or 'model'"),
        ("[agents.x]\ntools = ['fly']", "2: agents.x.tools[0]: ", "'fly'; known: 'read_file'"),
        ("[agents.x]\ntools = [\n'read_file',\n'fly']", "2: agents.x.tools[1]: ", "'fly'"),
        ("[agents.x]\ntools = ['run_command']", "1: agents.x.commands: ", "run_command needs `commands`"),
        ("[agents.x]\ntools = ['run_command']\ncommands = []", "3: agents.x.commands: ", "run_command needs"),
        ("[agents.x]\ntools = ['http_get']", "1: agents.x.hosts: ", 'or ["*"]'),
        ("[agents.x]\nkind = 'local'\nmodel = 'a:b'", "3: agents.x.model: ", "a local agent cannot have this setting"),
        (
            "[agents.x]\nkind = 'local'\ninstructions = 'Be.'",
            "3: agents.x.instructions: ",
            "a local agent cannot have this setting",
        ),
        ("[agents.x]\nmodel = 'gpt'", "2: agents.x.model: ", "`provider:name`"),
        ("[agents.x]\nqueue = ''", "2: agents.x.queue: ", "expected: Task queue"),
        ("[agents.x]\nqueue = 3", "2: agents.x.queue: ", "valid string"),
        ("[agents.'a b']\nkind = 'local'", '1: agents."a b": ', "not a valid name: use at most 64 letters"),
        ("agents.x = { kind = 'local', hue = 1 }", "1: agents.x.hue: ", "no such field"),
        ("[agents]\nx = 1", "2: agents.x: ", "dictionary"),
        ("agents = 1", "1: agents: ", "dictionary"),
        (
            "[archetypes.x]\ntitle = 'T'",
            "1: archetypes.x.brief: ",
            "it is missing; expected: Instructions for the planner.",
        ),
        ("[archetypes.x]\ntitle = ''\nbrief = 'b'", "2: archetypes.x.title: ", "at least 1 character"),
        (
            "[archetypes.x]\ntitle = 'T'\nbrief = 'b'\nlevel = 2",
            "4: archetypes.x.level: ",
            "known: title, summary, brief",
        ),
        ("[prices.'a:b']\ninput = 1", '1: prices."a:b".output: ', "it is missing"),
        ("[prices]\n'a:b' = {input = -1, output = 1}", '2: prices."a:b".input: ', "greater than or equal to 0"),
        ("[prices.'a:b']\ninput = nan\noutput = 1", '2: prices."a:b".input: ', "finite"),
        ("host = 'x'\n\nport = 'many'", "3: port: ", "integer"),
        ("retention_days = 0", "1: retention_days: ", "greater than or equal to 1"),
        ("public_url = 'signoff.example'", "1: public_url: ", "pattern"),
        ("log_level = 'loud'", "1: log_level: ", "pattern"),
        ("[signoff]\npolicies = []", "2: signoff.policies: ", "known: policy"),
        (
            "[[signoff.policy]]\nname = 'A'\naprovals = 2",
            "3: signoff.policy[0].aprovals: ",
            "known: name, match, gates",
        ),
        (
            "[[signoff.policy]]\nname = 'A'\n[[signoff.policy]]\nname = 'B'\napprovals = 0",
            "5: signoff.policy[1].approvals: ",
            "from 1 to 20",
        ),
        (
            "[[signoff.policy]]\nname = 'A'\nfrom = ['role:aprover']",
            "3: signoff.policy[0].from[0]: ",
            "there is no role 'aprover'; known: role:viewer",
        ),
        ("[[signoff.policy]]\nname = 'A'\nfrom = ['dana']", "3: signoff.policy[0].from[0]: ", "person:NAME"),
        ("[[signoff.policy]]\nname = 'A'\nexpires = '3 days'", "3: signoff.policy[0].expires: ", "write 30m, 12h"),
        (
            "[[signoff.policy]]\nname = 'A'\nauto_approve_below = 'hi'",
            "3: signoff.policy[0].auto_approve_below: ",
            "high",
        ),
        (
            "[[signoff.policy]]\nname = 'A'\nmatch = {label = ['a']}",
            "3: signoff.policy[0].match.label: ",
            "known: labels, actions",
        ),
        (
            "[[signoff.policy]]\nname = 'A'\n[signoff.policy.match]\nhost = 1",
            "4: signoff.policy[0].match.host: ",
            "known: labels",
        ),
        ("[[signoff.policy]]\napprovals = 2", "1: signoff.policy[0].name: ", "it is missing"),
        (
            "[[signoff.policy]]\nname = 'A'\n[[signoff.policy]]\nname = 'A'",
            "1: signoff: ",
            "two policies have the name 'A'",
        ),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_line(text: str, place: str, words: str) -> None:
    (line,) = complaints(text)
    assert line.startswith(f"signoff.toml:{place}")
    assert words in line


def test_all_mistakes_are_named_in_the_order_of_the_file() -> None:
    text = """
        kill_grace = -1
        [agents.a]
        tools = ["run_command", "http_get"]
        [archetypes.b]
        title = 1
        [agents.c]
        kind = "local"
        model = "a:b"
        instructions = "Be."
    """
    found = complaints(text, port="many")
    assert found[0].startswith("Setting port (--port, SIGNOFF_PORT): ")
    assert [line.partition(": ")[2].partition(": ")[0] for line in found[1:]] == [
        "kill_grace",
        "agents.a.commands",
        "agents.a.hosts",
        "archetypes.b.brief",
        "archetypes.b.title",
        "agents.c.model",
        "agents.c.instructions",
    ]


def test_what_a_flag_or_the_environment_says_has_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNOFF_KILL_GRACE", "-1")
    monkeypatch.setenv("SIGNOFF_RETENTION", "0")
    monkeypatch.setenv("SIGNOFF_AGENTS", '{"env": {"hue": 1}}')
    text = "port = 1\nkill_grace = 2\nretention_days = 3\n[agents.file]\nhue = 2\n[agents.env]\nkind = 'local'"
    found = complaints(text, port="many")
    places = [line.partition(": ")[0] for line in found]
    assert sorted(places) == [
        "Setting agents.env.hue (SIGNOFF_AGENTS)",
        "Setting kill_grace (--kill-grace, SIGNOFF_KILL_GRACE)",
        "Setting port (--port, SIGNOFF_PORT)",
        "Setting retention_days (--retention-days, SIGNOFF_RETENTION)",
        "signoff.toml:5",
    ]


def test_the_file_is_called_as_it_was_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "other.toml"
    file.write_text("port = 0")
    monkeypatch.setenv("SIGNOFF_CONFIG", str(file))
    assert complaints("")[0].startswith(f"{file}:1: port: ")


def test_a_file_that_is_not_toml_is_named_with_the_line() -> None:
    (line,) = complaints("port = 1\nport = \n")
    assert "signoff.toml" in line
    assert "line 2" in line


def test_a_table_in_the_environment_that_is_not_json_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNOFF_AGENTS", "{")
    (line,) = complaints("")
    assert '"agents"' in line


def test_keys_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "hush" not in complaints("api_key = ['hush']")[0]


def test_policies_reach_another_process_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("signoff.toml").write_text(
        "[[signoff.policy]]\nname = 'Two'\nmatch = {labels = ['a'], critical = true}\napprovals = 2\n"
        "from = ['role:approver', 'person:Dana']\nfour_eyes = true\nexpires = '3d'\nauto_approve_below = 'high'\n"
        "[[signoff.policy]]\nname = 'Other'\ngates = ['phase']\n"
    )
    settings = load_settings()
    (text,) = [value for name, value in as_variables(settings).items() if name == "SIGNOFF_SIGNOFF"]
    Path("signoff.toml").unlink()
    monkeypatch.setenv("SIGNOFF_SIGNOFF", text)
    assert load_settings().signoff == settings.signoff
    assert [policy.name for policy in settings.signoff.policy] == ["Two", "Other"]


def test_good_tables_are_read() -> None:
    Path("signoff.toml").write_text(
        "task_queue = 'mine'\n"
        "[agents.gpu]\nkind = 'local'\nqueue = 'gpu'\n"
        "[agents.coder]\ntools = ['run_command']\ncommands = ['make']\nqueue = 'mine'\n"
    )
    settings = load_settings()
    assert settings.agents["coder"].tools == (AgentTool.RUN_COMMAND,)
    assert settings.agent_queues == {"gpu": "gpu"}
    assert list(settings.known_agents) == ["default", "gpu", "coder"]
