"""What is gone goes from published lists, and none of an active user's runs out, without another event."""

from collections.abc import Callable, Iterable
from datetime import datetime
from statistics import median

import pytest

from tests.acceptance.test_events_to_lists import FILMS
from tests.support.system import Message, System, now_ms
from tests.support.waiting import until

pytestmark = [pytest.mark.kafka, pytest.mark.model]
SOON_S = 60.0
MANY = [{**FILMS[n % len(FILMS)], "item_id": f"f{n}"} for n in range(40)]
USERS = [f"u{n}" for n in range(60)]


def last_lists(system: System, users: Iterable[str]) -> dict[str, Message]:
    """The list of each user that stands on the topic; of whom there is none yet, none."""
    made = {user: system.lists(user) for user in users}
    return {user: lists[-1] for user, lists in made.items() if lists}


def held(system: System, users: Iterable[str]) -> set[str]:
    """The items on any of these lists."""
    return {each["item_id"] for made in last_lists(system, users).values() for each in made["items"]}


def gone(system: System, users: Iterable[str], *items: str) -> Callable[[], bool]:
    """Whether no list that stands holds one of these items."""
    return lambda: not held(system, users) & set(items)


def send_off(system: System, removed: Iterable[str], sold_out: Iterable[str] = ()) -> None:
    for item_id in removed:
        system.send(system.topics.items, None, item_id)
    for item_id in sold_out:
        item = next(each for each in MANY if each["item_id"] == item_id)
        system.send(system.topics.items, {**item, "available": False})
    system.producer.flush()


def click_all(system: System, users: Iterable[str]) -> None:
    users = list(users)
    for n, user in enumerate(users):
        system.click(user, f"f{n % 3}", event_id=f"by-{user}")
    assert until(lambda: {f"by-{user}" for user in users} <= system.named(), 60)


def test_what_is_gone_goes_also_while_no_worker_runs(system: System) -> None:
    """Given lists, when an item goes, a worker is killed, and others go meanwhile, then no list holds them soon."""
    worker = system.start_ready()
    system.publish(MANY)
    click_all(system, USERS)
    before = last_lists(system, USERS)
    removed, sold_out, later, last = (made["items"][0]["item_id"] for made in distinct(before.values(), 4))

    send_off(system, [removed], [sold_out])
    assert until(gone(system, USERS, removed, sold_out), SOON_S), worker.child.last_lines()
    after = last_lists(system, USERS)
    for user, made in after.items():
        assert made["version"] >= before[user]["version"]
        assert (made["cause"], made["folded"]) == (before[user]["cause"], before[user]["folded"])
        assert len(made["items"]) == 20

    worker.kill()
    send_off(system, [later], [last])
    worker = system.start_ready()
    assert until(gone(system, USERS, removed, sold_out, later, last), SOON_S), worker.child.last_lines()
    assert all(each["path"] == "live" for each in last_lists(system, USERS).values())


def distinct(lists: Iterable[Message], many: int) -> list[Message]:
    """Lists that begin with different items; the same ones again if there are no more."""
    lists = list(lists)
    firsts = {made["items"][0]["item_id"]: made for made in lists}
    assert len(firsts) >= many or len(lists[0]["items"]) >= many
    more = [{"items": lists[0]["items"][n:]} for n in range(many)]
    return [*firsts.values(), *more][:many] if len(firsts) >= many else more


@pytest.mark.long
def test_half_a_catalogue_goes_within_the_budget_and_delays_nobody(system: System) -> None:
    """Given a budget of 20 lists a second, when every other item goes, then it is kept, and a bystander is served."""
    worker = system.start_ready(PENCHANT_LIST_RENEWALS_PER_S="20")
    system.publish(MANY)
    click_all(system, USERS)
    usual_ms = [latency_ms(system, f"before-{n}") for n in range(8)]

    began_ms = now_ms()
    send_off(system, [f"f{n}" for n in range(4, 40, 2)])
    meanwhile_ms = [latency_ms(system, f"during-{n}") for n in range(8)]
    assert until(gone(system, USERS, *(f"f{n}" for n in range(4, 40, 2))), SOON_S), worker.child.last_lines()

    made_ms = sorted(
        generated_ms(made) for user in USERS for made in system.lists(user) if generated_ms(made) > began_ms
    )
    assert len(made_ms) >= len(USERS)
    in_a_second = max(sum(at <= each < at + 1000 for each in made_ms) for at in made_ms)
    assert in_a_second <= 20 + 16 + 16, "a look before, and one after"
    assert median(meanwhile_ms) <= 5 * max(median(usual_ms), 50.0), (meanwhile_ms, usual_ms)


def test_lists_of_active_users_do_not_run_out(system: System) -> None:
    """Given lists that are good for 5 seconds, then each is followed by the next one in time, twice."""
    worker = system.start_ready(PENCHANT_LIST_EXPIRY_S="5")
    system.publish(FILMS)
    click_all(system, USERS[:5])
    assert until(lambda: all(len(system.lists(user)) >= 3 for user in USERS[:5]), 30), worker.child.last_lines()
    assert until(lambda: worker.metric('penchant_list_renewals_total{why="expiring"}') >= 10)
    for user in USERS[:5]:
        lists = system.lists(user)
        assert {made["cause"]["event_id"] for made in lists} == {f"by-{user}"}
        assert [made["version"] for made in lists] == sorted({made["version"] for made in lists})


def latency_ms(system: System, event_id: str) -> float:
    """From a click of a bystander to the list that names it."""
    began = now_ms()
    system.click("bystander", "f1", event_id=event_id)
    system.producer.flush()
    system.list_for("bystander", event_id, SOON_S)
    return now_ms() - began


def generated_ms(made: Message) -> float:
    return 1000 * datetime.fromisoformat(made["generated_at"]).timestamp()
