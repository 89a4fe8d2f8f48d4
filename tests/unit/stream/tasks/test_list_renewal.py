"""Lists are made again without an event: what is gone goes, what was short grows whatever comes first, none ages."""

from collections.abc import Sequence

from penchant.messages import ItemVector, ListItem, RecommendationList
from serving.catalogue import Catalogue, pack
from serving.ranking.ranker import Ranking
from serving.state.user_state import UserState
from stream.events.records import Record
from stream.monitoring.clock import Clock
from stream.store.published_lists import PublishedLists
from stream.tasks.list_renewal import ListRenewal, RenewalLimits
from stream.testing import FINGERPRINT, NOW_MS, TOPICS, MemoryLog, MemoryStore, embed_by_words, record
from tests.support.evaluated_workers import K, RankingWorker, catalogue_of
from tests.support.pipeline import click, named, with_parts

DAY_S = 86_400


class Renewing(RankingWorker):
    """A worker whose lists are made again; `beside` another one, as after a restart. now_s: what its clock says."""

    def __init__(self, catalogue: Catalogue, beside: "Renewing | None" = None, per_s: float = 500.0) -> None:
        self.catalogue = catalogue
        super().__init__(catalogue)
        self.now_s: int = NOW_MS // 1000 if beside is None else beside.now_s
        self.kept: MemoryLog = MemoryLog() if beside is None else beside.kept
        self.store = MemoryStore(beside=beside.store if beside is not None else None)
        self.refused: list[int] = []
        self.pipeline = with_parts(
            self.pipeline,
            log=self.kept,
            store=self.store,
            clock=self.now_ms,
            published=PublishedLists(catalogue, K),
        )
        self.renewal = ListRenewal(
            pipeline=self.pipeline,
            store=self.store,
            refused=self.refuse,
            clock=Clock(self.now_ms),
            limits=RenewalLimits(per_s=per_s, lifetime_s=DAY_S, active_s=30 * DAY_S),
            metrics=self.metrics.renewals,
            opened=lambda: True,
            now_ms=self.now_ms,
        )

    def now_ms(self) -> int:
        return 1000 * self.now_s

    async def refuse(self, number: int, _: str) -> None:
        self.refused.append(number)

    def put(self, *ids: str, available: bool = True) -> None:
        for item_id in ids:
            put(self.catalogue, item_id, available)

    async def look(self, after_s: int = 1) -> list[RecommendationList]:
        """The lists that were made again, so long after the last look."""
        self.now_s += after_s
        before = len(self.kept.lists())
        while await self.renewal.look():
            pass
        return self.kept.lists()[before:]


def put(catalogue: Catalogue, item_id: str, available: bool = True) -> None:
    catalogue.put(
        ItemVector(
            item_id=item_id,
            title=item_id,
            facets={},
            available=available,
            revision="",
            fingerprint=FINGERPRINT,
            vector=pack(embed_by_words("space love" if len(item_id) % 2 else "space")),
        )
    )


async def started(ids: Sequence[str], beside: Renewing | None = None, per_s: float = 500.0) -> Renewing:
    worker = Renewing(catalogue_of(ids), beside, per_s)
    await worker.store.acquire(0)
    return worker


def ids_of(made: RecommendationList) -> list[str]:
    return [each.item_id for each in made.items]


MANY = [f"i{n}" for n in range(K + 15)]


async def test_what_is_gone_goes_without_another_event() -> None:
    """Given a list, when an item of it is removed and another one sold out, then it is made again, once."""
    worker = await started(MANY)
    await worker.pipeline.process([click(0, "i0", user_id="u1"), click(1, "i1", user_id="u2")])
    first, _ = worker.kept.lists()
    assert await worker.look() == []
    removed, sold_out = ids_of(first)[2], ids_of(first)[-1]

    worker.catalogue.remove(removed)
    worker.put(sold_out, available=False)
    again = {made.user_id: made for made in await worker.look()}

    assert first.user_id in again
    for made in again.values():
        assert not {removed, sold_out} & set(ids_of(made))
        assert len(made.items) == K
    renewed = again[first.user_id]
    assert (renewed.cause, renewed.folded, renewed.path) == (first.cause, first.folded, "live")
    assert renewed.version > first.version
    assert (await worker.store.load(0, [first.user_id]))[first.user_id].list_version == renewed.version
    assert await worker.look() == [], "once is enough"
    assert worker.value("penchant_list_renewals_total", why="gone") == len(again)


