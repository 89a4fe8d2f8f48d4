"""Where the broker, the store and the model are, and what else every process of Penchant has to know alike."""

from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator

from penchant.errors import Misconfigured
from penchant.signatures import CommandKeys
from penchant.topics import LEGAL_PREFIX, Topics
from serving.configuration.dotenv import FILE, encoding_of
from serving.configuration.secret_files import with_files_read
from serving.configuration.setting_errors import wrong
from serving.redis.store_settings import StoreSettings, within_tls
from serving.redis.url import check_url


class Connections(StoreSettings):
    """Environment (`PENCHANT_…`) over `.env` over the defaults below; read once, then frozen.

    Raises `Misconfigured`, with a sentence for each that is wrong, or if `.env` cannot be read.
    """

    redis: str = Field(
        default="redis://127.0.0.1:6379/0",
        repr=False,  # may hold a password
        description="The store: redis://host:port/db, unix:///path, redis+sentinel://host:port,host:port/service/db or "
        "redis+cluster://host:port,host:port; rediss… for TLS; user and password may stand in it.",
    )
    redis_file: Path | None = Field(default=None, description="A file that holds that address, for its password.")
    prefix: str = Field(
        default="penchant",
        description="First part of every topic's and key's name: two systems on one broker differ in it.",
    )
    store_prefix: str | None = Field(
        default=None,
        pattern=LEGAL_PREFIX,
        description="First part of the keys' and the workers' group's names, if not the topics': for a new model.",
    )
    model: Path = Field(
        default=Path(".cache/models/default"), description="The model folder that `penchant export` made."
    )
    embeddings_key: SecretStr | None = Field(
        default=None, description="The key of the endpoint that a model folder may name (docs/models.md)."
    )
    embeddings_key_file: Path | None = Field(default=None, description="A file that holds that key.")
    commands_key: SecretStr | None = Field(
        default=None,
        description="Keys that sign commands, NAME:SECRET, several with blanks or on lines: who sends one signs by the "
        "first, workers take what any of them signed and refuse the rest (docs/running.md).",
    )
    commands_key_file: Path | None = Field(default=None, description="A file that holds those keys.")
    half_life_days: float = Field(
        default=30.0, ge=0.001, le=36_500, description="Time in which an event's weight in the long vector halves."
    )
    loop_silent_s: float = Field(
        default=30.0,
        ge=1.0,
        description="A worker or an API whose event loop does not run for so long ends with 70; work takes far less.",
    )

    def __init__(self, **given: Any) -> None:
        try:
            encoding = encoding_of(Path(FILE))
            read: dict[str, Any] = {"_env_file": FILE if encoding else None, "_env_file_encoding": encoding}
            super().__init__(**read, **given)
        except ValidationError as error:
            raise wrong(error, type(self)) from None  # the original quotes what was set

    @model_validator(mode="before")
    @classmethod
    def _from_files(cls, given: Any) -> Any:
        """A secret may be in a file: any x that has an x_file beside it."""
        return with_files_read(given, cls.model_fields) if isinstance(given, dict) else given

    @field_validator("*", mode="before")
    @classmethod
    def _as_meant(cls, given: Any, info: ValidationInfo) -> Any:
        """Blanks and quotes around a value are not of it: `docker run --env-file` hands quotes on.

        An empty one is a mistake more often than a wish: a variable that was to be filled in.
        """
        if not isinstance(given, str):
            return given
        meant = given.strip()
        if len(meant) > 1 and meant[0] == meant[-1] and meant[0] in "\"'":
            meant = meant[1:-1].strip()
        if not meant:
            raise ValueError("it is empty: give it a value, or remove it for the default")
        kind = str(cls.model_fields[info.field_name or ""].annotation)
        if not meant.isprintable() and "Path" not in kind and "Secret" not in kind:
            raise ValueError("it has characters that cannot be seen, or is not UTF-8: write it again")
        return meant

    @field_validator("redis", mode="before")
    @classmethod
    def _uncovered(cls, given: Any) -> Any:
        """As it came from a file; the field's `repr` hides it."""
        return given.get_secret_value().strip() if isinstance(given, SecretStr) else given

    @field_validator("redis")
    @classmethod
    def _store(cls, given: str, info: ValidationInfo) -> str:
        scheme, mark, rest = given.partition("://")
        return within_tls(check_url(f"{scheme.lower()}{mark}{rest}"), info.data)

    @field_validator("prefix")
    @classmethod
    def _legal(cls, given: str) -> str:
        try:
            return Topics(given).prefix
        except Misconfigured as error:
            raise ValueError(str(error)) from None

    @property
    def topics(self) -> Topics:
        """The topics' names under the prefix."""
        return Topics(self.prefix)

    def endpoint_key(self) -> SecretStr | None:
        """The key of an embeddings endpoint, given or in a file. Raises Misconfigured, which never quotes it."""
        key, name = self.embeddings_key, "PENCHANT_EMBEDDINGS_KEY"
        told = key.get_secret_value() if key is not None else "-"
        if not told or not told.isascii() or not told.isprintable() or " " in told:
            where = name if self.embeddings_key_file is None else f"{name}_FILE"
            raise Misconfigured(f"{where} is no key: it is empty, or has spaces or characters that no key has")
        return key

    def command_keys(self) -> CommandKeys | None:
        """The keys of commands; None where these need none. Raises Misconfigured, which quotes none."""
        if self.commands_key is None:
            return None
        file = "" if self.commands_key_file is None else "_FILE"
        return CommandKeys.parse(self.commands_key.get_secret_value(), f"PENCHANT_COMMANDS_KEY{file}")

    @property
    def keys(self) -> str:
        """First part of the store's keys, and of the workers' group."""
        return self.store_prefix or self.prefix
