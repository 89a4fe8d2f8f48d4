"""What a worker has compiled before it starts is all that its lists will take."""

import subprocess
import sys

_PROGRAM = """
from serving.compiled import signatures
from serving.ranking.warm_up import warm_up
from tests.support import seeded_lists

warm_up()
before = signatures()
shop = seeded_lists.shop(120, 24, 400)
users = seeded_lists.users(120, 24, 30)
for settings in seeded_lists.SETTINGS.values():
    ranker = shop.ranker(settings)
    seeded_lists.learn(ranker, 5, 120)
    ranker.rank_many(users, 12)
    for user in users:
        ranker.rank(user, 12)
        ranker.explain(user, 12)
    ranker.trending(12)
late = {name: now for name, now in signatures().items() if now != before[name]}
assert not late, late
"""


def test_lists_of_every_kind_find_everything_compiled() -> None:
    subprocess.run([sys.executable, "-c", _PROGRAM], check=True)
