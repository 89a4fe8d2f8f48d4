"""Faults of a broker that is three: the only one that has the end of a log dies, and the others go on without it.

With `min.insync.replicas` 1 and unclean elections the end is gone, and other records come to lie at its offsets: that
is to be told (78), however far the log has grown meanwhile. With 2, which `topics create --replication 3` sets, nothing
is lost.
"""

from deploy.topics.create import create_topics
from serving.kafka.admin import ends_by_fetches
from tests.faults.load_sender import WITHOUT_TRANSACTIONS
from tests.faults.lost_log import go_on_from
from tests.faults.scenario import PARTITIONS, Scenario, Unexpected
from tests.support.kafka_cluster import BROKERS, KafkaCluster
from tests.support.system import now_ms

LOST = "records that the log lost"


def lost_by_an_unclean_election(scenario: Scenario) -> None:
    """The leader alone has the last records, all read; it dies, others are elected, and it comes back without them.

    The worker runs all the time, or, by the seed, only once the log has grown.
    """
    cluster, topics = _cluster(scenario), scenario.system.topics
    inputs = [topics.clicks, topics.reviews]
    cluster.configure([plan.name for plan in topics.plan(PARTITIONS)], min_insync_replicas="1")
    cluster.configure(inputs, unclean_leader_election_enable="true")
    first, second = scenario.load.halves()
    (worker,) = scenario.start_workers()
    scenario.start_load(first)
    scenario.midway()
    alone, *others = scenario.random.sample(BROKERS, 3)
    lost_ms = now_ms()
    cluster.kill(*others)
    scenario.finish_load()
    scenario.wait(lambda: scenario.all_named(first), 120, "the first half was not processed")
    read = _ends(scenario)
    if meanwhile_away := scenario.random.random() < 0.5:
        worker.kill()
    cluster.kill(alone)
    cluster.start(*others)
    scenario.wait(lambda: cluster.leaders(*inputs) <= set(others), 60, "nobody was elected uncleanly")
    left = _ends(scenario)
    scenario.measured[LOST] = sum(max(read[place] - left[place], 0) for place in read)
    if not scenario.measured[LOST]:
        raise Unexpected("the election lost nothing")
    scenario.start_load(second)
    scenario.midway(0.5, 0.9)
    cluster.start(alone)
    if meanwhile_away:
        scenario.finish_load()
        worker = scenario.worker()
    scenario.measured["partitions that had grown past"] = sum(
        left[place] < read[place] <= end for place, end in _ends(scenario).items()
    )
    scenario.wait_for_exit(worker, 78, 60)
    go_on_from(scenario, lost_ms)


def kept_by_two(scenario: Scenario) -> None:
    """The same with topics as they are made: what one broker alone has was not confirmed, and is sent again."""
    cluster = _cluster(scenario)
    (worker,) = scenario.start_workers()
    scenario.start_load()
    scenario.midway(0.15, 0.5)
    alone, *others = scenario.random.sample(BROKERS, 3)
    cluster.kill(*others)
    scenario.midway(0.6, 0.8)
    cluster.kill(alone)
    cluster.start(*others)
    cluster.start(alone)
    if worker.child.exit_code is not None:
        raise Unexpected(f"a worker ended over brokers that lost nothing\n{scenario.last_lines()}")
    scenario.fault_ended()


def _cluster(scenario: Scenario) -> KafkaCluster:
    """Three brokers as the run's broker, every topic with three replicas."""
    folder = scenario.system.folder / "cluster"
    folder.mkdir()
    cluster = KafkaCluster(folder)
    scenario.stack.callback(cluster.stop)
    cluster.start(*BROKERS)
    create_topics(cluster.bootstrap, scenario.system.topics, PARTITIONS, replication=3)
    scenario.use_broker(cluster)
    scenario.mix = WITHOUT_TRANSACTIONS
    return cluster


def _ends(scenario: Scenario) -> dict[tuple[str, int], int]:
    topics = scenario.system.topics
    places = [(topic, number) for topic in (topics.clicks, topics.reviews) for number in range(PARTITIONS)]
    return ends_by_fetches(scenario.system.bootstrap, places)
