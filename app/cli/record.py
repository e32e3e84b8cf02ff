"""`signoff verify`, which needs no server, database or settings; `signoff record …` prints and replaces the sealing key."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.cli import verified as shown
from app.cli.command import client_command, print_json
from app.cli.display import visible
from app.cli.groups import command_group
from app.cli.options import settings_options

if TYPE_CHECKING:
    from app.sealing.compared import VerifiedCertificate
    from app.sealing.exported import Verified
    from app.settings import Settings
    from signoff import AsyncSignoff

_MAX_KEY_BYTES = 64 * 1024


@click.command(
    epilog="""\b
Exit codes: 0 intact; 1 altered, or signed with another key; 2 a file or the key is unusable."""
)
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--public-key",
    "key",
    metavar="FILE|KEY",
    help="The server's public key, as a file, as text (PEM or base64), or as its fingerprint. It must have signed the files.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def verify(files: tuple[Path, ...], key: str | None, as_json: bool) -> None:
    """Verify an exported project (a zip), a certificate, or both offline.

    FILES are an export, a certificate, or one of each. Runs the checks of `signoff audit` on the export alone, and compares the
    certificate with it. Without --public-key, signatures are checked with the key in the export. This shows that the record is
    consistent, but not who signed it. A certificate alone needs the key itself.
    """
    from app.sealing.compared import VerifiedCertificate  # noqa: PLC0415 - keeps the overview of commands fast
    from app.sealing.keys import KeyUnusable, key_or_fingerprint  # noqa: PLC0415
    from app.sealing.zipped import ExportUnusable  # noqa: PLC0415

    try:
        result = _examine(files, key_or_fingerprint(_text_of(key)) if key is not None else None)
    except KeyUnusable as error:
        raise click.BadParameter(str(error), param_hint="--public-key") from error
    except ExportUnusable as error:
        raise click.UsageError(visible(str(error))) from error
    except OSError as error:
        raise click.UsageError(f"{error.filename} cannot be read: {error.strerror}") from error
    if isinstance(result, VerifiedCertificate):
        shown.print_certificate_json(result) if as_json else shown.print_certificate(result)
    else:
        shown.print_export_json(result) if as_json else shown.print_export(result)
    sys.exit(0 if result.intact else 1)


def _examine(files: tuple[Path, ...], key: bytes | str | None) -> Verified | VerifiedCertificate:
    """Check an export, a certificate, or both.

    Raises:
        ExportUnusable: a file is neither, there is more than one of a kind, or the key is missing.
        OSError: a file cannot be read.
    """
    from app.sealing import envelope  # noqa: PLC0415 - keeps the overview of commands fast
    from app.sealing.compared import verify_alone  # noqa: PLC0415
    from app.sealing.exported import verify as examine  # noqa: PLC0415
    from app.sealing.zipped import ExportUnusable  # noqa: PLC0415

    signed = [path for path in files if _is_certificate(path)]
    exports = [path for path in files if path not in signed]
    if len(signed) > 1 or len(exports) > 1:
        raise ExportUnusable("Verify one export, one certificate, or one of each at a time.")
    certificate = envelope.read(signed[0]) if signed else None
    if exports:
        return examine(exports[0], key, certificate)
    if not isinstance(key, bytes) or certificate is None:
        raise ExportUnusable(
            "A certificate does not contain the key that signed it. Pass the key itself with --public-key, or the export too."
        )
    return verify_alone(certificate, key)


def _is_certificate(path: Path) -> bool:
    """Whether a file looks like a certificate, which is a JSON object. An export is a zip."""
    with path.open("rb") as file:
        return file.read(64).lstrip()[:1] == b"{"


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


@command_group()
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
