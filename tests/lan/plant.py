"""`Plant`: an authorization server (IS-10) and a registry that wants its tokens, over TLS, on a host of the LAN."""

from typing import Any, Self

from tests.lan.network import Host
from tests.lan.puppet import Puppet
from tests.support.authority import Authority

PORT = 8443


class Plant(Puppet):
    """It is called `NAME.local`. Nothing is announced until `announce`."""

    MODULE = "tests.lan.plant_process"
    WHAT = "plant"

    def __init__(self, host: Host, name: str, authority: Authority) -> None:
        super().__init__(host, name)
        self.issuer = f"https://{name}.local:{PORT}"
        self.authority = authority
        self._files = authority.certify(name, f"{name}.local", host.address())

    def start(self) -> Self:
        self._launch(self.host.address())
        certificate, key = map(str, self._files)
        # what the metadata says is reached without DNS: by the address, which the certificate has, too
        self._tell("listen_securely", port=PORT, certificate=certificate, key=key, issuer=self.issuer)
        return self

    def announce(self) -> None:
        txt = {"api_proto": "https", "api_auth": "true"}
        for type, versions in (("_nmos-auth._tcp.local.", "v1.0"), ("_nmos-register._tcp.local.", "v1.3")):
            said = {**txt, "api_ver": versions}
            self._tell("announce", type=type, instance=self.name, port=PORT, txt=said)

    def token(self, scope: str, **claims: Any) -> str:
        return str(self._tell("token", scope=scope, claims=claims))

    def new_key(self) -> None:
        """Sign with another key from now on, which is the only one that is published."""
        self._tell("new_key")

    def asked(self) -> list[str]:
        """The requests for registrations and tokens."""
        asked: list[str] = self._tell("asked")
        return asked

    def clients(self) -> list[tuple[str, str | None]]:
        """Method of each request to the registry, and whose token it had."""
        return [(method, client) for method, client in self._tell("clients")]

    def held(self) -> dict[str, dict[str, Any]]:
        held: dict[str, dict[str, Any]] = self._tell("held")
        return held
