"""What authorization servers say, read strictly."""

import json
from typing import Any

import pytest

from appliance.errors import BadRequest
from appliance.nmos.is10.documents import (
    LONGEST_S,
    SHORTEST_S,
    Granted,
    Metadata,
    Registration,
    read_error,
    read_granted,
    read_metadata,
    read_registration,
    registration_as_json,
    registration_from_json,
    well_known,
)

METADATA = {
    "issuer": "https://auth.example.com",
    "token_endpoint": "https://auth.example.com/token",
    "jwks_uri": "https://keys.example.com/jwks",
    "registration_endpoint": "https://auth.example.com/register",
    "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_post", "client_secret_basic"],
}


def encoded(document: object) -> bytes:
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("issuer", "url"),
    [
        ("https://a.example", "https://a.example/.well-known/oauth-authorization-server"),
        ("https://a.example:5010/", "https://a.example:5010/.well-known/oauth-authorization-server"),
        ("https://a.example/x-nmos/auth/v1.0/", "https://a.example/.well-known/oauth-authorization-server/x-nmos/auth/v1.0"),
        ("http://a.example", None),
        ("https://a.example?x", None),
        ("https://a.example#x", None),
        ("https://u:p@a.example", None),
        ("https://", None),
        ("https://a.example:0", None),
        ("https://a.example:99999", None),
        ("https://a.example/\n", None),
        ("https://[", None),
        ("a.example", None),
        ("https://a.example/" + "x" * 5000, None),
    ],
)  # fmt: skip
def test_where_the_metadata_is(issuer: str, url: str | None) -> None:
    assert well_known(issuer) == url


def test_who_is_asked_must_go_by_that_name_to_the_letter() -> None:
    assert read_metadata(encoded(METADATA), METADATA["issuer"]).issuer == METADATA["issuer"]  # type: ignore[arg-type]
    for other in ("https://auth.example.com/", "https://AUTH.example.com", "https://other.example.com"):
        with pytest.raises(BadRequest, match=r"authorization\.server"):
            read_metadata(encoded(METADATA), other)


def test_metadata() -> None:
    read = read_metadata(encoded(METADATA))
    assert read == Metadata(
        "https://auth.example.com",
        "https://keys.example.com/jwks",
        "https://auth.example.com/token",
        "https://auth.example.com/register",
        ("client_secret_basic", "client_secret_post"),
    )
    del (plain := dict(METADATA))["token_endpoint_auth_methods_supported"]
    assert read_metadata(encoded(plain)).methods == ("client_secret_basic",)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("issuer", None),
        ("issuer", "http://auth.example.com"),
        ("jwks_uri", "http://auth.example.com/jwks"),
        ("jwks_uri", 5),
        ("token_endpoint", "ftp://auth.example.com"),
        ("registration_endpoint", ""),
        ("token_endpoint_auth_methods_supported", "client_secret_basic"),
    ],
)
def test_bad_metadata_names_the_key(key: str, value: object) -> None:
    with pytest.raises(BadRequest, match=key):
        read_metadata(encoded({**METADATA, key: value}))


REGISTERED = {"client_id": "id", "client_secret": "secret", "client_secret_expires_at": 0}


def test_registration() -> None:
    read = read_registration(encoded(REGISTERED), "https://a", "events", "client_secret_basic")
    assert read == Registration("https://a", "id", "secret", "events")
    assert registration_from_json(json.loads(json.dumps(registration_as_json(read)))) == read
    assert "secret" not in repr(read)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("client_id", None),
        ("client_id", "a\nb"),
        ("client_secret", None),
        ("client_secret", ""),
        ("client_secret_expires_at", "never"),
        ("client_secret_expires_at", True),
        ("token_endpoint_auth_method", "private_key_jwt"),
    ],
)
def test_a_bad_registration_names_the_key(key: str, value: object) -> None:
    with pytest.raises(BadRequest, match=key):
        read_registration(encoded({**REGISTERED, key: value}), "https://a", "events", "client_secret_basic")


@pytest.mark.parametrize("kept", [{}, {"issuer": 5}, {**dict.fromkeys(Registration.__slots__, "x")}])
def test_a_kept_registration_that_is_none(kept: dict[str, object]) -> None:
    with pytest.raises(BadRequest):
        registration_from_json(kept)


TOKEN: dict[str, Any] = {"access_token": "a.b.c", "token_type": "bearer", "expires_in": 60}


@pytest.mark.parametrize(
    ("changed", "granted"),
    [
        ({}, Granted("a.b.c", 60)),
        ({"token_type": "BEARER", "scope": "events x"}, Granted("a.b.c", 60, frozenset(("events", "x")))),
        ({"expires_in": 0.5}, Granted("a.b.c", SHORTEST_S)),
        ({"expires_in": 1e15}, Granted("a.b.c", LONGEST_S)),
    ],
)
def test_a_token(changed: dict[str, Any], granted: Granted) -> None:
    assert read_granted(encoded(TOKEN | changed)) == granted
    assert "a.b.c" not in repr(granted)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("access_token", None),
        ("access_token", "a\r\nHost: x"),
        ("access_token", "a" * 9000),
        ("token_type", "mac"),
        ("expires_in", "60"),
    ],
)
def test_a_token_that_cannot_be_used(key: str, value: object) -> None:
    with pytest.raises(BadRequest, match=key):
        read_granted(encoded({**TOKEN, key: value}))


def test_errors() -> None:
    assert read_error(b'{"error": "invalid_client"}') == "invalid_client"
    assert read_error(b"<html>") == read_error(b'{"error": 5}') == read_error(b'{"error": "a\\nb"}') == ""
