"""Certificates as a test needs them, made by openssl: a CA, and what it signs."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, stdin=subprocess.DEVNULL)


@dataclass(frozen=True)
class Signed:
    """A certificate and its key, and both in one file, as Kafka wants them. All in PEM."""

    certificate: Path
    key: Path
    both: Path


class Authority:
    """A CA in a folder of its own."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self.folder = folder
        self.certificate, self._key = folder / f"{name}.pem", folder / f"{name}.key"
        _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", f"/CN={name}",
                 "-keyout", self._key, "-out", self.certificate)  # fmt: skip

    def sign(self, name: str, *, names: str = "IP:127.0.0.1", expired: bool = False) -> Signed:
        """A certificate for `names`, as openssl writes them (`DNS:kafka,IP:127.0.0.1`)."""
        key, request, made = (self.folder / f"{name}.{end}" for end in ("key", "csr", "pem"))
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={names}\n", encoding="utf-8")
        _openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        _openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial",
                 "-days", "-1" if expired else "30", "-extfile", extensions, "-out", made)  # fmt: skip
        both = self.folder / f"{name}-both.pem"
        both.write_text(key.read_text("utf-8") + made.read_text("utf-8"), encoding="utf-8")
        return Signed(made, key, both)
