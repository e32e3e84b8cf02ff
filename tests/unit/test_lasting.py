"""What cannot be taken back is found in actions, and what an answer alone would release of it."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.lasting import lasting_effect
from app.domain.releasing import Releases
from app.planning.outline.reader import read_outline

LASTING = (
    "git push",
    "cd app && git push origin v2",
    "npm publish",
    "docker push registry.example/app",
    "mail -s Report team@example.com < report.md",
    "curl -d @report.json https://a.example",
    "curl -XDELETE https://a.example/7",
    "curl --data=x https://a.example",
    "wget --post-file=x https://a.example",
    "http POST https://a.example",
    "scp report.md web:",
    "rsync -a build/ web:/srv",
    "ssh web systemctl restart shop",
    "kubectl apply -f shop.yaml",
    "terraform apply",
    "aws s3 cp report.md s3://reports/",
    "rm -r build",
    "find . -name '*.tmp' -delete",
    "dropdb shop",
    "./deploy.sh",
    "make publish",
    "python3 mail.py chart.svg",
    "python3 pay_invoices.py",
    'sh -c "git push"',
    '"$INPUT_COMMAND" now',
    "gh release create v2",
    "terraform destroy",
)
ORDINARY = (
    "make build",
    "python3 chart.py",
    "git commit -am Notes",
    "git log release",
    "cat release.md",
    "echo 'send it' > note.txt",
    "curl -fsS https://a.example/health",
    "wget https://a.example/x.tgz",
    "rsync -a a/ b/",
    "docker build -t app .",
    "npm ci && npm test",
    "terraform plan",
    "tar czf photos.tgz photos",
)


@pytest.mark.parametrize("command", LASTING)
def test_what_cannot_be_taken_back(command: str) -> None:
    assert lasting_effect({"type": "shell", "command": command}, "rerun") is not None


@pytest.mark.parametrize("command", ORDINARY)
def test_what_can(command: str) -> None:
    assert lasting_effect({"type": "shell", "command": command}, "rerun") is None


@pytest.mark.parametrize(
    ("action", "on_crash", "lasts"),
    [
        ({"type": "http", "url": "https://a.example"}, "rerun", False),
        ({"type": "http", "url": "https://a.example", "method": "HEAD"}, "rerun", False),
        ({"type": "http", "url": "https://a.example", "method": "POST"}, "rerun", True),
        ({"type": "shell", "argv": ["git", "push"]}, "rerun", True),
        ({"type": "shell", "command": "make build"}, "ask", True),
        ({"type": "shell", "command": "make build"}, "fail", True),
        ({"type": "agent", "prompt": "Summarize."}, "rerun", False),
        ({"type": "manual"}, "rerun", False),
        ({"type": "mail", "to": "a@example.com"}, "rerun", True),
    ],
)
def test_other_actions(action: dict[str, Any], on_crash: str, *, lasts: bool) -> None:
    assert (lasting_effect(action, on_crash) is not None) == lasts


ASK = "- Good? {#ask decision=yes,no by=model}"
PUSH = "- Push: `git push` {#push"


@pytest.mark.parametrize(
    ("plan", "released"),
    [
        (f"{ASK}\n{PUSH} after=ask}}", ["push"]),
        (f"{ASK}\n{PUSH}}}", []),
        (f"{ASK}\n{PUSH} if=ask:yes}}", ["push"]),
        (f"{ASK}\n{PUSH} after=ask approval=yes}}", []),
        ("1. Good? {#ask decision=yes,no by=model}\n2. Build: `make`\n3. Push: `git push` {#push}", ["push"]),
        (f"## A\n\n{ASK}\n\n## B\n\n{PUSH}}}", ["push"]),
        (f"## A\n\n{ASK}\n\n## B {{approval=yes}}\n\n{PUSH}}}", []),
        (f"## A\n\n{ASK}\n\n## B {{approval=yes if=ask:no}}\n\n- `make`\n\n## C\n\n{PUSH}}}", ["push"]),
        # A person answers in any case before the push.
        (f"## A\n\n{ASK}\n\n## B\n\n- Push it? {{#really decision=yes,no}}\n\n## C\n\n{PUSH}}}", []),
        (f"{ASK}\n- Push it? {{#really decision=yes,no after=ask}}\n{PUSH} after=ask,really}}", []),
        # Nobody may answer, or nobody is asked.
        (
            f"## A\n\n{ASK}\n\n## B\n\n- Push it? {{#r decision=yes,no default=yes expires=1h}}\n\n## C\n\n{PUSH}}}",
            ["push"],
        ),
        (f"## A\n\n{ASK}\n\n## B\n\n- Push it? {{#r decision=yes,no if=ask:no}}\n\n## C\n\n{PUSH}}}", ["push"]),
        (f"## A\n\n{ASK}\n\n## B\n\n- Push it? {{#r decision=yes,no by=model}}\n\n## C\n\n{PUSH}}}", ["push"]),
        # What runs in any case is not released by an answer.
        (f"## A\n\n{ASK}\n\n## B {{on=always}}\n\n{PUSH}}}", []),
    ],
)
def test_what_an_answer_alone_releases(plan: str, released: list[str]) -> None:
    draft = read_outline(plan, has_model=False)
    assert [item.key for item in Releases(draft).by("ask")] == released
