"""What the API is told by the environment."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from serving.connections import Connections

__all__ = ["ApiSettings"]


class ApiSettings(Connections):
    """Where the API listens, beside where everything else is."""

    api_host: str = Field(default="127.0.0.1", description="The address to listen on; 0.0.0.0 within a container.")
    api_port: int = Field(default=8080, ge=0, le=65535, description="The port to listen on; 0: one that is free.")
    api_keys: Path | None = Field(
        default=None,
        description="A file of keys and their roles (docs/http.md); needed where others reach the address.",
    )
    api_max_users: int | None = Field(
        default=None,
        ge=1,
        description="Lists that the API keeps in memory, those used last; others it reads again. Without it: all.",
    )
    api_fetch_wait_ms: int = Field(
        default=500,
        ge=1,
        description="How long the broker may keep a question for new lists; the embedded one answers late, so less.",
    )
    api_silent_s: float = Field(
        default=30.0, gt=0, description="Lists are told as `stale` once the broker has not been heard for so long."
    )
    api_heartbeat_s: float = Field(
        default=15.0,
        ge=0.05,
        description="A stream of events says so often that it is alive; proxies close what is silent for a minute.",
    )
    api_most_streams: int = Field(
        default=1000, ge=0, description="Streams of events at once; what is beyond is told to come again."
    )
    api_most_body_bytes: int = Field(
        default=1024 * 1024, ge=1024, description="The largest body that is taken; a larger one is answered with 413."
    )
    api_rate: float = Field(
        default=5000.0,
        ge=0.0,
        description="What a client (by its key, else its address) may ask for in a second: a list costs 1, what takes "
        "milliseconds 20 (docs/http.md); beyond it: 429. 0: no limit.",
    )
    api_origins: str | None = Field(
        default=None,
        description="Sites whose pages may read answers (CORS): https://shop.example, several with commas, or *.",
    )
    api_buffer_bytes: int = Field(
        default=32 * 1024 * 1024,
        ge=1024,
        description="Events that the broker has not confirmed yet; what is beyond is told to come again.",
    )
    api_on_demand: Literal["off", "first", "start"] = Field(
        default="first",
        description="When what lists on demand (queries, conversations, ranks, explanations) need is read, which takes "
        "seconds and as much memory as a worker has for it: with the first of them, or as the page is opened; at the "
        "start, beside all else, once there are items; or never, and they are refused.",
    )
    api_workers: str | None = Field(
        default=None,
        description="Addresses of the workers' health ports, http://host:port, several with commas, whose counts the "
        "page shows operators.",
    )

    @property
    def origins(self) -> tuple[str, ...]:
        """Those sites, one by one."""
        return tuple(each.strip() for each in (self.api_origins or "").split(",") if each.strip())

    @property
    def workers(self) -> list[str]:
        """Those addresses, one by one."""
        return [each.strip().rstrip("/") for each in (self.api_workers or "").split(",") if each.strip()]
