"""Names and e-mail addresses of people, as requests and settings give them."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from app.domain.people import objection_to_name
from app.domain.plan import PLAIN


def _name(name: str) -> str:
    if (why := objection_to_name(name)) is not None:
        raise ValueError(why)
    return name.strip()


PersonName = Annotated[str, StringConstraints(max_length=100), PLAIN, AfterValidator(_name)]
Email = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^@\s]+@[^@\s]+$"), PLAIN]
# One address to which mail is sent: nothing in it can be read as a second one, or as a name.
MailAddress = Annotated[
    str, StringConstraints(max_length=200, pattern=r'^[^@\s,;:<>()"\\?&%/]+@[A-Za-z0-9.-]+\.?[A-Za-z0-9]+$'), PLAIN
]


def mailbox_of(address: str) -> str:
    """The mailbox to which an e-mail address belongs: `dana+x@example.com` reaches the reader of `dana@example.com`."""
    local, _, domain = address.strip().lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain.rstrip('.')}"
