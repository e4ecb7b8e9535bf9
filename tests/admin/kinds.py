"""The kinds of user that the tables of who may do what name."""

from dataclasses import dataclass

from django.contrib.auth.models import Permission, User

from refunds.apps import LABEL

from .conftest import make_user
from .matrix import Asked


@dataclass(frozen=True)
class Kind:
    """A user by name, the column of the table that speaks of them, their permissions, and what else they are."""

    name: str
    column: str
    permissions: frozenset[str] = frozenset()
    is_staff: bool = True
    is_active: bool = True
    is_superuser: bool = False

    def make(self) -> User | None:
        """The user; None for the one who is not logged in."""
        if self == ANONYMOUS:
            return None
        flags = {"is_staff": self.is_staff, "is_active": self.is_active, "is_superuser": self.is_superuser}
        return make_user(*self.permissions, username=self.name, **flags)


ANONYMOUS = Kind("anonymous", "outside")
SUPERUSER = Kind("superuser", "superuser", is_superuser=True)
# The permissions of the two who once had a login are all there are.
OUTSIDE = [
    ANONYMOUS,
    Kind("customer", "outside", is_staff=False, is_superuser=True),
    Kind("inactive", "outside", is_active=False, is_superuser=True),
]


def app_permissions(models: list[str] | None = None) -> frozenset[str]:
    """Every permission of these models, Django's own included; without models, every permission of core and rooms."""
    found = Permission.objects.filter(content_type__app_label__startswith=LABEL)
    if models is not None:
        found = found.filter(content_type__model__in=models)
    return frozenset(found.values_list("codename", flat=True))


def everybody(asked: Asked, permissions: frozenset[str]) -> list[Kind]:
    """The users who tell the table's row right from wrong.

    One has all of `permissions` that open nothing, at once, because a permission takes nothing away: what any of them
    opened would be open to that one. Permissions that open only together are also given one by one.
    """
    named = frozenset(name for one in asked.opened_by for name in one)
    halves = [frozenset({name}) for one in asked.opened_by if len(one) > 1 for name in one]
    staff = [Kind(f"only {name}", "staff", one) for one in set(halves) for name in one]
    opened = [Kind(" ".join(sorted(one)), "opened", one) for one in asked.opened_by]
    others = Kind("all others", "staff", permissions - named)
    return [*OUTSIDE, Kind("staff", "staff"), others, *staff, *opened, SUPERUSER]
