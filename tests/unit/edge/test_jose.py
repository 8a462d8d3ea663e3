"""The library that verifies signatures, with real keys."""

import warnings
from functools import cache
from typing import Any

import pytest

from appliance.edge.jose import Jose
from appliance.errors import BadRequest
from tests.support.tokens import HEADER, claims, signed, unsigned


@cache
def key(bits: int, number: int) -> Any:
    with warnings.catch_warnings(record=True):
        from authlib.jose import JsonWebKey

    return JsonWebKey.generate_key("RSA", bits, is_private=True)


def jwk(bits: int = 2048, number: int = 0, **more: Any) -> dict[str, Any]:
    return {"kty": "RSA", **key(bits, number).as_dict(is_private=False), **more}


@cache
def jose() -> Jose:
    return Jose()


def test_a_signature() -> None:
    (public,) = jose().read_keys({"keys": [jwk()]})
    (other,) = jose().read_keys({"keys": [jwk(number=1)]})
    token = signed(claims(), key(2048, 0))
    assert jose().is_signed(token, public)
    assert not jose().is_signed(token, other)
    head, said, signature = token.split(".")
    forged = unsigned(claims(sub="root")).split(".")[1]
    assert not jose().is_signed(f"{head}.{forged}.{signature}", public)
    assert not jose().is_signed(f"{head}.{said}.{signature[:-8]}", public)
    assert not jose().is_signed(f"{head}.{said}.AAAA", public)


@pytest.mark.parametrize("alg", ["RS256", "RS384", "PS512"])
def test_other_algorithms(alg: str) -> None:
    (public,) = jose().read_keys({"keys": [jwk()]})
    assert not jose().is_signed(signed(claims(), key(2048, 0), {**HEADER, "alg": alg}), public)


def test_a_token_signed_with_the_public_key_as_a_secret() -> None:
    with warnings.catch_warnings(record=True):
        from authlib.jose import OctKey

    (public,) = jose().read_keys({"keys": [jwk()]})
    assert not jose().is_signed(signed(claims(), OctKey.import_key(jwk()["n"]), {**HEADER, "alg": "HS512"}), public)
    assert not jose().is_signed(unsigned(claims(), {"alg": "none"}, b""), public)


def test_which_keys_are_taken() -> None:
    keys = [
        jwk(kid="yes"),
        jwk(kid="also", use="sig", alg="RS512", x5c=["ignored"]),
        jwk(kid="for encryption", use="enc"),
        jwk(kid="for another algorithm", alg="RS256"),
        jwk(1024, kid="small"),
        {"kty": "EC", "crv": "P-256", "x": "a", "y": "b"},
        {"kty": "oct", "k": "secret"},
        {"kty": "RSA", "n": "!", "e": "AQAB"},
        {"kty": "RSA", "n": "AQAB" * 1000, "e": "AQAB"},
        {"kty": "RSA", "n": 5},
        "nonsense",
        jwk(kid=7),
    ]
    assert [key.id for key in jose().read_keys({"keys": keys})] == ["yes", "also", None]


@pytest.mark.parametrize("jwks", [{}, {"keys": {}}, {"keys": []}, {"keys": [jwk(1024)]}])
def test_none_that_could_be_used(jwks: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match="keys"):
        jose().read_keys(jwks)
