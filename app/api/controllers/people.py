"""People and keys: who may sign in, and what they may do. Only administrators change them."""

from __future__ import annotations

from litestar import Controller, Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from sqlalchemy import Connection

from app.api.http.any_request import AnyRequest
from app.api.http.callers import caller_of
from app.api.http.credentials import Credentials
from app.api.http.idempotency import answer_once
from app.api.http.people_bodies import AddKey, AddPerson, ChangeKey, ChangePassword, ChangePerson, RotateKey
from app.api.http.permission import SCOPE
from app.api.http.services import Services
from app.domain.errors import Conflict, Invalid
from app.domain.people import Access
from app.storage import filters, identities
from app.storage.identities import KEEP, Kind, Known
from signoff.schemas.people import (
    Me,
    NewServiceKey,
    Person,
    PersonList,
    RoleGrant,
    ServiceKey,
    ServiceKeyList,
)
from signoff.schemas.problems import Problem
from signoff.vocabulary import Scope

_NOT_STORED = {"Cache-Control": "no-store"}


class MeController(Controller):
    """The sender of the request."""

    path = "/api/me"
    tags = ("people",)

    @get("/", operation_id="getMe", opt={SCOPE: Scope.SELF}, summary="Get who you are, and what you may do")
    async def get_me(self, request: AnyRequest) -> Response[Me]:
        """The name, the id that the record keeps with it, and the roles."""
        return Response(_me(request), headers=_NOT_STORED)

    @put("/password", operation_id="changePassword", opt={SCOPE: Scope.SELF}, summary="Change your password")
    async def change_password(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        credentials: NamedDependency[Credentials],
        data: JSONBody[ChangePassword],
    ) -> Response[Me]:
        """Needs the current password. Your sessions end, so sign in again."""
        caller = caller_of(request)
        found = await services.database.read(lambda conn: identities.find(conn, str(caller.actor_id)))
        if found is None or found.identity.kind != Kind.PERSON or found.credential is None:
            raise Conflict("Only a person who signs in with a password has one to change.", code="no_password")
        address = request.client.host if request.client else ""
        current, stored = data.password.get_secret_value(), found.credential.hash
        if not await credentials.passwords.matches(current, stored, name=found.identity.name, address=address):
            # Not a 401, which says that the session has ended.
            message = "The current password is not right."
            raise Invalid(message, code="wrong_password", details=[Problem(field="password", message=message)])
        hashed = await credentials.passwords.hash(data.new_password.get_secret_value())
        person_id = found.identity.id
        await services.database.transact(lambda conn: identities.set_password(conn, person_id, hashed))
        return Response(_me(request), headers=_NOT_STORED)


class PeopleController(Controller):
    """The people who may sign in."""

    path = "/api/people"
    tags = ("people",)

    @get("/", operation_id="listPeople", opt={SCOPE: Scope.ADMIN}, summary="List people")
    async def list_people(self, services: NamedDependency[Services]) -> PersonList:
        """By name, including those who are disabled."""
        found = await services.database.read(lambda conn: identities.all_of(conn, Kind.PERSON))
        return PersonList(people=[_person(known) for known in found])

    @post("/", operation_id="addPerson", opt={SCOPE: Scope.ADMIN}, summary="Add a person")
    async def add_person(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        credentials: NamedDependency[Credentials],
        data: JSONBody[AddPerson],
    ) -> Response[Person]:
        """The name must differ from that of every other person and key. It may change later; the id does not."""
        hashed = None
        if data.password is not None:
            hashed = await credentials.passwords.hash(data.password.get_secret_value())
        by = caller_of(request).sender

        def work(conn: Connection) -> Person:
            person_id = identities.add(conn, Kind.PERSON, data.name, data.roles, by=by, email=data.email)
            if hashed is not None:
                identities.set_password(conn, person_id, hashed)
            return _person(identities.get(conn, person_id, Kind.PERSON))

        return await answer_once(request, services, work, status=201, headers=_NOT_STORED)

    @put("/{person_id:str}", operation_id="changePerson", opt={SCOPE: Scope.ADMIN}, summary="Change a person")
    async def change_person(
        self,
        services: NamedDependency[Services],
        credentials: NamedDependency[Credentials],
        person_id: FromPath[str],
        data: JSONBody[ChangePerson],
    ) -> Response[Person]:
        """What the person did stays on record under the name that they had then."""
        hashed = None
        if data.password is not None:
            hashed = await credentials.passwords.hash(data.password.get_secret_value())
        values = data.model_dump(exclude_unset=True, include={"name", "email", "disabled"})
        # A name cannot be removed; null leaves it as it is.
        changes: dict[str, object] = {
            name: value for name, value in values.items() if value is not None or name == "email"
        }
        if data.roles is not None:
            changes["grants"] = data.roles

        def work(conn: Connection) -> Person:
            found = identities.get(conn, person_id, Kind.PERSON)
            identities.change(conn, found.identity, **changes)
            if hashed is not None:
                identities.set_password(conn, found.identity.id, hashed)
            return _person(identities.get(conn, found.identity.id, Kind.PERSON))

        return Response(await services.database.transact(work), headers=_NOT_STORED)


