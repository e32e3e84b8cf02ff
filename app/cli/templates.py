"""`signoff templates …`: what a new project can start from."""

from __future__ import annotations

from typing import cast

import click
from rich.console import RenderableType
from rich.text import Text

from app.cli.arguments import set_option
from app.cli.command import answer_command, given
from app.cli.display import Json, visible
from app.cli.groups import command_group
from app.cli.listing import table
from signoff import AsyncSignoff, to_json
from signoff.fields import ProjectFields
from signoff.schemas.projects import Project
from signoff.schemas.templates import Template, TemplateList

# What says which template it is, and is no field of a project.
_ABOUT = frozenset({"id", "name", "about", "built_in", "parameters"})


@command_group()
def templates() -> None:
    """List templates, and start projects from them.

    NAME is the name of a template, or its id.
    """


def _list(answer: Json) -> RenderableType:
    rows = [
        (
            row["id"] if row["built_in"] else visible(row["name"]),
            "built in" if row["built_in"] else "team",
            visible(row["about"]),
        )
        for row in answer["templates"]
    ]
    return table(("name", "by", "about"), rows)


@templates.command("list")
@answer_command(_list, has_table=True)
async def list_templates(api: AsyncSignoff) -> TemplateList:
    """List the templates of the team, then the built-in ones.

    Every project with the label `template` is a template.
    """
    return await api.templates()


@templates.command()
@click.argument("name")
@answer_command(lambda answer: Text(visible(answer["description"])))
async def show(api: AsyncSignoff, name: str) -> Template:
    """Print the document of a template.

    To change it before you run it: signoff templates show NAME > plan.md
    """
    return await find_template(api, name)


def _started(answer: Json) -> RenderableType:
    project_id = answer["id"]
    return Text(
        f"Created {visible(answer['name'])} ({project_id}). To make its plan: signoff projects plan --generate {project_id}"
    )


@templates.command()
@click.argument("name")
@click.option("--name", "own_name", help="Name of the project; default: the name of the template.")
@click.option("--path", help="Folder to work in, on the server; default: a new one.")
@set_option
@answer_command(_started)
async def use(
    api: AsyncSignoff, name: str, *, own_name: str | None, path: str | None, parameters: dict[str, str] | None
) -> Project:
    """Create a project from a template, with its settings and parameters."""
    template = await find_template(api, name)
    fields = project_fields(template)
    fields["parameters"] = {**template.parameters, **(parameters or {})}
    fields |= cast("ProjectFields", given(name=own_name, path=path))
    return await api.projects.create(**fields)


def project_fields(template: Template) -> ProjectFields:
    """The fields of a new project that starts from a template, and has its name."""
    fields = {field: value for field, value in to_json(template).items() if field not in _ABOUT}
    fields |= {"name": template.name, "template": template.name, "parameters": template.parameters}
    return cast("ProjectFields", given(**fields))


async def find_template(api: AsyncSignoff, name: str) -> Template:
    """Find a template by its id or its name.

    Raises:
        click.BadParameter: there is none, or several have this name.
    """
    listed = (await api.templates()).templates
    wanted = name.casefold()
    found = [one for one in listed if one.id == name] or [one for one in listed if one.name.casefold() == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(one.id for one in found)
        raise click.BadParameter(
            f"Several templates are called '{visible(name)}': {ids}. Use an id.", param_hint="NAME"
        )
    message = f"There is no template '{visible(name)}'. To list them: signoff templates list"
    raise click.BadParameter(message, param_hint="NAME")


COMMANDS: list[click.Command] = [templates]
