from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

class Signature:
    keyid: str
    signature: str
    def __init__(self, keyid: str, sig: str) -> None: ...

class Key:
    keyid: str

class SSlibKey(Key):
    @classmethod
    def from_crypto(
        cls, public_key: Ed25519PublicKey, keyid: str | None = None, scheme: str | None = None
    ) -> SSlibKey: ...
