"""`signoff people …`, `signoff keys …` and `signoff whoami`: who may do what."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from app.cli.command import answer_command, given
from app.cli.display import visible
from app.cli.groups import command_group
from app.cli.listing import extra, fixed, short_ids, table, title
from app.cli.references import Candidate, pick
from app.cli.tables import moment
from app.domain.sender import called
from signoff.fields import RoleFields
from signoff.vocabulary import Role

if TYPE_CHECKING:
    from rich.console import RenderableType

    from signoff import AsyncSignoff
    from signoff.fields import KeyFields
    from signoff.schemas.people import Me, NewServiceKey, Person, PersonList, ServiceKey, ServiceKeyList

Json = dict[str, Any]
_ROLE = "ROLE or ROLE@LABEL,LABEL: viewer, author, approver, operator or admin; with labels, only for projects that have one."


class _RoleType(click.ParamType[RoleFields]):
    """A role, and the labels to which it is bound."""

    name = "role"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> RoleFields:
        role, at, labels = str(value).partition("@")
        if role not in set(Role):
            self.fail(f"'{role}' is no role. Use one of {', '.join(Role)}.", param, ctx)
        named = [label.strip() for label in labels.split(",") if label.strip()]
        if at and not named:
            self.fail(f"'{value}' names no label after the @.", param, ctx)
        return {"role": Role(role).value, "labels": named}


_roles_option = click.option("--role", "roles", type=_RoleType(), multiple=True, metavar="ROLE[@LABEL]", help=_ROLE)
_days_option = click.option(
    "--days", type=float, default=90, show_default=True, help="Days until it expires; 0 for never."
)


@command_group()
def people() -> None:
    """List, add and change the people who may sign in."""


@command_group()
def keys() -> None:
    """List, add, rotate and revoke the keys of programs."""


def _person_list(answer: Json) -> RenderableType:
    ident = short_ids(row["id"] for row in answer["people"])
    rows = [
        (ident(row["id"]), row["name"], row["email"] or "", _roles(row["roles"]), _state(row))
        for row in answer["people"]
    ]
    return table((fixed("id"), title("name"), title("e-mail"), "roles", ""), rows)


def _state(person: Json) -> str:
    if person["disabled"]:
        return "disabled"
    return "" if person["can_sign_in"] else "no password"


def _key_list(answer: Json) -> RenderableType:
    ident = short_ids(row["id"] for row in answer["keys"])
    rows = [
        (
            ident(row["id"]),
            row["name"],
            f"{row['prefix']}…",
            _roles(row["roles"]),
            moment(row["last_used_at"]) if row["last_used_at"] else "never",
            "revoked" if row["revoked"] else moment(row["expires_at"]) if row["expires_at"] else "never",
        )
        for row in answer["keys"]
    ]
    return table((fixed("id"), title("name"), extra("key"), "roles", extra("last used"), fixed("expires")), rows)


def _roles(roles: list[Json]) -> str:
    return " ".join(f"{item['role']}@{','.join(item['labels'])}" if item["labels"] else item["role"] for item in roles)


def _person(answer: Json) -> Text:
    state = _state(answer)
    suffix = f" ({state})" if state else ""
    return Text(f"{answer['id']}  {visible(answer['name'])}  {_roles(answer['roles'])}{suffix}")


def _key(answer: Json) -> Text:
    return Text(f"{answer['id']}  {visible(answer['name'])}  {_roles(answer['roles'])}")


def _new_key(answer: Json) -> Text:
    text = _key(answer).append(f"\n{answer['key']}\n", style="bold")
    return text.append("Keep it now: it is not shown again.", style="dim")


def _me(answer: Json) -> Text:
    return Text(f"{visible(called(answer['name']))}  {answer['id']}  via {answer['via']}  {_roles(answer['roles'])}")


@people.command("list")
@answer_command(_person_list, has_table=True)
async def list_people(api: AsyncSignoff) -> PersonList:
    """List all people, by name."""
    return await api.people.list()


@people.command("add")
@click.argument("name")
@click.option("--email", help="Their e-mail address, which they may sign in with.")
@_roles_option
@click.option("--password", is_flag=True, help="Ask for a password, so that they can sign in on the page.")
@answer_command(_person)
async def add_person(
    api: AsyncSignoff, name: str, email: str | None, roles: tuple[RoleFields, ...], *, password: bool
) -> Person:
    """Add a person.

    The name is what the record shows. Without --password, the person cannot sign in yet.
    """
    if not roles:
        raise click.UsageError("Give at least one --role.")
    return await api.people.add(name=name, roles=roles, **given(email=email, password=_asked() if password else None))


@people.command("change")
@click.argument("person")
@click.option("--name", help="A new name. What they did stays on record under the earlier one.")
@click.option("--email", help="A new e-mail address.")
@_roles_option
@click.option("--password", is_flag=True, help="Ask for a new password. Their sessions end.")
@answer_command(_person)
async def change_person(
    api: AsyncSignoff,
    person: str,
    name: str | None,
    email: str | None,
    roles: tuple[RoleFields, ...],
    *,
    password: bool,
) -> Person:
    """Change a person, named by id or name.

    With --role, the roles that are named replace all earlier ones.
    """
    fields = given(name=name, email=email, roles=roles, password=_asked() if password else None)
    return await api.people.change(await _person_id(api, person), **fields)


@people.command("disable")
@click.argument("person")
@answer_command(_person)
async def disable_person(api: AsyncSignoff, person: str) -> Person:
    """Disable a person. Their sessions end at once."""
    return await api.people.change(await _person_id(api, person), disabled=True)


@people.command("enable")
@click.argument("person")
@answer_command(_person)
async def enable_person(api: AsyncSignoff, person: str) -> Person:
    """Enable a person who was disabled."""
    return await api.people.change(await _person_id(api, person), disabled=False)


@keys.command("list")
@answer_command(_key_list, has_table=True)
async def list_keys(api: AsyncSignoff) -> ServiceKeyList:
    """List all keys, by name."""
    return await api.keys.list()


@keys.command("add")
@click.argument("name")
@_roles_option
@_days_option
@answer_command(_new_key)
async def add_key(api: AsyncSignoff, name: str, roles: tuple[RoleFields, ...], days: float) -> NewServiceKey:
    """Add a key, and print its text once.

    A program sends it as SIGNOFF_API_KEY.
    """
    if not roles:
        raise click.UsageError("Give at least one --role.")
    return await api.keys.add(name, roles, days=days or None)


@keys.command("change")
@click.argument("key")
@click.option("--name", help="A new name. What the key did stays on record under the earlier one.")
@_roles_option
@click.option("--days", type=float, help="Days from now until it expires; 0 for never.")
@answer_command(_key)
async def change_key(
    api: AsyncSignoff, key: str, name: str | None, roles: tuple[RoleFields, ...], days: float | None
) -> ServiceKey:
    """Change a key, named by id or name. Its text stays the same.

    With --role, the roles that are named replace all earlier ones. Other labels are possible, but no further role.
    """
    fields = given(name=name, roles=roles)
    expiry: KeyFields = {"days": days or None} if days is not None else {}
    return await api.keys.change(await _key_id(api, key), **fields, **expiry)


@keys.command("rotate")
@click.argument("key")
@_days_option
@answer_command(_new_key)
async def rotate_key(api: AsyncSignoff, key: str, days: float) -> NewServiceKey:
    """Replace the text of a key, named by id or name."""
    return await api.keys.rotate(await _key_id(api, key), days=days or None)


@keys.command("revoke")
@click.argument("key")
@answer_command(lambda answer: Text(f"{answer['id']} is revoked."))
async def revoke_key(api: AsyncSignoff, key: str) -> ServiceKey:
    """Revoke a key permanently, named by id or name."""
    return await api.keys.revoke(await _key_id(api, key))


@click.command("whoami")
@answer_command(_me)
async def whoami(api: AsyncSignoff) -> Me:
    """Print who you are for the server, and your roles."""
    return await api.me()


def _asked() -> str:
    """A password that a person types twice; from a pipe, the first line."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return password


async def _person_id(api: AsyncSignoff, text: str) -> str:
    people = (await api.people.list()).people
    return pick(text, (Candidate(row.id, (row.name, row.email or "")) for row in people), "people")


async def _key_id(api: AsyncSignoff, text: str) -> str:
    return pick(text, (Candidate(row.id, (row.name,)) for row in (await api.keys.list()).keys), "keys")


COMMANDS: list[click.Command] = [people, keys, whoami]
