"""A signal that came through Temporal by hand is refused with advice, never with an error in the workflow's activity."""

from __future__ import annotations

import pytest

from app.domain.commands import COMMANDS
from app.domain.signals import not_by_hand, unknown_command
from workflows.project import ProjectWorkflow

SIGNALS = sorted({command.signal for command in COMMANDS.values()} - {""})


def test_the_workflow_receives_every_signal() -> None:
    assert set(SIGNALS) <= set(dir(ProjectWorkflow))


@pytest.mark.parametrize("signal", SIGNALS)
def test_every_refusal_names_a_command_to_use_instead(signal: str) -> None:
    for error in (not_by_hand(signal, "proj_1"), unknown_command(signal, "proj_1")):
        assert "Use `signoff " in error.info.message
        assert "proj_1" in error.info.message
