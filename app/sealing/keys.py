"""The app's keys: the one that signs now, and those that signed before it.

The private key is in its own file, or comes from a setting. Workers do not need it, and get neither the file nor the setting.
"""

from __future__ import annotations

import base64
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from pydantic import ValidationError

from app.domain.identity import now
from app.domain.signing import KEY_BYTES, KeyChange, KeyRing, Signer, fingerprint_of

PRIVATE, PUBLIC, CHANGES = "seal.key", "seal.pub", "changes.jsonl"
_WANTED = (
    "SIGNOFF_SEAL_KEY is not an Ed25519 private key. Give it as PEM (`openssl genpkey -algorithm ed25519`), or as the base64 "
    "of 32 random bytes (`openssl rand -base64 32`)."
)


class KeyUnusable(ValueError):
    """A key from a caller or from storage cannot be used. The message says what to do."""


@dataclass(frozen=True)
class Keys:
    """The keys that the app seals with.

    Attributes:
        signer: holds the private key.
        ring: the public keys whose seals are valid.
        changes: how one key replaced another.
    """

    signer: Signer
    ring: KeyRing
    changes: list[KeyChange]

    @property
    def pem(self) -> str:
        """The public key, as PEM for others."""
        return pem_of(self.signer.public_key)

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the public key."""
        return fingerprint_of(self.signer.public_key)


def pem_of(public_key: bytes) -> str:
    """Return a public key as PEM."""
    key = Ed25519PublicKey.from_public_bytes(public_key)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def public_key_in(text: str) -> bytes:
    """Return the public key in a PEM text.

    Raises:
        KeyUnusable: the text contains no Ed25519 public key.
    """
    try:
        key = load_pem_public_key(text.encode())
    except (ValueError, TypeError) as error:
        raise KeyUnusable("This is not an Ed25519 public key in PEM.") from error
    if not isinstance(key, Ed25519PublicKey):
        raise KeyUnusable("This is not an Ed25519 public key in PEM.")
    return key.public_bytes_raw()


def key_or_fingerprint(text: str) -> bytes | str:
    """Parse what a person gives to identify a key: the key as PEM or base64, or its fingerprint in hexadecimal digits.

    Raises:
        KeyUnusable: it is none of these.
    """
    text = text.strip()
    if "BEGIN" in text:
        return public_key_in(text)
    if re.fullmatch("[0-9a-fA-F]{64}", text):
        return text.lower()
    with suppress(ValueError):
        key = base64.b64decode(text, validate=True)
        if len(key) == KEY_BYTES:
            return key
    raise KeyUnusable(
        "This is not a public key. Give the key as PEM or as the base64 of 32 bytes, in a file or as text, or give its "
        "fingerprint (64 hexadecimal digits)."
    )


def load_keys(folder: Path, given: str = "") -> Keys:
    """Load the app's keys. If no private key is given, the first start creates one.

    Args:
        folder: the folder of the key files. Only the app's user may read them.
        given: the private key from a setting, as PEM or the base64 of 32 bytes; empty if there is none.

    Raises:
        KeyUnusable: the key cannot be read, or other users can read it.
        OSError: the folder cannot be used.
    """
    signer = Signer(_parse(given)) if given.strip() else Signer(_stored(folder))
    changes = read_changes(folder)
    ring = KeyRing([signer.public_key], signer).with_changes(changes)
    return Keys(signer, ring, changes)


@dataclass(frozen=True)
class Rotation:
    """A change of keys. `private` is the new private key as PEM if the caller must store it, or else None."""

    old_id: str
    new_id: str
    fingerprint: str
    private: str | None


def rotate(folder: Path, given: str = "") -> Rotation:
    """Make a new key. The old and the new key both sign the change.

    Args:
        folder: the folder of the key files. The new key replaces the stored one.
        given: the private key from a setting, if there is one. Then only the change is stored.

    Raises:
        KeyUnusable: there is no key to replace.
        OSError: the folder cannot be used.
    """
    stored = not given.strip()
    if stored and not (folder / PRIVATE).exists():
        raise KeyUnusable(f"There is no key in {folder}. Start the app once, or name its data folder with --data-dir.")
    old = Signer(_read(folder / PRIVATE) if stored else _parse(given))
    private = Ed25519PrivateKey.generate()
    new = Signer(private)
    change = KeyChange(old=_text(old.public_key), new=_text(new.public_key), at=now())
    change = change.model_copy(
        update={"by_old": old.sign("key", change.content), "by_new": new.sign("key", change.content)}
    )
    _make_folder(folder)
    # Write the change first: without it, those who know only the old key would not trust the new one.
    with (folder / CHANGES).open("a", encoding="utf-8") as file:
        file.write(change.model_dump_json() + "\n")
        file.flush()
        os.fsync(file.fileno())
    if stored:
        fresh = folder / f".{PRIVATE}.{os.getpid()}"
        _write_private(fresh, private)
        fresh.replace(folder / PRIVATE)
        _write_public(folder, private)
    return Rotation(old.key_id, new.key_id, fingerprint_of(new.public_key), None if stored else _private_text(private))


def read_changes(folder: Path) -> list[KeyChange]:
    """Return how one key replaced another, according to the folder."""
    with suppress(FileNotFoundError):
        return parse_changes((folder / CHANGES).read_text(encoding="utf-8"))
    return []


def parse_changes(text: str) -> list[KeyChange]:
    """Parse changes of keys, one per line. Other lines are left out."""
    found: list[KeyChange] = []
    for line in text.splitlines():
        with suppress(ValidationError):
            found.append(KeyChange.model_validate_json(line))
    return found


def _stored(folder: Path) -> Ed25519PrivateKey:
    _make_folder(folder)
    path = folder / PRIVATE
    if path.exists():
        return _read(path)
    private = Ed25519PrivateKey.generate()
    fresh = folder / f".{PRIVATE}.{os.getpid()}"
    _write_private(fresh, private)
    try:
        # If two apps start at once, both use the key that was written first.
        os.link(fresh, path)
    except FileExistsError:
        return _read(path)
    finally:
        fresh.unlink()
    _write_public(folder, private)
    return private


def _make_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)


def _read(path: Path) -> Ed25519PrivateKey:
    if path.stat().st_mode & 0o077:
        raise KeyUnusable(f"Other users can read {path}: run `chmod 600 {path}`.")
    return _parse(path.read_text(encoding="utf-8"))


def _write_private(path: Path, private: Ed25519PrivateKey) -> None:
    text = _private_text(private)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _private_text(private: Ed25519PrivateKey) -> str:
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _write_public(folder: Path, private: Ed25519PrivateKey) -> None:
    (folder / PUBLIC).write_text(pem_of(private.public_key().public_bytes_raw()), encoding="utf-8")


def _parse(text: str) -> Ed25519PrivateKey:
    try:
        if "BEGIN" not in text:
            return Ed25519PrivateKey.from_private_bytes(base64.b64decode(text.strip(), validate=True))
        key = load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise KeyUnusable(_WANTED) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusable(_WANTED)
    return key


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode()
