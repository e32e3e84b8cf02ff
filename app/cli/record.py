"""`signoff verify`, which needs no server, database or settings; `signoff record …` prints and replaces the sealing key."""

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
_COLORS = {"critical": "red", "high": "red", "medium": "yellow", "low": "yellow"}


@click.command(
    epilog="""\b
Exit codes: 0 the record is intact; 1 it was altered, or signed with another key; 2 the file or key is unusable."""
)
@click.argument("export", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--public-key",
    "key",
    metavar="FILE|KEY",
    help="The server's public key, as a file, as text (PEM or base64), or as its fingerprint. The record must be signed with it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def verify(export: Path, key: str | None, as_json: bool) -> None:
    """Verify an exported project (a zip) offline.

    Runs the checks of `signoff audit` on the zip alone. Without --public-key, signatures are checked with the key in the zip.
    This shows that the record is consistent, but not who signed it.
    """
    from app.sealing.exported import verify as examine  # noqa: PLC0415 - keeps the overview of commands fast
    from app.sealing.keys import KeyUnusable, key_or_fingerprint  # noqa: PLC0415
    from app.sealing.zipped import ExportUnusable  # noqa: PLC0415

    try:
        expected = key_or_fingerprint(_text_of(key)) if key is not None else None
        result = examine(export, expected)
    except KeyUnusable as error:
        raise click.BadParameter(str(error), param_hint="--public-key") from error
    except ExportUnusable as error:
        raise click.UsageError(visible(str(error))) from error
    except OSError as error:
        raise click.UsageError(f"{export} cannot be read: {error.strerror}") from error
    _print_json(result) if as_json else _print(result)
    sys.exit(0 if result.intact else 1)


def _text_of(key: str) -> str:
    """The content of the file that `key` names; if there is no such file, `key` itself."""
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
        "findings": [finding._asdict() for finding in result.findings],
    }
    click.echo(json.dumps(answer, indent=2))


def _print(result: Verified) -> None:
    if result.project_id is not None:
        covered = f"sealed up to event {result.seal.seq}" if result.seal is not None else "not sealed"
        name = visible(f"{result.name} ({result.project_id})")
        click.echo(f"{name}: {result.events} events, {covered}; {result.files} files; exported {result.exported_at}.")
    if result.unsealed:
        first = result.events - result.unsealed + 1
        subject = f"Event {first} is" if result.unsealed == 1 else f"Events {first} to {result.events} are"
        click.echo(f"{subject} not sealed: the project was running when it was exported.")
    for finding in result.findings[:_MAX_SHOWN]:
        click.secho(f"  {finding.severity:8}  {finding.code}: ", fg=_COLORS[finding.severity], nl=False)
        click.echo(visible(finding.message))
    if len(result.findings) > _MAX_SHOWN:
        click.echo(f"  and {len(result.findings) - _MAX_SHOWN} more; --json prints all")
    if result.trusted:
        click.echo(f"Key: {result.fingerprint}")
    elif result.fingerprint is not None:
        click.echo(
            f"Key: {result.fingerprint}, taken from the zip itself. This shows only that the record is consistent, not who "
            "signed it. To check that too, pass the server's key with --public-key."
        )
    if result.intact:
        click.secho("The record is intact.", fg="green")
    else:
        click.secho("The record was altered.", fg="red")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def record() -> None:
    """Print or replace the record's sealing key."""


@record.command("key")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the API's JSON, with earlier keys and the state of the record."
)
@client_command
async def record_key(api: AsyncSignoff, *, as_json: bool) -> int:
    """Print the public key that seals the record.

    The key is printed as PEM, for `signoff verify --public-key`. Its fingerprint goes to standard error.
    """
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
    """Replace the sealing key.

    The old key signs the change. Run this where the app's data folder is, then restart every app. Records sealed with the old
    key can still be verified, with either key.

    If SIGNOFF_SEAL_KEY is set, the new private key is printed. Give it to the apps instead of the old one.
    """
    from app.sealing.keys import KeyUnusable, rotate  # noqa: PLC0415

    try:
        rotation = rotate(settings.keys_dir, settings.seal_key.get_secret_value())
    except (KeyUnusable, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(
        f"Key {rotation.new_id} replaces key {rotation.old_id}. Its fingerprint: {rotation.fingerprint}", err=True
    )
    if rotation.private is not None:
        click.echo(rotation.private, nl=False)
        click.echo("Set SIGNOFF_SEAL_KEY to this key. It is not stored anywhere.", err=True)
    click.echo("Restart every app. Until then, the apps seal with the old key.", err=True)


COMMANDS: list[click.Command] = [verify, record]
