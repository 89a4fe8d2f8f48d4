"""When missed texts are asked for again."""

from serving.state.user_state import Vector
from stream.encoder.deadline import DeadlineEncoder
from stream.processing.pending_events import TEXTS
from stream.store.base import Wait
from stream.store.pending_index import PendingIndex
from stream.tasks.encoder_backlog import LONGEST_PAUSE_S, PAUSE_S, EncoderBacklog
from tests.support.colours import Troubled, colours


class Shift:
    """Rounds over one missed text, read by an encoder that can be broken."""

    def __init__(self, text: str, *, waits: bool = True) -> None:
        self.engine = Troubled()
        self.encoding = DeadlineEncoder(colours(self.engine))
        self.made: dict[str, Vector] = {}
        self.counted = 0.0
        self._text = text
        index = PendingIndex()
        index.update(0, [Wait(TEXTS, "u1", 10)] if waits else [], ())
        self.backlog = EncoderBacklog(self._retry, index, self.encoding, self._count)

    async def pauses(self, rounds: int) -> list[float]:
        made = []
        for _ in range(rounds):
            await self.backlog.round()
            made.append(self.backlog.pause_s)
        return made

    async def _retry(self, most: int) -> int:
        assert most == 64
        self.made |= await self.encoding.queries([self._text])
        return len(self.made)

    def _count(self, made: float) -> None:
        self.counted += made


async def test_what_was_read_is_counted_and_more_is_asked_for_soon() -> None:
    shift = Shift("red")
    (pause,) = await shift.pauses(1)
    assert (list(shift.made), shift.counted) == (["red"], 1)
    assert 0 < pause <= PAUSE_S
    shift.encoding.close()


async def test_nothing_is_asked_if_nothing_waits() -> None:
    shift = Shift("red", waits=False)
    assert await shift.pauses(2) == [PAUSE_S, PAUSE_S]
    assert shift.made == {}


async def test_an_encoder_that_is_left_alone_is_not_asked() -> None:
    shift = Shift("red")
    shift.engine.broken = RuntimeError("no memory")
    assert await shift.pauses(3) == [PAUSE_S, PAUSE_S, PAUSE_S]
    assert len(shift.engine.shapes) == 2, "the text and the encoder's own, in the first round"
    shift.encoding.close()


async def test_texts_that_cannot_be_read_are_asked_for_ever_more_rarely() -> None:
    shift = Shift("blue")
    shift.engine.poison = {"blue"}
    assert await shift.pauses(8) == [2, 4, 8, 16, 32, LONGEST_PAUSE_S, LONGEST_PAUSE_S, LONGEST_PAUSE_S]
    assert (shift.encoding.healthy, shift.counted) == (True, 0)
    shift.encoding.close()
