"""`penchant doctor` names items that seen sets cannot tell apart."""

from deploy.doctor.item_hashes import of_one_hash
from tests.support.same_hash import pair_of_one_hash


def test_ids_of_one_hash_are_found_among_others() -> None:
    first, second = pair_of_one_hash()
    keys = [b"i1", second.encode(), b"\xff", b"i2", first.encode()]
    assert of_one_hash(keys) == [sorted((first, second))]
