"""What is put among a load to spoil it: bodies and headers that nobody can use, clocks, bombs, fuzz, what kills."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from random import Random

from penchant.partitioner import partition_of
from tests.faults.load import CLICKS, COMMANDS, REVIEWS, Body, Load, LoadMessage, among
from tests.faults.planted import planted

PARTITIONS = 4
YEAR_2100_MS = 4_102_444_800_000
MIB = 2**20
BOMBS = {"gzip": 200, "zstd": 100, "lz4": 100, "snappy": 36}  # codec -> MiB that fit into a message
MakePoison = Callable[[Random, int], LoadMessage]


def poisoned(load: Load, share: float) -> Load:
    """With messages that nobody can use."""
    return _with(load, share, _unusable)


def unreadable(load: Load, share: float) -> Load:
    """With records that have headers whose names are no text, as some clients write them."""
    return _with(load, share, _headed)


def too_large(load: Load, share: float) -> Load:
    """With what is too large: as it is, as it is packed, to be passed on, to be opened at all."""
    return _with(load, share, _oversize)


def with_clocks(load: Load, share: float) -> Load:
    """With records whose producers' clocks are in the year 2100."""
    return _with(load, share, _from_2100)


def that_kills(load: Load) -> Load:
    """With one event over which the process ends (tests/faults/planted.py)."""
    user = planted("exit", 1)
    body = {"event_id": "killer", "user_id": user, "item_id": "f1", "type": "click"}
    return _put(load, [LoadMessage(CLICKS, user, "killer", body, odd=True, producer="plain", reason="quarantined")])


def fuzzed(load: Load, share: float) -> Load:
    """With records that were good, and of which something was changed, by users of their own."""
    random = Random(load.seed)
    changed = [_fuzz(random, n) for n in range(max(1, round(share * len(load.messages))))]
    return replace(_put(load, changed), poison=load.poison, fuzzed=tuple(changed))


def _with(load: Load, share: float, make: MakePoison) -> Load:
    random = Random(load.seed)
    count = max(1, round(share * len(load.messages)))
    return _put(load, [replace(make(random, n), odd=True) for n in range(count)])


def _put(load: Load, poison: Sequence[LoadMessage]) -> Load:
    random = Random(load.seed)
    places = [(random.randrange(len(load.messages)), message) for message in poison]
    messages = tuple(among(random, load.messages, places))
    return replace(load, messages=messages, poison=load.poison + tuple(poison))


def _unusable(random: Random, number: int) -> LoadMessage:
    name, user = f"p{number}", f"u{random.randrange(5)}"
    body: Body = {"event_id": name, "user_id": user, "item_id": "f1", "type": "click"}
    spoiled: list[tuple[str, Body | bytes]] = [
        (CLICKS, f'{{"event_id": "{name}", '.encode()),
        (CLICKS, body | {"type": f"unheard-of-{number}"}),
        (CLICKS, {name: value for name, value in body.items() if name != "item_id"}),
        (CLICKS, body | {"event_time": "yesterday"}),
        (REVIEWS, body | {"text": "fine", "rating": 9}),
        (COMMANDS, {"command_id": name, "type": "obliterate", "user_id": user}),
    ]
    topic, made = random.choice(spoiled)
    return LoadMessage(topic, user, name, made)


