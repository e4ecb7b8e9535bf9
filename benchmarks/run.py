"""Runs a benchmark: `python -m benchmarks.run [approve_all | import_returns] [ROWS]`."""

import argparse
import os


def prepare() -> None:
    """Django and the Celery app in this process, with an in-memory broker and nothing of the environment's."""
    os.environ["CELERY_BROKER_URL"] = "memory://"
    os.environ["CELERY_RESULT_BACKEND"] = "cache+memory://"
    os.environ["DJANGO_SETTINGS_MODULE"] = "refunds.settings"
    import django

    import celery_app  # noqa: F401  # shared tasks belong to this app

    django.setup()


def main() -> None:
    """Run the one that is named, on so many rows."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run")
    parser.add_argument("name", nargs="?", choices=("approve_all", "import_returns"), default="approve_all")
    parser.add_argument("rows", nargs="?", type=int, default=100_000)
    chosen = parser.parse_args()
    if chosen.name == "import_returns":
        from .import_returns import main as import_returns

        import_returns(chosen.rows)
    else:
        prepare()
        from .approve_all import main as approve_all

        approve_all(chosen.rows)


if __name__ == "__main__":
    main()
