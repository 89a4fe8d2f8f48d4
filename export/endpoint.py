"""A model folder whose rows an embeddings endpoint makes: dimension, centre and a known text are learned by asking."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import SecretStr

from export import bundle
from export.gate.parity import Gate
from export.gate.reference import centre
from export.gate.texts import Texts
from export.sources import prefixes_of, tag_of
from penchant.errors import BelowGate, Refused
from serving.arrays import Vectors
from serving.model.artifact import KINDS, Address, Probe, TextKind, read_manifest
from serving.model.endpoint import Endpoint

_MAX_TOKENS = 256
_TIMEOUT_S = 60.0
_AT_ONCE = 32
_ALONE = 16  # texts whose row is asked for alone, too
_LONGEST_WAIT_S, _MOST_WAITS = 120.0, 20  # what it asks to wait, and how often it may


@dataclass(frozen=True)
class Asked:
    """Which endpoint, with which key, and how equal a text alone and in a batch must be."""

    address: Address
    key: SecretStr | None
    gate: Gate


def export(asked: Asked, texts: Texts, out: Path, tick: Callable[[int], None]) -> dict[str, Any]:
    """Makes the folder at `out` and returns its manifest; `tick` hears of texts done.

    Raises BelowGate, and what the endpoint does (`Endpoint.rows`).
    """
    address = asked.address
    endpoint = Endpoint(address, asked.key, _MAX_TOKENS, timeout_s=_TIMEOUT_S)
    prefixes = prefixes_of(address.model)
    sent = {kind: [prefixes[kind] + text for text in texts.of(kind)] for kind in KINDS}
    rows = {kind: _all_rows(endpoint, sent[kind], tick) for kind in KINDS}
    difference = _batch_difference(endpoint, sent["passage"], rows["passage"])
    if not difference <= asked.gate.batch:
        raise BelowGate(
            f"nothing written: a text's vector from {address.url} changes by {difference:.1e} with its batch, above "
            f"{asked.gate.batch:g}; accept it by name: --lower-gate batch=NUMBER"
        )
    sizes: dict[TextKind, list[int]] = {
        "query": [len(group) for group in texts.queries.values()],
        "passage": [len(group) for group in texts.passages.values()],
    }
    manifest = {
        "model": address.model,
        "origin": "an embeddings endpoint",
        "tag": tag_of(address.model),
        "endpoint": {name: value for name, value in asdict(address).items() if value is not None},
        "scheme": "endpoint",
        "providers": ["endpoint"],
        "dim": int(rows["query"].shape[1]),
        "max_tokens": _MAX_TOKENS,
        "pad_id": 0,
        "prefixes": dict(prefixes),
        "probe": Probe(np.empty(0, np.int64), rows["query"][0], sent["query"][0]).as_json(),
        "parity": {"batch_difference": difference, "passages": len(sent["passage"]), "queries": len(sent["query"])},
    }
    bundle.write_endpoint(out, {kind: centre(rows[kind], sizes[kind]) for kind in KINDS}, manifest)
    return read_manifest(out)


def _all_rows(endpoint: Endpoint, texts: Sequence[str], tick: Callable[[int], None]) -> Vectors:
    made = []
    for begin in range(0, len(texts), _AT_ONCE):
        part = texts[begin : begin + _AT_ONCE]
        made.append(_patiently(endpoint, part))
        tick(len(part))
    return np.concatenate(made)


def _patiently(endpoint: Endpoint, texts: Sequence[str]) -> Vectors:
    """Rows, waiting as long as it asks to."""
    for _ in range(_MOST_WAITS):
        try:
            return endpoint.rows(texts, lambda _: None)
        except Refused:
            if endpoint.wait_s > _LONGEST_WAIT_S:
                raise
            time.sleep(endpoint.wait_s)
    return endpoint.rows(texts, lambda _: None)


def _batch_difference(endpoint: Endpoint, texts: Sequence[str], rows: Vectors) -> float:
    """The largest difference of a component between some texts' rows made alone and those made among others."""
    places = np.linspace(0, len(texts) - 1, min(_ALONE, len(texts))).astype(int)
    alone = np.concatenate([_patiently(endpoint, [texts[place]]) for place in places])
    return float(np.abs(alone - rows[places]).max())
