"""Signatures of Standard Webhooks 1.0, symmetric scheme, and the secrets they are made with.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md. Pure.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

PREFIX = "whsec_"
NEW_BYTES = 32
LEAST_BYTES, MOST_BYTES = 24, 64
LEAST_PLAIN_BYTES = 12
"""A secret a person made up, as in the example of 000; the standard wants 24 random bytes."""


class SecretUnfitError(ValueError):
    """A text that cannot be a secret."""


def secret_text(secret: bytes) -> str:
    """A secret as it is handed to people and libraries."""
    return PREFIX + base64.b64encode(secret).decode("ascii")


def read_secret(text: str) -> bytes:
    """The bytes of a secret.

    Args:
        text: `whsec_` and base64 of 24 to 64 bytes; or any other text of 12 bytes or more, whose UTF-8 is the secret.

    Raises:
        SecretUnfitError: it is neither.
    """
    if not text.startswith(PREFIX):
        plain = text.encode()
        if not LEAST_PLAIN_BYTES <= len(plain) <= MOST_BYTES:
            raise SecretUnfitError(
                f"the secret has {len(plain)} bytes; send {PREFIX} and base64 of {LEAST_BYTES} to {MOST_BYTES} bytes, "
                f"or a text of {LEAST_PLAIN_BYTES} to {MOST_BYTES} bytes, or none and one is made"
            )
        return plain
    encoded = text.removeprefix(PREFIX)
    try:
        secret = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except binascii.Error as error:
        raise SecretUnfitError(f"after {PREFIX} the secret is not base64: {error}") from error
    if not LEAST_BYTES <= len(secret) <= MOST_BYTES:
        raise SecretUnfitError(f"the secret has {len(secret)} bytes; it has {LEAST_BYTES} to {MOST_BYTES}")
    return secret


def signature(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """The signature of a message with one secret.

    Args:
        secret: the secret.
        message_id: value of `webhook-id`.
        timestamp: value of `webhook-timestamp`: seconds since 1970.
        body: the body as it is sent.
    """
    signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
    return "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode("ascii")


def headers(secrets: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of a message, signed with the secret and, while it is rotated, the one before."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(secret, message_id, timestamp, body) for secret in secrets),
    }
