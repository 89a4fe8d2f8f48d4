"""What every store promises, held to it over the fake and over Redis."""

from dataclasses import replace

import msgspec
import pytest
from redis.asyncio import Redis

from deploy.local.services import free_port
from penchant.errors import FingerprintMismatch, Misconfigured
from serving.state.user_state import Ref
from stream.store.answers import Answer, Asked
from stream.store.base import Commit, Lease, Retention, Saved, Wait
from stream.store.redis import Store
from stream.store.topic_identity import stored_epochs
from stream.testing import FINGERPRINT
from tests.contract.conftest import CLICKS, EXPIRY_S, IDENTITIES, REVIEWS, AnyStore, Opener, commit, state, version


async def test_what_is_saved_is_loaded(store: AnyStore) -> None:
    await store.acquire(3)
    assert await store.save(commit(store, {CLICKS: 5}, u1=state(7), u2=state(8))) is Saved.WRITTEN
    loaded = await store.load(3, ["u2", "nobody", "u1"])
    assert list(loaded) == ["u2", "nobody", "u1"]
    assert [each.list_version for each in loaded.values()] == [8, 0, 7]
    assert loaded["u1"].long is not None
    assert loaded["u1"].long.tolist() == [7.0, -0.5]
    assert not loaded["nobody"].known
    assert await store.load(3, []) == {}


async def test_a_loaded_state_is_the_callers_own(store: AnyStore) -> None:
    await store.acquire(3)
    await store.save(commit(store, {}, u1=state(7)))
    mine = (await store.load(3, ["u1"]))["u1"]
    mine.list_version = 99
    assert await version(store, "u1") == 7


async def test_partitions_are_apart(store: AnyStore) -> None:
    await store.acquire(3)
    await store.save(commit(store, {CLICKS: 5}, u1=state(7)))
    assert await store.acquire(4) == {}
    assert (await store.load(4, ["u1"]))["u1"].list_version == 0
    assert store.owned_partitions() == {3, 4}


async def test_offsets_stand_with_the_states_and_come_back_with_a_lease(store: AnyStore, another: Opener) -> None:
    assert await store.acquire(3) == {}
    await store.save(commit(store, {CLICKS: 5}, u1=state(1)))
    await store.save(commit(store, {REVIEWS: 9}, u1=state(2)))
    await store.save(commit(store, {CLICKS: 6, REVIEWS: 10}))
    assert store.lease(3).offsets == {CLICKS: 6, REVIEWS: 10}
    assert await another().acquire(3) == {CLICKS: 6, REVIEWS: 10}
    assert await version(store, "u1") == 2


async def test_offsets_of_a_topic_that_was_made_anew_are_not_taken_for_the_old_ones(
    store: AnyStore, another: Opener
) -> None:
    """Given offsets under another identity, when somebody acquires, then that is refused, unnoticed by the owner."""
    await store.acquire(3)
    await store.save(commit(store, {CLICKS: 5, REVIEWS: 9}))
    recreated = another(IDENTITIES | {CLICKS: "run-2"})
    with pytest.raises(Misconfigured, match=rf"names {CLICKS}: .*start it again"):
        await recreated.acquire(3)
    assert await recreated.save(commit(recreated, {CLICKS: 1}, u1=state(1))) is Saved.NOT_MINE
    assert await store.owns(3)
    assert await store.save(commit(store, {CLICKS: 6})) is Saved.WRITTEN
    assert await recreated.acquire(4) == {}


async def test_what_lists_hold_stands_with_the_states_and_goes_with_an_erasure(store: AnyStore) -> None:
    await store.acquire(3)
    lists: dict[str, bytes | None] = {f"u{n}": bytes([n]) for n in range(4)}
    await store.save(replace(commit(store, {CLICKS: 5}), listed=lists))
    await store.save(replace(commit(store, {CLICKS: 6}), listed={"u0": b"new", "u1": None, "nobody": None}))
    assert await lists_of(store) == {"u0": b"new", "u2": b"\x02", "u3": b"\x03"}
    await store.save(replace(commit(store, {CLICKS: 7}), listed={"u2": b"late"}, erased={"u2": 5, "u3": 5}))
    assert await lists_of(store) == {"u0": b"new"}


