"""`signoff verify`, which needs no server, database or settings, and `signoff record …`: the key that seals records."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.cli.command import client_command, print_json
from app.cli.display import visible
from app.cli.options import settings_options
from app.settings import Settings
from signoff import AsyncSignoff

if TYPE_CHECKING:
    from app.sealing.exported import Verified

_MAX_KEY_BYTES = 64 * 1024
_MAX_SHOWN = 50
_COLOURS = {"critical": "red", "high": "red", "medium": "yellow", "low": "yellow"}


@click.command(
    epilog="""\b
Exit codes: 0 the record is whole; 1 it was altered, or is not by the given key; 2 the file or the key cannot be used."""
)
@click.argument("export", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--public-key",
    "key",
    metavar="FILE|KEY",
    help="Whose record it must be: a file with the server's public key, the key itself (PEM or base64), or its fingerprint.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def verify(export: Path, key: str | None, as_json: bool) -> None:
    """Verify an exported project (a zip), offline.

    The checks are those of `signoff audit`, made of the zip alone. Without --public-key, signatures are checked with the key
    in the zip: that shows that the record is consistent, and not whose it is.
    """
    from app.sealing.exported import verify as examine  # noqa: PLC0415 - the overview of commands comes at once
    from app.sealing.keys import KeyUnusable, key_or_fingerprint  # noqa: PLC0415
    from app.sealing.zipped import ExportUnusable  # noqa: PLC0415

    try:
        wanted = key_or_fingerprint(_text_of(key)) if key is not None else None
        result = examine(export, wanted)
    except KeyUnusable as error:
        raise click.BadParameter(str(error), param_hint="--public-key") from error
    except ExportUnusable as error:
        raise click.UsageError(visible(str(error))) from error
    except OSError as error:
        raise click.UsageError(f"{export} cannot be read: {error.strerror}") from error
    _print_json(result) if as_json else _print(result)
    sys.exit(0 if result.intact else 1)


def _text_of(key: str) -> str:
    """The content of the file that is named, else the text itself."""
    try:
        path = Path(key)
        if not path.is_file():
            return key
        with path.open(encoding="utf-8") as file:
            return file.read(_MAX_KEY_BYTES)
    except (OSError, ValueError):
        return key


def _print_json(result: Verified) -> None:
    answer = {
        "intact": result.intact,
        "trusted_key": result.trusted,
        "fingerprint": result.fingerprint,
        "project_id": result.project_id,
        "name": result.name,
        "exported_at": result.exported_at,
        "events": result.events,
        "sealed_events": result.seal.seq if result.seal is not None else 0,
        "files": result.files,
        "seal": result.seal.model_dump(mode="json") if result.seal is not None else None,
        "findings": [found._asdict() for found in result.findings],
    }
    click.echo(json.dumps(answer, indent=2))


def _print(result: Verified) -> None:
    if result.project_id is not None:
        covered = f"sealed up to event {result.seal.seq}" if result.seal is not None else "not sealed"
        name = visible(f"{result.name} ({result.project_id})")
        click.echo(f"{name}: {result.events} events, {covered}; {result.files} files; exported {result.exported_at}.")
    if result.unsealed:
        first = result.events - result.unsealed + 1
        what = f"Event {first} is" if result.unsealed == 1 else f"Events {first} to {result.events} are"
        click.echo(f"{what} not sealed: the project was running when it was exported.")
    for found in result.findings[:_MAX_SHOWN]:
        click.secho(f"  {found.severity:8}  {found.code}: ", fg=_COLOURS[found.severity], nl=False)
        click.echo(visible(found.message))
    if len(result.findings) > _MAX_SHOWN:
        click.echo(f"  and {len(result.findings) - _MAX_SHOWN} more; --json prints all")
    if result.trusted:
        click.echo(f"Key: {result.fingerprint}")
    elif result.fingerprint is not None:
        click.echo(
            f"Key: {result.fingerprint}, taken from the zip itself. This shows only that the record is consistent, and not "
            "whose it is. Give the server's key with --public-key."
        )
    if result.intact:
        click.secho("The record is whole.", fg="green")
    else:
        click.secho("The record was altered.", fg="red")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def record() -> None:
    """Print the key that the record is sealed with, or replace it."""


@record.command("key")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the API's JSON: earlier keys and the state of the record too."
)
@client_command
async def record_key(api: AsyncSignoff, *, as_json: bool) -> int:
    """Print the public key as PEM, for `signoff verify --public-key`; the fingerprint goes to standard error."""
    answer = await api.record_key()
    if as_json:
        print_json(answer)
        return 0
    click.echo("\n".join(visible(line) for line in answer.public_key.splitlines()))
    click.echo(f"fingerprint: {visible(answer.fingerprint)}", err=True)
    return 0


@record.command("rotate")
@settings_options
def rotate_key(settings: Settings) -> None:
    """Make a new key to seal the record with; the old key signs the change.

    Run it where the app's data folder is, then restart every app. Records that the old key sealed stay verifiable, with either
    key. With SIGNOFF_SEAL_KEY, the new private key is printed: give it to the apps instead of the old one.
    """
    from app.sealing.keys import KeyUnusable, rotate  # noqa: PLC0415

    try:
        made = rotate(settings.keys_dir, settings.seal_key.get_secret_value())
    except (KeyUnusable, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"The key {made.new_id} follows {made.old_id}. Its fingerprint: {made.fingerprint}", err=True)
    if made.private is not None:
        click.echo(made.private, nl=False)
        click.echo("Set this as SIGNOFF_SEAL_KEY; it is stored nowhere.", err=True)
    click.echo("Restart every app: until then, they seal with the old key.", err=True)


COMMANDS: list[click.Command] = [verify, record]
