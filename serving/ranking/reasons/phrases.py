"""Reasons in words, English or Chinese. A reason names the user's own event; it never quotes anybody's text."""

from typing import Literal

from serving.state.user_state import EventKind, RecentText, RingEvent

__all__ = ["MORE", "TERMS", "Language"]

Language = Literal["en", "zh"]

# What everybody does, as signals of the score: above the others, and below.
CROWD: dict[Language, dict[str, str]] = {
    "en": {
        "total_high": "popular with everybody",
        "total_low": "not widely known",
        "recent_high": "popular right now",
        "recent_low": "quiet of late",
        "week_high": "popular this week",
        "week_low": "quiet this week",
        "month_high": "popular this month",
        "month_low": "quiet this month",
        "first_high": "new here",
        "first_low": "around for a while",
        "age_high": "somebody took a look just lately",
        "age_low": "nobody looked at it for a while",
    },
    "zh": {
        "total_high": "一直受欢迎",
        "total_low": "还不太为人所知",
        "recent_high": "当前热门",
        "recent_low": "近期较冷门",
        "week_high": "本周热门",
        "week_low": "本周较冷门",
        "month_high": "本月热门",
        "month_low": "本月较冷门",
        "first_high": "新近出现",
        "first_low": "已上线较久",
        "age_high": "刚有人看过",
        "age_low": "有一阵没人看了",
    },
}
EARLIER: dict[Language, str] = {"en": "what interested you earlier", "zh": "你以前感兴趣的内容"}
AGAIN: dict[Language, dict[str, str]] = {
    "en": {"own": "you usually buy this again about now", "usual": "usually bought again about now"},
    "zh": {"own": "你通常这时会再次购买", "usual": "通常这时会再次购买"},
}
ALSO: dict[Language, str] = {"en": "also on offer", "zh": "目录中的其他内容"}
NO_CLOSER: dict[Language, str] = {"en": "nothing closer to your interests is left", "zh": "暂无更符合你兴趣的内容"}
_LIKED: dict[Language, str] = {"en": 'you rated "{title}" highly', "zh": "你给《{title}》打了高分"}

_RATED_HIGHLY = "rated_highly"

MORE: dict[Language, str] = {"en": "{n} more events", "zh": "其余 {n} 个事件"}
KEPT_OFF: dict[Language, dict[str, str]] = {
    "en": {
        "vector": "not listed: it has no vector yet",
        "offer": "not listed: it is not on offer",
        "rule": "not listed: a rule blocks it",
        "seen": "not listed: the user has seen it",
        "bought": "not listed: the user has bought it, and it is not time to buy it again",
        "dismissed": "not listed: the user dismissed it",
    },
    "zh": {
        "vector": "不在列表中：还没有向量",
        "offer": "不在列表中：目前不提供",
        "rule": "不在列表中：被规则屏蔽",
        "seen": "不在列表中：用户已经看过",
        "bought": "不在列表中：用户已购买，还没到再次购买的时候",
        "dismissed": "不在列表中：用户不想看",
    },
}

# The terms of a score (serving.ranking.reasons.score_terms.ScoreTerm), in short.
TERMS: dict[Language, dict[str, str]] = {
    "en": {
        "content": "like recent interactions",
        "long": "like the long-term interest",
        "text": "like what was written",
        "facets": "of the kind written about",
        "against": "likeness to what is not wanted",
        "against_facets": "of a kind not wanted",
        "co_occurrence": "co-occurs with interactions",
        "slow_co_occurrence": "co-occurs with interactions, slow decay",
        "transition": "follows recent interactions",
        "session_co_occurrence": "co-occurs within the session",
        "repeat": "interacted with before",
        "last": "interacted with last",
        "recency": "interacted with lately",
        "frequency": "interacted with often",
        "own_order": "next in the user's own order",
        "ease": "goes with the whole history",
        "new_content": "like recent interactions, and new",
        "shared_facets": "facets of recent interactions",
        "new_shared_facets": "facets of recent interactions, and new",
        "total": "popular in all",
        "last_10": "popular in the last 10 events",
        "last_100": "popular in the last 100 events",
        "recent": "popular of late",
        "hour": "popular this hour",
        "day": "popular today",
        "week": "popular this week",
        "month": "popular this month",
        "age": "time since its last interaction",
        "age_hours": "hours since its last interaction",
        "first": "events since its first interaction",
        "first_hours": "hours since its first interaction",
        "exploration": "exploration slot",
        "rules": "rules for lists",
        "fatigue": "shown before and not taken",
        "seen": "seen before",
        "statement_damping": "damped by what was written",
        "again": "usually bought again about now",
        "like_bought": "of the kind of what was bought",
        "words": "has words of what was written",
        "against_words": "has words of what is not wanted",
        "numbers": "outside of the numbers asked for",
    },
    "zh": {
        "content": "与近期所看相似",
        "long": "与长期兴趣相似",
        "text": "与所写内容相似",
        "facets": "类别符合所写内容",
        "against": "与不想要的内容相比",
        "against_facets": "类别与不想要的相近",
        "co_occurrence": "同样的人也看",
        "slow_co_occurrence": "同样的人也看（衰减较慢）",
        "transition": "别人接着看",
        "session_co_occurrence": "与一分钟内所看常被一起看",
        "repeat": "以前看过",
        "last": "刚刚看过",
        "recency": "最近看过",
        "frequency": "经常看",
        "own_order": "按用户自己的顺序接下来",
        "ease": "与所有看过的内容相配",
        "new_content": "与近期所看相似的新内容",
        "shared_facets": "类别与近期所看相同",
        "new_shared_facets": "类别与近期所看相同的新内容",
        "total": "总体热门",
        "last_10": "最近 10 个事件中热门",
        "last_100": "最近 100 个事件中热门",
        "recent": "近期热门",
        "hour": "一小时内热门",
        "day": "今日热门",
        "week": "本周热门",
        "month": "本月热门",
        "age": "多久没人看过",
        "age_hours": "多少小时没人看过",
        "first": "多少事件前首次有人看",
        "first_hours": "首次有人看至今多久",
        "exploration": "留给新内容的位置",
        "rules": "列表规则",
        "fatigue": "展示过但没有选择",
        "seen": "以前已经看过",
        "statement_damping": "让位于所写内容",
        "again": "通常这时会再次购买",
        "like_bought": "与已购买的同类",
        "words": "含有所写的词",
        "against_words": "含有不想要的词",
        "numbers": "超出所要求的数值范围",
    },
}

