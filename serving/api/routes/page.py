"""The page, `GET /`, and the files that it is made of, under `/web/`: read once, sent with what must not be done."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from http import HTTPStatus
from importlib.resources import files

from aiohttp import web

from serving.api.problems import Problem

__all__ = ()

_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
# Nothing from elsewhere, nothing inline: what a title or a text has in it can run nowhere.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True)
class _File:
    body: bytes
    kind: str
    tag: str


class PageRoutes:
    """Needs no key: the page has nothing of anybody in it, and asks for one itself.

    opened: called whenever somebody opens it, who may soon ask for what takes a while to make ready.
    """

    def __init__(self, opened: Callable[[], None]) -> None:
        self._opened = opened
        self._files = {
            each.name: _read(each.name, each.read_bytes())
            for each in files("serving.api").joinpath("web").iterdir()
            if each.name.rpartition(".")[2] in _TYPES
        }

    async def page(self, request: web.Request) -> web.Response:
        """The page itself."""
        self._opened()
        return self._answer(request, "index.html")

    async def part(self, request: web.Request) -> web.Response:
        """One of its files."""
        return self._answer(request, request.match_info["file"])

    def _answer(self, request: web.Request, name: str) -> web.Response:
        found = self._files.get(name)
        if found is None:
            raise Problem(HTTPStatus.NOT_FOUND, "not_found", "the page has no such file")
        headers = {**_HEADERS, "ETag": found.tag, "Content-Type": found.kind}
        if found.tag in request.headers.get("If-None-Match", ""):
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
        return web.Response(body=found.body, headers=headers)


def _read(name: str, body: bytes) -> _File:
    return _File(body, _TYPES[name.rpartition(".")[2]], f'"{blake2b(body, digest_size=12).hexdigest()}"')
