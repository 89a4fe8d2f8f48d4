"""What others wrote reaches a terminal, a log or a program as text: nothing in it is obeyed or hidden."""

import io
import json
import logging
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.commands import experiment
from deploy.demo.show import DemoPrinter
from deploy.dlq.dead_letter_record import DeadLetterRecord
from deploy.dlq.listing import as_dict, count, print_counts, print_dead_letter, print_redriven, redriven_as_dict
from deploy.dlq.redrive import Redriven, Unsent
from deploy.events.jsonl import read_line
from deploy.events.preflight import Preflight
from deploy.experiment.experiment_report import Tally, VariantResult
from deploy.explain.attribution_table import print_explanations
from deploy.local.processes import ChildProcess
from deploy.local.stack import last_words
from deploy.rebuild.replay_runs import print_report, print_restored
from deploy.tables import print_checks, print_list
from penchant.errors import BadFile
from penchant.messages import Item, ListItem, Reason, RecommendationList
from penchant.topics import Topic, Topics
from serving.files.message_splitter import BadLine, Pieces
from serving.ranking.reasons.told import EventPoints, Explanation
from serving.terminal.printable import EscapedFormatter, json_shown, lines_shown, shown
from serving.terminal.printing import complain, console, print_json, say
from stream.rebuild.audit_report import Finding, Report
from stream.rebuild.compare import Difference
from tests.support.command import penchant
from tests.support.waiting import until

HOSTILE = [
    "\x1b[31mred\x1b[0m",
    "\x1b]52;c;cm0gLXJmIH4=\x07",
    "\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\",
    "\x9b2J\x9d0;title\x9c",
    "line\r\nend\nof\x0b\x0cit",
    "back\x08\x08\x7f",
    "\u202egnp.exe\u202c \u2066\u2069",
    "ze\u200bro\u200d\ufeffwidth\u2060\u00ad",
    "\u2028line\u2029\x85",
    "null\x00",
    "\U000e0041\U000e0042tags",
    "lone \ud800 half",
]
MARKUP = "[red]x[/red] [/] :smile: [link=http://evil]y[/link]"


def harmless(printed: str) -> bool:
    """Whether it holds nothing but what can be seen, and ends of our own lines."""
    return all(char == "\n" or char == shown(char) for char in printed)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_is_written_out(text: str) -> None:
    assert shown(text).isprintable()
    assert "\n" not in shown(text)
    assert harmless(lines_shown(text))
    assert lines_shown("a\nb") == "a\nb"


