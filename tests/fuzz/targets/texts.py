"""What people write: cleaned for the encoder, and cut into what it asks for and what it asks to be spared."""

from collections.abc import Callable

from serving.model.negation import split
from serving.model.texts import MAX_CHARS, clean
from tests.fuzz.target import Form, Target

REVIEWS = (
    "Great <b>film</b>&nbsp;!!!!!!!! 👍👍👍👍👍👍👍",
    "我喜欢看电影，尤其是科幻片。别再推荐恐怖片了！！！！！！",
    "no more science fiction, horror or westerns; give me romantic comedies - not too long",
    "<!-- a comment --><script>alert(1)</script><style>a{}</style><p class='x'>Good</p> &amp; &#128077; &#x1F44D;",
    "I can't get enough of westerns\nbut I'm tired of wars…  10000 times",
    "e\u0301a\u0300 ﬀ İ ß \u202eabc\u202c \ufeff\0\ue000",
)
_WORDS = ("<!--" * 50, "&#" + "9" * 400 + ";", "&#" + "1" * 4400, "<a " * 50, "'" * 9, "no more " * 20, ", or " * 20)


def cleaning() -> Target:
    """Any text of at most 32 KB: cleaned in time, to something short that can be written, and clean then."""

    def run(data: bytes) -> None:
        made = clean(data.decode("utf-8", "surrogatepass"))
        assert len(made) <= MAX_CHARS
        made.encode()

    return _target(run, most_s=0.05)


def intent() -> Target:
    """A cleaned statement: cut in time, into parts that are no longer than it together."""

    def run(data: bytes) -> None:
        text = clean(data.decode("utf-8", "surrogatepass"))
        made = split(text)
        assert len(made.wanted) + len(made.unwanted) <= 2 * len(text) + 2
        if not made.unwanted:
            assert made.wanted == text

    return _target(run, most_s=0.1)


def _target(run: Callable[[bytes], None], *, most_s: float) -> Target:
    corpus = [text.encode() for text in REVIEWS]
    allowed = (UnicodeDecodeError,)  # of the input itself: a text is text
    return Target(
        run=run, corpus=corpus, form=Form.TEXT, words=_WORDS, allowed=allowed, most_s=most_s, most_bytes=32_768
    )
