"""Handle the signals that ask a program to end."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# The signals of Ctrl-C, of the system and of a closing terminal. Windows has no SIGHUP.
ENDINGS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextmanager
def handled_by(handler: Callable[..., None]) -> Iterator[None]:
    """Call the handler for each signal in ENDINGS while entered; restore the earlier handlers afterwards.

    An ignored signal stays ignored, as `nohup` and the background jobs of a shell expect.
    """
    heard = [number for number in ENDINGS if signal.getsignal(number) is not signal.SIG_IGN]
    previous = {number: signal.signal(number, handler) for number in heard}
    try:
        yield
    finally:
        for number, earlier in previous.items():
            signal.signal(number, earlier)


@contextmanager
def interruptible(ask_end: Callable[[], None]) -> Iterator[None]:
    """Make the signals in ENDINGS interrupt the block by KeyboardInterrupt, and ask for the end.

    Both, because Python ignores a KeyboardInterrupt that a destructor or an import's clean-up raises.
    """

    def interrupt(*_: object) -> None:
        ask_end()
        raise KeyboardInterrupt

    with handled_by(interrupt):
        yield


def signal_name(number: int) -> str:
    """Return the name of a signal, or its number where it has none."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
