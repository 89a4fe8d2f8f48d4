"""`make docs`: the fields of docs/messages.md, made from the message classes. What else the page says stays."""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import inspect as info

from penchant.messages import MESSAGES
from penchant.topics import DAY_S, Spec, Topic
from tests.architecture.settings_page import table

PAGE = Path(__file__).parents[2] / "docs" / "messages.md"
BEGIN, END = "<!-- made from penchant/messages.py by `make docs` -->\n", "<!-- end of what is made -->\n"
COLUMNS = ("field", "type", "required", "what")

# One of each, with the fields that most have.
EXAMPLES = {
    "clicks.v1": """\
{"event_id": "c-18", "user_id": "u1", "item_id": "i9", "type": "rate", "value": 4,
 "event_time": "2026-11-22T10:00:00.123Z"}
""",
    "reviews.v1": """\
{"event_id": "r-3", "user_id": "u1", "item_id": "i9", "text": "Slow, and all the better for it.", "rating": 4}
{"event_id": "r-4", "user_id": "u1", "text": "我喜欢看电影，尤其是科幻片"}
""",
    "items.v1": """\
{"item_id": "i9", "title": "Alien (1979)", "facets": {"genre": ["Horror", "Sci-Fi"], "domain": "film"}}
""",
    "commands.v1": """\
{"command_id": "k-1", "type": "retract", "user_id": "u1", "event_id": "c-17"}
{"command_id": "k-2", "type": "merge", "user_id": "u1", "anonymous_id": "a7"}
{"command_id": "k-3", "type": "erase", "user_id": "u1"}
""",
    "item-vectors.v1": """\
{"item_id": "i9", "title": "Alien (1979)", "facets": {"genre": ["Horror", "Sci-Fi"]}, "available": true,
 "revision": "5d41402abc4b2a76", "fingerprint": "e5s-1a2b3c4d", "vector": "AAAAPA=="}
""",
    "covisits.v1": """\
{"topic": "penchant.clicks.v1", "partition": 2, "first": 4711, "last": 4711,
 "events": [[4711, "i9", 0.3, [["i3", 1.0]], [0], "", 1795341600123]]}
""",
    "recommendations.v1": """\
{"user_id": "u1", "version": 1795341600123, "generated_at": "2026-11-22T10:00:00.130Z",
 "expires_at": "2026-11-23T10:00:00.130Z", "fingerprint": "e5s-1a2b3c4d", "path": "live",
 "cause": {"topic": "penchant.clicks.v1", "partition": 2, "offset": 4711, "event_id": "c-17",
           "event_time": "2026-11-22T10:00:00.123Z"},
 "folded": [{"topic": "penchant.clicks.v1", "partition": 2, "offset": 4711, "event_id": "c-17"}],
 "items": [{"item_id": "i3", "score": 1.93, "source": "covisit",
            "reasons": [{"event_id": "c-17", "share": 0.41, "words": "you clicked on \\"Alien (1979)\\""}]}]}
""",
    "receipts.v1": """\
{"command_id": "k-1", "type": "retract", "status": "done", "reason": "", "completed_at": "2026-11-22T10:00:00.130Z"}
""",
    "audit.v1": """\
{"command_id": "k-1", "type": "erase", "status": "done", "reason": "", "at": "2026-11-22T10:00:00.130Z",
 "users": ["5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"],
 "position": "penchant.commands.v1-2-17", "sent_at": "2026-11-22T10:00:00.124Z", "signed_by": "shop-2027",
 "source": "penchant-api/till"}
""",
}


def page(before: str) -> str:
    """The page as it should be: what stands between the two marks is made anew."""
    head, rest = before.split(BEGIN)
    _, tail = rest.split(END)
    return f"{head}{BEGIN}\n{made()}{END}{tail}"


def made() -> str:
    """A section a message, with those of the values in it."""
    lines: list[str] = []
    for suffix, message in MESSAGES.items():
        lines += [f"### `{suffix}`: {message.__name__}\n", f"{summary(message)} {kept(suffix)}\n", *fields(message)]
        lines += ["```json", EXAMPLES[suffix].rstrip(), "```\n"]
        for inner in inside(message):
            lines += [f"**{inner.__name__}** {of_array(inner)}: {summary(inner)}\n", *fields(inner)]
    return "\n".join(lines) + "\n"


def kept(suffix: str) -> str:
    """What a record's key is, and how long the topic keeps it."""
    spec: Spec = next(topic.value for topic in Topic if topic.value.suffix == suffix)
    of_key = "the newest of each key" if spec.compacted else ""
    days = f"{spec.retention_s // DAY_S} days" if spec.retention_s is not None else ""
    return f"Key: the {spec.key.value}. Kept: {' for '.join(filter(None, [of_key, days]))}."


