"""The benchmark's made-up shops, its films and its statements, read from the files beside this one."""

from dataclasses import dataclass
from importlib.resources import files

from penchant.messages import Facets, Item

Properties = dict[str, list[str]]

_PRICE = {"en": "price", "de": "preis", "zh": "价格", "es": "precio", "fr": "prix", "ja": "価格"}
_COLOUR = {"en": "colour", "de": "farbe", "zh": "颜色", "es": "color", "fr": "couleur", "ja": "色"}
_NONE = "-"


@dataclass(frozen=True, slots=True)
class Shop:
    """A catalogue, and what is true of each item, by name: more than the system is told."""

    items: list[Item]
    properties: dict[str, Properties]


@dataclass(frozen=True, slots=True)
class Condition:
    """All of some comparisons: of a property by its name, how (=, < or >), and with what."""

    comparisons: tuple[tuple[str, str, str], ...]

    def holds(self, properties: Properties) -> bool:
        """Whether an item with these properties fulfils it."""
        return all(_holds(properties.get(name, []), how, than) for name, how, than in self.comparisons)


@dataclass(frozen=True, slots=True)
class Statement:
    """What somebody writes. half: 1 if it was written before the rules, 2 if after.

    least: how many of the first six must fulfil `must`. never: what none of them may fulfil. about: the title of the
    item that it is a review of; "" if it is a statement.
    """

    half: int
    language: str
    shop: str
    text: str
    must: Condition | None
    least: int
    never: tuple[Condition, ...]
    about: str = ""


def shops() -> dict[str, Shop]:
    """The shops by language, and `films`."""
    made: dict[str, Shop] = {"films": _films()}
    kind: list[str] = []
    for number, line in enumerate(_lines("shop.txt")):
        if line.startswith("="):
            kind = _cells(line.lstrip("= "))
            continue
        shop = made.setdefault(kind[0], Shop([], {}))
        item, properties = _product(f"{kind[0]}-{number}", kind, _cells(line))
        shop.items.append(item)
        shop.properties[item.item_id] = properties
    return made


def statements() -> list[Statement]:
    """All statements, in the order of the file."""
    return [_statement(_cells(line)) for line in _lines("statements.txt")]


def in_other_languages() -> list[Statement]:
    """Statements about items of another language, of which no word stands in title or facets."""
    return [_statement(_cells(line)) for line in _lines("other_languages.txt")]


def _product(item_id: str, kind: list[str], cells: list[str]) -> tuple[Item, Properties]:
    shop, tag, category, department, text = kind
    title, brand, price, colour, *others = cells
    more = dict(each.split("=", 1) for each in others[0].split(";")) if others else {}
    facets: Facets = {"category": category, "department": department, "brand": brand, _PRICE[shop]: price, **more}
    if colour != _NONE:
        facets[_COLOUR[shop]] = colour
    known: Properties = {"kind": [tag], "title": [title], "price": [price], "colour": [colour]}
    known |= {name: [value] for name, value in more.items()}
    return Item(item_id=item_id, title=title, text=text, facets=facets), known


def _films() -> Shop:
    films = Shop([], {})
    for number, line in enumerate(_lines("films.txt")):
        title, year, genres, country, director = _cells(line)
        facets: Facets = {
            "genre": genres.split(", "),
            "domain": "film",
            "year": year,
            "country": country,
            "director": director,
        }
        item = Item(item_id=f"film-{number}", title=title, facets=facets)
        films.items.append(item)
        films.properties[item.item_id] = {
            name: [value] if isinstance(value, str) else value for name, value in facets.items()
        } | {"title": [title]}
    return films


def _statement(cells: list[str]) -> Statement:
    half, language, shop, text, must, *never = cells
    about, _, written = text.rpartition(" :: ")
    count, _, rest = must.partition(" ")
    least, condition = (int(count), rest) if count.isdigit() else (0, must)
    return Statement(
        half=int(half),
        language=language,
        shop=shop,
        text=written,
        must=None if condition == _NONE else _condition(condition),
        least=least,
        never=tuple(_condition(each) for each in never[0].split(";")) if never else (),
        about=about,
    )


def _condition(text: str) -> Condition:
    comparisons = []
    for each in text.split(" & "):
        how = next(sign for sign in "=<>" if sign in each)
        name, _, than = each.strip().partition(how)
        comparisons.append((name, how, than))
    return Condition(tuple(comparisons))


def _holds(values: list[str], how: str, than: str) -> bool:
    if how == "=":
        return any(each in than.split(",") for each in values)
    numbers = [float(each) for each in values]
    return any(each < float(than) if how == "<" else each > float(than) for each in numbers)


def _lines(name: str) -> list[str]:
    text = files("benchmarks.statements").joinpath(name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split(" | ")]
