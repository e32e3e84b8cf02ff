"""Searches find what a plain reading of the texts finds, on both kinds of database, and stay true to every change."""

from __future__ import annotations

import itertools
import random
import unicodedata
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, text

from app.commands.editing import update_project
from app.database.database import Database
from app.domain.folding import fold
from app.domain.registry import load_actions
from app.storage import project_list, projects
from app.storage.project_list import Wanted
from app.storage.project_search import project_texts
from app.storage.tables import projects as table_of_projects
from signoff.schemas.json_value import JsonObject
from tests.unit.conftest import new_project

PIECES = [
    *(
        "a",
        "ä",
        "A",
        "Ä",
        "a\u0308",
        "s",
        "ss",
        "ß",
        "ẞ",
        "S",
        "é",
        "e\u0301",
        "ﬁ",
        "fi",
        "\u0130",
        "\u0131",
        "\u03a3",
        "\u03c2",
        "K",
        "k",
    ),
    *("会", "议", "ガ", "カ\u3099", "%", "_", "\\", "'", '"', "*", "-", "(", "AND", "or ", "0", "💩", "x", "é"),
    *(" ", " ", " ", "\u00a0", "\n", "\u2028", "\u0301", "report", "büro", "straße", "STRASSE", "éclair"),
]
LABELS = ["a", "team", "team-a", "x:y", "ops"]


def written(chance: random.Random, most: int) -> str:
    return "".join(chance.choices(PIECES, k=chance.randint(0, most)))


def names(conn: Connection, **wanted: Any) -> list[str]:
    """The names of what is found, which must be as many as the counts say."""
    page = project_list.page(conn, Wanted(sort_by="oldest", **wanted), limit=200)
    assert page.total == len(page.rows)
    assert page.total == sum(page.counts.values()) or wanted.get("status")
    return [row.name for row in page.rows]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("few", [0, 1_000], ids=["by row", "by index"])
async def test_a_search_finds_what_a_plain_reading_finds(
    database: Database, monkeypatch: pytest.MonkeyPatch, seed: int, few: int
) -> None:
    # With 0, a page of matches is read in the order of the list, as it is of many.
    monkeypatch.setattr(project_list, "FEW_MATCHES", few)
    chance = random.Random(seed)
    made = [
        (f"{written(chance, 6)}#{number}", written(chance, 12), chance.sample(LABELS, k=chance.randint(0, 2)))
        for number in range(60)
    ]

    def fill(conn: Connection) -> None:
        for name, description, labels in made:
            new_project(conn, name=name, description=description, labels=labels)

    await database.transact(fill)
    searches = [written(chance, 4) for _ in range(30)] + [" ".join(chance.sample(PIECES, k=2)) for _ in range(20)]

    def look(conn: Connection) -> None:
        for search in searches:
            label = chance.choice([None, None, *LABELS])
            within = chance.choice([None, None, [], LABELS[:2], LABELS[2:]])
            expected = [
                name
                for name, description, labels in made
                if all(word in fold(name) or word in fold(description) for word in fold(search).split())
                and (label is None or label in labels)
                and (within is None or not set(within).isdisjoint(labels))
            ]
            assert sorted(names(conn, search=search, label=label, within=within)) == sorted(expected), repr(search)

    await database.read(look)


@pytest.mark.parametrize(
    ("name", "search"),
    [
        (unicodedata.normalize("NFD", "Éclair"), unicodedata.normalize("NFC", "éclair")),
        ("Straße 5", "STRASSE"),
        ("Strasse 5", "straße"),
        ("Büro und Ärger", "ärger büro"),
        ("Quarterly report", "  report   quarterly "),
        ("东京会议", "会议"),
        ("Tür", "ü"),
        ("50% off", "50%"),
        ("one two three four", "three one"),
    ],
)
async def test_case_accents_form_and_order_do_not_matter(database: Database, name: str, search: str) -> None:
    await database.transact(lambda conn: new_project(conn, name=name))
    await database.transact(lambda conn: new_project(conn, name="Something else"))
    assert await database.read(lambda conn: names(conn, search=search)) == [name]


async def test_a_word_must_be_there_as_a_whole(database: Database) -> None:
    """All parts of it may be there without it."""
    await database.transact(lambda conn: new_project(conn, name="abcd xbcde cdef"))
    assert await database.read(lambda conn: names(conn, search="abcdef")) == []
    assert await database.read(lambda conn: names(conn, search="xbcde")) == ["abcd xbcde cdef"]