async def test_what_lists_hold_is_fenced_and_belongs_to_a_partition(store: AnyStore, another: Opener) -> None:
    await store.acquire(3)
    late = replace(commit(store, {CLICKS: 5}), listed={"u1": b"zombie"})
    await another().acquire(3)
    assert await store.save(late) is Saved.NOT_MINE
    assert await lists_of(store) == {}


async def test_what_many_lists_hold_comes_in_parts(store: AnyStore) -> None:
    await store.acquire(3)
    many: dict[str, bytes | None] = {f"u{n}": b"%d" % n for n in range(3_000)}
    await store.save(replace(commit(store, {}), listed=many))
    assert await lists_of(store) == many
    assert [some async for some in store.published_lists(4)] in ([{}], [])


async def lists_of(store: AnyStore) -> dict[str, bytes]:
    return {user: entry async for some in store.published_lists(3) for user, entry in some.items()}


# --- The fence ---


async def test_without_a_lease_nothing_is_written(store: AnyStore) -> None:
    assert store.lease(3) == Lease()
    assert not await store.owns(3)
    assert await store.save(commit(store, {CLICKS: 5}, u1=state(1))) is Saved.NOT_MINE
    assert await version(store, "u1") == 0


async def test_who_acquired_last_is_the_one_writer(store: AnyStore, another: Opener) -> None:
    zombie, owner = store, another()
    await zombie.acquire(3)
    late = commit(zombie, {CLICKS: 5}, u1=state(1))
    await owner.acquire(3)
    assert (await zombie.owns(3), await owner.owns(3)) == (False, True)
    assert await zombie.save(late) is Saved.NOT_MINE
    assert await version(owner, "u1") == 0
    assert await owner.save(commit(owner, {CLICKS: 5}, u1=state(2))) is Saved.WRITTEN
    assert await zombie.save(late) is Saved.NOT_MINE
    assert await version(zombie, "u1") == 2


async def test_a_refused_write_moves_nothing(store: AnyStore, another: Opener) -> None:
    await store.acquire(3)
    await another().acquire(3)
    refused = commit(store, {CLICKS: 5}, u1=state(1))
    refused.waits.append(Wait("i1", "u1", 10))
    assert await store.save(refused) is Saved.NOT_MINE
    assert store.lease(3).offsets == {}
    assert await store.waiting(3) == []
    assert await another().acquire(3) == {}


async def test_acquiring_again_makes_my_earlier_batches_void(store: AnyStore) -> None:
    await store.acquire(3)
    before = commit(store, {CLICKS: 5}, u1=state(1))
    await store.acquire(3)
    assert await store.save(before) is Saved.NOT_MINE
    assert store.lease(3).offsets == {}


async def test_an_answer_that_got_lost_is_not_an_error(store: AnyStore) -> None:
    await store.acquire(3)
    once = commit(store, {CLICKS: 5}, u1=state(1))
    assert await store.save(once) is Saved.WRITTEN
    assert await store.save(once) is Saved.REPEATED
    assert store.lease(3).offsets == {CLICKS: 5}
    assert Saved.REPEATED.done


async def test_a_store_that_stands_elsewhere_refuses(store: AnyStore) -> None:
    await store.acquire(3)
    stale = store.lease(3)
    await store.save(commit(store, {CLICKS: 5}, u1=state(1)))
    for offsets in ({CLICKS: 6}, {CLICKS: 4}, {CLICKS: 5, REVIEWS: 1}):
        assert await store.save(Commit(3, stale, {"u1": state(9)}, offsets)) is Saved.MOVED
    assert store.lease(3).offsets == {CLICKS: 5}
    assert await version(store, "u1") == 1
    assert not Saved.MOVED.done


async def test_a_batch_without_records_is_written_under_the_token_alone(store: AnyStore, another: Opener) -> None:
    """What waited and is folded now comes from no record: the offsets stay, and the owner is still asked for."""
    await store.acquire(3)
    await store.save(commit(store, {CLICKS: 5}))
    woken = commit(store, {}, u1=state(1))
    assert await store.save(woken) is Saved.WRITTEN
    assert store.lease(3).offsets == {CLICKS: 5}
    await another().acquire(3)
    assert await store.save(woken) is Saved.NOT_MINE


async def test_a_released_partition_is_not_mine(store: AnyStore) -> None:
    await store.acquire(3)
    store.release(3)
    store.release(4)
    assert store.owned_partitions() == set()
    assert not await store.owns(3)
    assert await store.save(commit(store, {CLICKS: 5})) is Saved.NOT_MINE


