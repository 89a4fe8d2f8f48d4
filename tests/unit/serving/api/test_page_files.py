"""The page's own files: all are served, nothing comes from elsewhere, both languages have the same words."""

import re
from importlib.resources import files

import pytest
from aiohttp.test_utils import make_mocked_request

from serving.api.problems import Problem
from serving.api.routes.page import PageRoutes

WEB = files("serving.api").joinpath("web")
TEXTS = {each.name: each.read_text("utf-8") for each in WEB.iterdir() if each.is_file()}
MARKUP = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function")


async def test_every_file_is_served_with_what_must_not_be_done() -> None:
    opened: list[bool] = []
    routes = PageRoutes(lambda: opened.append(True))

    page = await routes.page(make_mocked_request("GET", "/"))
    assert page.headers["Content-Type"].startswith("text/html")
    assert opened == [True]
    for name, text in TEXTS.items():
        part = await routes.part(make_mocked_request("GET", f"/web/{name}", match_info={"file": name}))
        assert part.body == text.encode()
        policy = part.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
    with pytest.raises(Problem):
        await routes.part(make_mocked_request("GET", "/web/x", match_info={"file": "../page.py"}))


async def test_a_browser_that_has_it_is_not_sent_it_again() -> None:
    routes = PageRoutes(lambda: None)
    tag = (await routes.page(make_mocked_request("GET", "/"))).headers["ETag"]

    again = await routes.page(make_mocked_request("GET", "/", headers={"If-None-Match": tag}))

    assert (again.status, again.body) == (304, None)


def test_nothing_is_inline_and_nothing_comes_from_elsewhere() -> None:
    for name, text in TEXTS.items():
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text), (
            name
        )
        assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)[^\s\"']+", text), name
    html = TEXTS["index.html"]
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", html)
    assert all(re.search(r'src="/web/\w+\.js"', tag) for tag in re.findall(r"<script[^>]*>", html))
    assert {each for text in TEXTS.values() for each in re.findall(r"/web/([\w.]+)", text)} <= set(TEXTS)


def test_both_languages_have_the_same_words() -> None:
    english, chinese = (words(TEXTS[f"words_{language}.js"]) for language in ("en", "zh"))

    assert {name for name in english if not name.endswith("_one")} == set(chinese)
    for name, text in chinese.items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", english[name])), name


def test_every_word_that_is_asked_for_is_there() -> None:
    known = set(words(TEXTS["words_en.js"]))
    asked = {name for text in TEXTS.values() for name in re.findall(r'\bt\("(\w+)"', text)}
    asked |= set(re.findall(r'data-t(?:-\w+)?="(\w+)"', TEXTS["index.html"]))

    assert len(asked) > 80
    assert not asked - known


def words(text: str) -> dict[str, str]:
    found = re.findall(r'\b(\w+): "((?:[^"\\]|\\.)*)"', text)
    assert len(dict(found)) == len(found), "a word stands there twice"
    return dict(found)
