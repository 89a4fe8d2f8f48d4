"""Faults of what a worker stands on: the store, the broker, the encoder."""

import time
from collections.abc import Callable

from tests.faults.stage import Stage, Unexpected
from tests.support.command import penchant
from tests.support.kafka import ApacheKafka

SLOW = 90.0  # messages/s: what follows takes seconds, and the load is to last longer
AGE_S = 5.0  # of the copy that the store is put back to


def store_gone(stage: Stage) -> None:
    """The store is away for a while: dead, or hanging."""
    store = stage.house.redis
    leave, come = stage.random.choice([(store.kill, store.start), (store.freeze, store.thaw)])
    stage.begin()
    stage.pour()
    stage.midway()
    leave()
    time.sleep(away_s(stage))
    come()
    stage.over()


def store_restarted(stage: Stage) -> None:
    """The store dies and comes back from its append-only file."""
    stage.begin()
    stage.pour()
    stage.midway()
    stage.house.redis.kill()
    stage.house.redis.start()
    stage.over()


def store_put_back(stage: Stage) -> None:
    """The store is put back to an older copy, which is what a backup does."""
    store = stage.house.redis
    stage.begin()
    stage.pour(rate=SLOW)
    stage.midway(0.05, 0.2)
    copy = store.copy()
    time.sleep(AGE_S)
    store.kill()
    store.put_back(copy)
    stage.over()


def store_emptied(stage: Stage) -> None:
    """The store loses everything."""
    stage.begin()
    stage.pour()
    stage.midway()
    stage.house.redis.empty()
    stage.over()


def broker_gone(stage: Stage) -> None:
    """The broker is away for a while; its log is kept."""
    broker = _apache(stage)
    leave: Callable[[], None] = stage.random.choice([broker.kill, broker.stop])
    stage.begin()
    stage.pour()
    stage.midway()
    leave()
    time.sleep(away_s(stage))
    broker.start()
    stage.over()


def topics_made_anew(stage: Stage) -> None:
    """New topics under a kept store: refused with 78, then adopted; the interests of before are kept."""
    first, second = stage.load.halves()
    (worker,) = stage.begin()
    stage.pour(first)
    stage.poured()
    stage.wait(lambda: stage.all_named(first), 60, "the first half was not taken in")
    worker.child.ask_to_stop()
    stage.ended(worker, 0, 10)
    stage.anew()
    stage.ended(stage.worker(), 78)
    where = ["--bootstrap", stage.system.bootstrap, "--redis", stage.system.redis_url]
    adopted = penchant("topics", "adopt", *where, "--prefix", stage.system.topics.prefix)
    if adopted.exit_code != 0:
        raise Unexpected(f"`penchant topics adopt` ended with {adopted.exit_code}: {adopted.err}")
    stage.over()
    stage.ready(stage.worker())
    stage.publish()
    stage.pour(second)


def encoder_fails(how: str, stage: Stage) -> None:
    """The encoder raises, or hangs, for a while: lists come all the same, and the texts are made up for."""
    control = stage.system.folder / "fault"
    worker = stage.worker(FAULT_ENCODER=how, FAULT_FILE=str(control))
    stage.ready(worker)
    stage.publish()
    stage.pour(rate=SLOW)
    stage.midway(0.05, 0.3)
    control.touch()
    stage.wait(lambda: worker.metric("penchant_encoder_out") == 1.0, 60, "the encoder was not found to be out")
    stage.poured()
    stage.wait(stage.all_named, 30, "no lists while the encoder is out")
    control.unlink()
    stage.over()


def away_s(stage: Stage) -> float:
    """For how long a service is away, or refuses."""
    return 20.0 if stage.house.full else 5.0


def _apache(stage: Stage) -> ApacheKafka:
    if not isinstance(stage.house.broker, ApacheKafka):
        raise TypeError("this is a bug: this fault needs a broker whose log outlives it")
    return stage.house.broker
