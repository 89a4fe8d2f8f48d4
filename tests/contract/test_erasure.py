"""What of an erased user every store keeps, and what it does not."""

import hashlib
from typing import Any

from redis.asyncio import Redis

from serving.state.user_state import Ref
from stream.store.base import Commit, Retention, Saved, Wait, now_ms
from stream.store.redis import Store
from stream.testing import FINGERPRINT
from tests.contract.conftest import CLICKS, EXPIRY_S, IDENTITIES, AnyStore, Opener, commit, state, version


async def erased_ms(store: AnyStore, *users: str) -> list[int]:
    return [state.erased_ms for state in (await store.load(3, users)).values()]


async def test_an_erased_user_is_gone_and_remembered_by_the_time_alone(store: AnyStore, another: Opener) -> None:
    await store.acquire(3)
    unpublished = {"u1": [Ref(CLICKS, 3, 4, "c-4", 10)]}
    await store.save(Commit(3, store.lease(3), {"u1": state(1), "u2": state(2)}, {CLICKS: 5}, unpublished=unpublished))
    await store.save(Commit(3, store.lease(3), offsets={CLICKS: 6}, erased={"u1": 1000, "u3": 2000}))
    assert await erased_ms(store, "u1", "u2", "u3") == [1000, 0, 2000]
    assert (await version(store, "u1"), await version(store, "u2")) == (0, 2)
    successor = another()
    await successor.acquire(3)
    assert successor.lease(3).unpublished == {}
    assert await erased_ms(successor, "u1", "u2", "u3") == [1000, 0, 2000]
    assert [each.erased_ms for each in (await store.load(4, ["u1"])).values()] == [0]


async def test_the_latest_erasure_counts_and_a_fresh_state_may_follow(store: AnyStore) -> None:
    await store.acquire(3)
    for at_ms in (2000, 1000, 3000):
        await store.save(Commit(3, store.lease(3), {"u1": state(at_ms)}, erased={"u1": at_ms}))
    assert await erased_ms(store, "u1") == [3000]
    assert await version(store, "u1") == 3000
    await store.save(Commit(3, store.lease(3), {"u1": state(7)}))
    assert await erased_ms(store, "u1") == [3000]


async def test_digests_go_when_the_input_topics_have_forgotten_too(store: AnyStore) -> None:
    await store.acquire(3)
    late_ms = 1000 + 90 * 86_400_000
    await store.save(Commit(3, store.lease(3), erased={"u1": 1000, "u2": 1001}))
    await store.save(Commit(3, store.lease(3), erased={"u3": late_ms}))
    assert await erased_ms(store, "u1", "u2", "u3") == [0, 1001, late_ms]


async def test_an_erasure_that_lies_ahead_drops_no_digest_and_is_not_believed(store: AnyStore) -> None:
    """As a version before wrote what a command said: that user is heard again, and the others stay erased."""
    await store.acquire(3)
    long_ago_ms, far_ms = now_ms() - 30 * 86_400_000, 4_260_000_000_000  # far: 2105
    await store.save(Commit(3, store.lease(3), erased={"u1": long_ago_ms}))
    await store.save(Commit(3, store.lease(3), erased={"u2": far_ms, "u3": long_ago_ms + 1}))
    assert await erased_ms(store, "u1", "u2", "u3") == [long_ago_ms, 0, long_ago_ms + 1]


async def test_who_does_not_own_the_partition_erases_nobody(store: AnyStore, another: Opener) -> None:
    await store.acquire(3)
    await store.save(commit(store, {CLICKS: 5}, u1=state(1)))
    late = Commit(3, store.lease(3), erased={"u1": 1000})
    await another().acquire(3)
    assert await store.save(late) is Saved.NOT_MINE
    assert (await version(store, "u1"), await erased_ms(store, "u1")) == (1, [0])


async def test_redis_keeps_no_id_of_an_erased_user_and_no_digest_that_could_be_guessed(
    redis_url: str, prefix: str
) -> None:
    user = "ann@example.org"
    stores = [
        Store(redis_url, prefix, FINGERPRINT, IDENTITIES, Retention(EXPIRY_S, 5000, secret))
        for secret in (None, None, b"a key from the settings")
    ]
    first, second, other = stores
    redis: Any = Redis.from_url(redis_url)  # its annotations say that an answer may be text
    await first.acquire(3)
    await first.save(Commit(3, first.lease(3), {user: state(1)}, {CLICKS: 5}, [Wait("i1", user, 6)]))
    await first.save(Commit(3, first.lease(3), no_longer=[Wait("i1", user, 0)], erased={user: 1000}))
    digests = await redis.zrange(f"{{{prefix}:3}}:erased", 0, -1, withscores=True)
    assert [(len(digest), score) for digest, score in digests] == [(32, 1000.0)]
    assert 0 < await redis.ttl(f"{{{prefix}:3}}:erased") <= 5000
    unkeyed = {hashlib.new(name, user.encode()).digest() for name in ("sha256", "blake2s", "sha3_256")}
    assert digests[0][0] not in unkeyed
    keys = [key.decode() for key in await redis.keys(f"*{prefix}*")]
    assert sorted(keys) == sorted(
        [f"{prefix}:erasure-secret", *(f"{{{prefix}:3}}:{n}" for n in ("erased", "lists", "offsets", "owner"))]
    )
    assert user.encode() not in await redis.get(f"{{{prefix}:3}}:lists")
    assert await erased_ms(second, user) == [1000], "the next worker finds the key"
    assert await erased_ms(other, user) == [0], "another key knows nobody"
    await redis.aclose()
    for store in stores:
        await store.close()


async def test_after_the_store_was_emptied_workers_agree_about_who_was_erased(redis_url: str, prefix: str) -> None:
    """Given a worker that knows the digests' key, when the store loses it, then it takes the new one, as others do."""
    stores = [Store(redis_url, prefix, FINGERPRINT, IDENTITIES, Retention(EXPIRY_S)) for _ in range(2)]
    await stores[0].acquire(3)
    await stores[0].save(Commit(3, stores[0].lease(3), erased={"u1": 1000}))
    async with Redis.from_url(redis_url) as client:
        await client.delete(*[key async for key in client.scan_iter(match=f"*{prefix}*")])
    await stores[1].acquire(4)
    assert await erased_ms(stores[1], "u1") == [0]
    await stores[0].acquire(3)
    await stores[0].save(Commit(3, stores[0].lease(3), erased={"u1": 2000}))
    assert await erased_ms(stores[1], "u1") == [2000]
    for each in stores:
        await each.close()
