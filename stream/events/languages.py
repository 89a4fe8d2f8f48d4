"""The language in which a user is to be told reasons, as far as an event says it."""

import re

from serving.state.user_state import LANGUAGES


def language_of(context: object) -> str:
    """What `language` in an event's context says; "" if it is none that reasons can be told in, or is not there.

    >>> language_of({"language": "zh-CN"}), language_of({"language": "EN_us", "page": 3})
    ('zh', 'en')
    >>> language_of({"language": "fr"}), language_of({"language": 7}), language_of("zh"), language_of(None)
    ('', '', '', '')
    """
    told = context.get("language") if isinstance(context, dict) else None
    language = re.split("[-_]", told.lower(), maxsplit=1)[0] if isinstance(told, str) else ""
    return language if language in LANGUAGES else ""
