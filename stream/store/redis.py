"""The users' states in Redis: batched reads, and one fenced write a partition and batch with the offsets in it.

Keys, all of one partition under one hash tag, so that a script may use them together on a cluster too:

    {prefix:partition}:owner     the token of the worker that may write
    {prefix:partition}:offsets   hash, topic identity -> next offset: what the states below stand for
    {prefix:partition}:epochs    sorted set, topic identity, by the newest leader's epoch that was read of it
    {prefix:partition}:waiting   sorted set, who waits for which item, by deadline
    {prefix:partition}:lists     whose lists the last write made, and the events that they name
    {prefix:partition}:answers   what the last write did about commands (answers.py)
    {prefix:partition}:listed    hash, user -> what the list holds that was published last (published_lists.py)
    {prefix:partition}:erased    sorted set, keyed digests of the erased users, by the time of the erasure
    {prefix:partition}:trial     hash, what is under way just now (stream/containment/quarantine.py)
    {prefix:partition}:u:ID      one user's record (serving/state/user_state.py)
    {prefix}:fingerprint         the model folder that all vectors are from
    {prefix}:erasure-secret      the digests' key, unless the settings have one
"""

import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib.resources import files
from itertools import chain
from typing import Any

import msgspec
from redis.exceptions import NoScriptError

from penchant.errors import BrokenState, Misconfigured, NewerState
from serving.redis.clients import generation
from serving.state import user_state as codec
from serving.state.keyspace import Keyspace
from serving.state.user_state import Ref, UserState
from stream.store.answers import pack, unpack
from stream.store.base import Commit, Lease, Repair, Retention, Saved, Wait, now_ms, refuse_foreign
from stream.store.redis_calls import PATIENCE_S, RedisCalls, connect
from stream.store.shared_connection import Command, SharedConnection, can_share
from stream.store.tombstones import SECRET_BYTES, Tombstones, believed_ms

_log = logging.getLogger(__name__)
_decoder = msgspec.msgpack.Decoder(dict[str, list[Ref]])
_KEYS = (
    "owner",
    "offsets",
    "waiting",
    "lists",
    "erased",
    "listed",
    "answers",
)  # of a partition, as commit.lua has them
_LISTS_AT_ONCE = 500


