"""What every store promises, held to it over the fake and over Redis (the embedded one, and Debian's if it is here)."""

import hashlib
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack
from typing import Any, Protocol

import numpy as np
import pytest
from redis.asyncio import Redis

from deploy.children import Child
from deploy.services import free_port
from serving.errors import FingerprintMismatch, Misconfigured
from serving.state import Ref, UserState
from stream.store import Batch, Hold, Retention, Saved, Store, Wait
from stream.testing import FINGERPRINT, MemoryStore
from tests.support.waiting import until

AnyStore = MemoryStore | Store
CLICKS, REVIEWS = "clicks", "reviews"
IDENTITIES = {CLICKS: "run-1", REVIEWS: "run-1"}
EXPIRY_S = 1000
DEBIANS = shutil.which("redis-server")


class Opener(Protocol):
    """Opens another worker's store on the same data."""

    def __call__(self, identities: Mapping[str, str] = IDENTITIES) -> AnyStore: ...


@pytest.fixture(scope="session")
def debian_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The redis-server that the system has installed, 7.0 on Debian 12: newer than the embedded one."""
    folder, port = tmp_path_factory.mktemp("debian-store"), free_port()
    child = Child(
        "redis-server",
        [DEBIANS or "", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""],
        folder / "store.log",
    )
    assert until(lambda: b"Ready to accept" in (folder / "store.log").read_bytes()), child.last_lines()
    yield f"redis://127.0.0.1:{port}/0"
    child.stop()


@pytest.fixture(params=["memory", "embedded", *(["debian"] if DEBIANS else [])])
async def another(request: pytest.FixtureRequest, prefix: str) -> AsyncIterator[Opener]:
    if request.param == "memory":
        first = MemoryStore()
        yield lambda identities=IDENTITIES: MemoryStore(identities, beside=first)
        return
    url: str = request.getfixturevalue("redis_url" if request.param == "embedded" else "debian_url")
    async with AsyncExitStack() as stack:

        def connect(identities: Mapping[str, str] = IDENTITIES) -> Store:
            store = Store(url, prefix, FINGERPRINT, identities, Retention(EXPIRY_S))
            stack.push_async_callback(store.close)
            return store

        yield connect


@pytest.fixture
def store(another: Opener) -> AnyStore:
    return another()


def state(version: int) -> UserState:
    return UserState(long=np.array([version, -0.5], np.float32), reference_ms=10, list_version=version)


def batch(store: AnyStore, offsets: dict[str, int], **states: UserState) -> Batch:
    return Batch(3, store.hold(3), states, offsets)


async def version(store: AnyStore, user: str) -> int:
    return (await store.load(3, [user]))[user].list_version


async def test_what_is_saved_is_loaded(store: AnyStore) -> None:
    await store.claim(3)
    assert await store.save(batch(store, {CLICKS: 5}, u1=state(7), u2=state(8))) is Saved.WRITTEN
    loaded = await store.load(3, ["u2", "nobody", "u1"])
    assert list(loaded) == ["u2", "nobody", "u1"]
    assert [each.list_version for each in loaded.values()] == [8, 0, 7]
    assert loaded["u1"].long is not None
    assert loaded["u1"].long.tolist() == [7.0, -0.5]
    assert not loaded["nobody"].known
    assert await store.load(3, []) == {}


async def test_a_loaded_state_is_the_callers_own(store: AnyStore) -> None:
    await store.claim(3)
    await store.save(batch(store, {}, u1=state(7)))
    mine = (await store.load(3, ["u1"]))["u1"]
    mine.list_version = 99
    assert await version(store, "u1") == 7


async def test_partitions_are_apart(store: AnyStore) -> None:
    await store.claim(3)
    await store.save(batch(store, {CLICKS: 5}, u1=state(7)))
    assert await store.claim(4) == {}
    assert (await store.load(4, ["u1"]))["u1"].list_version == 0
    assert store.held() == {3, 4}


async def test_offsets_stand_with_the_states_and_come_back_with_a_claim(store: AnyStore, another: Opener) -> None:
    assert await store.claim(3) == {}
    await store.save(batch(store, {CLICKS: 5}, u1=state(1)))
    await store.save(batch(store, {REVIEWS: 9}, u1=state(2)))
    await store.save(batch(store, {CLICKS: 6, REVIEWS: 10}))
    assert store.hold(3).offsets == {CLICKS: 6, REVIEWS: 10}
    assert await another().claim(3) == {CLICKS: 6, REVIEWS: 10}
    assert await version(store, "u1") == 2


async def test_offsets_of_a_topic_that_was_made_anew_do_not_count(store: AnyStore, another: Opener) -> None:
    await store.claim(3)
    await store.save(batch(store, {CLICKS: 5, REVIEWS: 9}))
    recreated = another(IDENTITIES | {CLICKS: "run-2"})
    assert await recreated.claim(3) == {REVIEWS: 9}
    assert await recreated.save(batch(recreated, {CLICKS: 1}, u1=state(1))) is Saved.WRITTEN
    assert await another().claim(3) == {CLICKS: 5, REVIEWS: 9}


# --- The fence ---


async def test_without_a_claim_nothing_is_written(store: AnyStore) -> None:
    assert store.hold(3) == Hold()
    assert not await store.is_mine(3)
    assert await store.save(batch(store, {CLICKS: 5}, u1=state(1))) is Saved.NOT_MINE
    assert await version(store, "u1") == 0


async def test_who_claimed_last_is_the_one_writer(store: AnyStore, another: Opener) -> None:
    zombie, owner = store, another()
    await zombie.claim(3)
    late = batch(zombie, {CLICKS: 5}, u1=state(1))
    await owner.claim(3)
    assert (await zombie.is_mine(3), await owner.is_mine(3)) == (False, True)
    assert await zombie.save(late) is Saved.NOT_MINE
    assert await version(owner, "u1") == 0
    assert await owner.save(batch(owner, {CLICKS: 5}, u1=state(2))) is Saved.WRITTEN
    assert await zombie.save(late) is Saved.NOT_MINE
    assert await version(zombie, "u1") == 2


async def test_a_refused_write_moves_nothing(store: AnyStore, another: Opener) -> None:
    await store.claim(3)
    await another().claim(3)
    refused = batch(store, {CLICKS: 5}, u1=state(1))
    refused.waits.append(Wait("i1", "u1", 10))
    assert await store.save(refused) is Saved.NOT_MINE
    assert store.hold(3).offsets == {}
    assert await store.waiting(3) == []
    assert await another().claim(3) == {}


async def test_a_claim_of_my_own_makes_my_earlier_batches_void(store: AnyStore) -> None:
    await store.claim(3)
    before = batch(store, {CLICKS: 5}, u1=state(1))
    await store.claim(3)
    assert await store.save(before) is Saved.NOT_MINE
    assert store.hold(3).offsets == {}


async def test_an_answer_that_got_lost_is_not_an_error(store: AnyStore) -> None:
    await store.claim(3)
    once = batch(store, {CLICKS: 5}, u1=state(1))
    assert await store.save(once) is Saved.WRITTEN
    assert await store.save(once) is Saved.REPEATED
    assert store.hold(3).offsets == {CLICKS: 5}
    assert Saved.REPEATED.done


async def test_a_store_that_stands_elsewhere_refuses(store: AnyStore) -> None:
    await store.claim(3)
    stale = store.hold(3)
    await store.save(batch(store, {CLICKS: 5}, u1=state(1)))
    for offsets in ({CLICKS: 6}, {CLICKS: 4}, {CLICKS: 5, REVIEWS: 1}):
        assert await store.save(Batch(3, stale, {"u1": state(9)}, offsets)) is Saved.MOVED
    assert store.hold(3).offsets == {CLICKS: 5}
    assert await version(store, "u1") == 1
    assert not Saved.MOVED.done


async def test_a_batch_without_records_is_written_under_the_token_alone(store: AnyStore, another: Opener) -> None:
    """What waited and is folded now comes from no record: the offsets stay, and the owner is still asked for."""
    await store.claim(3)
    await store.save(batch(store, {CLICKS: 5}))
    woken = batch(store, {}, u1=state(1))
    assert await store.save(woken) is Saved.WRITTEN
    assert store.hold(3).offsets == {CLICKS: 5}
    await another().claim(3)
    assert await store.save(woken) is Saved.NOT_MINE


async def test_a_released_partition_is_not_mine(store: AnyStore) -> None:
    await store.claim(3)
    store.release(3)
    store.release(4)
    assert store.held() == set()
    assert not await store.is_mine(3)
    assert await store.save(batch(store, {CLICKS: 5})) is Saved.NOT_MINE


async def test_a_save_that_comes_back_after_a_release_does_not_bring_the_hold_back(store: AnyStore) -> None:
    await store.claim(3)
    under_way = batch(store, {CLICKS: 5})
    store.release(3)
    assert await store.save(under_way) is Saved.WRITTEN
    assert store.held() == set()


# --- The waiting index ---


async def test_waits_are_kept_moved_and_removed(store: AnyStore, another: Opener) -> None:
    await store.claim(3)
    odd = 'it"em, with 逗号'
    waits = [Wait("i1", "u1", 1_790_000_000_123), Wait(odd, "u 2", 5), Wait("i1", "u3", 7)]
    await store.save(Batch(3, store.hold(3), waits=waits))
    assert await another().waiting(3) == [waits[1], waits[2], waits[0]]
    await store.save(Batch(3, store.hold(3), waits=[Wait("i1", "u1", 6)], no_longer=[Wait("i1", "u3", 0)]))
    assert await store.waiting(3) == [waits[1], Wait("i1", "u1", 6)]
    assert await store.waiting(4) == []


async def test_what_waits_and_no_longer_waits_in_one_batch_is_gone(store: AnyStore) -> None:
    await store.claim(3)
    both = Batch(3, store.hold(3), waits=[Wait("i1", "u1", 6)], no_longer=[Wait("i1", "u1", 0)])
    await store.save(both)
    assert await store.waiting(3) == []


# --- Lists to come ---


async def owed(store: AnyStore, partition: int = 3) -> dict[str, list[Ref]]:
    """What a new owner finds that it owes."""
    await store.claim(partition)
    return dict(store.hold(partition).owed)


async def test_the_lists_of_the_last_write_are_owed_by_the_next_owner(store: AnyStore, another: Opener) -> None:
    assert await owed(store) == {}
    refs = {"u1": [Ref(CLICKS, 3, 4, "c-4", 10), Ref(CLICKS, 3, 5, "c-5", 11, waiting=True)]}
    await store.save(Batch(3, store.hold(3), {"u1": state(1)}, {CLICKS: 6}, unpublished=refs))
    assert store.hold(3).owed == {}, "its own writer publishes at once"
    assert await owed(another()) == refs
    assert await owed(store) == refs
    await store.save(batch(store, {CLICKS: 7}))
    assert await owed(another()) == refs, "a write that makes no list leaves them"
    await store.claim(3)
    other = {"u2": [Ref(CLICKS, 3, 7, "c-7", 12)]}
    await store.save(Batch(3, store.hold(3), {"u2": state(1)}, {CLICKS: 8}, unpublished=other))
    assert await owed(store) == other
    assert await owed(store, 4) == {}


async def test_what_is_owed_stays_so_until_it_is_settled_under_the_same_token(store: AnyStore) -> None:
    await store.claim(3)
    refs = {"u1": [Ref(CLICKS, 3, 4, "c-4", 10)]}
    await store.save(Batch(3, store.hold(3), {"u1": state(1)}, {CLICKS: 5}, unpublished=refs))
    await store.claim(3)
    await store.save(batch(store, {CLICKS: 6}))
    assert store.hold(3).owed == refs
    store.settle(3, "an older token")
    assert store.hold(3).owed == refs
    store.settle(3, store.hold(3).token)
    assert store.hold(3).owed == {}


async def test_a_refused_write_leaves_the_lists_of_the_last_one(store: AnyStore, another: Opener) -> None:
    await store.claim(3)
    await another().claim(3)
    refs = {"u1": [Ref(CLICKS, 3, 4, "c-4", 10)]}
    assert await store.save(Batch(3, store.hold(3), {}, {CLICKS: 5}, unpublished=refs)) is Saved.NOT_MINE
    assert await owed(store) == {}


# --- Erasure ---


async def erased_ms(store: AnyStore, *users: str) -> list[int]:
    return [state.erased_ms for state in (await store.load(3, users)).values()]


async def test_an_erased_user_is_gone_and_remembered_by_the_time_alone(store: AnyStore, another: Opener) -> None:
    await store.claim(3)
    owed = {"u1": [Ref(CLICKS, 3, 4, "c-4", 10)]}
    await store.save(Batch(3, store.hold(3), {"u1": state(1), "u2": state(2)}, {CLICKS: 5}, unpublished=owed))
    await store.save(Batch(3, store.hold(3), offsets={CLICKS: 6}, erased={"u1": 1000, "u3": 2000}))
    assert await erased_ms(store, "u1", "u2", "u3") == [1000, 0, 2000]
    assert (await version(store, "u1"), await version(store, "u2")) == (0, 2)
    successor = another()
    await successor.claim(3)
    assert successor.hold(3).owed == {}
    assert await erased_ms(successor, "u1", "u2", "u3") == [1000, 0, 2000]
    assert [each.erased_ms for each in (await store.load(4, ["u1"])).values()] == [0]


async def test_the_latest_erasure_counts_and_a_fresh_state_may_follow(store: AnyStore) -> None:
    await store.claim(3)
    for at_ms in (2000, 1000, 3000):
        await store.save(Batch(3, store.hold(3), {"u1": state(at_ms)}, erased={"u1": at_ms}))
    assert await erased_ms(store, "u1") == [3000]
    assert await version(store, "u1") == 3000
    await store.save(Batch(3, store.hold(3), {"u1": state(7)}))
    assert await erased_ms(store, "u1") == [3000]


async def test_digests_go_when_the_input_topics_have_forgotten_too(store: AnyStore) -> None:
    await store.claim(3)
    late_ms = 1000 + 90 * 86_400_000
    await store.save(Batch(3, store.hold(3), erased={"u1": 1000, "u2": 1001}))
    await store.save(Batch(3, store.hold(3), erased={"u3": late_ms}))
    assert await erased_ms(store, "u1", "u2", "u3") == [0, 1001, late_ms]


async def test_who_does_not_own_the_partition_erases_nobody(store: AnyStore, another: Opener) -> None:
    await store.claim(3)
    await store.save(batch(store, {CLICKS: 5}, u1=state(1)))
    late = Batch(3, store.hold(3), erased={"u1": 1000})
    await another().claim(3)
    assert await store.save(late) is Saved.NOT_MINE
    assert (await version(store, "u1"), await erased_ms(store, "u1")) == (1, [0])


# --- Redis alone ---


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
    await first.claim(3)
    await first.save(Batch(3, first.hold(3), {user: state(1)}, {CLICKS: 5}, [Wait("i1", user, 6)]))
    await first.save(Batch(3, first.hold(3), no_longer=[Wait("i1", user, 0)], erased={user: 1000}))
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


async def test_a_users_record_expires_when_idle_and_all_keys_share_the_partitions_slot(
    redis_url: str, prefix: str
) -> None:
    store = Store(redis_url, prefix, FINGERPRINT, IDENTITIES, Retention(EXPIRY_S))
    redis = Redis.from_url(redis_url, decode_responses=True)
    await store.claim(3)
    refs = {"u:1": [Ref(CLICKS, 3, 4, "c-4", 10)]}
    waits = [Wait("i1", "u:1", 6)]
    await store.save(Batch(3, store.hold(3), {"u:1": state(1)}, {CLICKS: 5}, waits, unpublished=refs))
    keys = set(await redis.keys(f"*{prefix}*"))
    assert keys == {f"{{{prefix}:3}}:{name}" for name in ("owner", "offsets", "waiting", "lists", "u:u:1")}
    assert 0 < await redis.ttl(f"{{{prefix}:3}}:u:u:1") <= EXPIRY_S
    assert await redis.ttl(f"{{{prefix}:3}}:offsets") == -1
    await redis.aclose()
    await store.close()


async def test_a_store_belongs_to_one_model_folder(redis_url: str, prefix: str) -> None:
    ours, other = (
        Store(redis_url, prefix, name, IDENTITIES, Retention(EXPIRY_S)) for name in (FINGERPRINT, "other-folder")
    )
    await ours.adopt_fingerprint()
    await ours.adopt_fingerprint()
    with pytest.raises(Misconfigured, match=f"{FINGERPRINT}.*other-folder"):
        await other.adopt_fingerprint()
    await ours.claim(3)
    await ours.save(Batch(3, ours.hold(3), {"u1": state(1)}))
    with pytest.raises(FingerprintMismatch):
        await other.load(3, ["u1"])
    await ours.close()
    await other.close()


async def test_no_redis_is_said_at_the_start(prefix: str) -> None:
    store = Store(f"redis://127.0.0.1:{free_port()}/0", prefix, FINGERPRINT, IDENTITIES, Retention(EXPIRY_S))
    with pytest.raises(Misconfigured, match="--redis"):
        await store.adopt_fingerprint()
    await store.close()
