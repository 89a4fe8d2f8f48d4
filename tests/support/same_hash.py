"""Two ids of items that have one hash in seen sets, found as anybody finds them: by trying."""

from functools import cache
from itertools import count

from penchant.hashes import item_hash


@cache
def pair_of_one_hash() -> tuple[str, str]:
    """Tries about 2**16 times, as two of n ids have one hash from some n²/2**33 on; a given id takes 2**32 tries."""
    found: dict[int, str] = {}
    for number in count():
        item_id = f"item-{number}"
        other = found.setdefault(item_hash(item_id), item_id)
        if other != item_id:
            return other, item_id
    raise AssertionError("this is a bug: numbers ended")
