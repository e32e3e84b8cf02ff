"""Stored answers that hold the text of a key: encrypted, so that the database alone reveals nothing.

The encryption key derives from the key that seals the record. Only the app has it, and it is never in the database. After that
key was replaced, earlier answers cannot be read any more: a repeat of their requests then counts as a request with another body.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import replace

from cryptography.fernet import Fernet, InvalidToken

from app.domain.errors import Conflict
from app.domain.signing import Signer
from app.storage.idempotency import Answer

_PURPOSE = "stored answers with secrets"


class SecretAnswers:
    """Hides answers before they are stored, and hashes the bodies of requests that may contain a password.

    Args:
        signer: has the private key from which the secrets derive.
    """

    def __init__(self, signer: Signer) -> None:
        secret = signer.derive(_PURPOSE)
        self._fernet = Fernet(base64.urlsafe_b64encode(secret))
        self._secret = secret

    def hash_of(self, body_hash: str) -> str:
        """A hash from which nobody without the secret can guess the body."""
        return hmac.new(self._secret, body_hash.encode(), "sha256").hexdigest()

    def hide(self, answer: Answer) -> Answer:
        """The answer as it may be stored."""
        return replace(answer, body=self._fernet.encrypt(answer.body))

    def reveal(self, answer: Answer) -> Answer:
        """The answer as it was sent.

        Raises:
            Conflict: `answer_changed`: somebody changed the stored answer.
        """
        try:
            return replace(answer, body=self._fernet.decrypt(answer.body))
        except InvalidToken as error:
            message = (
                "The stored answer to this Idempotency-Key was changed, so it cannot be sent again. Use a new key."
            )
            raise Conflict(message, code="answer_changed") from error
