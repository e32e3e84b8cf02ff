"""Writes a task graph as text that other tools draw: DOT (Graphviz) and Mermaid."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, pairwise

from app.drawing.labels import SIGNS, plain
from signoff.schemas.graph import Graph, Node
from signoff.vocabulary import TaskStatus

_COLORS: dict[str, tuple[str, str]] = {
    TaskStatus.PENDING: ("#f3f4f6", "#6b7280"),
    TaskStatus.WAITING: ("#fef3c7", "#b45309"),
    TaskStatus.RUNNING: ("#dbeafe", "#1d4ed8"),
    TaskStatus.COMPLETED: ("#dcfce7", "#15803d"),
    TaskStatus.FAILED: ("#fee2e2", "#b91c1c"),
    TaskStatus.CANCELLED: ("#f3e8ff", "#7e22ce"),
    TaskStatus.SKIPPED: ("#f3f4f6", "#9ca3af"),
}


def to_dot(graph: Graph, name: str) -> str:
    """The graph in DOT, with phases as clusters."""
    lines = [
        f"digraph {_quoted(name)} {{",
        "  rankdir=LR; compound=true;",
        '  node [shape=box, style="rounded,filled"];',
    ]
    for number, (phase, nodes) in enumerate(_by_phase(graph)):
        lines += [f"  subgraph cluster_{number} {{", f"    label={_quoted(phase)};"]
        for node in nodes:
            fill, line = _COLORS[node.status]
            width = 2 if node.critical else 1
            label = _quoted(f"{SIGNS[node.status]} {plain(node.label)}")
            lines.append(f'    {node.id} [label={label}, fillcolor="{fill}", color="{line}", penwidth={width}];')
        lines.append("  }")
    for edge in graph.edges:
        lines.append(f"  {edge.source} -> {edge.target}{' [penwidth=2]' if edge.critical else ''};")
    for number, ((_, before), (_, after)) in enumerate(pairwise(_by_phase(graph))):
        # Clusters cannot have edges. An edge between two of their tasks is clipped at the frames instead.
        ends = f"ltail=cluster_{number}, lhead=cluster_{number + 1}"
        lines.append(f"  {before[-1].id} -> {after[0].id} [style=dashed, {ends}];")
    return "\n".join([*lines, "}", ""])


def to_mermaid(graph: Graph) -> str:
    """The graph as a Mermaid flowchart, with phases as subgraphs."""
    lines = ["flowchart LR"]
    for number, (phase, nodes) in enumerate(_by_phase(graph)):
        lines.append(f'  subgraph phase{number}["{_entities(phase)}"]')
        lines += [f'    {node.id}["{SIGNS[node.status]} {_entities(node.label)}"]:::{node.status}' for node in nodes]
        lines.append("  end")
    lines += [f"  {edge.source} {'==>' if edge.critical else '-->'} {edge.target}" for edge in graph.edges]
    lines += [f"  phase{number} -.-> phase{number + 1}" for number in range(len(list(_by_phase(graph))) - 1)]
    for status, (fill, line) in _COLORS.items():
        lines.append(f"  classDef {status} fill:{fill},stroke:{line},color:#111827")
    return "\n".join([*lines, ""])


def _by_phase(graph: Graph) -> Iterator[tuple[str, list[Node]]]:
    for _, nodes in groupby(graph.nodes, key=lambda node: node.phase_id):
        members = list(nodes)
        yield members[0].phase_name, members


def _quoted(text: str) -> str:
    # Graphviz decodes entities such as &amp; in every string.
    return '"' + plain(text).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"') + '"'


def _entities(text: str) -> str:
    """Escape text for a quoted Mermaid label, in which `#…;` stands for a character."""
    special = set('#"&<>`;\\')
    return "".join(f"#{ord(character)};" if character in special else character for character in plain(text))