class _NoText(str):
    """A header's name that is other bytes than its text's: kafka-python asks it for them."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        """Anything but UTF-8."""
        return b"tr\xffce" + super().encode()


def _headed(random: Random, number: int) -> LoadMessage:
    name, user = f"p{number}", f"u{random.randrange(5)}"
    body = {"event_id": name, "user_id": user, "item_id": "f1", "type": "click"}
    headers = ((_NoText(name), b"1"), ("trace", b"\xfe\xff"))
    return LoadMessage(CLICKS, user, name, body, producer="plain", headers=headers, reason="unreadable")


def _from_2100(random: Random, number: int) -> LoadMessage:
    name, user = f"p{number}", f"u{random.randrange(5)}"
    body = {"event_id": name, "user_id": user, "item_id": "f1", "type": "like"}
    return LoadMessage(CLICKS, user, name, body, YEAR_2100_MS + number, reason="bad_time")


def _oversize(random: Random, number: int) -> LoadMessage:
    """Each in turn. A bomb is a batch by itself: it becomes a dead letter whole."""
    name, user = f"p{number}", f"u{random.randrange(5)}"
    click: Body = {"event_id": name, "user_id": user, "item_id": "f1", "type": "like"}
    wrong = (partition_of(user, PARTITIONS) + 1) % PARTITIONS
    codec = random.choice(sorted(BOMBS))
    alone = f"{codec}/alone"
    match number % 5:
        case 0:
            return LoadMessage(REVIEWS, user, name, click | {"text": "so good " * 5000}, reason="too_large")
        case 1:
            return LoadMessage(
                REVIEWS, user, name, click | {"text": "so good " * 500_000}, producer=alone, reason="too_large"
            )
        case 2:
            misrouted = click | {"context": {"page": "x" * 4_200_000}}
            return LoadMessage(CLICKS, user, name, misrouted, partition=wrong, producer=alone, reason="too_large")
        case 3:
            return LoadMessage(CLICKS, user, name, click | {"item_id": "i" * 300}, reason="too_large")
        case _:
            return LoadMessage(CLICKS, user, name, _bomb(BOMBS[codec]), producer=alone, reason="unreadable")


@cache
def _bomb(mib: int) -> bytes:
    return b"x" * (mib * MIB)


def _fuzz(random: Random, number: int) -> LoadMessage:
    """One thing of a good message is changed; the user is one whom no other message can be taken for."""
    name, user = f"z{number}", f"fuzzed-user-{number}-of-nobody"
    body: Body = {"event_id": name, "user_id": user, "item_id": "f1", "type": "click"}
    if random.random() < 0.5:
        body = {"event_id": name, "user_id": user, "text": "a quiet film about a war"}
    topic, home = REVIEWS if "text" in body else CLICKS, partition_of(user, PARTITIONS)
    good = LoadMessage(topic, user, name, body, partition=home, odd=True, producer="plain")
    return random.choice(_CHANGES)(random, good, body)


def _other_bytes(random: Random, good: LoadMessage, _: Body) -> LoadMessage:
    raw = bytearray(good.value())
    for _change in range(random.randint(1, 4)):
        at = random.randrange(len(raw))
        raw[at : at + random.randint(0, 2)] = random.randbytes(random.randint(0, 3))
    return replace(good, body=bytes(raw))


def _only_bytes(random: Random, good: LoadMessage, _: Body) -> LoadMessage:
    return replace(good, body=random.randbytes(random.randint(0, 300)))


def _other_key(random: Random, good: LoadMessage, _: Body) -> LoadMessage:
    keys: list[bytes | tuple[()]] = [(), b"", b"\xff\xfe", random.randbytes(40), b"k" * 5000]
    return replace(good, raw_key=random.choice(keys))


def _more_headers(random: Random, good: LoadMessage, _: Body) -> LoadMessage:
    names = ["ce_id", "ce_type", "ce_time", "content-type", "penchant.attempts", "penchant.error", "\u202e", ""]
    values = [b"", b"\xff", random.randbytes(20), b"application/cloudevents+json", b"9" * 5000, b"2100-01-01T00:00:00Z"]
    count = random.randint(1, 6)
    return replace(good, headers=tuple((random.choice(names), random.choice(values)) for _ in range(count)))


def _other_value(random: Random, good: LoadMessage, body: Body) -> LoadMessage:
    """A field that is not what it should be, in JSON that a careful producer would not write."""
    odd = ['"\\ud800"', "9" * 5000, "1e999", "-1e-999", "NaN", "null", "[" * 3000, "{}", '"\\u0000"', '"&#1;"']
    field = random.choice([*body, "event_time", "value", "context", "\\ud83d", "list_version", "position"])
    told = {each: json.dumps(value) for each, value in body.items()} | {field: random.choice(odd)}
    return replace(good, body=("{" + ", ".join(f'"{each}": {raw}' for each, raw in told.items()) + "}").encode())


def _what_people_write(random: Random, good: LoadMessage, body: Body) -> LoadMessage:
    text = "".join(random.choice(_PIECES) for _ in range(random.randint(1, 60)))
    return replace(good, topic=REVIEWS, body={**body, "text": text})


_PIECES = ("&#", "9" * 4301, "<!--", "<script>", "&amp" * 50, "\u0300" * 500, "😀", "\x00", "不要", "no more ", " film")
_CHANGES = (_other_bytes, _only_bytes, _other_key, _more_headers, _other_value, _what_people_write)
