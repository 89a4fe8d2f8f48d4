"""How an input is changed: as a tree where it is one, else as words and bytes. The same seed makes the same change."""

import json
import random
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import msgspec

from tests.fuzz import words
from tests.fuzz.target import Form

ByBytes = Callable[[bytes, int], bytes]  # some bytes, and how many they may become
_random = random.Random()
_POOL = 512  # inputs that parts are taken over from


def by_bytes(data: bytes, most: int) -> bytes:
    """A change by bytes, for where libFuzzer's own is not at hand; of the same kinds."""
    made, at = bytearray(data), _random.randrange(len(data) + 1)
    match _random.randrange(5):
        case 0:
            made[at:at] = _random.randbytes(_random.randint(1, 4))
        case 1:
            del made[at : at + _random.randint(1, 8)]
        case 2 if made:
            made[at % len(made)] ^= 1 << _random.randrange(8)
        case 3:
            made[at:at] = made[: _random.randint(1, 32)]
        case _:
            made[at : at + 1] = bytes([_random.choice((0, 0x22, 0x5C, 0x7F, 0x80, 0xC0, 0xFF))])
    return bytes(made[:most])


class Mutator:
    """Changes inputs of one form. `further`: words of the target itself."""

    def __init__(self, form: Form, further: Sequence[str] = (), change: ByBytes = by_bytes) -> None:
        self._form = form
        self._texts = (*words.TEXTS, *further)
        self._names = (*words.FIELDS, *words.HEADERS, *further)
        self._change = change
        self._pool: list[Any] = []

    def __call__(self, data: bytes, most: int, seed: int) -> bytes:
        """A changed copy of at most `most` bytes."""
        _random.seed(seed)
        made = self._lines(data) if self._form is Form.TEXT else self._tree(data)
        if made is None or _random.random() < 0.05:
            made = self._change(data if made is None else made, most)
        return made[:most]

    # --- Trees ---

    def _tree(self, data: bytes) -> bytes | None:
        try:
            tree = self._load(data)
            if _random.random() < 0.1:
                self._remember(tree)
            holder = [tree]
            for _ in range(_random.choice((1, 1, 2, 3, 5))):
                self._change_one(holder)
            return self._dump(holder[0])
        except (ValueError, TypeError, OverflowError, RecursionError):
            return None

    def _load(self, data: bytes) -> Any:
        if self._form is Form.JSON:
            return json.loads(data)
        return msgspec.msgpack.decode(data)

    def _dump(self, tree: Any) -> bytes:
        if self._form is Form.JSON:
            return json.dumps(tree, separators=(",", ":")).encode()
        return msgspec.msgpack.encode(tree)

    def _remember(self, tree: Any) -> None:
        if len(self._pool) < _POOL:
            self._pool.append(tree)
        else:
            self._pool[_random.randrange(_POOL)] = tree

    def _change_one(self, holder: list[Any]) -> None:
        inside, at = _random.choice(_places(holder))
        here = inside[at]
        draw = _random.random()
        if isinstance(inside, dict) and draw < 0.15:
            self._change_field(inside, at)
        elif isinstance(inside, list) and inside is not holder and draw < 0.15:
            self._change_list(inside, at)
        elif draw < 0.3:
            inside[at] = self._other()
        elif draw < 0.35 and self._pool:
            from_there, place = _random.choice(_places([_random.choice(self._pool)]))
            inside[at] = deepcopy(from_there[place])
        elif draw < 0.38:
            inside[at] = _wrapped(here)
        else:
            inside[at] = self._leaf(here)

    def _change_field(self, fields: dict[Any, Any], at: Any) -> None:
        match _random.randrange(4):
            case 0:
                del fields[at]
            case 1:
                fields[_random.choice(self._names)] = fields.pop(at)
            case 2:
                fields[_random.choice(self._names)] = self._other()
            case _:
                fields[self._text(at) if isinstance(at, str) else at] = fields.pop(at)

    def _change_list(self, values: list[Any], at: int) -> None:
        match _random.randrange(4):
            case 0:
                del values[at]
            case 1:
                values.insert(at, values[at])
            case 2:
                values.extend([values[at]] * _random.choice((2, 20, 70, 300)))
            case _:
                values.append(self._other())

    def _leaf(self, here: Any) -> Any:
        if isinstance(here, str):
            return self._text(here)
        if isinstance(here, bytes):
            return self._change(here, len(here) + 64)
        if isinstance(here, bool) or here is None or not isinstance(here, int | float):
            return self._other()
        return _random.choice((here + 1, here - 1, -here, here * 2, here * 1000, here / 3, int(here) ^ 1, here * 1.0))

    def _text(self, here: str) -> str:
        at, word = _random.randrange(len(here) + 1), _random.choice(self._texts)
        match _random.randrange(8):
            case 0 | 1:
                made = here[:at] + word + here[at:]
            case 2:
                made = here[:at] + word
            case 3:
                made = here[:at] + here[at + _random.randint(1, 8) :]
            case 4 if here.isascii() or all(ord(each) < 256 for each in here):
                made = self._change(here.encode("latin-1"), len(here) + 64).decode("latin-1")
            case 5:
                made = here[:at] + chr(_random.randrange(0x110000)) + here[at:]
            case 6 if _random.random() < 0.1:
                made = here[:at] + (word + _random.choice(("", "1", " ", "a"))) * _random.choice((20, 300, 5000))
            case _:
                made = word
        return made

    def _other(self) -> Any:
        draw = _random.random()
        if draw < 0.5:
            return _random.choice(self._texts)
        if draw < 0.8:
            chosen = _random.choice(words.NUMBERS)
            return chosen if self._form is Form.JSON or not isinstance(chosen, int) else chosen % 2**63
        return deepcopy(_random.choice(words.OTHERS))

    # --- Lines ---

    def _lines(self, data: bytes) -> bytes | None:
        text = data.decode("utf-8", "surrogateescape")
        lines = text.split("\n")
        at = _random.randrange(len(lines))
        match _random.randrange(6):
            case 0:
                return None
            case 1:
                lines[at] = self._text(lines[at])
            case 2:
                lines.insert(at, _random.choice(lines))
            case 3:
                del lines[at]
            case 4:
                name, sign, _ = lines[at].partition("=")
                lines[at] = (
                    name + sign + _random.choice((str(_random.choice(words.NUMBERS)), json.dumps(self._other())))
                )
            case _:
                lines[at] += _random.choice(self._texts)
        return "\n".join(lines).encode("utf-8", "surrogatepass" if _random.random() < 0.5 else "replace")


def _places(holder: list[Any]) -> list[tuple[Any, Any]]:
    """Every place in a tree: what it is inside of, and its name or number there."""
    found: list[tuple[Any, Any]] = []
    todo: list[Any] = [holder]
    while todo and len(found) < 10_000:
        inside = todo.pop()
        places = inside.items() if isinstance(inside, dict) else enumerate(inside)
        for at, each in places:
            found.append((inside, at))
            if isinstance(each, dict | list):
                todo.append(each)
    return found


def _wrapped(here: Any) -> Any:
    match _random.randrange(4):
        case 0:
            return [here]
        case 1:
            return {_random.choice(words.FIELDS): here}
        case 2:  # as it stands on the wire, to be changed there by bytes
            return {"raw": json.dumps(here, ensure_ascii=_random.random() < 0.5)}
        case _:
            for _ in range(_random.choice((10, 100, 900))):
                here = [here]
            return here
