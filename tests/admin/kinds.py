"""The kinds of user that the table of docs/admin.md speaks of."""

from typing import Any

from django.contrib.auth.models import Permission, User

from .conftest import make_user
from .matrix import Asked

# Whom the login is for; the permissions of two of them are all there are.
OUTSIDE: dict[str, dict[str, Any] | None] = {
    "anonymous": None,
    "customer": {"is_superuser": True, "is_staff": False},
    "inactive": {"is_superuser": True, "is_active": False},
}


def user_of(who: str) -> User | None:
    """The user by that name: a kind of user, or permissions with "+" between them."""
    if who in OUTSIDE:
        columns = OUTSIDE[who]
        return None if columns is None else make_user(username=who, **columns)
    if who == "superuser":
        return make_user(username=who, is_superuser=True)
    return make_user(*([] if who == "staff" else who.split("+")), username=who)


def kind_of(who: str, asked: Asked) -> str:
    """The column of the table that speaks of the user."""
    if who in OUTSIDE:
        return "outside"
    if who == "superuser":
        return "superuser"
    return "opened" if any(one <= set(who.split("+")) for one in asked.opened_by) else "staff"


def everybody(asked: Asked) -> list[str]:
    """Each kind of user: with each permission of the app alone, and with those that open the request together."""
    alone = Permission.objects.filter(content_type__app_label="refunds").values_list("codename", flat=True)
    together = ["+".join(sorted(one)) for one in asked.opened_by if len(one) > 1]
    return [*OUTSIDE, "staff", *alone, *together, "superuser"]
