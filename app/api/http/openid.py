"""Signing in with an OpenID Connect provider: the authorization code flow, with PKCE, a state and a nonce.

What must be kept until the provider sends the browser back is in a cookie of that browser, encrypted, so that any app process can
finish what another one began.
"""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.base_client import BaseApp
from authlib.integrations.base_client.async_app import AsyncOAuth2Mixin
from authlib.integrations.base_client.async_openid import AsyncOpenIDMixin
from authlib.integrations.httpx_client import AsyncOAuth2Client
from cryptography.fernet import Fernet, InvalidToken
from joserfc.errors import JoseError

from app.domain.errors import DomainError, Unauthorized, Unavailable
from app.domain.sign_in import FLOW_SECONDS, Claims, OidcEntry
from app.domain.signing import Signer

logger = logging.getLogger(__name__)
CALLBACK = "/api/session/oidc/callback"
_TIMEOUT_SECONDS = 10.0
_PURPOSE = "sign-in with OpenID Connect"
# Signatures that need a public key to check. Others would let whoever knows the client's secret, or nothing, sign in.
_ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA", "Ed25519")


class _Client(AsyncOAuth2Mixin, AsyncOpenIDMixin, BaseApp):
    client_cls = AsyncOAuth2Client

    async def load_server_metadata(self) -> dict[str, object]:
        metadata = await super().load_server_metadata()
        offered = _texts(metadata.get("id_token_signing_alg_values_supported")) or ("RS256",)
        metadata["id_token_signing_alg_values_supported"] = [name for name in offered if name in _ALGORITHMS]
        return metadata


@dataclass(frozen=True)
class Begun:
    """A sign-in that has begun.

    Attributes:
        url: where to send the browser.
        kept: the content of the cookie.
    """

    url: str
    kept: str


class OpenId:
    """Signs people in with one provider.

    Args:
        entry: describes the provider.
        secret: the client's secret; empty if the provider gave none.
        public_url: the address at which browsers reach this app.
        signer: has the private key from which the key of the cookie derives.
    """

    def __init__(self, entry: OidcEntry, secret: str, *, public_url: str, signer: Signer) -> None:
        self.entry = entry
        self.is_secure = public_url.startswith("https://")
        self._redirect_uri = f"{public_url}{CALLBACK}"
        self._fernet = Fernet(base64.urlsafe_b64encode(signer.derive(_PURPOSE)))
        self._secret = secret
        self._client: _Client | None = None

    async def begin(self, then: str) -> Begun:
        """Begin a sign-in. Afterwards the browser goes to the path `then`.

        Raises:
            Unavailable: the provider does not answer.
        """
        try:
            client = await self._ready()
            made = await client.create_authorization_url(self._redirect_uri)
        except (httpx2.HTTPError, AuthlibBaseError, ValueError, KeyError, RuntimeError) as error:
            raise self._away(error) from error
        kept = {"state": made["state"], "nonce": made["nonce"], "verifier": made["code_verifier"], "then": then}
        return Begun(url=made["url"], kept=self._fernet.encrypt(json.dumps(kept).encode()).decode())

    async def finish(self, query: Mapping[str, str], kept: str) -> tuple[Claims, str]:
        """Finish a sign-in with what the provider sent along. Return what it says about the person, and the path to go to.

        Raises:
            Unauthorized: `sign_in_expired` or `sign_in_refused`.
            Unavailable: the provider does not answer.
        """
        began = self._read(kept)
        # Without the right state, another site, or another browser, may have made this request.
        if began is None or query.get("state") != began["state"]:
            raise Unauthorized("This sign-in was not begun here, or has expired. Try again.", code="sign_in_expired")
        if "error" in query or "code" not in query:
            logger.warning("the identity provider refused a sign-in: %s", query.get("error", "no code")[:100])
            raise Unauthorized(f"{self.entry.name} did not let you sign in.", code="sign_in_refused")
        if query.get("iss", self.entry.issuer) != self.entry.issuer:
            raise Unauthorized("This answer comes from another identity provider.", code="sign_in_refused")
        try:
            client = await self._ready()
            token = await client.fetch_access_token(
                self._redirect_uri, code=query["code"], state=began["state"], code_verifier=began["verifier"]
            )
            claims = await client.parse_id_token(token, nonce=began["nonce"])
            if claims is None:
                raise ValueError("there is no ID token")
            if self.entry.groups_claim not in claims and "userinfo_endpoint" in client.server_metadata:
                more = await client.userinfo(token=token)
                # Another person's details would give them this person's name.
                if more.get("sub") == claims["sub"]:
                    claims = {**more, **claims}
        except httpx2.HTTPError as error:
            raise self._away(error) from error
        except (AuthlibBaseError, JoseError, ValueError, KeyError, RuntimeError) as error:
            logger.warning("a sign-in failed: %s: %s", type(error).__name__, str(error)[:200])
            raise Unauthorized(f"The answer of {self.entry.name} is not valid.", code="sign_in_refused") from error
        return self._claims(claims), began["then"]

    async def _ready(self) -> _Client:
        client = self._client or _Client(
            None,
            client_id=self.entry.client_id,
            client_secret=self._secret or None,
            server_metadata_url=f"{self.entry.issuer.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={
                "scope": " ".join(self.entry.scopes),
                "code_challenge_method": "S256",
                "timeout": _TIMEOUT_SECONDS,
                **({} if self._secret else {"token_endpoint_auth_method": "none"}),
            },
        )
        metadata = await client.load_server_metadata()
        if metadata.get("issuer") != self.entry.issuer:
            raise ValueError(f"the provider says that its issuer is {str(metadata.get('issuer'))[:200]}")
        self._client = client
        return client

    def _read(self, kept: str) -> dict[str, str] | None:
        try:
            return json.loads(self._fernet.decrypt(kept.encode(), ttl=FLOW_SECONDS))
        except (InvalidToken, ValueError):
            return None

    def _claims(self, claims: Mapping[str, object]) -> Claims:
        email = claims.get("email")
        subject = str(claims["sub"])
        name = claims.get("name") or claims.get("preferred_username") or email or subject
        return Claims(
            issuer=self.entry.issuer,
            subject=subject,
            name=str(name),
            email=str(email) if email and claims.get("email_verified") is True else None,
            groups=_texts(claims.get(self.entry.groups_claim)),
        )

    def _away(self, error: Exception) -> DomainError:
        logger.error("the identity provider cannot be used: %s: %s", type(error).__name__, error)
        return Unavailable(f"{self.entry.name} does not answer. Try again in a minute.")


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in cast("list[object]", value)) if isinstance(value, list) else ()
