"""What of an access token is read, and what is refused before anybody looks at its signature."""

import json

import pytest

from appliance.nmos.is10.errors import InvalidToken
from appliance.nmos.is10.tokens import MAX_CLAIMS, MAX_PATHS, MAX_TOKEN, Permissions, read_token
from tests.support.tokens import HEADER, ISSUER, claims, part, unsigned


def test_what_it_says() -> None:
    token = read_token(
        unsigned(
            claims(nbf=950.5, scope="node connection", x_nmos_connection={"read": ["*"], "write": ["single/*"]}),
            {**HEADER, "kid": "k1"},
        )
    )
    assert (token.issuer, token.subject, token.client) == (ISSUER, "somebody@example.com", "controller")
    assert (token.audience, token.expires, token.issued, token.not_before) == (("*.example.com",), 2000, 900, 950.5)
    assert token.scopes == {"node", "connection"}
    assert token.permissions["connection"] == Permissions(("*",), ("single/*",))
    assert token.key_id == "k1"


def test_azp_stands_for_client_id_and_a_string_for_an_audience() -> None:
    token = read_token(unsigned(claims(client_id=None, azp="openid", aud="box.example.com", iat=None, scope=None)))
    assert (token.client, token.audience, token.issued) == ("openid", ("box.example.com",), None)


@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+jwt"])
def test_type(typ: str) -> None:
    assert read_token(unsigned(claims(), {**HEADER, "typ": typ})).issuer == ISSUER
    assert read_token(unsigned(claims(), {"alg": "RS512"})).issuer == ISSUER


HEADERS = {
    "none": ({"alg": "none"}, "alg"),
    "HS512": ({"alg": "HS512"}, "alg"),
    "RS256": ({"alg": "RS256"}, "alg"),
    "PS512": ({"alg": "PS512"}, "alg"),
    "lower case": ({"alg": "rs512"}, "alg"),
    "no alg": ({"typ": "JWT"}, "alg"),
    "a list of them": ({"alg": ["RS512"]}, "alg"),
    "critical": ({**HEADER, "crit": ["b64"], "b64": False}, "crit"),
    "an ID token": ({**HEADER, "typ": "id+jwt"}, "typ"),
    "kid": ({**HEADER, "kid": 5}, "kid"),
}


@pytest.mark.parametrize(("header", "named"), HEADERS.values(), ids=HEADERS)
def test_headers_that_are_refused(header: object, named: str) -> None:
    with pytest.raises(InvalidToken, match=named):
        read_token(unsigned(claims(), header))


CLAIMS = {
    "no issuer": ({"iss": None}, "iss"),
    "an empty issuer": ({"iss": ""}, "iss"),
    "no subject": ({"sub": None}, "sub"),
    "no audience": ({"aud": None}, "aud"),
    "an audience of numbers": ({"aud": [1]}, "aud"),
    "no expiry": ({"exp": None}, "exp"),
    "an expiry in words": ({"exp": "tomorrow"}, "exp"),
    "true for a time": ({"exp": True}, "exp"),
    "a time before all times": ({"iat": -1}, "iat"),
    "a time after all times": ({"nbf": 1e300}, "nbf"),
    "nobody's": ({"client_id": None}, "client_id"),
    "a scope that is a list": ({"scope": ["node"]}, "scope"),
    "permissions that are a list": ({"x_nmos_node": ["read"]}, "x-nmos-node"),
    "paths that are a string": ({"x_nmos_node": {"read": "*"}}, "x-nmos-node.read"),
    "paths that are numbers": ({"x_nmos_node": {"write": [1]}}, "x-nmos-node.write"),
    "too many paths": ({"x_nmos_node": {"read": ["a"] * (MAX_PATHS + 1)}}, "x-nmos-node.read"),
    "too many claims": ({f"c{number}": 1 for number in range(MAX_CLAIMS)}, "claims"),
}


@pytest.mark.parametrize(("changed", "named"), CLAIMS.values(), ids=CLAIMS)
def test_claims_that_are_refused(changed: dict[str, object], named: str) -> None:
    with pytest.raises(InvalidToken, match=named):
        read_token(unsigned(claims(**changed)))


TEXTS = {
    "nothing": "",
    "an id": "9f463872-9621-4939-aa3a-dc3c82d8578b",
    "two parts": unsigned(claims()).rpartition(".")[0],
    "an encrypted one": "a.b.c.d.e",
    "no signature": f"{part(HEADER)}.{part(claims())}.",
    "padding": f"{part(HEADER)}=.{part(claims())}.{part(b's')}",
    "bad length": f"{part(HEADER)}.aaaaa.aaaa",
    "no JSON": unsigned(b"{"),
    "no object": unsigned([claims()]),
    "no UTF-8": unsigned(b'{"iss": "\xff"}'),
    "a claim twice": unsigned(json.dumps(claims()).encode()[:-1] + b', "sub": "root"}'),
    "a header twice": unsigned(claims(), b'{"alg": "none", "alg": "RS512"}'),
    "not a number": unsigned(b'{"exp": NaN}'),
    "deep": unsigned(b"[" * 3000),
    "deep in a claim": unsigned(b'{"a":' * 500 + b"1" + b"}" * 500),
    "half of a pair": unsigned(b'{"iss": "\\ud800"}'),
    "huge": unsigned(claims(more="x" * MAX_TOKEN)),
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_what_is_no_token(text: str) -> None:
    with pytest.raises(InvalidToken) as refused:
        read_token(text)
    assert refused.value.headers["WWW-Authenticate"].startswith("Bearer error=invalid_token,")
    assert refused.value.headers["WWW-Authenticate"].isascii()
