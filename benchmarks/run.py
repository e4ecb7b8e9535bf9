"""Runs a benchmark: `python -m benchmarks.run [approve_all | cost | import_returns | pay_refund] [ROWS]`."""

import argparse
import os

ROWS = 100_000
CALLS = 1_000
MANY = 1_000_000


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
    parser.add_argument(
        "name", nargs="?", choices=("approve_all", "cost", "import_returns", "pay_refund"), default="approve_all"
    )
    parser.add_argument("rows", nargs="?", type=int, help="100,000; a million for cost, 1,000 for pay_refund")
    chosen = parser.parse_args()
    if chosen.name == "import_returns":
        from .import_returns import main as import_returns

        import_returns(chosen.rows or ROWS)
    elif chosen.name == "cost":
        from .cost import main as cost

        cost(chosen.rows or MANY)
    elif chosen.name == "pay_refund":
        prepare()
        from .pay_refund import main as pay_refund

        pay_refund(chosen.rows or CALLS)
    else:
        prepare()
        from .approve_all import main as approve_all

        approve_all(chosen.rows or ROWS)


if __name__ == "__main__":
    main()
