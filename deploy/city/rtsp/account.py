"""Basic and Digest authentication, the server's side (RFC 2617, as RTSP 1.0 uses it)."""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field

REALM = "corridor"


@dataclass(frozen=True, slots=True)
class Account:
    """Account that may look at a mount. With `basic`, the password travels readable; otherwise as a digest."""

    username: str
    password: str = field(repr=False)
    basic: bool = False

    def challenge(self, nonce: str) -> str:
        """The challenge for a client that has not authenticated."""
        return f'Basic realm="{REALM}"' if self.basic else f'Digest realm="{REALM}", nonce="{nonce}"'

    def admits(self, authorization: str | None, method: str, nonce: str) -> bool:
        """True where an Authorization header is right."""
        kind, _, rest = (authorization or "").partition(" ")
        if self.basic:
            expected = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
            return kind.lower() == "basic" and _equal(rest.strip(), expected)
        said = {name: quoted or bare for name, quoted, bare in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', rest)}
        if kind.lower() != "digest" or said.get("nonce") != nonce or said.get("username") != self.username:
            return False
        secret = _md5(f"{self.username}:{REALM}:{self.password}")
        asked = _md5(f"{method}:{said.get('uri', '')}")
        expected = _md5(f"{secret}:{nonce}:{asked}")
        return _equal(said.get("response", ""), expected)


def _equal(said: str, expected: str) -> bool:
    """Compare in a time that does not tell how much is right; as bytes, because of strings it takes ASCII only."""
    return hmac.compare_digest(said.encode("utf-8", "surrogatepass"), expected.encode())


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()  # the protocol knows nothing better