class Store:
    """Redis as one worker sees it. `identities` maps a topic to the identity that its offsets are stored under.

    repair: rebuilds a state whose record is broken. None: such a record is an error.
    """

    def __init__(
        self,
        url: str,
        prefix: str,
        fingerprint: str,
        identities: Mapping[str, str],
        retention: Retention,
        repair: Repair | None = None,
        calls: RedisCalls | None = None,
    ) -> None:
        self._redis = connect(url)
        self._shared = SharedConnection(self._redis, PATIENCE_S) if can_share(self._redis) else None
        self._calls = calls or RedisCalls()
        self._repair = repair
        self._keys = Keyspace(prefix, identities)
        self._fingerprint = fingerprint
        self._fields = self._keys.fields()
        self._retention = retention
        self._digests: Tombstones | None = None
        self._script = self._redis.register_script(files("stream.store").joinpath("commit.lua").read_text())
        self._leases: dict[int, Lease] = {}
        self._generations: dict[int, int] = {}  # partition -> of the primary on which the lease was acquired

    async def close(self) -> None:
        """Hang up."""
        if self._shared is not None:
            self._shared.close()
        await self._redis.aclose()

    async def adopt_fingerprint(self) -> None:
        """Write down which model folder the states are from, or find that it is another.

        Raises Misconfigured if the store has vectors of another folder, or does not answer at all, and Unavailable
        if it answers for a minute that it cannot.
        """
        found = await self._once(self._keys.common("fingerprint"), self._fingerprint.encode(), self._calls.ask_first)
        if found.decode() != self._fingerprint:
            raise Misconfigured(
                f"the store's vectors are from model folder {found.decode()}, this worker runs {self._fingerprint}: "
                "start it with that folder, or with another --prefix and a replay"
            )

    async def acquire(self, partition: int) -> dict[str, int]:
        """Become the partition's one writer, by a fresh token. Returns topic -> next offset, as the states stand.

        Raises Misconfigured if offsets of another topic stand there under the name of one that I know.
        """
        await self._offsets(partition)  # whoever owns the partition is not disturbed by one who must not
        self._generations[partition] = generation(self._redis)
        token = secrets.token_hex(8)
        await self._calls.ask(lambda: self._redis.set(self._keys.of(partition, "owner"), token))
        by_field = await self._offsets(partition)
        known = {topic: by_field[name] for topic, name in self._fields.items() if name in by_field}
        keys = [self._keys.of(partition, name) for name in ("lists", "answers")]
        unpublished, answers = await self._calls.ask(lambda: self._redis.mget(keys))
        lists = _decoder.decode(unpublished) if unpublished is not None else {}
        self._leases[partition] = Lease(token, known, lists, unpack(answers))
        self._digests = None  # a store that was emptied since has another secret by now
        return dict(known)

    async def owns(self, partition: int) -> bool:
        """Whether the lease is mine: no other worker has acquired the partition since."""
        lease = self._leases.get(partition)
        if lease is None:
            return False
        owner = await self._calls.ask(lambda: self._redis.get(self._keys.of(partition, "owner")))
        return bool(owner == lease.token.encode())

    async def is_behind(self, partition: int) -> bool:
        """Whether the store stands before where I left it: it was restored from an older copy, or emptied."""
        lease = self._leases.get(partition)
        if lease is not None and self._elsewhere(partition):
            return True
        if lease is None or not lease.offsets:
            return False
        fields = [self._fields[topic] for topic in lease.offsets]
        stored = await self._calls.ask(lambda: self._redis.hmget(self._keys.of(partition, "offsets"), fields))
        return any(int(there or 0) < offset for there, offset in zip(stored, lease.offsets.values(), strict=True))

    async def now_ms(self) -> int:
        """The store's clock, ms since 1970."""
        seconds, micros = await self._calls.ask(self._redis.time)
        return int(seconds) * 1000 + int(micros) // 1000

    def lease(self, partition: int) -> Lease:
        """My lease of a partition; one that every write is refused with, if it is not mine."""
        return self._leases.get(partition, Lease())

    def owned_partitions(self) -> set[int]:
        """The partitions that I acquired and have not released."""
        return set(self._leases)

    def release(self, partition: int) -> None:
        """Forget a partition that went to another worker."""
        self._leases.pop(partition, None)

    def mark_published(self, partition: int, token: str) -> None:
        """Note that what was unpublished under a token is published now."""
        held = self._leases.get(partition)
        if held is not None and held.token == token:
            self._leases[partition] = replace(held, unpublished={})

    def mark_answered(self, partition: int, token: str) -> None:
        """Note that what was not told of commands under a token is told now; the next write drops it."""
        held = self._leases.get(partition)
        if held is not None and held.token == token:
            self._leases[partition] = replace(held, answers=())

    async def load(self, partition: int, users: Sequence[str]) -> dict[str, UserState]:
        """The states of some users of a partition; a fresh one for whom nothing is stored.

        Each says when its user was erased, if that was.

        Raises BrokenState if a record cannot be read nor rebuilt, and FingerprintMismatch.
        """
        if not users:
            return {}
        digests = await self._open_digests()
        keys = [self._keys.user(partition, user) for user in users]
        members = [digests.of(user) for user in users]

        erased_key = self._keys.of(partition, "erased")
        records, erased = await self._ask_together([("MGET", *keys), ("ZMSCORE", erased_key, *members)])
        states: dict[str, UserState] = {}
        for user, record, erased_ms in zip(users, records, erased, strict=True):
            states[user] = await self._open(partition, user, record) if record is not None else UserState()
            states[user].erased_ms = believed_ms(int(float(erased_ms or 0)), now_ms())
        return states

    async def save(self, commit: Commit) -> Saved:
        """Write a batch, all of it or nothing: refused if the partition is not mine, or not where I left it.

        Also if sentinels have named another primary since: what was loaded may be of the one before.
        """
        if self._elsewhere(commit.partition):
            return Saved.MOVED
        gone = [user for user in commit.erased if user not in commit.states]
        answers = [answer.sealed((await self._open_digests()).of) for answer in commit.answers]
        keys = [self._keys.of(commit.partition, name) for name in _KEYS]
        keys += [self._keys.user(commit.partition, user) for user in [*gone, *commit.states]]
        arguments: list[Any] = [commit.lease.token, self._retention.idle_expiry_s, len(commit.offsets)]
        for topic, following in commit.offsets.items():
            arguments += [self._fields[topic], commit.lease.offsets.get(topic, ""), following]
        arguments.append(len(commit.waits))
        for wait in commit.waits:
            arguments += [wait.deadline_ms, _member(wait)]
        arguments.append(len(commit.no_longer))
        arguments += [_member(wait) for wait in commit.no_longer]
        # The last write's lists are out by now, or in this one's; after an erasure no name of theirs may stay.
        told = commit.unpublished or commit.erased
        arguments.append(msgspec.msgpack.encode(commit.unpublished) if told else "")
        arguments.append(pack(answers))  # those of before are told by now, or among these
        made = {user: entry for user, entry in commit.listed.items() if entry is not None}
        arguments.append(len(made))
        for user, entry in made.items():
            arguments += [user, entry]
        unlisted = {*(commit.listed.keys() - made.keys()), *commit.erased}
        arguments += [len(unlisted), *unlisted]
        arguments += [len(gone), len(commit.erased)]
        if commit.erased:
            digests = await self._open_digests()
            arguments += [digests.outdated_ms(commit.erased.values(), now_ms()), self._retention.erased_s]
            for user, erased_ms in commit.erased.items():
                arguments += [erased_ms, digests.of(user)]
        records = [codec.encode(state, self._fingerprint) for state in commit.states.values()]
        for record in records:
            self._calls.on_record(len(record))
        arguments += records
        answer = await self._calls.ask(lambda: self._run(keys, arguments))
        saved = Saved(answer.decode())
        held = self._leases.get(commit.partition)
        if saved.done and held is not None and held.token == commit.lease.token:
            unpublished = (
                commit.unpublished if told else held.unpublished
            )  # until `mark_published`: whatever ends this batch before that
            self._leases[commit.partition] = replace(
                held,
                offsets={**held.offsets, **commit.offsets},
                unpublished=unpublished,
                answers=answers,
            )
        return saved

    async def waiting(self, partition: int) -> list[Wait]:
        """Who waits for what in a partition."""
        members = await self._calls.ask(
            lambda: self._redis.zrange(self._keys.of(partition, "waiting"), 0, -1, withscores=True)
        )
        return [
            Wait(*msgspec.json.decode(member, type=tuple[str, str]), deadline_ms=int(score))
            for member, score in members
        ]

    async def published_lists(self, partition: int) -> AsyncIterator[dict[str, bytes]]:
        """What is known of the lists that stand on the topic: user -> entry, some at a time."""
        cursor, key = 0, self._keys.of(partition, "listed")
        while True:
            cursor, found = await self._calls.ask(partial(self._redis.hscan, key, cursor, count=_LISTS_AT_ONCE))
            yield {user.decode(): entry for user, entry in found.items()}
            if not cursor:
                return

    async def write_marks(self, marks: Mapping[str, Mapping[str, bytes]]) -> None:
        """See `stream.containment.quarantine.Marks`."""
        if marks:
            await self._ask_together(
                [
                    ("HSET", self._keys.of(scope, "trial"), *chain.from_iterable(named.items()))
                    for scope, named in marks.items()
                ]
            )

    async def read_marks(self, scope: str) -> dict[str, bytes]:
        """See `stream.containment.quarantine.Marks`."""
        stored = await self._calls.ask(lambda: self._redis.hgetall(self._keys.of(scope, "trial")))
        return {name.decode(): value for name, value in stored.items()}

    async def clear_marks(self, scope: str, names: Sequence[str] = ()) -> None:
        """See `stream.containment.quarantine.Marks`."""
        key = self._keys.of(scope, "trial")
        await self._calls.ask(lambda: self._redis.hdel(key, *names) if names else self._redis.delete(key))

    async def epochs(self, partition: int) -> dict[str, int]:
        """See `stream.kafka.leader_epochs.EpochStore`."""
        stored = await self._calls.ask(
            lambda: self._redis.zrange(self._keys.of(partition, "epochs"), 0, -1, withscores=True)
        )
        by_field = {name.decode(): int(epoch) for name, epoch in stored}
        return {topic: by_field[name] for topic, name in self._fields.items() if name in by_field}

    async def note_epoch(self, partition: int, topic: str, epoch: int) -> None:
        """See `stream.kafka.leader_epochs.EpochStore`."""
        key, field = self._keys.of(partition, "epochs"), self._fields[topic]
        await self._calls.ask(lambda: self._redis.zadd(key, {field: epoch}, gt=True))

    async def _ask_together(self, commands: Sequence[Command]) -> list[Any]:
        """The answers to some commands, sent at once."""

        def ask() -> Awaitable[list[Any]]:
            if self._shared is not None:
                return self._shared.ask(*commands)
            together = self._redis.pipeline(transaction=False)
            for command in commands:
                together.execute_command(*command)
            answers: Awaitable[list[Any]] = together.execute()
            return answers

        return await self._calls.ask(ask)

    async def _run(self, keys: Sequence[str], arguments: Sequence[Any]) -> bytes:
        """Run commit.lua. A Redis that was restarted has forgotten it."""
        if self._shared is None:
            told: bytes = await self._script(keys=keys, args=arguments)
            return told
        command = ("EVALSHA", self._script.sha, len(keys), *keys, *arguments)
        try:
            (answer,) = await self._shared.ask(command)
        except NoScriptError:
            _, answer = await self._shared.ask(("SCRIPT", "LOAD", self._script.script), command)
        return bytes(answer)

    async def _open(self, partition: int, user: str, record: bytes) -> UserState:
        try:
            return codec.decode(record, self._fingerprint)
        except NewerState:
            raise
        except BrokenState as error:
            if self._repair is None:
                raise
            _log.error("partition %d: %s; rebuilding that user's state from the log", partition, error)
            return await self._repair(partition, user)

    def _elsewhere(self, partition: int) -> bool:
        """Whether another primary is asked by now than when I acquired a partition."""
        return self._generations.get(partition, 0) != generation(self._redis)

    async def _offsets(self, partition: int) -> dict[str, int]:
        """What stands in the store, by field. Raises Misconfigured as `acquire` does."""
        stored = await self._calls.ask(lambda: self._redis.hgetall(self._keys.of(partition, "offsets")))
        by_field = {name.decode(): int(value) for name, value in stored.items()}
        refuse_foreign(by_field, self._fields)
        return by_field

    async def _open_digests(self) -> Tombstones:
        if self._digests is None:
            secret = self._retention.erasure_secret
            if secret is None:
                secret = await self._once(
                    self._keys.common("erasure-secret"), secrets.token_bytes(SECRET_BYTES), self._calls.ask
                )
            self._digests = Tombstones(secret, self._retention.erased_s * 1000)
        return self._digests

    async def _once(
        self, key: str, value: bytes, how: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]
    ) -> bytes:
        """What stands under a key that is written once: `value`, if nothing does. A full store can still be read."""
        found = await how(lambda: self._redis.get(key))
        if found is None:
            await how(lambda: self._redis.set(key, value, nx=True))
            found = await how(lambda: self._redis.get(key))
        return bytes(found)


def _member(wait: Wait) -> bytes:
    return msgspec.json.encode([wait.item_id, wait.user_id])