async def test_a_save_that_comes_back_after_a_release_does_not_bring_the_lease_back(store: AnyStore) -> None:
    await store.acquire(3)
    under_way = commit(store, {CLICKS: 5})
    store.release(3)
    assert await store.save(under_way) is Saved.WRITTEN
    assert store.owned_partitions() == set()


# --- The waiting index ---


async def test_waits_are_kept_moved_and_removed(store: AnyStore, another: Opener) -> None:
    await store.acquire(3)
    odd = 'it"em, with 逗号'
    waits = [Wait("i1", "u1", 1_790_000_000_123), Wait(odd, "u 2", 5), Wait("i1", "u3", 7)]
    await store.save(Commit(3, store.lease(3), waits=waits))
    assert await another().waiting(3) == [waits[1], waits[2], waits[0]]
    await store.save(Commit(3, store.lease(3), waits=[Wait("i1", "u1", 6)], no_longer=[Wait("i1", "u3", 0)]))
    assert await store.waiting(3) == [waits[1], Wait("i1", "u1", 6)]
    assert await store.waiting(4) == []


async def test_what_waits_and_no_longer_waits_in_one_batch_is_gone(store: AnyStore) -> None:
    await store.acquire(3)
    both = Commit(3, store.lease(3), waits=[Wait("i1", "u1", 6)], no_longer=[Wait("i1", "u1", 0)])
    await store.save(both)
    assert await store.waiting(3) == []


# --- Lists to come ---


async def unpublished(store: AnyStore, partition: int = 3) -> dict[str, list[Ref]]:
    """What a new owner finds that it owes."""
    await store.acquire(partition)
    return dict(store.lease(partition).unpublished)


async def test_the_lists_of_the_last_write_are_published_by_the_next_owner(store: AnyStore, another: Opener) -> None:
    assert await unpublished(store) == {}
    refs = {"u1": [Ref(CLICKS, 3, 4, "c-4", 10), Ref(CLICKS, 3, 5, "c-5", 11, waiting=True)]}
    await store.save(Commit(3, store.lease(3), {"u1": state(1)}, {CLICKS: 6}, unpublished=refs))
    assert store.lease(3).unpublished == refs, "until they are published, which may be ended halfway"
    assert await unpublished(another()) == refs
    assert await unpublished(store) == refs
    await store.save(commit(store, {CLICKS: 7}))
    assert await unpublished(another()) == refs, "a write that makes no list leaves them"
    await store.acquire(3)
    other = {"u2": [Ref(CLICKS, 3, 7, "c-7", 12)]}
    await store.save(Commit(3, store.lease(3), {"u2": state(1)}, {CLICKS: 8}, unpublished=other))
    assert await unpublished(store) == other
    assert await unpublished(store, 4) == {}


async def test_what_was_done_about_commands_is_told_by_the_next_owner(store: AnyStore, another: Opener) -> None:
    await store.acquire(3)
    assert list(store.lease(3).answers) == []
    given = [Answer("k-1", "erase", "done", removed={"events": 2}, at_ms=7, users=("u1", "u2"))]
    given.append(Answer("k-2", "merge", "refused", "no", asked=Asked(CLICKS, 3, 4, 5, "shop", "till")))
    await store.save(Commit(3, store.lease(3), offsets={CLICKS: 5}, answers=given))
    answers = list(store.lease(3).answers)
    assert [each.users for each in answers] == [(), ()]
    assert len({digest for each in answers for digest in each.digests if len(digest) == 32}) == 2, "of each user one"
    assert [msgspec.structs.replace(each, users=(), digests=()) for each in given] == [
        msgspec.structs.replace(each, digests=()) for each in answers
    ]
    await store.save(Commit(3, store.lease(3), offsets={CLICKS: 5}, answers=answers))
    assert list(store.lease(3).answers) == answers, "until it was told"
    successor = another()
    await successor.acquire(3)
    await successor.acquire(4)
    assert (list(successor.lease(3).answers), list(successor.lease(4).answers)) == (answers, [])
    successor.mark_answered(3, store.lease(3).token)
    assert list(successor.lease(3).answers) == answers, "by another"
    successor.mark_answered(3, successor.lease(3).token)
    assert list(successor.lease(3).answers) == []
    assert await store.save(Commit(3, store.lease(3), offsets={CLICKS: 6})) is Saved.NOT_MINE
    await store.acquire(3)
    assert list(store.lease(3).answers) == answers, "a refused write drops nothing"
    await store.save(Commit(3, store.lease(3), offsets={CLICKS: 6}))
    await successor.acquire(3)
    assert list(successor.lease(3).answers) == [], "they were among the next write's, or told before"


