"""Certificates as files, good and bad, made by OpenSSL."""

import subprocess
from pathlib import Path

import pytest

from appliance.config.model import TlsConfig
from appliance.edge.certificates import expiring, out_of_date, read_all
from appliance.edge.tls import Tls
from appliance.errors import ConfigError

DAY_S = 86_400


def make(folder: Path, name: str, host: str = "box.local", *more: str) -> tuple[str, str]:
    """Paths of a certificate for ``host`` that signed itself, good for ten days, and of its key."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-days", "10"]
    command += ["-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}", "-keyout", str(key)]
    subprocess.run([*command, "-out", str(certificate), *(more or ("-nodes",))], check=True, capture_output=True)
    return str(certificate), str(key)


def said(config: TlsConfig) -> tuple[tuple[str, str], ...]:
    with pytest.raises(ConfigError) as refused:
        read_all(config)
    return refused.value.problems


def test_what_is_wrong_is_said_by_key(tmp_path: Path) -> None:
    box, key = make(tmp_path, "box")
    other, other_key = make(tmp_path, "other", "other.local")
    _, locked = make(tmp_path, "locked", "box.local", "-passout", "pass:secret")
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    missing = str(tmp_path / "missing.pem")
    assert said(TlsConfig((missing,))) == (("tls.certificates[0]", f"{missing}: No such file or directory"),)
    assert "no certificate" in said(TlsConfig((str(empty),)))[0][1]
    ((where, why),) = said(TlsConfig((box,), (other_key,)))
    assert where == "tls.keys[0]"
    assert "does not belong" in why
    ((where, why),) = said(TlsConfig((box,), (locked,)))
    assert where == "tls.keys[0]"
    assert "encrypted" in why
    assert said(TlsConfig((other,), (other_key,), name="box.local"))[0][0] == "tls.name"
    assert said(TlsConfig((box,), (key,), ca=str(empty)))[0][0] == "tls.ca"


def test_days(tmp_path: Path) -> None:
    path, key = make(tmp_path, "box")
    (certificate,) = read_all(TlsConfig((path,), (key,)))
    assert certificate.covers("Box.local.")
    assert not certificate.covers("other.local")
    assert not out_of_date([certificate], certificate.ends - 1)
    assert "expired" in out_of_date([certificate], certificate.ends + 1)[0][1]
    assert "not valid before" in out_of_date([certificate], 0)[0][1]
    assert not list(expiring([certificate], 5, certificate.ends - 6 * DAY_S))
    assert len(list(expiring([certificate], 5, certificate.ends - 4 * DAY_S))) == 1


def test_a_bad_new_certificate_changes_nothing(tmp_path: Path) -> None:
    box, key = make(tmp_path, "box")
    tls = Tls(TlsConfig((box,), (key,)))
    before = tls.server
    assert not tls.renew()
    kept = Path(key).read_text()
    Path(key).write_text("no key")
    with pytest.raises(ConfigError):
        tls.renew()
    assert tls.server is before
    Path(key).write_text(kept)
    make(tmp_path, "box", "renamed.local")
    assert tls.renew()
    assert tls.server is not before
    assert tls.name == "renamed.local"


def test_who_may_be_asked_without_tls(tmp_path: Path) -> None:
    box, key = make(tmp_path, "box")
    strict, lax, plain = Tls(TlsConfig((box,), (key,))), Tls(TlsConfig((box,), (key,), allow_plain=True)), Tls(None)
    assert strict.refusal("http://10.0.0.5/x")
    assert strict.refusal("ws://10.0.0.5/x")
    assert not strict.refusal("https://10.0.0.5/x")
    assert not strict.refusal("http://127.0.0.1/x")
    assert not lax.refusal("http://10.0.0.5/x")
    assert not plain.refusal("http://10.0.0.5/x")
    assert strict.places(["10.0.0.7"]) == ("box.local",)
    assert plain.places(["10.0.0.7"]) == ("10.0.0.7",)
