"""What several routes look up, and the problems that they tell where it is not there."""

from http import HTTPStatus

from penchant.errors import Misconfigured, Unavailable
from serving.api.followed.item_details import ItemDetails
from serving.api.followed.views import Views
from serving.api.problems import Problem
from serving.api.stored_users import StoredUsers
from serving.state.user_state import UserState

__all__ = ()


def known_items(views: Views) -> ItemDetails:
    """What items are. Raises Problem until all have been read."""
    if not views.items.ready.is_set():
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "not_ready", f"no items yet: {views.problem}")
    return views.items


async def known_user(users: StoredUsers, user_id: str) -> tuple[str, UserState]:
    """A user's state, and whose it is. Raises Problem if nothing is known, or the store does not answer."""
    try:
        found = await users.find(user_id)
    except (Unavailable, Misconfigured) as error:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "store_unavailable", str(error)) from None
    if found is None:
        raise unknown_user()
    return found


def unknown_user() -> Problem:
    """Nothing is stored of who is asked for."""
    return Problem(HTTPStatus.NOT_FOUND, "unknown_user", "nothing has come of this user yet, or they were forgotten")
