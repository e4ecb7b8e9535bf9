"""`python -m celery_rehearsal` is the console script `celery-rehearsal`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
