"""The index in which projects are searched: for words in name and description, and for labels.

It keeps the terms of each project (`app.domain.search_terms`) as FTS5 does on SQLite, and in a GIN index on PostgreSQL. Both are
part of every installation of these databases; no extension has to be installed. Whoever changes a project writes the index in
the same transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    Connection,
    Select,
    Table,
    Text,
    bindparam,
    column,
    delete,
    insert,
    select,
    table,
)

from app.database.prepared import Prepared
from app.domain.search_terms import label_term, needs_look, searched_text, terms_of, wanted_terms
from app.storage.columns import POSITION, metadata
from app.storage.labels import has_label
from app.storage.tables import projects

# The texts that searches compare with. `projects.text_position` refers to them; the index of terms has the same positions.
project_texts = Table(
    "project_texts",
    metadata,
    Column("position", POSITION, primary_key=True),
    Column("text", Text, nullable=False),
    sqlite_autoincrement=True,
)
# On SQLite a virtual table of FTS5, on PostgreSQL a table with an array. Only the migration can make them.
_TERMS = table("project_terms", column("position"), column("terms", ARRAY(Text)))
_FTS = table("project_terms", column("rowid"), column("terms", Text), column("project_terms", Text))
_ADD = Prepared(insert(project_texts).returning(project_texts.c.position))
_ADD_WORDS, _ADD_TERMS = Prepared(insert(_FTS)), Prepared(insert(_TERMS))
_FORGET = "INSERT INTO project_terms (project_terms, rowid, terms) VALUES ('delete', ?, ?)"


def add(conn: Connection, name: str, description: str, labels: Iterable[str]) -> int:
    """Index a project. Returns the position that its row must have in `text_position`."""
    text = searched_text(name, description)
    position = int(_ADD.rows(conn, {"text": text})[0][0])
    _write(conn, position, terms_of(text, labels))
    return position


def remove(conn: Connection, position: int | None, labels: Iterable[str]) -> None:
    """Remove a project from the index.

    Args:
        conn: an open write transaction.
        position: the `text_position` of its row.
        labels: its labels as they are indexed.
    """
    gone = delete(project_texts).where(project_texts.c.position == position).returning(project_texts.c.text)
    text = conn.execute(gone).scalar_one_or_none()
    if text is None:
        return
    if conn.dialect.name == "sqlite":
        # The index does not keep what it has indexed, so it must be told.
        conn.exec_driver_sql(_FORGET, (position, _as_words(terms_of(text, labels))))
    else:
        conn.execute(delete(_TERMS).where(_TERMS.c.position == position))


def matching(
    conn: Connection, words: Collection[str], label: str | None, within: Collection[str] | None
) -> ColumnElement[bool]:
    """A condition for projects that have the words, the label, and one of the labels `within`. It uses the index.

    It suits searches that find few projects. `matches` suits those that find many.
    """
    wanted = [*wanted_terms(words), *([label_term(label)] if label is not None else [])]
    one_of = None if within is None else [label_term(name) for name in sorted(within)]
    found = _on_sqlite(wanted, one_of) if conn.dialect.name == "sqlite" else _on_postgresql(wanted, one_of)
    looked = needs_look(words)
    if looked:
        found = select(project_texts.c.position).where(project_texts.c.position.in_(found), *_contains(looked))
    return projects.c.text_position.in_(found)


def matches(words: Collection[str], label: str | None, within: Collection[str] | None) -> ColumnElement[bool]:
    """The same condition, but it looks at each project. It suits the search for the first of many, in an order."""
    chosen = [has_label(labels) for labels in ([label] if label is not None else None, within) if labels is not None]
    text = select(project_texts.c.position).where(project_texts.c.position == projects.c.text_position)
    return text.where(*_contains(words), *chosen).correlate(projects).exists()


def _contains(words: Iterable[str]) -> list[ColumnElement[bool]]:
    return [project_texts.c.text.contains(word, autoescape=True) for word in words]


def _write(conn: Connection, position: int, terms: Collection[str]) -> None:
    if conn.dialect.name == "sqlite":
        _ADD_WORDS.write(conn, {"rowid": position, "terms": _as_words(terms)})
    else:
        _ADD_TERMS.write(conn, {"position": position, "terms": sorted(terms)})


def _on_sqlite(wanted: Collection[str], one_of: Collection[str] | None) -> Select[int]:
    parts = [_hex(term) for term in wanted]
    if one_of is not None:
        # No label is empty, so nothing has this term.
        parts.append(f"({' OR '.join(map(_hex, one_of or [label_term('')]))})")
    return select(_FTS.c.rowid).where(_FTS.c.project_terms.op("MATCH")(" AND ".join(parts)))


def _on_postgresql(wanted: Collection[str], one_of: Collection[str] | None) -> Select[int]:
    query = select(_TERMS.c.position)
    if wanted:
        query = query.where(_TERMS.c.terms.op("@>")(bindparam(None, list(wanted), ARRAY(Text))))
    if one_of is not None:
        query = query.where(_TERMS.c.terms.op("&&")(bindparam(None, list(one_of), ARRAY(Text))))
    return query


def _as_words(terms: Iterable[str]) -> str:
    """The terms as words that the tokenizer of FTS5 does not split, whatever characters they have."""
    return " ".join(map(_hex, sorted(terms)))


def _hex(term: str) -> str:
    return term.encode().hex()
