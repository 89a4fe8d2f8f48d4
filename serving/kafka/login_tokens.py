"""OAUTHBEARER's tokens: read again for each connection, from a file that somebody renews, or from a command."""

import asyncio
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penchant.errors import Misconfigured

__all__ = ()

_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Tokens:
    """Where they come from: one of the two."""

    file: Path | None = None
    command: str | None = None

    def read(self) -> str:
        """The token of this moment. Raises Misconfigured, without what was read."""
        token = self._of_file(self.file) if self.file is not None else self._of_command(self.command or "")
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise Misconfigured(f"{self._name} gives no token: it must be the token alone, in ASCII and without blanks")
        return token

    def of_kafka_python(self) -> Any:
        """As kafka-python asks for them."""
        from kafka.net.sasl.oauth import AbstractTokenProvider

        class Provider(AbstractTokenProvider):  # type: ignore[misc]
            def token(_) -> str:  # noqa: N805
                return self.read()

        return Provider()

    def of_aiokafka(self) -> Any:
        """As aiokafka and Faust ask for them: off the event loop."""
        from aiokafka.abc import AbstractTokenProvider

        class Provider(AbstractTokenProvider):  # type: ignore[misc]
            async def token(_) -> str:  # noqa: N805
                return await asyncio.to_thread(self.read)

        return Provider()

    @property
    def _name(self) -> str:
        return f"PENCHANT_KAFKA_SASL_TOKEN_{'COMMAND' if self.file is None else 'FILE'}"

    def _of_file(self, file: Path) -> str:
        try:
            return file.read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            words = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise Misconfigured(f"{self._name}: {file} cannot be read ({words})") from None

    def _of_command(self, command: str) -> str:
        try:
            words = shlex.split(command)
            done = subprocess.run(
                words, capture_output=True, check=True, stdin=subprocess.DEVNULL, timeout=_PATIENCE_S, text=True
            )
        except subprocess.CalledProcessError as error:
            raise Misconfigured(f"{self._name}: {words[0]} ended with {error.returncode}; run it by hand") from None
        except subprocess.TimeoutExpired:
            raise Misconfigured(f"{self._name}: {words[0]} gave no token in {_PATIENCE_S:g} s") from None
        except (OSError, ValueError, IndexError) as error:
            raise Misconfigured(f"{self._name} cannot be run ({type(error).__name__}): name a program") from None
        return done.stdout.strip()
