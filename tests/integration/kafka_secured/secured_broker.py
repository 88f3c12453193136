"""An Apache Kafka with three listeners (PLAINTEXT, TLS with client certificates, SCRAM over TLS), ACLs switched on."""

import atexit
import os
import shlex
import subprocess
from functools import cache

from deploy.log.brokers.access import Access
from deploy.log.kafka_cluster import Cluster
from deploy.log.settings import SaslSettings, TlsSettings
from tests.conftest import skip_or_fail
from tests.contracts.configured_broker import ConfiguredBroker
from tests.contracts.kafka_broker import free_ports, why_none
from tests.integration.kafka_secured.certificates import Authority, new_authority

USERS = ("admin", "cameras", "association", "reader", "operator", "watcher", "nobody")
"""`admin` may do everything; the others what the ACLs of docs/operating/kafka.md grant, `nobody` nothing."""

RUN_ACLS = """
public class RunAcls {
    public static void main(String[] arguments) throws Exception {
        for (String line : java.nio.file.Files.readAllLines(java.nio.file.Path.of(arguments[0]))) {
            org.apache.kafka.tools.AclCommand.main(line.split("\\u0001"));
        }
    }
}
"""


class SecuredBroker(ConfiguredBroker):
    """A broker of one's own; `access` is the way in of one of its users, `acls` runs commands of the admin."""

    def __init__(self) -> None:
        super().__init__()
        self.plain, self.mtls, self.scram, self._controller = (f"127.0.0.1:{port}" for port in free_ports(4))
        self.servers = self.plain
        self.authority: Authority = new_authority(self.folder / "authority")
        self.stranger: Authority = new_authority(self.folder / "stranger")
        self._own = self.authority.issue("broker", alternative="IP:127.0.0.1")

    def way_in(self) -> Cluster:
        return Cluster(self.scram, access=self.access("admin"))

    def format_with_users(self) -> None:
        """Write its settings and its users, before the first start."""
        self.configure(self._settings())
        self.format(*(f"--add-scram=SCRAM-SHA-512=[name={name},password={self.password(name)}]" for name in USERS))

    def password(self, user: str) -> str:
        return f"{user}-secret"

    def access(self, login: str, **changes: str) -> Access:
        """The way in over SCRAM, with the password in a file."""
        stored = self.folder / f"{login}.password"
        stored.write_text(f"{self.password(login)}\n")
        given = {"user": login, "password": f"file:{stored}", **changes}
        return Access(TlsSettings(ca=str(self.authority.ca)), SaslSettings(**given))  # type: ignore[arg-type]

    def certified(self, user: str) -> Access:
        """The way in over mutual TLS: the user is the common name of the certificate."""
        certificate = self.authority.issue(user)
        return Access(TlsSettings(ca=str(self.authority.ca), certificate=str(certificate)))

    def run_acls(self, script: str) -> None:
        """Run a script of kafka-acls.sh commands as it is written: all of them in one Java machine, as the admin."""
        collected, tool = self.folder / "acls.txt", self.folder / "kafka-acls.sh"
        collected.write_text("")
        join = "'import sys; print(chr(1).join(sys.argv[1:]))'"
        tool.write_text(f'#!/bin/sh\npython3 -c {join} "$@" >>{shlex.quote(str(collected))}\n')
        tool.chmod(0o755)
        path = f"{self.folder}:{os.environ['PATH']}"
        subprocess.run(["bash", "-ec", script], check=True, cwd=self.folder, env={**os.environ, "PATH": path})
        (self.folder / "RunAcls.java").write_text(RUN_ACLS)
        launched = self.java(str(self.folder / "RunAcls.java"), str(collected))
        done = subprocess.run(launched, cwd=self.folder, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        assert "Error" not in done.stdout, done.stdout

    def write_admin_properties(self) -> None:
        """The file that the admin's commands name in docs."""
        jaas = "org.apache.kafka.common.security.scram.ScramLoginModule required"
        (self.folder / "admin.properties").write_text(
            "security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\nssl.truststore.type=PEM\n"
            f"ssl.truststore.location={self.authority.ca}\n"
            f'sasl.jaas.config={jaas} username="admin" password="{self.password("admin")}";\n'
        )

    def _settings(self) -> dict[str, str]:
        clients = f"PLAINTEXT://{self.plain},MTLS://{self.mtls},SCRAM://{self.scram}"
        return {
            "controller.quorum.voters": f"1@{self._controller}",
            "listeners": f"{clients},CONTROLLER://{self._controller}",
            "advertised.listeners": clients,
            "inter.broker.listener.name": "MTLS",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,MTLS:SSL,SCRAM:SASL_SSL,CONTROLLER:SSL",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self._own),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.authority.ca),
            "listener.name.mtls.ssl.client.auth": "required",
            "listener.name.controller.ssl.client.auth": "required",
            "ssl.principal.mapping.rules": "RULE:^CN=([^,]+).*$/$1/,DEFAULT",
            "listener.name.scram.sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.scram.scram-sha-512.sasl.jaas.config": (
                "org.apache.kafka.common.security.scram.ScramLoginModule required;"
            ),
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:admin;User:broker",
        }


@cache
def secured_broker() -> SecuredBroker:
    """The one that all tests share; skips or fails where none can be had."""
    if reason := why_none():
        skip_or_fail("kafka", reason)
    broker = SecuredBroker()
    atexit.register(broker.discard)
    broker.format_with_users()
    broker.start()
    broker.write_admin_properties()
    return broker
