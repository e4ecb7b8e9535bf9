"""`python -m oracle.one`: compare what stdin names, with the Celery of this interpreter.

Each line of stdin is a JSON object of a kind ("beat" or "worker") and its arguments; each line of stdout is a JSON list
of what was compared, how many records the real program made, the differences, and the seconds that it took.
"""

from __future__ import annotations

import json
import sys
import time

from . import beats, workers


def main() -> None:
    """Answer line by line, so that a long run shows how far it is."""
    for line in sys.stdin:
        asked = json.loads(line)
        kind, begun = asked.pop("kind"), time.monotonic()
        what: beats.Window | workers.Crossing
        if kind == "beat":
            what = beats.around(**asked)
            count, differences = beats.compare(what)
        else:
            what = workers.Crossing(**asked)
            count, differences = workers.compare(what)
        seconds = time.monotonic() - begun
        sys.stdout.write(json.dumps([kind, str(what), count, differences, seconds]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
