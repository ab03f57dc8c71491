# SPDX-License-Identifier: Apache-2.0
"""A client of SCRAM-SHA-256 (RFC 5802, RFC 7677) that says what a test wants it to say."""

import base64
import hashlib
import hmac


def attributes(message):
    return dict(part.split("=", 1) for part in message.decode().split(","))


class Scram:
    """A client of SCRAM-SHA-256, or -PLUS where it binds by tls-exporter."""

    def __init__(self, name, password, binding=b""):
        self.password, self.binding = password.encode(), binding
        self.header = "p=tls-exporter,," if binding else "n,,"
        self.bare = f"n={name},r=clients-nonce"

    def first(self):
        return (self.header + self.bare).encode()

    def final(self, server_first):
        said = attributes(server_first)
        salt, iterations = base64.b64decode(said["s"]), int(said["i"])
        salted = hashlib.pbkdf2_hmac("sha256", self.password, salt, iterations)
        key = hmac.digest(salted, b"Client Key", "sha256")
        bound = base64.b64encode(self.header.encode() + self.binding).decode()
        without_proof = f"c={bound},r={said['r']}"
        self.message = ",".join((self.bare, server_first.decode(), without_proof)).encode()
        signature = hmac.digest(hashlib.sha256(key).digest(), self.message, "sha256")
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signature))).decode()
        self.server_key = hmac.digest(salted, b"Server Key", "sha256")
        return f"{without_proof},p={proof}".encode()

    def trusts(self, server_final):
        want = hmac.digest(self.server_key, self.message, "sha256")
        return base64.b64decode(attributes(server_final)["v"]) == want
