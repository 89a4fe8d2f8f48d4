"""What the demo prints and writes, from made-up answers."""

import io

import msgspec
import pytest
from rich.console import Console

from deploy.demo.rating_replay import ReplayResult, SentRating
from deploy.demo.running_system import Memory
from deploy.demo.score import HitRates
from deploy.demo.show import DemoPrinter
from deploy.demo.summary import StatementAnswer, summarise
from penchant.messages import Item, ListItem, Reason, RecommendationList

ITEMS = {
    "1": Item(item_id="1", title="Alien (1979)", facets={"genre": ["Horror", "Sci-Fi"]}),
    "2": Item(item_id="2", title="Tricky [bold] (2000)", facets={"genre": "Drama"}),
    "3": Item(item_id="3", title="Without Genre"),
}


def made(*item_ids: str) -> RecommendationList:
    return RecommendationList(
        user_id="u",
        version=1,
        generated_at="2026-11-22T10:00:00.000Z",
        expires_at="2026-11-23T10:00:00.000Z",
        fingerprint="f",
        path="live",
        cause=None,
        folded=[],
        items=[ListItem(i, 1.0, "content", [Reason("e1", 0.6, "because of what you wrote")]) for i in item_ids],
    )


@pytest.fixture
def paper() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def show(paper: io.StringIO) -> DemoPrinter:
    return DemoPrinter(Console(file=paper, width=110), ITEMS)


def test_an_answer_has_titles_genres_reasons_and_milliseconds(show: DemoPrinter, paper: io.StringIO) -> None:
    show.answer("想看[科幻]片", made("1", "2", "3"), 41.6)

    printed = paper.getvalue()
    for words in ("想看[科幻]片", "42 ms", "Alien (1979)", "Horror, Sci-Fi", "because of what you wrote (60%)"):
        assert words in printed
    assert "Tricky [bold] (2000)" in printed, "brackets in a title are no markup"
    assert "Without Genre" in printed


def test_two_lists_stand_side_by_side(show: DemoPrinter, paper: io.StringIO) -> None:
    show.side_by_side("u", ("before", made("1", "2")), ("after", made("2", "3")))

    rows = [line for line in paper.getvalue().splitlines() if "Tricky" in line]
    assert len(rows) == 2
    assert "Alien" in rows[0]
    assert "Without Genre" in rows[1]


def test_a_summary_counts_and_can_be_written() -> None:
    hits = HitRates(20)
    hits.score("u", 1, [1])
    hits.score("u", 1, [2])
    played = ReplayResult(
        hits,
        seconds=2.0,
        ratings=[SentRating(0, "a", "1", 5.0, hit=None)] * 100,
        unanswered=1,
        latencies_s=[0.010] * 98 + [0.5] * 2,
    )
    shown = StatementAnswer("text", 12.0, made("1").items)

    summary = summarise(played, 1000, 3, Memory(900.0, 5.0, 1.25), ([shown], []))
    read = msgspec.json.decode(msgspec.json.encode(summary))

    assert (read["events_per_s"], read["p50_ms"], read["p99_ms"]) == (50.0, 10.0, 500.0)
    assert (read["live_hit_rate"], read["popular_hit_rate"]) == (0.5, 0.5)
    assert (read["dead_letters"], read["unanswered"], read["ratings"], read["of_ratings"]) == (3, 1, 100, 1000)
    assert read["statements"][0]["items"][0]["item_id"] == "1"
    cells = [list(column.cells) for column in summary.table().columns]
    assert any("100 of 1,000 in 2 s" in str(cell) for cell in cells[1])


def test_a_run_without_any_answer_is_summarised_too() -> None:
    summary = summarise(ReplayResult(HitRates(3)), 10, 0, Memory(0, 0, 0), ([], []))

    assert (summary.events_per_s, summary.p50_ms, summary.live_hit_rate) == (0.0, 0.0, 0.0)
