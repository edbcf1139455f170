"""The identities of the store, ready to be asked: whose access key is that, and which policies limit a principal.

Everything is kept in memory after the first question and forgotten when an identity changes: whoever writes a record
of a kind below calls `forget` afterwards.
"""

import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec

from sagesse.core.clock import Clock, SystemClock
from sagesse.core.policy.access_key import account_of
from sagesse.core.policy.aws_managed import managed_policies
from sagesse.core.policy.decision import Layer, NamedPolicy, Permissions
from sagesse.core.policy.document import compile_policy
from sagesse.core.principal import Credential, Principal
from sagesse.core.record import ChangeOf, Key, Record, Store

USER, ROLE, POLICY, ACCESS_KEY, SESSION = "iam:User", "iam:Role", "iam:Policy", "iam:AccessKey", "sts:Session"
_MOST_KEPT = 10_000
_AWS_POLICY = "arn:aws:iam::aws:policy/"
_Question = tuple[str, str, tuple[str, ...]]
K = TypeVar("K")
V = TypeVar("V")


class Identities:
    """Users, roles, policies, access keys and sessions. Implements `core.principal.Credentials`."""

    def __init__(self, store: Store, clock: Clock | None = None) -> None:
        self._store = store
        self._clock = clock or SystemClock()
        self._guard = threading.Lock()
        self._generation = 0
        self._credentials: dict[str, Credential] = {}
        self._permissions: dict[_Question, Permissions] = {}
        self._last_used: dict[str, float] = {}

    @property
    def store(self) -> Store:
        """The records."""
        return self._store

    def now(self) -> float:
        """Epoch seconds."""
        return self._clock.now()

    def find(self, access_key_id: str) -> Credential | None:
        """The active credential of that access key; see `Credentials.find`."""
        found = self._kept(self._credentials, access_key_id, lambda: self._read_credential(access_key_id))
        if found is not None and found.expires is None:
            self._last_used[access_key_id] = self._clock.now()
        return found

    def end(self, access_key_id: str) -> None:
        """See `Credentials.end`."""
        for session in self.ending(access_key_id):
            self._store.update(*session)
        self.ended(access_key_id)

    def ending(self, access_key_id: str) -> list[ChangeOf]:
        """See `Credentials.ending`."""
        account, now = account_of(access_key_id), self._clock.now()

        def expire(session: Record) -> Record | None:
            session.state["expires"] = min(session.state["expires"], now)
            return session

        return [ChangeOf(Key(SESSION, account, "", access_key_id), expire)] if account is not None else []

    def ended(self, access_key_id: str) -> None:
        """See `Credentials.ended`."""
        with self._guard:
            self._generation += 1
            self._credentials.pop(access_key_id, None)

    def last_used(self, access_key_id: str) -> float | None:
        """When that lasting access key was last asked for, since this process began."""
        return self._last_used.get(access_key_id)

    def permissions(self, principal: Principal) -> Permissions:
        """The policies that limit a user or a role session."""
        question = (principal.role_arn or principal.arn, principal.id, principal.session_policies)
        found = self._kept(self._permissions, question, lambda: self._read_permissions(principal))
        return found if found is not None else Permissions(Layer("identity-based policy", ()))

    def user(self, account: str, name: str) -> Record | None:
        """The user of that name."""
        return self._store.get(Key(USER, account, "", name))

    def role(self, account: str, name: str) -> Record | None:
        """The role of that name."""
        return self._store.get(Key(ROLE, account, "", name))

    def document(self, policy_arn: str) -> str | None:
        """The default version of a managed policy, of AWS or of a customer."""
        if policy_arn.startswith(_AWS_POLICY):
            managed = managed_policies().get(policy_arn)
            return managed.document if managed else None
        record = self._store.by_arn(policy_arn)
        if record is None or record.kind != POLICY:
            return None
        return record.state["versions"][record.state["default"]]["document"]

    def policies(self, record: Record) -> Iterable[NamedPolicy]:
        """The inline and attached policies of a user or a role; attached ones that are gone are left out."""
        sort = "user" if record.kind == USER else "role"
        for name, document in record.state["inline"].items():
            yield NamedPolicy(name, sort, compile_policy(document))
        for arn in record.state["attached"]:
            if (policy := self.managed(arn)) is not None:
                yield policy

    def managed(self, policy_arn: str) -> NamedPolicy | None:
        """A managed policy, compiled."""
        document = self.document(policy_arn)
        if document is None:
            return None
        sort = "aws-managed" if policy_arn.startswith(_AWS_POLICY) else "user-managed"
        return NamedPolicy(policy_arn.rpartition("/")[2], sort, compile_policy(document))

    def of_record(self, record: Record, *, session: tuple[str, ...] = ()) -> Permissions:
        """The policies that limit a user or a role, narrowed by a session's."""
        boundary_arn = record.output.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        boundary: Layer | None = None
        if boundary_arn is not None:
            # A boundary whose policy is gone allows nothing, as in AWS.
            policy = self.managed(boundary_arn)
            boundary = Layer("permissions boundary", [policy] if policy else [])
        narrowing = [NamedPolicy("session", "none", compile_policy(text)) for text in session]
        return Permissions(
            Layer("identity-based policy", self.policies(record)),
            boundary,
            Layer("session policy", narrowing) if narrowing else None,
        )

    def forget(self) -> None:
        """Ask the store again: an identity, a policy or a key has changed."""
        with self._guard:
            self._generation += 1
            self._credentials.clear()
            self._permissions.clear()

    def _kept(self, kept: dict[K, V], key: K, read: Callable[[], V | None]) -> V | None:
        """`read`, remembered, unless something changed while it read."""
        found = kept.get(key)
        if found is not None:
            return found
        generation = self._generation
        found = read()
        if found is None:
            return None
        with self._guard:
            if generation == self._generation:
                if len(kept) >= _MOST_KEPT:
                    kept.clear()
                kept[key] = found
        return found

    def _read_credential(self, access_key_id: str) -> Credential | None:
        account = account_of(access_key_id)
        if account is None:
            return None
        if access_key_id.startswith("ASIA"):
            record = self._store.get(Key(SESSION, account, "", access_key_id))
            return self._session(record) if record else None
        record = self._store.get(Key(ACCESS_KEY, account, "", access_key_id))
        if record is None or record.output["Status"] != "Active":
            return None
        owner = self._owner(record)
        return Credential(access_key_id, record.state["secret"], owner) if owner else None

    def _owner(self, key: Record) -> Principal | None:
        name = key.request.get("UserName", "")
        if not name:
            return Principal.root(key.account)
        user = self.user(key.account, name)
        return user_principal(user) if user else None

    def _session(self, record: Record) -> Credential | None:
        principal = msgspec.convert(record.state["principal"], Principal)
        if principal.kind == "user":
            user = self.user(principal.account, principal.name)
            if user is None or user.output["UserId"] != principal.id:
                return None
            principal = msgspec.structs.replace(
                user_principal(user), session_policies=principal.session_policies
            )
        return Credential(
            access_key_id=record.name,
            secret=record.state["secret"],
            principal=principal,
            session_token=record.state["token"],
            expires=record.state["expires"],
        )

    def _read_permissions(self, principal: Principal) -> Permissions | None:
        if principal.kind == "user":
            record = self.user(principal.account, principal.name)
            is_same = record is not None and record.output["UserId"] == principal.id
        else:
            record = self.role(principal.account, principal.role_arn.rpartition("/")[2])
            # A role made again under an old name is another role: sessions of the old one have no rights.
            is_same = record is not None and record.output["RoleId"] == principal.id.partition(":")[0]
        if record is None or not is_same:
            return None
        return self.of_record(record, session=principal.session_policies)


def user_principal(user: Record) -> Principal:
    """The principal that a user's record stands for."""
    return Principal(
        account=user.account,
        arn=user.arn,
        kind="user",
        id=user.output["UserId"],
        name=user.name,
        tags=tuple(user.tags.items()),
    )
