"""Devices' passwords as hashes that the embedded broker and Mosquitto both read."""

from __future__ import annotations

import hashlib
import hmac
import os
from base64 import b64decode, b64encode
from binascii import Error as Base64Error

ITERATIONS = 101
"""Mosquitto's own number. These passwords are 256 random bits: nobody guesses one, however fast the hash is."""
SALT_BYTES = 12
_SCHEME = "7"
_MOST_ITERATIONS = 1_000_000


def hash_password(password: str) -> str:
    """PBKDF2 with HMAC-SHA-512, as in Mosquitto's password file (mosquitto_passwd(1)): ``$7$iterations$salt$hash``."""
    salt = os.urandom(SALT_BYTES)
    return (
        f"${_SCHEME}${ITERATIONS}${b64encode(salt).decode()}${b64encode(_derive(password, salt, ITERATIONS)).decode()}"
    )


def password_matches(password_hash: str, password: str) -> bool:
    """Whether ``password`` is the one that was hashed; False for a hash of another kind."""
    try:
        _, scheme, iterations, salt, expected = password_hash.split("$")
        rounds, wanted = int(iterations), b64decode(expected, validate=True)
        if scheme != _SCHEME or not 0 < rounds <= _MOST_ITERATIONS:
            return False
        return hmac.compare_digest(_derive(password, b64decode(salt, validate=True), rounds), wanted)
    except (ValueError, Base64Error):
        return False


def _derive(password: str, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations)
