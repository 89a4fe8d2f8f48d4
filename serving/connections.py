"""Where the broker, the store and the model are: the settings that every process of Penchant shares."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from serving.redis_url import check_url
from serving.topics import LEGAL_PREFIX, Topics


class Connections(BaseSettings):
    """Environment (`PENCHANT_…`) over `.env` over the defaults below; read once, then frozen."""

    model_config = SettingsConfigDict(
        env_prefix="PENCHANT_", env_file=".env", frozen=True, extra="ignore", hide_input_in_errors=True
    )

    bootstrap: str = Field(
        default="127.0.0.1:9092", description="Kafka's bootstrap servers, host:port, several with commas."
    )
    redis: Annotated[str, AfterValidator(check_url)] = Field(
        default="redis://127.0.0.1:6379/0",
        repr=False,  # may hold a password
        description="The store, redis://host:port/db, or rediss:// for TLS; a password may stand in it.",
    )
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
    loop_silent_s: float = Field(
        default=30.0,
        ge=1.0,
        description="A worker or an API whose event loop has no turn for so long ends with 70; work takes far less.",
    )

    @property
    def topics(self) -> Topics:
        """The topics' names under the prefix."""
        return Topics(self.prefix)

    @property
    def keys(self) -> str:
        """First part of the store's keys, and of the workers' group."""
        return self.store_prefix or self.prefix


def problems(error: ValidationError) -> str:
    """What is wrong with settings, in one sentence without what was set: it may be a secret."""
    return "settings are wrong: " + "; ".join(
        f"PENCHANT_{'_'.join(map(str, told['loc'])).upper()}: {told['msg'].removeprefix('Value error, ')}"
        for told in error.errors()
    )
