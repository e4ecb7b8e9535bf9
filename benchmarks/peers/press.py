"""The process in which the admin's request is: `python -m benchmarks.peers.press MODULE:FUNCTION`.

For each line on standard input, the highest id to decide, it presses, and prints the seconds until the request could be
answered. It is kept, as a web process is: the first press makes connections, later ones have them.
"""

import os
import sys
from importlib import import_module

from ..measure import Real


def main(view: str) -> None:
    """Press as often as there are lines."""
    if "DJANGO_SETTINGS_MODULE" in os.environ:
        import django

        django.setup()
    module, _, name = view.partition(":")
    press = getattr(import_module(f".{module}", __package__), name)
    for line in sys.stdin:
        began = Real.clock()
        press(int(line))
        print(Real.clock() - began, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
