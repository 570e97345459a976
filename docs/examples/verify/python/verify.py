import base64
import hashlib
import hmac
import re
import time

TOLERANCE = 5 * 60  # seconds


class InvalidSignature(Exception):
    pass


def verify(keys, headers, body, now=None):
    """Raises InvalidSignature unless the request was signed by one of the secrets, within five minutes of now.

    keys: secrets, whsec_…; during a rotation both the old and the new one. (Python's library has no Ed25519: for whpk_… use a package.)
    headers: a mapping of names to values
    body: the raw body in bytes, before anything parses it: request.get_data() in Flask, request.body in Django
    now: seconds since 1970
    """
    named = {name.lower(): value for name, value in headers.items()}
    message = named.get("webhook-id")
    timestamp = named.get("webhook-timestamp")
    signatures = named.get("webhook-signature")
    if not message or not timestamp or not signatures:
        raise InvalidSignature("a webhook header is missing")
    if not re.fullmatch("[0-9]{1,12}", timestamp):
        raise InvalidSignature("webhook-timestamp is not a number of seconds")
    if abs((time.time() if now is None else now) - int(timestamp)) > TOLERANCE:
        raise InvalidSignature("webhook-timestamp is too far from the clock")

    signed = f"{message}.{timestamp}.".encode() + body
    for key in keys:
        if not key.startswith("whsec_"):
            raise ValueError("the key is not a secret, whsec_…")
        secret = base64.b64decode(key.removeprefix("whsec_"), validate=True)
        want = b"v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256))
        for signature in signatures.split(" "):
            if hmac.compare_digest(want, signature.encode()):
                return
    raise InvalidSignature("no signature fits")
