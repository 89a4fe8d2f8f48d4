"""librdkafka, in this process: what confluent-kafka for Python, and the clients of many other languages, stand on."""

from typing import Any

from confluent_kafka import Producer

from tests.foreign.plans import Do, Send, SendPlan

PATIENCE_S = 60.0


def produce(bootstrap: str, plan: SendPlan) -> None:
    """Carry out a plan. Raises KafkaException, or RuntimeError for a record that was not confirmed."""
    with_records = Records(bootstrap, plan)
    for step in plan.steps:
        with_records.take(step)
    with_records.take(Do.FLUSH)


class Records:
    """A producer that is set up as a plan says, for steps one by one: a transaction may be left open."""

    def __init__(self, bootstrap: str, plan: SendPlan) -> None:
        asked = {
            "bootstrap.servers": bootstrap,
            "compression.type": plan.codec,
            "linger.ms": plan.linger_ms,
            "enable.idempotence": plan.idempotent,
            "transactional.id": plan.transactional_id,
            # As long as a broker allows: one that is left open stays so while a slow machine looks at the others.
            "transaction.timeout.ms": None if plan.transactional_id is None else 900_000,
            "partitioner": plan.partitioner,
            "message.max.bytes": plan.largest,
        }
        self._producer = Producer({name: value for name, value in asked.items() if value is not None})
        self._failures: list[str] = []
        if plan.transactional_id is not None:
            self._producer.init_transactions(PATIENCE_S)

    def take(self, step: Send | Do) -> None:
        """One step."""
        match step:
            case Send():
                self._send(step)
            case Do.BEGIN:
                self._producer.begin_transaction()
            case Do.COMMIT:
                self._producer.commit_transaction(PATIENCE_S)
            case Do.ABORT:
                self._producer.abort_transaction(PATIENCE_S)
            case Do.FLUSH:
                left = self._producer.flush(PATIENCE_S)
                if left or self._failures:
                    raise RuntimeError(f"{left} records were not confirmed; {self._failures}")

    def _send(self, send: Send) -> None:
        more: dict[str, Any] = {"partition": send.partition, "timestamp": send.timestamp_ms}
        self._producer.produce(
            send.topic,
            key=send.key,
            value=send.value,
            headers=[(name.decode(), value) for name, value in send.headers] or None,
            on_delivery=self._told,
            **{name: value for name, value in more.items() if value is not None},
        )
        self._producer.poll(0)

    def _told(self, error: object, _: object) -> None:
        if error is not None:
            self._failures.append(str(error))
