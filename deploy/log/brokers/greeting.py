"""The greeting of a Kafka broker: step by step into its listener, so that what goes wrong has a name.

kafka-python ends a wrong password, an unknown authority and TLS against plaintext in one and the same time-out, and a
client that is made before its broker answers waits for half a minute, or fails and leaves its thread behind.
"""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kafka.errors import KafkaError, UnsupportedSaslMechanismError, for_code
from kafka.net.sasl import get_sasl_mechanism
from kafka.protocol.metadata import ApiVersionsRequest, MetadataRequest
from kafka.protocol.parser import KafkaProtocol
from kafka.protocol.sasl import SaslAuthenticateRequest, SaslHandshakeRequest

from deploy.log.brokers.access import Access

STEP_TIMEOUT_S = 1.0
"""Longest answer to one step of the greeting."""
ALERT = b"\x15\x03"
"""First bytes of an alert of TLS."""

FOR_TLS = "it speaks TLS and nothing else: add [log.tls], or name the port of another listener"
WITHOUT_TLS = "it speaks no TLS: name the port of a TLS listener, or remove [log.tls]"
FOR_USERS = "it asks for a user: add [log.sasl], or name the port of another listener"
FOR_CERTIFICATES = "it asks for a client's certificate and refuses this one, or none: see [log.tls] certificate"


class GreetingError(Exception):
    """A broker that could not be greeted; `lasting` where waiting for it does not help."""

    def __init__(self, reason: str, *, lasting: bool) -> None:
        super().__init__(reason)
        self.lasting = lasting


def greet(server: str, access: Access) -> None:
    """Go in at `HOST:PORT` and out again; raises GreetingError, and ConfigError for files of `access`."""
    host, _, port = server.rpartition(":")
    host, context = host.strip("[]"), access.tls_context()
    try:
        with _connected(host, int(port), context) as connection:
            _speak(connection, access, host)
    except TimeoutError as error:
        raise GreetingError("no answer", lasting=False) from error
    except OSError as error:
        raise GreetingError((error.strerror or str(error)).lower(), lasting=False) from error


@contextmanager
def _connected(host: str, port: int, context: ssl.SSLContext | None) -> Iterator[socket.socket]:
    with socket.create_connection((host, port), timeout=STEP_TIMEOUT_S) as plain:
        if context is None:
            yield plain
            return
        try:
            secured = context.wrap_socket(plain, server_hostname=host)
        except TimeoutError:
            raise
        except OSError as error:
            raise _tls_failure(error) from error
        with secured:
            yield secured


def _speak(connection: socket.socket, access: Access, host: str) -> None:
    """Ask for the broker's versions, give the user's name, and ask for its cluster: each may be refused."""
    talk = _Conversation(connection)
    # Step 1: every broker answers this at once, before it knows the user
    talk.ask(ApiVersionsRequest(version=0), WITHOUT_TLS if access.tls else FOR_TLS)
    # Step 2: the user
    if access.sasl is not None:
        _authenticate(talk, access, host)
    # Step 3: no topic's metadata: answered to those who are in
    talk.ask(MetadataRequest(topics=[], version=1), FOR_USERS)


class _Conversation:
    """Questions to a broker, one after the other."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._protocol = KafkaProtocol(client_id="corridor", receive_message_max_bytes=1_000_000)

    def ask(self, question: Any, hung_up: str) -> Any:
        """The answer to a question; `hung_up` is what it means where the broker closes the connection instead."""
        self._protocol.send_request(question)
        try:
            self._connection.sendall(self._protocol.send_bytes())
            while True:
                received = self._connection.recv(65536)
                if received[:2] == ALERT:
                    raise GreetingError(FOR_TLS, lasting=True)
                if not received:
                    # It may be ending, too: only time shows that.
                    raise GreetingError(f"it closes the connection; perhaps {hung_up}", lasting=False)
                for _, answer in self._protocol.receive_bytes(received):
                    return answer
        except ssl.SSLError as error:
            raise _tls_failure(error) from error
        except ConnectionError as error:
            raise GreetingError(f"it closes the connection; perhaps {hung_up}", lasting=False) from error
        except KafkaError as error:
            raise GreetingError(f"what answers is no Kafka broker ({type(error).__name__})", lasting=False) from error


def _authenticate(talk: _Conversation, access: Access, host: str) -> None:
    sasl = access.sasl
    assert sasl is not None
    answer = talk.ask(SaslHandshakeRequest(mechanism=sasl.mechanism, version=1), FOR_CERTIFICATES)
    refused = for_code(answer.error_code)
    if refused is UnsupportedSaslMechanismError:
        offered = ", ".join(answer.mechanisms) or "none"
        raise GreetingError(
            f"it does not take {sasl.mechanism} (it takes {offered}): mend log.sasl.mechanism", lasting=True
        )
    if answer.error_code:
        raise GreetingError(
            "it asks for no user: remove [log.sasl], or name the port of a SASL_SSL listener", lasting=True
        )
    mechanism = get_sasl_mechanism(sasl.mechanism)(host=host, **access.arguments())
    while not mechanism.is_done():
        answer = talk.ask(SaslAuthenticateRequest(mechanism.auth_bytes(), version=0), "the user is not known")
        if answer.error_code:
            raise GreetingError(
                f"it refuses user '{sasl.user}': the name or the password is wrong (log.sasl.user, log.sasl.password)",
                lasting=True,
            )
        try:
            mechanism.receive(answer.auth_bytes)
        except (ValueError, KeyError) as error:
            raise GreetingError(f"it does not know user '{sasl.user}''s password itself", lasting=True) from error


def _tls_failure(error: OSError) -> GreetingError:
    """An error of OpenSSL in words that name the key to be mended."""
    if isinstance(error, ssl.SSLCertVerificationError):
        words = error.verify_message
        if "Hostname" in words or "IP address" in words:
            return GreetingError(f"its certificate is another host's ({words}): mend log.url", lasting=True)
        return GreetingError(
            f"its certificate is not trusted ({words}): name its authority in log.tls.ca", lasting=True
        )
    reason = (getattr(error, "reason", None) or "").upper()
    if "ALERT" in reason:
        return GreetingError(f"{FOR_CERTIFICATES} ({reason.replace('_', ' ').lower()})", lasting=True)
    if isinstance(error, ssl.SSLEOFError | ConnectionError) or "EOF" in reason:
        return GreetingError(f"it closes the connection; perhaps {WITHOUT_TLS}", lasting=False)
    if "WRONG_VERSION" in reason or "RECORD" in reason or "PACKET" in reason:
        return GreetingError(WITHOUT_TLS, lasting=True)
    return GreetingError(f"TLS fails ({reason.replace('_', ' ').lower() or error})", lasting=False)
