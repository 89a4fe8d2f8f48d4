"""Which items seen sets cannot tell apart, since their ids have one 32-bit hash."""

from collections import defaultdict
from collections.abc import Iterable

from penchant.hashes import item_hash

__all__ = ()


def of_one_hash(keys: Iterable[bytes]) -> list[list[str]]:
    r"""The ids behind each hash that more than one has; a key that is no text is nobody's id.

    >>> of_one_hash([b"a", b"b", b"\xff"])
    []
    """
    by_hash: dict[int, list[str]] = defaultdict(list)
    for key in keys:
        try:
            item_id = key.decode()
        except UnicodeDecodeError:
            continue
        by_hash[item_hash(item_id)].append(item_id)
    return [sorted(ids) for ids in by_hash.values() if len(ids) > 1]
