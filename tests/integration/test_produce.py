"""`penchant produce` of files as people have them: all of it is sent, or it is said what was and what was not."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from deploy.topics.create import create_topics
from penchant.topics import Topics
from serving.kafka.admin import read_topic
from tests.conftest import Broker
from tests.support.command import Ran, penchant
from tests.support.same_hash import pair_of_one_hash

pytestmark = pytest.mark.kafka
Produce = Callable[..., Ran]


@pytest.fixture
def topics(broker: Broker, prefix: str) -> Topics:
    made = Topics(prefix)
    create_topics(broker.bootstrap, made, 2, replication=1)
    return made


@pytest.fixture
def produce(broker: Broker, topics: Topics) -> Produce:
    def run(path: Path, *options: str, **variables: str) -> Ran:
        where = ("--bootstrap", broker.bootstrap, "--prefix", topics.prefix)
        return penchant("produce", str(path), *where, *options, environment=variables)

    return run


def on(broker: Broker, topic: str) -> list[object]:
    return [json.loads(record.value) for record in read_topic(broker.bootstrap, topic)]


def items(*ids: str) -> list[dict[str, str]]:
    return [{"item_id": each, "title": f"标题 {each}"} for each in ids]


def test_an_array_in_utf_16_under_another_name(
    broker: Broker, topics: Topics, produce: Produce, tmp_path: Path
) -> None:
    path = tmp_path / "items.jsonl.GZ"
    path.write_text(json.dumps(items("a", "b", "c"), indent=2, ensure_ascii=False), encoding="utf-16")

    ran = produce(path, "--json")

    assert ran.exit_code == 0, ran.err
    assert ran.json["sent"] == {topics.items: 3}
    assert sorted(map(str, on(broker, topics.items))) == sorted(map(str, items("a", "b", "c")))


def test_lines_with_a_mark_and_crlf(broker: Broker, topics: Topics, produce: Produce, tmp_path: Path) -> None:
    path = tmp_path / "items.txt"
    text = "\r\n".join(json.dumps(each) for each in items("a", "b"))
    path.write_bytes(gzip.compress(text.encode("utf-8-sig")))

    assert produce(path, "--json").json == {
        "sent": {topics.items: 2}, "bad": 0, "bad_lines": [], "repeated_items": 0
    }  # fmt: skip
    assert len(on(broker, topics.items)) == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"item_id,title\na,A\nb,B\n" * 500, "looks like CSV"), (b"PAR1" + bytes(100), "Parquet")],
)
def test_what_is_not_read_is_said_once(
    broker: Broker, topics: Topics, produce: Produce, tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "items.jsonl"
    path.write_bytes(content)

    ran = produce(path)

    assert ran.exit_code == 65
    assert words in ran.err
    assert ran.err.count("\n") == 1
    assert on(broker, topics.items) == []


def test_a_folder_is_said(produce: Produce, tmp_path: Path) -> None:
    ran = produce(tmp_path)

    assert ran.exit_code == 78
    assert "irectory" in ran.err
    assert ran.err.count("\n") == 1


def test_an_empty_file_is_said(produce: Produce, tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl"
    path.touch()

    ran = produce(path)

    assert ran.exit_code == 0
    assert "is empty" in ran.err
    assert "sent nothing" in ran.out


def test_a_file_that_is_cut_short_says_what_was_sent(
    broker: Broker, topics: Topics, produce: Produce, tmp_path: Path
) -> None:
    path = tmp_path / "items.jsonl.gz"
    lines = "".join(json.dumps(each) + "\n" for each in items(*map(str, range(50_000))))
    path.write_bytes(gzip.compress(lines.encode(), compresslevel=1)[:-2000])

    ran = produce(path, "--json")

    assert ran.exit_code == 65
    sent = ran.json["sent"][topics.items]
    assert 0 < sent < 50_000
    assert len(on(broker, topics.items)) == sent
    assert "cut short" in ran.err
    assert "cut short" in ran.json["unread"]


def clicks(*types: str) -> str:
    return "".join(json.dumps({"user_id": "u1", "item_id": "i1", "type": each}) + "\n" for each in types)


def test_types_that_no_worker_takes_are_left_out(
    broker: Broker, topics: Topics, produce: Produce, tmp_path: Path
) -> None:
    path = tmp_path / "clicks.jsonl"
    path.write_text(clicks("view", "addtocart", "veiw", "purchase", "rate"))

    ran = produce(path, "--json")

    assert ran.exit_code == 65
    assert ran.json["sent"] == {topics.clicks: 3}
    assert [one["line"] for one in ran.json["bad_lines"]] == [2, 3]
    assert "is cart meant?" in ran.err
    assert "is view meant?" in ran.err
    assert "click, dismiss, impression" in ran.err

    assert produce(path, "--no-check", "--json").json["sent"] == {topics.clicks: 5}
    weights = tmp_path / "weights.toml"
    shipped = Path(__file__).parents[2] / "stream" / "events" / "weights.toml"
    weights.write_text(
        shipped.read_text("utf-8").replace("[actions]", "[actions]\naddtocart = { pair = 0.7, taste = 0.7 }")
    )
    assert produce(path, "--json", PENCHANT_WEIGHTS=str(weights)).json["bad"] == 1


def test_fields_that_nothing_reads_and_items_that_come_again_are_said_once(produce: Produce, tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl"
    odd = {"title": "t", "in_stock": False, "price": 9.99, "facts": {}, "context": {}}
    path.write_text("".join(json.dumps({"item_id": each, **odd}) + "\n" for each in ("a", "b", "a", "a")))

    ran = produce(path, "--json")

    assert ran.exit_code == 0
    assert ran.json["repeated_items"] == 2
    assert ran.err.count("'in_stock' on items.v1: is available meant?") == 1
    assert ran.err.count("'price' on items.v1: is facets meant?") == 1
    assert ran.err.count("'facts' on items.v1: is facets meant?") == 1
    assert "context" not in ran.err
    assert "2 items came again in this file (a for one): the last one counts" in ran.err


def test_bad_lines_are_named_up_to_a_hundred(produce: Produce, tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl"
    path.write_text(json.dumps(items("a")[0]) + "\n" + "{broken\n" * 250)

    ran = produce(path)

    assert ran.exit_code == 65
    assert ran.err.count("not JSON") == 100
    assert "150 more bad lines" in ran.err
    assert "250 bad lines left out" in ran.out


def test_no_items_are_wrong_once_there_is_somebody_to_list_them_for(
    broker: Broker, topics: Topics, redis_url: str, produce: Produce, tmp_path: Path
) -> None:
    where = ("--bootstrap", broker.bootstrap, "--prefix", topics.prefix, "--redis", redis_url)

    def items_known() -> dict[str, object]:
        check: dict[str, object] = penchant("doctor", "--json", *where).json["items_known"]
        return check

    assert items_known()["ok"], "a system that is new"
    with redis.Redis.from_url(redis_url) as store:
        store.set(f"{{{topics.prefix}:0}}:u:u1", b"-")
        assert not items_known()["ok"], "the topics are new, the store is not"
        store.delete(f"{{{topics.prefix}:0}}:u:u1")

    path = tmp_path / "events.jsonl"
    path.write_text(clicks("view"))
    assert produce(path).exit_code == 0
    assert not items_known()["ok"]
    assert "penchant produce" in str(items_known()["do"])

    path.write_text(json.dumps(items("i1")[0]))
    assert produce(path).exit_code == 0
    assert items_known() == {"count": 1, "ok": True, "found": "1 items", "do": "nothing"}

    first, second = pair_of_one_hash()
    path.write_text("\n".join(json.dumps(each) for each in items(first, second)))
    assert produce(path).exit_code == 0
    told = items_known()
    assert (told["ok"], told["count"], told["of_one_hash"]) == (True, 3, [sorted((first, second))])
    assert "another id" in str(told["do"])
