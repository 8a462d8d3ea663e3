"""A certificate authority for tests, by openssl."""

import subprocess
from pathlib import Path

EC = ("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
RSA = ("rsa:2048",)


class Authority:
    """``ca`` is the file to trust."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.ca = folder / "ca.pem"
        self._make("ca", "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def certify(self, name: str, *hosts: str, key: tuple[str, ...] = EC) -> tuple[Path, Path]:
        """The files of a certificate for these names and addresses, and of its key."""
        named = ",".join(f"{'IP' if host[-1].isdigit() else 'DNS'}:{host}" for host in hosts)
        ca = ("-CA", str(self.ca), "-CAkey", str(self._folder / "ca.key"))
        names = ("-addext", f"subjectAltName={named}", "-addext", "basicConstraints=CA:FALSE")
        self._make(name, *names, *ca, key=key)
        return self._folder / f"{name}.pem", self._folder / f"{name}.key"

    def _make(self, name: str, *more: str, key: tuple[str, ...] = EC) -> None:
        files = ("-keyout", str(self._folder / f"{name}.key"), "-out", str(self._folder / f"{name}.pem"))
        command = (
            "openssl",
            "req",
            "-x509",
            "-newkey",
            *key,
            "-nodes",
            "-days",
            "60",
            "-subj",
            f"/CN=test {name}",
            *files,
            *more,
        )
        subprocess.run(command, check=True, capture_output=True)
