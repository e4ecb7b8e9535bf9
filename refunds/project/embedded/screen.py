"""Write the screen of a running `serve`: the address, the user, the next step."""

import os
import secrets
from collections.abc import Sequence

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError

from .supervisor import Child


def screen(children: Sequence[Child], address: str, database: str, broker: str) -> str:
    """Return the lines, and create a superuser if the database has no superuser. Raises CommandError.

    The address, the user and the next step come last, so that they stay on the screen.
    """
    name, password = superuser()
    runs = ", ".join(f"{child.program.name} (pid {child.process.pid})" for child in children)
    note = "shown only now; to change it" if password else "this superuser exists; to change the password"
    where = "in this folder, with the same DATABASE_URL" if os.environ.get("DATABASE_URL") else "in this folder"
    return "\n".join(
        [
            "",
            "Refunds is running. Ctrl-C stops everything.",
            "",
            f"  Database  {database}",
            f"  Broker    {broker}",
            f"  Running   {runs}",
            "",
            f"  Admin     {address}",
            f"  User      {name}",
            f"  Password  {password or 'as it was'}   ({note}: python -m refunds changepassword {name})",
            f"  Next      python -m refunds import_returns FILE   (in a second terminal, {where})",
        ]
    )


def superuser() -> tuple[str, str | None]:
    """Return a superuser's name, and the password if this call creates the user. Raises CommandError."""
    users = get_user_model()._default_manager
    existing = users.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if existing is not None:
        return existing.get_username(), None
    if users.filter(username="admin").exists():
        raise CommandError(
            "the user admin exists and is not a superuser; create one: python -m refunds createsuperuser"
        )
    password = secrets.token_urlsafe(12)
    users.create_superuser("admin", email="", password=password)
    return "admin", password