@pytest.mark.parametrize("text", ["海上钢琴师\u3000é “ü” – 映画 ★ 👍🏽 ❤️", "naïve\u00a0café", MARKUP, "C:\\temp\\new"])
def test_what_can_be_seen_stays_as_it_is(text: str) -> None:
    assert shown(text) == text
    assert json_shown(text) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_json_says_what_it_said(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_json({text: [text]})

    printed = capsys.readouterr().out
    assert harmless(printed)
    assert printed.count("\n") == 1
    assert json.loads(printed) == {text: [text]}


def a_list(text: str) -> RecommendationList:
    reason = Reason(text, 0.6, text)
    return RecommendationList(
        user_id=text, version=1, generated_at="2026-11-22T10:00:00.000Z", expires_at="2026-11-23T10:00:00.000Z",
        fingerprint="f", path="live", cause=None, folded=[], items=[ListItem(text, 1.0, "content", [reason])],
    )  # fmt: skip


def watch(text: str) -> None:
    item = {"item_id": text, "score": 1.0, "source": text, "reasons": [{"share": 0.5, "words": text}]}
    value = {
        "generated_at": "2026-11-22T10:00:00Z",
        "cause": None,
        "path": text,
        "items": [item, {**item, "item_id": "i"}],
    }
    print_list(text, value, {"i": text})
    print_list(text, None, {})


def explain(text: str) -> None:
    event = EventPoints(text, "", 0, text, 0.5, {"content": 0.5})
    print_explanations(text, [Explanation(text, text, 1, text, 0.5, {"content": 0.5}, [event], {})], "en")


def doctor(text: str) -> None:
    print_checks({"broker": {"ok": False, "found": text, "do": text}, "redis": {"ok": True, "found": text, "do": text}})


def dead_letters(text: str) -> None:
    raw = text.encode(errors="surrogatepass")
    dead_letter = DeadLetterRecord(
        topic=Topic.CLICKS, partition=0, offset=1, timestamp_ms=0, key=raw, value=raw, headers=((text, raw),),
        origin=(0, 1), reason=text, message=text, stage=text, time_ms=0, attempts=1,
    )  # fmt: skip
    topics = Topics("penchant")
    print_dead_letter(as_dict(dead_letter, topics, redriven=False))
    print_counts(count([dead_letter], [], topics)[0])  # type: ignore[arg-type]
    done = Redriven(Counter({(Topic.CLICKS, text): 1}), [Unsent(Topic.CLICKS, 0, 1, text)])
    print_redriven(redriven_as_dict(done, topics, dry_run=False))


def replay(text: str) -> None:
    finding = Finding(text, 0, (Difference(text, text),))
    print_report(Report(users=1, findings=[finding], truncated={(text, 0): 5}))
    print_restored({"users": 1, "events": 1, "seconds": 1.0, "events_per_s": 1.0, "fingerprint": text,
                  "retention": [{"topic": text, "partition": 0, "first_offset": 5}]})  # fmt: skip


def experiments(text: str) -> None:
    told = [VariantResult(text, 0.5, {text: 1.0}, Tally(1, 1, 1, 1, 1), (0.0, 1.0), None)]
    experiment.print_file(text, told)
    experiment.print_counted(text, told, 1)


def demo(text: str) -> None:
    show = DemoPrinter(console(), {text: Item(item_id=text, title=text, facets={"genre": [text]})})
    show.answer(text, a_list(text), 1.0)
    show.side_by_side(text, ("before", a_list(text)), ("after", a_list(text)))


def produce(text: str) -> None:
    look = Preflight({"click"})
    for message in ({"user_id": "u", "item_id": "i", "type": text}, {"item_id": "i", "title": "t", text: 1},
                    {"user_id": text * 200, "item_id": "i"}):  # fmt: skip
        line = read_line(1, json.dumps(message).encode(), None)
        if isinstance(line, BadLine):
            complain(line.why)
            continue
        complain("; ".join([*look.odd(line), getattr(look.wrong(line), "why", "")]))
    raw = f"{text},b\n{text},d\n".encode(errors="replace")
    try:
        list(Pieces(text, iter([raw])))
    except BadFile as error:
        complain(str(error))


def words(text: str) -> None:
    say(text)
    complain(f"penchant: {text}")


@pytest.mark.parametrize("text", [*HOSTILE, MARKUP])
@pytest.mark.parametrize("printing", [watch, explain, doctor, dead_letters, replay, experiments, demo, produce, words])
def test_whatever_prints_it(
    printing: Callable[[str], None],
    text: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "3000")

    printing(text)

    printed = "".join(capsys.readouterr())
    assert harmless(printed), f"{printing.__name__} prints {printed!r}"
    if text == MARKUP and printing is not produce:
        assert text in printed, "neither markup nor emoji codes"


def test_a_child_that_ended_says_its_last_words_harmlessly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = f"print({HOSTILE[0]!r} + {HOSTILE[3]!r}); print({MARKUP!r})"
    child = ChildProcess("worker-1", [sys.executable, "-c", script], tmp_path / "worker-1.log")
    assert until(lambda: child.exit_code is not None)

    last_words(child)

    said = capsys.readouterr().err
    assert harmless(said)
    assert MARKUP in said


@pytest.mark.parametrize("text", HOSTILE)
def test_a_line_of_the_log_is_one_line(text: str) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(EscapedFormatter("%(levelname)s %(message)s"))
    record = logging.LogRecord("stream", logging.WARNING, __file__, 1, "of %s: %s", (text, text), None)

    handler.emit(record)

    logged = stream.getvalue()
    assert logged.startswith("WARNING of ")
    assert logged.count("\n") == 1
    assert harmless(logged)


def test_a_traceback_in_the_log_keeps_its_lines() -> None:
    try:
        int(HOSTILE[0])
    except ValueError:
        record = logging.LogRecord("stream", logging.ERROR, __file__, 1, "it failed", None, sys.exc_info())

    logged = EscapedFormatter("%(message)s").format(record)

    assert logged.startswith("it failed\nTraceback")
    assert "ValueError: invalid literal" in logged.splitlines()[-1]
    assert harmless(logged)


@pytest.mark.parametrize(
    "arguments",
    [["\x1b[31mx"], ["watch", "u1", "\x1b[31m"], ["watch", "--a\x1b[31m", "u"], ["produce", "\x1b]0;x\x07"]],
)
def test_what_is_wrong_on_the_command_line(arguments: list[str]) -> None:
    ran = penchant(*arguments)

    assert ran.exit_code in {2, 78}
    assert harmless(ran.err)
