"""Vectors from an embeddings endpoint: a real one over HTTP, and what becomes of each of its failures."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr

from penchant.errors import BrokenArtifact, FingerprintMismatch, Misconfigured, Refused, Unavailable
from serving.connections import Connections
from serving.model import endpoint as endpoint_module
from serving.model.artifact import MANIFEST, Address, Probe, open_artifact
from serving.model.encoder import load_encoder
from serving.model.endpoint import Endpoint
from stream.encoder.circuit_breaker import CircuitBreaker
from stream.encoder.deadline import Budget, DeadlineEncoder, Failure
from tests.support.embeddings_service import KEY, Service, service, write_endpoint_folder
from tests.support.tiny_encoder import WIDTH

TEXTS = [f"{colour} {thing}" for colour in ("red", "green", "blue") for thing in ("film", "shoes", "bread")]


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setenv("PENCHANT_EMBEDDINGS_KEY", KEY)
    with service(tmp_path) as made:
        yield made


def client(served: Service, *, key: str = KEY, dim: int = WIDTH) -> Endpoint:
    return Endpoint(Address(served.url, "tiny"), SecretStr(key), 64, dim)


def rows(endpoint: Endpoint, texts: list[str]) -> Any:
    return endpoint.rows(texts, lambda _: None)


class TestRows:
    """What is asked, and what comes of it."""

    def test_rows_are_unit_and_in_the_order_given_whatever_the_service_s(self, served: Service) -> None:
        served.scale = 7.0
        made = rows(client(served), TEXTS)
        assert made == pytest.approx(served.reader.rows(TEXTS, lambda _: None), abs=1e-6)

    def test_many_texts_are_asked_for_in_several_requests(self, served: Service) -> None:
        runs: list[Any] = []
        made = client(served).rows(TEXTS * 8, runs.append)
        assert [len(told["input"]) for told in served.asked] == [32, 32, 8]
        assert len(runs) == 3
        assert made.shape == (72, WIDTH)

    def test_a_text_is_cut_to_what_a_model_reads(self, served: Service) -> None:
        rows(client(served), ["red " * 9_000])
        assert len(served.asked[0]["input"][0]) == 3 * 64

    def test_dimensions_are_asked_for_where_they_were_chosen(self, served: Service) -> None:
        made = rows(Endpoint(Address(served.url, "tiny", 4), SecretStr(KEY), 64), ["red"])
        assert (served.asked[0]["dimensions"], made.shape) == (4, (1, 4))

    def test_a_connection_that_was_closed_meanwhile_is_opened_again(self, served: Service) -> None:
        endpoint = client(served)
        served.trouble.append((200, {"Connection": "close"}, b""))
        assert len(rows(endpoint, ["red"])) == len(rows(endpoint, ["green"])) == 1
        endpoint._connection.sock.shutdown(2)
        assert len(rows(endpoint, ["blue"])) == 1


class TestFailures:
    """What is raised decides: Misconfigured ends a start, Unavailable waits."""

    def test_a_wrong_key_is_said_in_one_sentence_without_it(self, served: Service) -> None:
        with pytest.raises(Misconfigured) as error:
            rows(client(served, key="sk-wrong"), ["red"])
        assert str(error.value) == (
            f"{served.url} refuses the key in PENCHANT_EMBEDDINGS_KEY or PENCHANT_EMBEDDINGS_KEY_FILE (401)"
        )

    def test_no_key_where_one_is_needed_says_which_to_set(self, served: Service) -> None:
        with pytest.raises(Misconfigured, match="a request without a key: set PENCHANT_EMBEDDINGS_KEY"):
            rows(Endpoint(Address(served.url, "tiny"), None, 64), ["red"])

    def test_a_key_that_a_service_repeats_is_not_told_on(self, served: Service) -> None:
        served.trouble.append((500, {}, json.dumps({"error": {"message": f"no quota for {KEY}"}}).encode()))
        with pytest.raises(Unavailable, match=r"has failed \(500\): no quota for …$"):
            rows(client(served), ["red"])

    @pytest.mark.parametrize("is_date", [False, True])
    def test_it_is_left_alone_as_long_as_it_asks_to_be(
        self, served: Service, is_date: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = [0.0]
        until = datetime.now(UTC) + timedelta(seconds=31)
        wait = format_datetime(until, usegmt=True) if is_date else "30"
        monkeypatch.setattr(endpoint_module, "monotonic", lambda: now[0])
        endpoint = client(served)
        served.trouble.append((429, {"Retry-After": wait}, b"{}"))
        with pytest.raises(Refused, match=r"asks to wait (1[1-9]|2\d|30|31) s \(429\)"):
            rows(endpoint, ["red"])
        now[0] = 10.0
        with pytest.raises(Refused, match=r"has asked to wait \d+ s more"):
            rows(endpoint, ["red"])
        assert len(served.asked) == 1

        now[0] = 32.0
        assert len(rows(endpoint, ["red"])) == 1

    def test_another_dimension_is_named(self, served: Service) -> None:
        with pytest.raises(Misconfigured, match="gives vectors of 8 numbers, the model folder has 16"):
            rows(client(served, dim=16), ["red"])

    @pytest.mark.parametrize(
        "body",
        [
            b"<html>",
            b"{}",
            b"[]",
            b'{"data": 3}',
            b'{"data": [{"index": 1, "embedding": [1, 2]}]}',
            b'{"data": [{"index": 0, "embedding": [1, NaN]}]}',
            b'{"data": [{"index": 0, "embedding": [0, 0]}]}',
            b'{"data": [{"index": 0, "embedding": "AAAA"}]}',
            b'{"data": [{"index": 0, "embedding": []}]}',
            b'{"data": [{"index": 0, "embedding": [[1]]}]}',
        ],
    )
    def test_an_answer_that_is_none(self, served: Service, body: bytes) -> None:
        served.trouble.append((200, {}, body))
        with pytest.raises(Unavailable, match="answers with something else than 1 embeddings"):
            rows(client(served, dim=0), ["red"])

    def test_a_model_that_is_not_there(self, served: Service) -> None:
        served.trouble.append((404, {}, b'{"error": {"message": "no model tiny"}}'))
        with pytest.raises(Misconfigured, match=r"does not take this request for tiny \(404\): no model tiny"):
            rows(client(served), ["red"])

    def test_nobody_at_the_address(self) -> None:
        with pytest.raises(Unavailable, match=r"http://127\.0\.0\.1:9/v1 does not answer"):
            rows(Endpoint(Address("http://127.0.0.1:9/v1", "tiny"), None, 64), ["red"])

    @pytest.mark.parametrize(
        "url", ["api.openai.com/v1", "ftp://host/v1", "http://", "http://[", "http://h:x", "http://h?key=1"]
    )
    def test_an_address_that_is_none(self, url: str) -> None:
        with pytest.raises(Misconfigured, match=r"is written as in https://api\.openai\.com/v1"):
            Endpoint(Address(url, "tiny"), None, 64)

    def test_an_address_that_holds_a_password(self) -> None:
        with pytest.raises(Misconfigured, match="holds no key") as error:
            Endpoint(Address("https://me:hidden@host/v1", "tiny"), None, 64)
        assert "hidden" not in str(error.value)


class TestFolder:
    """A model folder that names an endpoint."""

    def test_it_is_loaded_as_any_other(self, tmp_path: Path, served: Service) -> None:
        encoder = load_encoder(write_endpoint_folder(tmp_path / "model", served))
        made = encoder.embed(TEXTS, "query")
        encoder.embed(TEXTS, "query")
        assert encoder.provider == "endpoint"
        assert made == pytest.approx(served.reader.rows(TEXTS, lambda _: None), abs=1e-3)
        assert len(served.asked) == 2, "the known text, then all; what is remembered is not asked for again"

    def test_a_wrong_key_ends_the_start(
        self, tmp_path: Path, served: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setenv("PENCHANT_EMBEDDINGS_KEY", "sk-wrong-5309")
        with pytest.raises(Misconfigured, match=r"refuses the key in PENCHANT_EMBEDDINGS_KEY") as error:
            load_encoder(write_endpoint_folder(tmp_path / "model", served))
        assert "5309" not in f"{error.value!r} {caplog.text} {Connections()!r}"
        assert error.value.exit_code == 78

    def test_one_that_does_not_answer_now_is_waited_for(
        self, tmp_path: Path, served: Service, caplog: pytest.LogCaptureFixture
    ) -> None:
        served.trouble.append((503, {}, b"starting"))
        with caplog.at_level(logging.WARNING):
            encoder = load_encoder(write_endpoint_folder(tmp_path / "model", served))
        assert "texts wait until it answers" in caplog.text
        assert encoder.embed(["red"], "query").shape == (1, WIDTH)

    def test_another_model_under_the_same_name_is_found(self, tmp_path: Path, served: Service) -> None:
        other = Probe(np.empty(0, np.int64), np.eye(WIDTH, dtype=np.float32)[0], "red film").as_json()
        with pytest.raises(FingerprintMismatch, match="another model answers under the name tiny"):
            load_encoder(write_endpoint_folder(tmp_path / "model", served, probe=other))

    def test_model_and_dimension_make_the_fingerprint_and_the_address_does_not(
        self, tmp_path: Path, served: Service
    ) -> None:
        def of(name: str, **changes: Any) -> str:
            return open_artifact(write_endpoint_folder(tmp_path / name, served, **changes)).fingerprint

        here = of("here")
        assert of("moved", endpoint={"url": "https://elsewhere/v1", "model": "tiny"}) == here
        assert of("renamed", endpoint={"url": served.url, "model": "large"}) != here

    @pytest.mark.parametrize(
        "endpoint",
        [None, {}, {"url": "http://h"}, {"url": 1, "model": "m"}, {"url": "http://h", "model": "m", "key": "k"},
         {"url": "http://h", "model": "m", "dimensions": "9"}],
    )  # fmt: skip
    def test_an_address_of_a_wrong_type_is_refused(self, tmp_path: Path, served: Service, endpoint: Any) -> None:
        folder = write_endpoint_folder(tmp_path / "model", served)
        manifest = json.loads((folder / MANIFEST).read_text("utf-8")) | {"endpoint": endpoint}
        (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
        with pytest.raises(BrokenArtifact, match="endpoint"):
            open_artifact(folder)


class TestUnderTheBudget:
    """The local encoder's budget and breaker hold for it, too."""

    async def test_what_a_slow_one_answers_late_is_there_the_next_time(self, tmp_path: Path, served: Service) -> None:
        encoder = load_encoder(write_endpoint_folder(tmp_path / "model", served))
        failures: list[Failure] = []
        encoding = DeadlineEncoder(encoder, Budget(0.05, 30.0, 30.0), on_failure=failures.append)
        served.free.clear()

        assert await encoding.queries(["red film"]) == {}

        assert (failures, encoding.healthy) == ([Failure.LATE], False)
        encoding._budget = Budget(30.0, 60.0, 30.0)  # a machine that is busy may not take the short one for its own
        served.free.set()
        late = encoding._late
        assert late is not None
        await late
        assert list(await encoding.queries(["red film"])) == ["red film"]
        assert len(served.asked) == 2, "the known text, and this one once"
        encoding.close()

    async def test_the_breaker_leaves_alone_one_that_fails(self, tmp_path: Path, served: Service) -> None:
        encoder = load_encoder(write_endpoint_folder(tmp_path / "model", served))
        now = [0.0]
        encoding = DeadlineEncoder(encoder, Budget(30.0, 60.0, 30.0), CircuitBreaker(lambda: now[0]))
        served.trouble += [(500, {}, b""), (500, {}, b"")]

        assert await encoding.queries(["red"]) == {}
        asked = len(served.asked)
        assert await encoding.queries(["green"]) == {}
        assert len(served.asked) == asked

        now[0] = 2.0
        assert list(await encoding.queries(["red"])) == ["red"]
        assert encoding.healthy
        encoding.close()


class TestKey:
    """From the environment or a file; in no message."""

    def test_from_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "key").write_text(f"{KEY}\n", encoding="utf-8")
        key = Connections(embeddings_key_file=tmp_path / "key").endpoint_key()
        assert key is not None
        assert key.get_secret_value() == KEY

    def test_none(self) -> None:
        assert Connections().endpoint_key() is None

    def test_it_is_masked(self) -> None:
        assert KEY not in f"{Connections(embeddings_key=SecretStr(KEY))!r}"

    @pytest.mark.parametrize("content", ["two words", "line\nline", "ключ"])
    def test_what_is_no_key_is_not_quoted(self, tmp_path: Path, content: str) -> None:
        (tmp_path / "key").write_text(content, encoding="utf-8")
        with pytest.raises(Misconfigured, match="PENCHANT_EMBEDDINGS_KEY_FILE is no key") as error:
            Connections(embeddings_key_file=tmp_path / "key").endpoint_key()
        assert content not in str(error.value)
