"""An address of Redis is read or refused, and what is said of it has no password in it."""

import pytest

from penchant.errors import Misconfigured
from serving.connections import Connections
from serving.redis.url import Address, address_of, check_url, without_password
from stream.store.redis_calls import connect

GOOD = (
    "redis://127.0.0.1:6379/0",
    "redis://redis",
    "rediss://ann:se%2Fcr%23et@redis:6379/3?socket_timeout=3",
    "redis://:se@cret@redis:6379/0",
    "redis://[::1]:6379/0",
    "unix:///run/redis.sock?db=1",
)
BAD = (
    "redis://:sec/ret@redis:6379/0",
    "redis://:sec#ret@redis:6379/0",
    "redis://:sec?ret@redis:6379/0",
    "redis://:123/secret@redis:6379/0",
    "redis://secret:12/3@redis:6379/0",
    "redis://secret:12#3@redis:6379/0",
    "redis://secret:12?3@redis:6379/0",
    "redis://secret:12?3=@redis:6379/0",
    "redis://:12?sec=ret@redis:6379/0",
    "redis://:sec[ret@redis:6379/0",
    "redis://:secret@redis:port/0",
    "redis://:secret@redis:99999/0",
    "redis://:secret@",
    "redis://:secret@redis:6379/films",
    "http://:secret@redis:6379/0",
    "secret@redis:6379",
    "",
)
OF_THE_LIBRARY = ("redis://:secret@redis:6379/0?secret=1", "rediss://:secret@redis/0?ssl_cert_reqs=secret")


@pytest.mark.parametrize("url", GOOD)
async def test_an_address_is_taken(url: str) -> None:
    assert check_url(url) == url
    await connect(url).aclose()
    assert "cret" not in without_password(url)


@pytest.mark.parametrize("url", BAD)
def test_what_is_none_is_refused_without_its_secret(url: str) -> None:
    with pytest.raises(ValueError, match="write redis://") as refused:
        check_url(url)
    assert "sec" not in str(refused.value).replace("is %", "")
    assert without_password(url) == "(no address)"
    with pytest.raises(Misconfigured, match=r"PENCHANT_REDIS: (it is empty|.*write redis://)") as unset:
        Connections(redis=url)
    assert not url or url not in str(unset.value)
    assert "secret" not in str(unset.value)


@pytest.mark.parametrize("url", [*BAD, *OF_THE_LIBRARY])
def test_the_client_refuses_it_in_the_same_words(url: str) -> None:
    with pytest.raises(Misconfigured, match=r"PENCHANT_REDIS.*%2F") as refused:
        connect(url)
    assert "secret" not in str(refused.value)
    assert refused.value.__cause__ is None


MANY = {
    "redis+sentinel://ann:se%2Fcret@a:1,b:2,[::1]/shop/3?sentinel_password=x%26y&socket_timeout=3": Address(
        "sentinel",
        "redis://ann:se%2Fcret@a:1/3?socket_timeout=3",
        (("a", 1), ("b", 2), ("::1", 26379)),
        "shop",
        (("password", "x&y"),),
    ),
    "rediss+sentinel://a/shop": Address("sentinel", "rediss://a:26379", (("a", 26379),), "shop"),
    "redis+cluster://:secret@a:1,b": Address("cluster", "redis://:secret@a:1", (("a", 1), ("b", 6379))),
    "rediss+cluster://[::1]:1/0": Address("cluster", "rediss://[::1]:1", (("::1", 1),)),
}


@pytest.mark.parametrize("url", MANY)
def test_addresses_of_many(url: str) -> None:
    assert address_of(check_url(url)) == MANY[url]


@pytest.mark.parametrize(
    "url",
    [
        "redis+sentinel://secret@a:1,b:2",
        "redis+sentinel://a:1,b:2/",
        "redis+sentinel://a:1/shop/secret",
        "redis+cluster://a:1,b:2/3",
        "redis+cluster://a:1,,b:2",
        "redis+cluster://a:1,b:99999",
        "redis+cluster://",
        "unix+cluster:///path",
        "redis+other://a:1",
        "redis+cluster://:se/cret@a:1",
    ],
)
def test_what_names_no_place_of_many(url: str) -> None:
    with pytest.raises(ValueError, match="no address of a Redis") as raised:
        check_url(url)
    assert "secret" not in str(raised.value)
    assert "secret" not in without_password(url)
