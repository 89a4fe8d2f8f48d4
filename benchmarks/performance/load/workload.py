"""What is sent: users and items drawn by Zipf's law, clicks, and reviews each with a text of its own."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

_LEAST_WORDS, _MOST_WORDS = 30, 46  # 32 to 64 tokens of the default model's vocabulary
_WORDS = """
the a it this that my our one two first last best good great nice bad poor small big old new long short dark light red
blue warm cold fast slow clean soft hard easy simple story film book music game shoe coat bag lamp chair table house
water coffee bread phone screen sound voice hand head family friend day night week year city road train garden summer
winter price size color paper stone wood is was has had feels looks works makes takes gives comes stays runs reads
plays fits keeps turns and but so as with for from in on at over under after before again never always really very
quite almost only more less than most like love hope think know want
""".split()  # fmt: skip  # noqa: SIM905 - for readers


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """What is drawn. zipf: the exponent, of users and of items alike. reviews: their share of the events."""

    items: int = 10_000
    users: int = 10_000
    zipf: float = 1.0
    reviews: float = 0.0
    seed: int = 1


class Sent(NamedTuple):
    """A message as it goes out."""

    review: bool
    key: bytes
    value: bytes


def item_id(number: int) -> str:
    """The id of an item of the made catalogue.

    >>> item_id(7)
    'i0000007'
    """
    return f"i{number:07d}"


def messages(workload: Workload, run: str, count: int) -> list[Sent]:
    """So many events; the id of the n-th is `run`-n. Other runs draw others, of the same users and items."""
    random = np.random.default_rng([workload.seed, *run.encode()])
    users = drawn(random, workload.users, workload.zipf, count)
    # Who is drawn often is the same in every run: the order of ranks hangs on the seed alone.
    ranked = np.random.default_rng(workload.seed).permutation(workload.items)
    items = ranked[drawn(random, workload.items, workload.zipf, count)]
    reviews = random.random(count) < workload.reviews
    written = texts(random, int(reviews.sum()))
    made = []
    for n, (user, item, review) in enumerate(zip(users.tolist(), items.tolist(), reviews.tolist(), strict=True)):
        event = {"event_id": f"{run}-{n}", "user_id": f"u{user}", "item_id": item_id(item)}
        event |= {"text": next(written)} if review else {"type": "click"}
        made.append(Sent(review, event["user_id"].encode(), msgspec.json.encode(event)))
    return made


def texts(random: np.random.Generator, count: int) -> Iterator[str]:
    """Different from each other, of 32 to 64 tokens."""
    for _ in range(count):
        length = random.integers(_LEAST_WORDS, _MOST_WORDS + 1)
        yield " ".join(_WORDS[n] for n in random.integers(len(_WORDS), size=length)).capitalize() + "."


def drawn(random: np.random.Generator, among: int, exponent: float, count: int) -> npt.NDArray[np.int64]:
    """`(count,)` numbers below `among`, by Zipf's law: the n-th is drawn in proportion to `n ** -exponent`."""
    shares = np.arange(1, among + 1, dtype=np.float64) ** -exponent
    ends = np.cumsum(shares)
    numbers: npt.NDArray[np.int64] = np.searchsorted(ends, random.random(count) * ends[-1]).astype(np.int64)
    return numbers
