"""Reads Markdown that is to hold a single task, phase or text, to see whether it says what a plan says."""

from __future__ import annotations

import re
from collections.abc import Mapping

from app.domain.errors import Invalid
from app.domain.parameters import Parameter
from app.domain.plan import PhaseDraft, TaskDraft
from app.domain.texts import normalized_text
from app.planning.outline import scripts
from app.planning.outline.blocks import Fence, List, read_blocks
from app.planning.outline.context import Context
from app.planning.outline.findings import Findings
from app.planning.outline.front_matter import FrontMatter
from app.planning.outline.items import read_item
from app.planning.outline.reader import DocumentReader, make_task, resolve

_LANGUAGE = re.compile(r"^(\s*(?:`{3,}|~{3,})).*")


def read_single_task(markdown: str, parameters: Mapping[str, Parameter], *, back: bool) -> TaskDraft | None:
    """The single task in `markdown`, as its own item defines it in a plan with these parameters.

    None if there is not exactly one task. `back`: the steps around it take something back, or are for failures.
    """
    findings = Findings(markdown)
    document = read_blocks(findings.lines)
    blocks = document.blocks
    # A link definition would have an effect on other tasks.
    if len(blocks) != 1 or not isinstance(blocks[0], List) or len(blocks[0].items) != 1 or document.definitions:
        return None
    try:
        parts = read_item(blocks[0].items[0], Context(findings, document.definitions, back=back)).tasks
        findings.raise_if_any()
        if len(parts) != 1:
            return None
        resolve(parts[0], parameters)
        task = make_task(parts[0], parts[0].key or "", parts[0].after, has_model=False, findings=findings)
        findings.raise_if_any()
    except Invalid:
        return None
    return task


def read_single_phase(markdown: str, parameters: Mapping[str, Parameter]) -> PhaseDraft | None:
    """The single phase in `markdown`, without tasks, in a plan with these parameters. None if there is anything else."""
    # A task is added after it, because a text may swallow what follows: a fence without an end does.
    findings = Findings(f"{markdown}\n\n- Do: `true`\n")
    document = read_blocks(findings.lines)
    if document.definitions:
        return None
    reader = DocumentReader(findings, document, FrontMatter(parameters=dict(parameters)), has_model=False)
    reader.place()
    if reader.summary or reader.title or [len(phase.tasks) for phase in reader.phases] != [1]:
        return None
    try:
        phases = reader.build()
        findings.raise_if_any()
    except Invalid:
        return None
    task = phases[0].tasks[0]
    # A sentence such as "If it failed:" right above a list changes what its items mean.
    runs = task.action.type == "shell" and not task.requires_approval
    return phases[0].model_copy(update={"tasks": []}) if runs else None


def as_text(markdown: str) -> str:
    """The text, with what would be a step if the text stood by itself marked as text."""
    lines = normalized_text(markdown).split("\n")
    for block in read_blocks(lines).blocks:
        if isinstance(block, Fence) and scripts.is_shown(block):
            lines[block.line] = _LANGUAGE.sub(r"\1text", lines[block.line])
    return "\n".join(lines)