class KeyController(Controller):
    """The keys of programs."""

    path = "/api/keys"
    tags = ("people",)

    @get("/", operation_id="listKeys", opt={SCOPE: Scope.ADMIN}, summary="List keys")
    async def list_keys(self, services: NamedDependency[Services]) -> ServiceKeyList:
        """By name, including those that were revoked or have expired. The texts of keys are stored nowhere."""
        found = await services.database.read(lambda conn: identities.all_of(conn, Kind.KEY))
        return ServiceKeyList(keys=[_key(known) for known in found])

    @post("/", operation_id="addKey", opt={SCOPE: Scope.ADMIN}, summary="Add a key")
    async def add_key(
        self, request: AnyRequest, services: NamedDependency[Services], data: JSONBody[AddKey]
    ) -> Response[NewServiceKey]:
        """The answer has the text of the key, which is never shown again."""
        by, expires_at = caller_of(request).sender, identities.expiry_after(data.days)

        def work(conn: Connection) -> NewServiceKey:
            key_id = identities.add(conn, Kind.KEY, data.name, data.roles, by=by)
            text = identities.set_key(conn, key_id, expires_at=expires_at)
            return NewServiceKey(**_key(identities.get(conn, key_id, Kind.KEY)).model_dump(), key=text)

        return await answer_once(request, services, work, status=201, headers=_NOT_STORED)

    @put("/{key_id:str}", operation_id="changeKey", opt={SCOPE: Scope.ADMIN}, summary="Change a key")
    async def change_key(
        self, services: NamedDependency[Services], key_id: FromPath[str], data: JSONBody[ChangeKey]
    ) -> Response[ServiceKey]:
        """Its text stays the same, so it cannot get a role that it does not have. For that, add a new key."""
        # A name and roles cannot be removed; null leaves them as they are.
        given = {"name": data.name, "grants": data.roles}
        changes = {name: value for name, value in given.items() if value is not None}
        expiry = identities.expiry_after(data.days) if "days" in data.model_fields_set else KEEP

        def work(conn: Connection) -> ServiceKey:
            identities.change_key(conn, identities.get(conn, key_id, Kind.KEY), expiry=expiry, **changes)
            return _key(identities.get(conn, key_id, Kind.KEY))

        return Response(await services.database.transact(work), headers=_NOT_STORED)

    @post(
        "/{key_id:str}/rotate",
        operation_id="rotateKey",
        opt={SCOPE: Scope.ADMIN},
        summary="Replace the text of a key",
        status_code=200,
    )
    async def rotate_key(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        key_id: FromPath[str],
        data: JSONBody[RotateKey],
    ) -> Response[NewServiceKey]:
        """The earlier text is no longer valid. Name, id and roles stay."""
        expires_at = identities.expiry_after(data.days)

        def work(conn: Connection) -> NewServiceKey:
            found = identities.get(conn, key_id, Kind.KEY).identity
            if found.disabled_at is not None:
                raise Conflict("This key was revoked. Add a new one.", code="key_revoked")
            text = identities.set_key(conn, found.id, expires_at=expires_at)
            return NewServiceKey(**_key(identities.get(conn, found.id, Kind.KEY)).model_dump(), key=text)

        return await answer_once(request, services, work, headers=_NOT_STORED)

    @delete(
        "/{key_id:str}", operation_id="revokeKey", opt={SCOPE: Scope.ADMIN}, summary="Revoke a key", status_code=200
    )
    async def revoke_key(self, services: NamedDependency[Services], key_id: FromPath[str]) -> Response[ServiceKey]:
        """It is permanently invalid. What it did stays on record. Its saved filters are deleted."""

        def work(conn: Connection) -> ServiceKey:
            found = identities.get(conn, key_id, Kind.KEY).identity
            identities.change(conn, found, disabled=True)
            filters.forget(conn, found.id)
            return _key(identities.get(conn, found.id, Kind.KEY))

        return Response(await services.database.transact(work), headers=_NOT_STORED)


def _me(request: AnyRequest) -> Me:
    caller = caller_of(request)
    return Me(
        id=str(caller.actor_id),
        name=caller.actor,
        via=str(caller.via),
        roles=_roles(caller.access),
        scopes=caller.access.scopes,
    )


def _roles(access: Access) -> list[RoleGrant]:
    return [RoleGrant(role=grant.role, labels=grant.labels) for grant in access.grants]


def _person(known: Known) -> Person:
    found = known.identity
    return Person(
        id=found.id,
        name=found.name,
        email=found.email,
        roles=_roles(found.access),
        can_sign_in=known.credential is not None and found.disabled_at is None,
        disabled=found.disabled_at is not None,
        created_at=found.created_at,
        created_by=found.created_by,
    )


def _key(known: Known) -> ServiceKey:
    found, credential = known.identity, known.credential
    assert credential is not None  # noqa: S101 - for the type checker: a key is stored together with its text's hash
    return ServiceKey(
        id=found.id,
        name=found.name,
        prefix=str(credential.prefix),
        roles=_roles(found.access),
        expires_at=credential.expires_at,
        last_used_at=credential.last_used_at,
        revoked=found.disabled_at is not None,
        created_at=found.created_at,
        created_by=found.created_by,
    )