# What is said of an event by its kind; kinds of a user's own weights file are EventKind.OTHER.
_TEMPLATES: dict[Language, dict[int, str]] = {
    "en": {
        EventKind.OTHER: 'what you did with "{title}"',
        EventKind.VIEW: 'you viewed "{title}"',
        EventKind.CLICK: 'you clicked on "{title}"',
        EventKind.CART: 'you put "{title}" into the cart',
        EventKind.PURCHASE: 'you bought "{title}"',
        EventKind.LIKE: 'you liked "{title}"',
        EventKind.DISMISS: 'you dismissed "{title}"',
        EventKind.RATE: 'you rated "{title}"',
        EventKind.REVIEW: 'you reviewed "{title}"',
        EventKind.STATEMENT: "because of what you wrote",
    },
    "zh": {
        EventKind.OTHER: "你对《{title}》的操作",
        EventKind.VIEW: "你看过《{title}》的页面",
        EventKind.CLICK: "你点击过《{title}》",
        EventKind.CART: "你把《{title}》加入了购物车",
        EventKind.PURCHASE: "你买过《{title}》",
        EventKind.LIKE: "你喜欢《{title}》",
        EventKind.DISMISS: "你不想看《{title}》",
        EventKind.RATE: "你给《{title}》打过分",
        EventKind.REVIEW: "你评论过《{title}》",
        EventKind.STATEMENT: "根据你写的内容",
    },
}


def because(event: RingEvent | RecentText, title: str, language: Language) -> str:
    """Why an item is shown, from the user's event behind it and the title of the item that event was on."""
    templates = _TEMPLATES[language]
    if isinstance(event, RecentText):
        return templates[EventKind.REVIEW if event.item_id else EventKind.STATEMENT].format(title=title)
    if event.kind == EventKind.RATE and event.preference >= 1.0:
        return _LIKED[language].format(title=title)
    return templates.get(event.kind, templates[EventKind.OTHER]).format(title=title)


# What reasons say, for programs: of events by their kind, of all else (`CODES`) by its words.
_EVENT_CODES: dict[int, str] = {
    EventKind.OTHER: "did",
    EventKind.VIEW: "viewed",
    EventKind.CLICK: "clicked",
    EventKind.CART: "put_into_cart",
    EventKind.PURCHASE: "bought",
    EventKind.LIKE: "liked",
    EventKind.DISMISS: "dismissed",
    EventKind.RATE: "rated",
    EventKind.REVIEW: "reviewed",
    EventKind.STATEMENT: "wrote",
}
_CROWD_CODES = {
    "total_high": "popular",
    "total_low": "little_known",
    "recent_high": "popular_now",
    "recent_low": "quiet",
    "week_high": "popular_this_week",
    "week_low": "quiet_this_week",
    "month_high": "popular_this_month",
    "month_low": "quiet_this_month",
    "first_high": "new",
    "first_low": "long_known",
    "age_high": "just_seen",
    "age_low": "long_unseen",
}
_AGAIN_CODES = {"own": "own_time_again", "usual": "time_again"}
CODES: dict[str, str] = {
    **{words[key]: code for words in AGAIN.values() for key, code in _AGAIN_CODES.items()},
    **{words[key]: code for words in CROWD.values() for key, code in _CROWD_CODES.items()},
    **dict.fromkeys(EARLIER.values(), "earlier"),
    **dict.fromkeys(ALSO.values(), "on_offer"),
    **dict.fromkeys(NO_CLOSER.values(), "nothing_closer"),
}
REASON_CODES = dict.fromkeys([*_EVENT_CODES.values(), _RATED_HIGHLY, *CODES.values()]).keys() - {"dismissed"}


def code_of(event: RingEvent | RecentText) -> str:
    """What a reason says of an event, for programs."""
    if isinstance(event, RecentText):
        return _EVENT_CODES[EventKind.REVIEW if event.item_id else EventKind.STATEMENT]
    if event.kind == EventKind.RATE and event.preference >= 1.0:
        return _RATED_HIGHLY
    return _EVENT_CODES.get(event.kind, _EVENT_CODES[EventKind.OTHER])
