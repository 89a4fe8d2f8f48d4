"""Lists made when somebody asks, for the API (serving/api/ondemand/port.py): what a worker would make, and no more.

What is followed is opened by the first request, in some seconds; those that come meanwhile wait a moment, and are told
to come again.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
import numpy as np

from penchant.errors import Misconfigured, Unavailable
from penchant.messages import Facets, ListItem, RecommendationList, Review
from penchant.times import rfc3339
from serving.api.ondemand.made_lists import ConversationTurn, ExplainedItems, QueriedList, RankedItems
from serving.api.ondemand.port import KnownUser, NotAnswered, Wanted
from serving.arrays import Mask
from serving.catalogue import Catalogue, CatalogueItem
from serving.conversation.ambiguity import doubt
from serving.conversation.questions import Question, language_in
from serving.conversation.turns import question_after
from serving.filters import Filters
from serving.model.encoder import Encoder, load_encoder
from serving.ranking.ranker import Ranker, Ranking
from serving.ranking.reasons.told import Candidate, Explanation
from serving.state.user_state import UserState, Vector
from stream.encoder.deadline import DeadlineEncoder
from stream.events.decoder import Decoder
from stream.events.encoder_input import EncoderInput, assemble, texts_to_encode
from stream.events.languages import language_of
from stream.events.weights import load_weights
from stream.ondemand.followed_ranker import FollowedRanker
from stream.ondemand.what_if import EventGone, WhatIf
from stream.processing.lists import path_of
from stream.settings import WorkerSettings
from stream.store.base import now_ms

__all__ = ["ListsOnDemand"]

_T = TypeVar("_T")
_Then = Callable[[UserState, Ranker, Sequence[ListItem], Catalogue], _T]
_PATIENCE_S = 5.0  # of a request, while what it needs is being read


@dataclass(frozen=True, slots=True)
class _Open:
    """What was read: a ranker, and how states change."""

    ranker: FollowedRanker
    what_if: WhatIf

    @property
    def catalogue(self) -> Catalogue:
        return self.ranker.catalogue

    @property
    def fingerprint(self) -> str:
        return self.catalogue.fingerprint


class ListsOnDemand:
    """An `OnDemand`, by the settings that a worker has. Used from one event loop.

    silent_s: once the broker has not been heard for so long the path of what is made is `stale`.
    """

    def __init__(self, settings: WorkerSettings, silent_s: float) -> None:
        self._settings = settings
        self._silent_s = silent_s
        self._opening: asyncio.Task[_Open] | None = None
        self._loading: asyncio.Task[DeadlineEncoder] | None = None
        self._fingerprint = ""  # of the model folder that was loaded

    async def query(self, user: KnownUser, said: Review, wanted: Wanted) -> QueriedList:
        """See `OnDemand.query`."""
        return (await self._heard(user, said, wanted, lambda *_: None))[0]

    async def converse(self, user: KnownUser, said: Review, wanted: Wanted) -> ConversationTurn:
        """See `OnDemand.converse`."""
        language = language_of(said.context) or language_in(said.text)

        def question(
            state: UserState, ranker: Ranker, items: Sequence[ListItem], catalogue: Catalogue
        ) -> Question | None:
            first = [(each.item_id, title_of(each.item_id, catalogue)) for each in items]
            points = ranker.points(state)
            if (only := allowed(catalogue, wanted.filters)) is not None:
                points[~only] = -np.inf
            open_facet = doubt(points, catalogue)
            return question_after(state, said.user_id, "zh" if language == "zh" else "en", open_facet, first)

        listed, asked = await self._heard(user, said, wanted, question)
        return ConversationTurn(**_fields(listed), question=asked)

    async def _heard(self, user: KnownUser, said: Review, wanted: Wanted, then: _Then[_T]) -> tuple[QueriedList, _T]:
        """The list that a statement would cause, and what `then` makes of the state that it leaves."""
        opened, made_ms = await self._opened(), now_ms()
        event = opened.what_if.statement(said, made_ms)
        texts = await self._encoded(event.encoder_input, opened.fingerprint)

        def made(variant: str, ranker: Ranker) -> tuple[QueriedList, _T]:
            version = user.state.list_version
            state = opened.what_if.after(user.state, event, texts)
            k, only = wanted.k or self._settings.k, allowed(opened.catalogue, wanted.filters)
            listed = self._list(user.user_id, state, variant, ranker.rank(state, k, only=only), opened)
            queried = QueriedList(**_fields(listed) | {"version": version}, event_id=event.event_id)
            return queried, then(state, ranker, listed.items, opened.catalogue)

        return await opened.ranker.ask(user.user_id, made)

    async def rank(self, user: KnownUser, item_ids: Sequence[str], filters: Filters) -> RankedItems:
        """See `OnDemand.rank`."""
        opened = await self._opened()

        def ordered(_: str, ranker: Ranker) -> tuple[list[Candidate], list[str]]:
            catalogue, asked = opened.catalogue, dict.fromkeys(item_ids)
            unknown = [item_id for item_id in asked if catalogue.find(item_id) is None]
            wanted = [item_id for item_id in asked if filters.allow(item_id, facets_of(catalogue.about(item_id)))]
            return ranker.order(user.state, wanted), unknown

        items, unknown = await opened.ranker.ask(user.user_id, ordered)
        path = "live" if user.state.known else "trending"
        path = "stale" if self._stale(opened) else path
        return RankedItems(user_id=user.user_id, path=path, items=items, unknown=unknown)

    async def explain(self, user: KnownUser, item_id: str, without: str | None) -> ExplainedItems:
        """See `OnDemand.explain`."""
        opened = await self._opened()
        k = self._settings.k

        def told(variant: str, ranker: Ranker) -> tuple[list[Explanation], RecommendationList | None]:
            state, listed = user.state, None
            if without is not None:
                version = state.list_version
                state = opened.what_if.without(state, user.user_id, without, now_ms())
                listed = self._list(user.user_id, state, variant, ranker.rank(state, k), opened)
                listed = msgspec.structs.replace(listed, version=version)
            return ranker.explain(state, k, item_id), listed

        try:
            items, listed = await opened.ranker.ask(user.user_id, told)
        except EventGone as error:
            raise NotAnswered(error.reason, str(error), lasts=True) from None
        return ExplainedItems(user_id=user.user_id, items=items, without=without, list_without=listed)

    @property
    def progress(self) -> str:
        """See `OnDemand.progress`. What texts need counts only once it was begun."""
        if self._opening is None or _failed(self._opening):
            return "not yet"
        begun = [task for task in (self._opening, self._loading) if task is not None]
        return "ready" if all(task.done() for task in begun) else "being read"

    async def warm(self) -> None:
        """See `OnDemand.warm`. Without a model folder what needs none is warm all the same."""
        opening, loading = self._opening_begun(), self._loading_begun()
        _, loaded = await asyncio.gather(opening, loading, return_exceptions=True)
        opened = await _soon(opening, "the catalogue cannot be read yet")
        await opened.ranker.ask("", lambda _, ranker: ranker.rank(UserState(), self._settings.k))
        if isinstance(loaded, BaseException) and not isinstance(loaded, NotAnswered):
            raise loaded

    async def close(self) -> None:
        """See `OnDemand.close`."""
        for task in (self._opening, self._loading):
            if task is not None and not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        if self._loading is not None and _succeeded(self._loading):
            self._loading.result().close()
        if self._opening is not None and _succeeded(self._opening):
            await self._opening.result().ranker.close()

    def _list(
        self, user_id: str, state: UserState, variant: str, ranking: Ranking, opened: _Open
    ) -> RecommendationList:
        made_ms = now_ms()
        listed = RecommendationList(
            user_id=user_id,
            version=state.list_version,
            generated_at=rfc3339(made_ms),
            expires_at=rfc3339(made_ms + 1000 * self._settings.list_expiry_s),
            fingerprint=opened.fingerprint,
            path=path_of(state, ranking),
            variant=variant or msgspec.UNSET,
            cause=None,
            folded=[],
            items=ranking.items,
        )
        return msgspec.structs.replace(listed, path="stale") if self._stale(opened) else listed

    def _stale(self, opened: _Open) -> bool:
        return opened.ranker.unheard(self._silent_s)

    async def _opened(self) -> _Open:
        if self._opening is not None and _succeeded(self._opening) and self._opening.result().ranker.outdated:
            await self._opening.result().ranker.close()
            self._opening = None
        return await _soon(self._opening_begun(), "the catalogue is still being read")

    def _opening_begun(self) -> asyncio.Task[_Open]:
        if self._opening is None or _failed(self._opening):
            self._opening = asyncio.create_task(self._open())
        return self._opening

    def _loading_begun(self) -> asyncio.Task[DeadlineEncoder]:
        if self._loading is None or _failed(self._loading):
            self._loading = asyncio.create_task(self._load())
        return self._loading

    async def _open(self) -> _Open:
        settings, ranker = self._settings, FollowedRanker(self._settings)
        async with AsyncExitStack() as halfway:
            halfway.push_async_callback(ranker.close)
            await ranker.open()
            halfway.pop_all()
        decoder = Decoder(
            settings.topics,
            load_weights(settings.weights),
            1,
            ranker.identities,
            clock=now_ms,
            clicks_are_seen=settings.clicks_are_seen,
        )
        catalogue = ranker.catalogue
        return _Open(
            ranker, WhatIf(settings.topics, decoder, catalogue.vector, settings.limits(), catalogue.fingerprint)
        )

    async def _encoded(self, written: EncoderInput | None, fingerprint: str) -> Mapping[EncoderInput, Vector]:
        """The vector of a statement's text, by what is encoded of it."""
        if written is None:
            raise TypeError("this is a bug: a statement has a text")
        encoder = await _soon(self._loading_begun(), "the model folder is still being loaded")
        if self._fingerprint != fingerprint:
            raise NotAnswered(
                "other_model",
                f"the items were embedded by {fingerprint}, and PENCHANT_MODEL names {self._fingerprint}",
                lasts=True,
            )
        vector = assemble(written, await encoder.queries(texts_to_encode(written)))
        if vector is None:
            raise NotAnswered("encoder_timeout", "the encoder did not read the text in time")
        return {written: vector}

    async def _load(self) -> DeadlineEncoder:
        """One thread: what is asked here is short, and the processor is wanted for lists. Raises NotAnswered."""
        settings = self._settings

        def load() -> Encoder:
            return load_encoder(settings.model, settings.provider, threads=settings.encoder_threads or 1)

        try:
            encoder = await asyncio.to_thread(load)
        except Misconfigured as error:
            raise NotAnswered("no_model", f"without a model folder no text can be read: {error}", lasts=True) from None
        self._fingerprint = encoder.fingerprint
        under_deadline = DeadlineEncoder(encoder)
        await under_deadline.warm_up()
        return under_deadline


