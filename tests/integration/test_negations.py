"""Negated and corrected statements, on the films of MovieLens-100K: does the named genre move as asked?

Two sets of twenty in each language. The rules (serving/model/negation.toml) were improved after the first, where 17 and
20 of twenty moved; the second was written after that, and the rules were not changed for it.
"""

from dataclasses import dataclass

import pytest

from serving.catalogue import Catalogue
from serving.model.encoder import Encoder
from serving.state.user_state import UserState
from tests.support.films import Learned, User

pytestmark = pytest.mark.model


@dataclass(frozen=True)
class Case:
    """What was asked for before; what is said now; the genre that goes down, and the one that comes up, if any."""

    before: str
    now: str
    down: str
    up: str = ""


FIRST_ENGLISH = [
    Case("I love horror movies", "please, no more horror", "Horror"),
    Case("show me war films", "I have had enough of war films", "War"),
    Case("I like musicals", "I don't feel like musicals any more, let's have a thriller", "Musical", "Thriller"),
    Case("westerns are great", "stop showing me westerns", "Western"),
    Case("I want documentaries", "not another documentary please, I want an action movie", "Documentary", "Action"),
    Case("animated films for my kids", "we are bored of animated films", "Animation"),
    Case("I enjoy crime films", "fewer crime films and more comedies", "Crime", "Comedy"),
    Case("romantic movies please", "romance is not my thing, I prefer adventure", "Romance", "Adventure"),
    Case("I'd like a comedy", "anything but comedy tonight", "Comedy"),
    Case("science fiction, please", "I'm so done with science fiction", "Sci-Fi"),
    Case("thrillers", "thrillers instead of dramas? no, dramas instead of thrillers", "Thriller", "Drama"),
    Case("I like film noir", "can we avoid film noir", "Film-Noir"),
    Case("movies for children", "nothing for children, please; a war movie would be nice", "Children's", "War"),
    Case("I am into mystery films", "I am no longer into mysteries", "Mystery"),
    Case("adventure movies", "I can't stand adventure movies", "Adventure"),
    Case("give me action films", "action is too loud for me, I would rather see a romance", "Action", "Romance"),
    Case("horror", "I said comedy, not horror", "Horror", "Comedy"),
    Case("I like westerns and war films", "skip the war films", "War"),
    Case("I love musicals", "I never want to see a musical again", "Musical"),
    Case("I like science fiction", "I used to like science fiction, now I want film noir", "Sci-Fi", "Film-Noir"),
]
FIRST_CHINESE = [
    Case("我喜欢恐怖片", "别再给我推恐怖片了", "Horror"),
    Case("我想看战争片", "战争片看够了，想看喜剧", "War", "Comedy"),
    Case("推荐一些音乐片", "我不喜欢音乐片", "Musical"),
    Case("我爱看西部片", "不要西部片，给我来点惊悚片", "Western", "Thriller"),
    Case("想看纪录片", "纪录片太无聊了，不想再看纪录片", "Documentary"),
    Case("我喜欢动画片", "少来点动画片吧，多推荐动作片", "Animation", "Action"),
    Case("犯罪片很好看", "我对犯罪片没兴趣了", "Crime"),
    Case("我想看爱情片", "不想看爱情片，想看冒险片", "Romance", "Adventure"),
    Case("来点喜剧", "除了喜剧，什么都行", "Comedy"),
    Case("我喜欢科幻片", "科幻片就算了，换点爱情片", "Sci-Fi", "Romance"),
    Case("惊悚片", "我讨厌惊悚片", "Thriller"),
    Case("我喜欢黑色电影", "请不要再推荐黑色电影", "Film-Noir"),
    Case("给孩子看的儿童片", "孩子不在家，儿童片不用了，来部恐怖片", "Children's", "Horror"),
    Case("我爱悬疑片", "悬疑片我看腻了", "Mystery"),
    Case("想看冒险片", "停止推荐冒险片", "Adventure"),
    Case("我喜欢动作片", "我要的不是动作片，而是剧情片", "Action", "Drama"),
    Case("恐怖片", "与其看恐怖片，不如看喜剧片", "Horror", "Comedy"),
    Case("我喜欢战争片和西部片", "战争片免了", "War"),
    Case("我喜欢音乐片", "音乐片真的受够了", "Musical"),
    Case("推荐科幻片", "我已经不喜欢科幻片了，现在喜欢战争片", "Sci-Fi", "War"),
]
SECOND_ENGLISH = [
    Case("I love horror movies", "horror movies keep me awake, so please don't recommend them", "Horror"),
    Case("show me war films", "no war films", "War"),
    Case("I like musicals", "I dislike musicals now", "Musical"),
    Case("westerns are great", "please hide westerns and recommend a mystery", "Western", "Mystery"),
    Case("I want documentaries", "I'm not interested in documentaries, I want comedies", "Documentary", "Comedy"),
    Case(
        "animated films for my kids",
        "no cartoons, give me animated films without children? no: no animated films",
        "Animation",
    ),
    Case("I enjoy crime films", "I am sick of crime films, show me a romance", "Crime", "Romance"),
    Case("romantic movies please", "enough romance for now", "Romance"),
    Case("I'd like a comedy", "not in the mood for comedy, drama please", "Comedy", "Drama"),
    Case("science fiction, please", "science fiction bores me", "Sci-Fi"),
    Case("I like thrillers", "I would rather not watch thrillers", "Thriller"),
    Case("I like film noir", "drop the film noir, try westerns", "Film-Noir", "Western"),
    Case("movies for children", "my children are away, so no movies for children", "Children's"),
    Case("I am into mystery films", "mystery films aren't for me, action films are", "Mystery", "Action"),
    Case("adventure movies", "except for adventure movies I like everything", "Adventure"),
    Case("give me action films", "less action, more thrillers", "Action", "Thriller"),
    Case("I like horror", "I hate horror, I love musicals", "Horror", "Musical"),
    Case("I like war films", "rather than war films, show me science fiction", "War", "Sci-Fi"),
    Case("I love musicals", "quit pushing musicals", "Musical"),
    Case("I like science fiction", "that's too much science fiction, let's see some horror", "Sci-Fi", "Horror"),
]
SECOND_CHINESE = [
    Case("我喜欢恐怖片", "恐怖片太吓人了，以后不要推荐恐怖片", "Horror"),
    Case("我想看战争片", "别放战争片，放点动画片", "War", "Animation"),
    Case("推荐一些音乐片", "拒绝音乐片", "Musical"),
    Case("我爱看西部片", "西部片我没兴趣，想看科幻片", "Western", "Sci-Fi"),
    Case("想看纪录片", "少推荐纪录片", "Documentary"),
    Case("我喜欢动画片", "不再看动画片了，改看惊悚片", "Animation", "Thriller"),
    Case("犯罪片很好看", "讨厌犯罪片，喜欢爱情片", "Crime", "Romance"),
    Case("我想看爱情片", "爱情片看烦了", "Romance"),
    Case("来点喜剧", "今天不想看喜剧，来点恐怖片", "Comedy", "Horror"),
    Case("我喜欢科幻片", "我不想再看科幻片", "Sci-Fi"),
    Case("我想看惊悚片", "别推惊悚片，推荐冒险片", "Thriller", "Adventure"),
    Case("我喜欢黑色电影", "黑色电影不适合我", "Film-Noir"),
    Case("给孩子看的儿童片", "不要儿童片，要战争片", "Children's", "War"),
    Case("我爱悬疑片", "请屏蔽悬疑片", "Mystery"),
    Case("想看冒险片", "冒险片别再推荐了，我想看剧情片", "Adventure", "Drama"),
    Case("我喜欢动作片", "动作片太多了，换成喜剧", "Action", "Comedy"),
    Case("我喜欢恐怖片", "不是要恐怖片，是要爱情片", "Horror", "Romance"),
    Case("我喜欢战争片", "我受够了战争片", "War"),
    Case("我喜欢音乐片", "音乐片不看了，看西部片", "Musical", "Western"),
    Case("推荐科幻片", "避开科幻片", "Sci-Fi"),
]


def moved(case: Case, user: User) -> bool:
    """Whether what is not wanted any more goes down, or stays out, and what is wanted comes up."""
    user.say(case.before)
    down, up = user.count({case.down}), user.count({case.up})
    user.say(case.now)
    fewer = user.count({case.down}) < max(down, 1)
    return fewer and (not case.up or user.count({case.up}) > up)


@pytest.mark.parametrize(
    "cases",
    [FIRST_ENGLISH, FIRST_CHINESE, SECOND_ENGLISH, SECOND_CHINESE],
    ids=["first English", "first Chinese", "second English", "second Chinese"],
)
def test_the_named_genre_moves_as_asked(
    film_catalogue: Catalogue, learned: Learned, encoder: Encoder, cases: list[Case]
) -> None:
    ranker = learned.ranker(film_catalogue)
    wrong = [case for case in cases if not moved(case, User(film_catalogue, ranker, encoder, UserState()))]
    assert len(wrong) <= 2, wrong