async def test_what_went_while_nobody_worked_goes_after_a_restart() -> None:
    """Given a worker that died, when items go before the next one starts, then it finds the lists that hold them.

    One list was saved by the batch that came after it, of the other only the store's note of unpublished lists tells.
    """
    first = await started(MANY)
    for n, user in enumerate(["u1", "u2"]):
        await first.pipeline.process([click(n, "i0", user_id=user)])
    gone, sold_out = ids_of(first.kept.lists("u1")[0])[:2]

    second = await started([item_id for item_id in MANY if item_id != gone], beside=first)
    second.put(sold_out, available=False)
    await second.pipeline.resume(0)
    await second.look()

    for user, event_id in (("u1", "c-0"), ("u2", "c-1")):
        last = second.kept.lists(user)[-1]
        assert not {gone, sold_out} & set(ids_of(last))
        assert named(last) == [event_id]


async def test_a_list_of_interests_does_not_age_while_its_user_is_active() -> None:
    worker = await started(MANY)
    await worker.pipeline.process([click(0, "i0")])
    (first,) = worker.kept.lists()

    assert await worker.look(after_s=DAY_S // 2) == []
    (second,) = await worker.look(after_s=DAY_S // 4)
    assert second.expires_at > first.expires_at > second.generated_at, "before it expired"
    assert (second.cause, second.path) == (first.cause, "live")
    lists = [made for _ in range(200) for made in await worker.look(after_s=DAY_S // 4)]
    assert len(lists) == 39, "every eighteen hours of thirty days, and then no more"
    assert "u1" not in worker.pipeline.published


async def test_who_is_shown_something_is_active() -> None:
    """Given a user who only looks, then the list is kept fresh for thirty days from the last look on."""
    worker = await started(MANY)
    await worker.pipeline.process([click(0, "i0")])
    for _ in range(29):
        await worker.look(after_s=DAY_S)
    await worker.pipeline.process([click(1, "i1", type="impression")])
    lists = [made for _ in range(40) for made in await worker.look(after_s=DAY_S)]
    assert len(lists) == 30
    assert set(named(lists[0])) == {"c-0", "c-1"}, "what no list had named yet"


async def test_what_trends_is_left_to_expire() -> None:
    """Given a user of whom nothing is known, then the trending list under `*` is as good as a new one."""
    worker = await started(MANY)
    await worker.pipeline.process([click(0, "i0", type="dismiss"), retract(1, "c-0")])
    assert worker.kept.lists()[-1].path == "trending"
    assert await worker.look(after_s=DAY_S) == []


async def test_the_budget_is_shared_and_who_was_active_last_comes_first() -> None:
    """Given half of a catalogue that goes at once, then lists are made again sixteen at a time, newest first."""
    worker = await started([f"i{n}" for n in range(100)])
    users = [f"u{n}" for n in range(40)]
    for n, user in enumerate(users):
        worker.now_s += 1
        await worker.pipeline.process([click(n, "i0", user_id=user)])
    for n in range(0, 100, 2):
        worker.catalogue.remove(f"i{n}")
    before = len(worker.kept.lists())

    assert await worker.renewal.look() == 16
    assert [made.user_id for made in worker.kept.lists()[before:]] == users[:-17:-1]
    assert worker.value("penchant_list_renewals_due") == 40
    assert [await worker.renewal.look() for _ in range(3)] == [16, 8, 0]
    assert worker.value("penchant_list_renewals_due") == 0


async def test_without_a_budget_nothing_is_made_again() -> None:
    worker = await started(MANY, per_s=0.0)
    await worker.pipeline.process([click(0, "i0")])
    for item_id in MANY[:20]:
        worker.catalogue.remove(item_id)
    assert await worker.look() == []
    assert worker.value("penchant_list_renewals_due") == 1


async def test_a_list_grows_with_the_catalogue_without_another_event() -> None:
    """Given a user who has seen all there is, when more comes, then the list has it, and names the event again."""
    worker = await started(["i0"])
    await worker.pipeline.process([click(0, "i0")])
    (first,) = worker.kept.lists()
    assert (ids_of(first), first.path) == (["i0"], "trending"), "not an empty live one"
    assert await worker.look() == []

    worker.put(*(f"new-{n}" for n in range(5)))
    (second,) = await worker.look()
    worker.put(*(f"more-{n}" for n in range(30)))
    (third,) = await worker.look()
    worker.put("last")

    assert (set(ids_of(second)), second.path) == ({f"new-{n}" for n in range(5)}, "live")
    assert (len(third.items), third.path) == (K, "live")
    assert [named(each) for each in (first, second, third)] == [["c-0"]] * 3
    assert second.cause == third.cause == first.cause
    assert first.version < second.version < third.version
    assert await worker.look() == [], "it is full"


async def test_a_short_list_grows_after_a_restart_too() -> None:
    first = await started(["i0"])
    await first.pipeline.process([click(0, "i0")])
    await first.pipeline.process([click(1, "i0", user_id="u2")])
    second = await started(["i0"], beside=first)
    await second.look()
    second.put(*(f"new-{n}" for n in range(K)))
    assert {made.user_id for made in await second.look()} == {"u1", "u2"}


async def test_a_list_is_the_same_whatever_comes_first() -> None:
    one, other = await started(["i0"]), await started(["i0"])
    await one.pipeline.process([click(0, "i0")])
    for worker in (one, other):
        worker.put(*(f"new-{n}" for n in range(K)))
    await one.look()
    await other.pipeline.process([click(0, "i0")])

    last, only = one.kept.lists()[-1], other.kept.lists()[-1]
    assert ids_of(last) == ids_of(only)
    assert (last.path, last.folded, last.cause) == (only.path, only.folded, only.cause)


async def test_who_has_seen_a_whole_catalogue_hears_of_what_is_new() -> None:
    """Given more items than a list has, all seen, then the list is full of what trends, and yet made again."""
    ids = [f"i{n}" for n in range(K + 5)]
    worker = await started(ids)
    await worker.pipeline.process([click(n, item_id) for n, item_id in enumerate(ids)])
    (first,) = worker.kept.lists()
    assert (len(first.items), first.path) == (K, "trending")

    worker.put("new")

    (second,) = await worker.look()
    assert (ids_of(second), second.path) == (["new"], "live")


async def test_what_was_dismissed_stays_out() -> None:
    worker = await started(["i0"])
    await worker.pipeline.process([click(0, "i0", type="dismiss")])
    (first,) = worker.kept.lists()
    assert (first.items, first.path) == ([], "trending")


async def test_an_erased_user_gets_no_list_again() -> None:
    """Given an erasure, then neither the worker nor the store knows of the list any more."""
    worker = await started(["i0"])
    await worker.pipeline.process([click(0, "i0")])
    await worker.pipeline.process([click(1, "i0", user_id="u2")])
    assert set(await stored(worker)) == {"u1"}
    command = {"type": "erase", "user_id": "u1", "command_id": "e-1", "event_time": NOW_MS}
    await worker.pipeline.process([record(TOPICS.commands, command, timestamp_ms=NOW_MS + 1)])
    worker.put("new")
    assert "u1" not in {made.user_id for made in await worker.look()}
    assert set(await stored(worker)) == {"u2"}


async def test_partitions_of_others_are_left_alone() -> None:
    """Given a worker that has lost a partition and does not know it, then nothing is written nor published."""
    worker = await started(["i0"])
    await worker.pipeline.process([click(0, "i0")])
    await MemoryStore(beside=worker.store).acquire(0)
    worker.put("new")
    assert await worker.look() == []
    assert worker.refused == [0]
    assert await worker.look() == []
    assert worker.refused == [0]


async def test_a_list_that_cannot_be_made_costs_the_others_nothing() -> None:
    """Given a ranker that raises for everybody, then nothing is tried a second time until the next event."""
    worker = await started(MANY)
    await worker.pipeline.process([click(0, "i0")])
    gone = ids_of(worker.kept.lists()[0])[0]

    def ranker(_: Sequence[str], states: Sequence[UserState]) -> Sequence[Ranking]:
        raise ZeroDivisionError("planted")

    worker.renewal.pipeline = with_parts(worker.pipeline, ranker=ranker)
    worker.catalogue.remove(gone)
    assert await worker.look() == []
    worker.renewal.pipeline = with_parts(worker.pipeline, ranker=lambda _, states: [good(gone) for _ in states])
    assert await worker.look() == []


def good(item_id: str) -> Ranking:
    return Ranking([ListItem(item_id, 1.0, "content")], "live")


async def stored(worker: Renewing) -> dict[str, bytes]:
    """What the store knows of lists."""
    return {user: entry async for some in worker.store.published_lists(0) for user, entry in some.items()}


def retract(offset: int, event_id: str) -> Record:
    body = {"type": "retract", "user_id": "u1", "command_id": f"k-{offset}", "event_id": event_id, "event_time": NOW_MS}
    return record(TOPICS.commands, body, offset)