def allowed(catalogue: Catalogue, filters: Filters) -> Mask | None:
    """`(n,)`: the items that filters leave; None: all, there being no filters."""
    if not filters:
        return None
    about = zip(catalogue.ids, catalogue.items, strict=True)
    return np.fromiter((filters.allow(item_id, facets_of(item)) for item_id, item in about), np.bool_, len(catalogue))


def facets_of(item: CatalogueItem | None) -> Facets:
    """An item's facets, none without a vector."""
    return {} if item is None else item.facets


def title_of(item_id: str, catalogue: Catalogue) -> str:
    """An item's title, "" without one."""
    item = catalogue.about(item_id)
    return item.title if item is not None else ""


def _fields(of: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(of, name) for name in of.__struct_fields__}


async def _soon(task: "asyncio.Task[_T]", meanwhile: str) -> _T:
    """What a task returns, if that is soon. Raises NotAnswered."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await asyncio.shield(task)
    except TimeoutError:
        raise NotAnswered("not_ready", f"{meanwhile}: a moment") from None
    except (Unavailable, Misconfigured) as error:
        raise NotAnswered("not_ready", str(error)) from None


def _failed(task: asyncio.Task[Any]) -> bool:
    return task.done() and not _succeeded(task)


def _succeeded(task: asyncio.Task[Any]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None