async def test_every_change_is_found_and_what_was_is_not(database: Database) -> None:
    project_id = await database.transact(lambda conn: new_project(conn, name="Before", labels=["old"]))

    def change(conn: Connection) -> None:
        wanted: JsonObject = {"name": "Later", "description": "quite new", "labels": ["new"]}
        update_project(conn, project_id, wanted, load_actions(), workspace=None, actor="ann")

    def found(conn: Connection) -> list[list[str]]:
        by_words = [names(conn, search=search) for search in ("before", "later", "new quite")]
        return by_words + [names(conn, label=label) for label in ("old", "new")]

    assert await database.read(found) == [["Before"], [], [], ["Before"], []]
    with pytest.raises(ZeroDivisionError):
        await database.transact(lambda conn: (change(conn), 1 / 0))
    assert await database.read(found) == [["Before"], [], [], ["Before"], []]
    await database.transact(change)
    assert await database.read(found) == [[], ["Later"], ["Later"], [], ["Later"]]
    await database.transact(lambda conn: projects.erase(conn, project_id, actor="ann"))
    assert await database.read(found) == [[], [], [], [], []]

    def left(conn: Connection) -> int:
        return conn.execute(select(func.count()).select_from(project_texts)).scalar_one()

    assert await database.read(left) == 0, "no text of a deleted project stays"


async def test_a_deleted_project_leaves_no_term(database: Database) -> None:
    """Otherwise the index would grow forever."""
    ids = [await database.transact(lambda conn: new_project(conn, name="Gone soon", labels=["x"])) for _ in range(3)]
    for project_id in ids:
        await database.transact(lambda conn, gone=project_id: projects.erase(conn, gone, actor="ann"))

    def found(conn: Connection) -> int:
        if conn.dialect.name == "sqlite":
            query = text("SELECT count(*) FROM project_terms WHERE project_terms MATCH :term")
            return conn.execute(query, {"term": b"gon".hex()}).scalar_one()
        return conn.execute(text("SELECT count(*) FROM project_terms")).scalar_one()

    assert await database.read(found) == 0


async def test_a_long_text_is_indexed_and_found(database: Database) -> None:
    words = [f"word{number}" for number in range(14_000)]
    await database.transact(lambda conn: new_project(conn, name="Long", description=" ".join(words)[:100_000]))
    assert await database.read(lambda conn: names(conn, search="word9999 word0 WORD77")) == ["Long"]
    assert await database.read(lambda conn: names(conn, search="word99999")) == []
    most = " ".join(words[:200])
    assert await database.read(lambda conn: names(conn, search=most)) == ["Long"], "more terms than one search may have"


@pytest.mark.parametrize("sort_by", ["newest", "oldest", "updated", "name", "status"])
@pytest.mark.parametrize("status", [None, "pending"])
async def test_pages_by_cursor_give_every_project_once(database: Database, sort_by: str, status: str | None) -> None:
    for number in range(23):
        await database.transact(
            lambda conn, n=number: new_project(conn, name=f"{'Same' if n % 3 else 'Äther'} {n % 4}")
        )

    def settle(conn: Connection) -> None:
        table = table_of_projects
        ids = sorted(conn.execute(select(table.c.id)).scalars())
        at = "2026-01-01T00:00:00.000Z"
        conn.execute(table.update().values(created_at=at, updated_at=at))
        conn.execute(table.update().where(table.c.id.in_(ids[::2])).values(status="failed"))
        conn.execute(table.update().where(table.c.id.in_(ids[::5])).values(created_at=at.replace("01", "02", 1)))

    await database.transact(settle)

    def walk(conn: Connection, search: str) -> list[str]:
        wanted = Wanted(status=status, sort_by=sort_by, search=search)
        whole = [row.id for row in project_list.page(conn, wanted, limit=200).rows]
        found, after = list[str](), None
        for _ in itertools.count():
            page = project_list.page(conn, wanted, limit=4, after=after)
            found += [row.id for row in page.rows]
            after = page.end
            if after is None:
                break
        assert found == whole
        return found

    everything = await database.read(lambda conn: walk(conn, ""))
    assert len(everything) == (23 if status is None else 11)
    await database.read(lambda conn: walk(conn, "same"))


async def test_pages_stay_apart_while_projects_come_and_go(database: Database) -> None:
    ids = [await database.transact(lambda conn, n=n: new_project(conn, name=f"{n}")) for n in range(6)]
    first = await database.read(lambda conn: project_list.page(conn, Wanted(), limit=2))
    await database.transact(lambda conn: new_project(conn, name="later"))
    await database.transact(lambda conn: projects.erase(conn, ids[-1], actor="ann"))
    await database.transact(lambda conn: projects.erase(conn, ids[-2], actor="ann"))
    second = await database.read(lambda conn: project_list.page(conn, Wanted(), limit=9, after=first.end))
    assert [row.id for row in first.rows] == [ids[5], ids[4]]
    assert [row.id for row in second.rows] == [ids[3], ids[2], ids[1], ids[0]]
    assert second.end is None
