"""IS-10 (Authorization) as BCP-003-02 wants it of a Node: who may ask what of this box, how it proves itself to others.

``tokens`` reads an access token, ``access`` says what it allows, ``guard`` puts both before the APIs. ``keyring`` knows
the authorization servers and their keys, ``client`` gets this box its own token. No cryptography here: that is the
edge's.
"""