async def test_what_is_unpublished_stays_so_until_it_is_marked_under_the_same_token(store: AnyStore) -> None:
    await store.acquire(3)
    refs = {"u1": [Ref(CLICKS, 3, 4, "c-4", 10)]}
    await store.save(Commit(3, store.lease(3), {"u1": state(1)}, {CLICKS: 5}, unpublished=refs))
    await store.acquire(3)
    await store.save(commit(store, {CLICKS: 6}))
    assert store.lease(3).unpublished == refs
    store.mark_published(3, "an older token")
    assert store.lease(3).unpublished == refs
    store.mark_published(3, store.lease(3).token)
    assert store.lease(3).unpublished == {}


async def test_a_refused_write_leaves_the_lists_of_the_last_one(store: AnyStore, another: Opener) -> None:
    await store.acquire(3)
    await another().acquire(3)
    refs = {"u1": [Ref(CLICKS, 3, 4, "c-4", 10)]}
    assert await store.save(Commit(3, store.lease(3), {}, {CLICKS: 5}, unpublished=refs)) is Saved.NOT_MINE
    assert await unpublished(store) == {}


# --- Redis alone ---


async def test_a_users_record_expires_when_idle_and_all_keys_share_the_partitions_slot(
    redis_url: str, prefix: str
) -> None:
    store = Store(redis_url, prefix, FINGERPRINT, IDENTITIES, Retention(EXPIRY_S))
    redis = Redis.from_url(redis_url, decode_responses=True)
    await store.acquire(3)
    refs = {"u:1": [Ref(CLICKS, 3, 4, "c-4", 10)]}
    waits = [Wait("i1", "u:1", 6)]
    await store.save(Commit(3, store.lease(3), {"u:1": state(1)}, {CLICKS: 5}, waits, unpublished=refs))
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
    await ours.acquire(3)
    await ours.save(Commit(3, ours.lease(3), {"u1": state(1)}))
    with pytest.raises(FingerprintMismatch):
        await other.load(3, ["u1"])
    await ours.close()
    await other.close()


async def test_no_redis_is_said_at_the_start(prefix: str) -> None:
    store = Store(f"redis://127.0.0.1:{free_port()}/0", prefix, FINGERPRINT, IDENTITIES, Retention(EXPIRY_S))
    with pytest.raises(Misconfigured, match="--redis"):
        await store.adopt_fingerprint()
    await store.close()


async def test_a_store_that_stands_before_where_i_left_it_is_behind(store: AnyStore, another: Opener) -> None:
    assert not await store.is_behind(3), "not mine"
    await store.acquire(3)
    assert not await store.is_behind(3), "nothing was written"
    await store.save(commit(store, {CLICKS: 5, REVIEWS: 2}, u1=state(1)))
    assert not await store.is_behind(3)
    other = another()
    await other.acquire(3)
    await other.save(commit(other, {CLICKS: 7}))
    assert not await store.is_behind(3), "another worker went on"
    await other.save(commit(other, {REVIEWS: 1}))
    assert await store.is_behind(3), "as in an older copy"


async def test_the_newest_epoch_that_was_read_is_kept_by_topic(redis_url: str, prefix: str) -> None:
    store = Store(redis_url, prefix, FINGERPRINT, IDENTITIES, Retention(EXPIRY_S))
    for topic, epoch in ((CLICKS, 4), (CLICKS, 11), (CLICKS, 7), (REVIEWS, 0)):  # 7: by an owner of before, late
        await store.note_epoch(3, topic, epoch)
    assert (await store.epochs(3), await store.epochs(4)) == ({CLICKS: 11, REVIEWS: 0}, {})

    anew = Store(redis_url, prefix, FINGERPRINT, {CLICKS: "run-2", REVIEWS: "run-1"}, Retention(EXPIRY_S))
    assert await anew.epochs(3) == {REVIEWS: 0}, "a topic that was made anew counts from 0"
    assert await stored_epochs(redis_url, prefix, 4, IDENTITIES) == {(CLICKS, 3): 11, (REVIEWS, 3): 0}
    for each in (store, anew):
        await each.close()