def inside(message: type[msgspec.Struct]) -> list[type[msgspec.Struct]]:
    """The structs in a message's fields, and in theirs."""
    direct = [cls for field in msgspec.structs.fields(message) for cls in structs(info.type_info(field.type))]
    return list(dict.fromkeys(each for cls in direct for each in [cls, *inside(cls)]))


def structs(kind: info.Type) -> list[type[msgspec.Struct]]:
    """The struct that a field's type names, if any, within a list or an option too."""
    match kind:
        case info.StructType():
            return [kind.cls]
        case info.ListType():
            return structs(kind.item_type)
        case info.UnionType():
            return [cls for each in kind.types for cls in structs(each)]
    return []


def of_array(message: type[msgspec.Struct]) -> str:
    """Whether its fields stand by name or in a row."""
    return "(an array, in this order)" if message.__struct_config__.array_like else "(an object)"


def summary(message: type[msgspec.Struct]) -> str:
    """The first paragraph of its docstring."""
    return " ".join((message.__doc__ or "").partition("\n\n")[0].split())


def words(message: type[msgspec.Struct]) -> dict[str, str]:
    """What the docstring says of fields: `name: words.` or `name, name: words.` behind the first paragraph.

    >>> class Of(msgspec.Struct):
    ...     '''Summary.
    ...
    ...     a, b: both. c: one: more.
    ...     '''
    ...     a: int
    ...     b: int
    ...     c: int
    >>> words(Of)
    {'a': 'both.', 'b': 'both.', 'c': 'one: more.'}
    """
    text = " ".join((message.__doc__ or "").partition("\n\n")[2].split())
    name = f"(?:{'|'.join(message.__struct_fields__)})"
    _, *cut = re.split(rf"(?:^|(?<=\. ))({name}(?:, {name})*): ", text)
    of_names = zip(cut[::2], cut[1::2], strict=True)
    return {each: told.strip() for names, told in of_names for each in names.split(", ")}


def fields(message: type[msgspec.Struct]) -> Iterator[str]:
    """The table of its fields."""
    told = words(message)
    rows = [
        (f"`{field.name}`", kind(info.type_info(field.type)) + null(field), required(field), told.get(field.name, ""))
        for field in msgspec.structs.fields(message)
    ]
    return table(rows, COLUMNS)


def required(field: msgspec.structs.FieldInfo) -> str:
    """Whether a message must have it, and what it is where it is absent."""
    if field.required:
        return "yes"
    default = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    return "no" if default in (None, msgspec.UNSET) else f"no: `{msgspec.json.encode(default).decode()}`"


def null(field: msgspec.structs.FieldInfo) -> str:
    """Of what must be there: whether it may be null."""
    return " or null" if field.required and info.NoneType() in types(field) else ""


def types(field: msgspec.structs.FieldInfo) -> tuple[info.Type, ...]:
    """What it may be one of."""
    of = info.type_info(field.type)
    return of.types if isinstance(of, info.UnionType) else (of,)


def kind(of: info.Type) -> str:
    """A type in words.

    >>> kind(info.type_info(dict[str, str | list[str]]))
    'object of text or list of text'
    """
    match of:
        case info.StructType():
            told = of.cls.__name__
        case info.LiteralType():
            told = " or ".join(f"`{value}`" for value in of.values)
        case info.ListType():
            told = f"list of {kind(of.item_type)}"
        case info.TupleType():
            told = f"[{', '.join(map(kind, of.item_types))}]"
        case info.DictType(value_type=info.AnyType()):
            told = "object"
        case info.DictType():
            told = f"object of {kind(of.value_type)}"
        case info.UnionType():
            told = " or ".join(dict.fromkeys(map(kind, choices(of))))
        case _:
            told = KINDS[type(of)]
    return told


def choices(of: info.UnionType) -> list[info.Type]:
    """What it may be beside null; a number that may be whole is a number."""
    floats = any(isinstance(each, info.FloatType) for each in of.types)
    left_out = (info.NoneType, info.IntType) if floats else info.NoneType
    return [each for each in of.types if not isinstance(each, left_out)]


KINDS: dict[type[info.Type], str] = {
    info.StrType: "text",
    info.IntType: "whole number",
    info.FloatType: "number",
    info.BoolType: "true, false",
    info.AnyType: "anything",
}


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), encoding="utf-8")
