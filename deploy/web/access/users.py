"""The users of a site, their roles, password hashes and tokens, in one file that only its owner can read."""

import hashlib
import re
import secrets
import threading
from enum import StrEnum
from pathlib import Path

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ingest.errors import ConfigError

NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}\Z")
SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 256
"""Characters; a longer one would cost memory before it is hashed."""


class Role(StrEnum):
    """Permissions, each with those of the ones before it."""

    VIEWER = "viewer"  # sees everything, changes nothing
    OPERATOR = "operator"  # corrects links
    ADMIN = "admin"  # changes cameras

    def includes(self, other: "Role") -> bool:
        """True where this role has the permissions of another."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(other)


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """An API token: its name, and the SHA-256 of what its holder sends (256 random bits need no slow hash)."""

    name: str
    digest: str


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A user. password: Argon2id hash with its parameters."""

    name: str
    role: Role
    password: str
    tokens: list[Token] = []


class Users:
    """The users in a file; other processes may change it meanwhile. Raises ConfigError for one that cannot be used.

    hasher: its parameters are those of new hashes; a known one carries its own.
    """

    def __init__(self, path: Path, hasher: PasswordHasher | None = None) -> None:
        self.path = path
        self._hasher = hasher or PasswordHasher()
        self._one_at_a_time = threading.Lock()
        self._read_at: tuple[int, int] | None = None
        self._users: dict[str, User] = {}
        # Verified where there is no such user, so that the time tells nobody which names there are.
        self._nobody = self._hasher.hash(secrets.token_urlsafe())
        self.all()

    def all(self) -> dict[str, User]:
        """The users by name, as they stand in the file now."""
        try:
            stat = self.path.stat()
            if (stat.st_mtime_ns, stat.st_size) != self._read_at:
                found = msgspec.json.decode(self.path.read_bytes(), type=list[User])
                self._users = {user.name: user for user in found}
                self._read_at = stat.st_mtime_ns, stat.st_size
        except FileNotFoundError:
            self._users, self._read_at = {}, None
        except (OSError, msgspec.MsgspecError) as error:
            raise ConfigError(f"the users in {self.path} cannot be read: {error}") from error
        return self._users

    def add(self, name: str, role: Role, password: str) -> None:
        """Add a user, or give a known one another role and password; raises ConfigError for what is too weak."""
        if not NAME.match(name):
            raise ConfigError(f"user '{name}': letters, digits, '.', '_' and '-', at most 32 of them")
        if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
            raise ConfigError(f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
        known = self.all().get(name)
        tokens = known.tokens if known else []
        self._write({**self.all(), name: User(name=name, role=role, password=self.hash(password), tokens=tokens)})

    def remove(self, name: str) -> None:
        """Remove a user, with all tokens."""
        gone = self.known(name)
        self._write({other: user for other, user in self.all().items() if other != gone.name})

    def add_token(self, name: str, label: str) -> str:
        """Make a token for a user; returns it, which is nowhere kept."""
        user, token = self.known(name), secrets.token_urlsafe(32)
        kept = [each for each in user.tokens if each.name != label]
        entry = Token(name=label, digest=_digest(token))
        self._write({**self.all(), name: msgspec.structs.replace(user, tokens=[*kept, entry])})
        return token

    def known(self, name: str) -> User:
        """The user of a name; raises ConfigError where there is none."""
        found = self.all().get(name)
        if found is None:
            raise ConfigError(f"there is no user '{name}' in {self.path} ({', '.join(self.all()) or 'nobody'})")
        return found

    def hash(self, password: str) -> str:
        with self._one_at_a_time:
            return self._hasher.hash(password)

    def with_password(self, name: str, password: str) -> User | None:
        """The user of a name and a password, None if it is wrong; as slow as the hash, one at a time."""
        user = self.all().get(name)
        with self._one_at_a_time:
            try:
                self._hasher.verify(user.password if user else self._nobody, password[:LONGEST_PASSWORD])
            except (VerificationError, InvalidHashError):
                return None
        return user

    def with_token(self, token: str) -> User | None:
        """The user whose token it is."""
        digest = _digest(token)
        for user in self.all().values():
            if any(secrets.compare_digest(each.digest, digest) for each in user.tokens):
                return user
        return None

    def _write(self, users: dict[str, User]) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            partial = self.path.with_name(f".{self.path.name}.part")
            partial.touch(mode=0o600)
            partial.write_bytes(msgspec.json.format(msgspec.json.encode(list(users.values())), indent=1) + b"\n")
            partial.replace(self.path)
        except OSError as error:
            raise ConfigError(f"cannot write the users to {self.path}: {error.strerror}") from error


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
