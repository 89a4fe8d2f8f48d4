"""Made-up needs: a film that somebody has in mind, and a statement that leaves open what it is."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from penchant.messages import Item
from serving.conversation.questions import Language

__all__ = ()

_NEEDS, _SEED = 200, 13
LANGUAGES: tuple[Language, ...] = ("en", "zh")
_TWO = {
    "en": [
        "{a} or {b}",
        "a {a} or a {b} film, I cannot decide",
        "I feel like {a}, or maybe {b}",
        "something between {a} and {b}",
    ],
    "zh": ["{a}片或者{b}片", "想看{a}片还是{b}片，我还没想好", "{a}、{b}都可以", "来点{a}，或者{b}吧"],
}
_OPEN = {
    "en": [
        "something good for tonight",
        "recommend me a film",
        "a film for a rainy Sunday",
        "surprise me",
        "I am bored, what should I watch?",
        "a film that everybody should have seen",
        "something I have not seen yet",
        "what is worth watching?",
    ],
    "zh": [
        "推荐一部电影",
        "今晚看点什么好",
        "周末想看个电影",
        "有什么好看的",
        "我好无聊，看什么好呢",
        "随便来一部",
        "最近有什么值得看的",
        "想放松一下，看部片子",
    ],
}
_FROM = {
    "en": ["a film from {a}", "something made in {a}", "a {a} film"],
    "zh": ["{a}电影", "来一部{a}拍的片子", "想看{a}的电影"],
}
_COUNTRIES = {"USA": "美国", "UK": "英国", "France": "法国", "Japan": "日本"}
_GENRES = {
    "Action": "动作",
    "Adventure": "冒险",
    "Animation": "动画",
    "Comedy": "喜剧",
    "Crime": "犯罪",
    "Documentary": "纪录",
    "Drama": "剧情",
    "Family": "家庭",
    "Fantasy": "奇幻",
    "Horror": "恐怖",
    "Musical": "音乐",
    "Romance": "爱情",
    "Science Fiction": "科幻",
    "Thriller": "惊悚",
    "War": "战争",
    "Western": "西部",
}


@dataclass(frozen=True, slots=True)
class Need:
    """A film that somebody has in mind, by its id, and what they write."""

    language: Language
    kind: str
    text: str
    wanted: str


def needs(films: Sequence[Item], count: int = _NEEDS, seed: int = _SEED) -> list[Need]:
    """Made up: in each language two in five name two genres, two in five nothing, one in five a country."""
    draw = random.Random(seed)
    made = []
    for number in range(count):
        language = LANGUAGES[number % 2]
        kind = ("genres", "genres", "open", "open", "country")[number // 2 % 5]
        film = draw.choice([film for film in films if kind != "country" or film.facets["country"] in _COUNTRIES])
        made.append(Need(language, kind, _written(film, language, kind, draw), film.item_id))
    return made


def _written(film: Item, language: Language, kind: str, draw: random.Random) -> str:
    zh = language == "zh"
    if kind == "open":
        return draw.choice(_OPEN[language])
    if kind == "country":
        country = str(film.facets["country"])
        return draw.choice(_FROM[language]).format(a=_COUNTRIES[country] if zh else country)
    mine = draw.choice(list(film.facets["genre"]))
    other = draw.choice([genre for genre in _GENRES if genre not in film.facets["genre"]])
    both = [mine, other]
    draw.shuffle(both)
    first, second = (_GENRES[each] if zh else each.lower() for each in both)
    return draw.choice(_TWO[language]).format(a=first, b=second)
