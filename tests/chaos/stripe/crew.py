"""The processes of a storm: two workers and a beat, and whom it kills."""

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from ..crew import Crew

APP = "tests.chaos.stripe.storm_app"
WORKERS = ("worker1", "worker2")


class StormCrew(Crew):
    """Two workers and beat, running while it is entered."""

    def __init__(self, folder: Path, environment: Mapping[str, str], draw: random.Random) -> None:
        super().__init__(folder, environment, APP)
        self._draw = draw

    def __enter__(self) -> Self:
        for worker in WORKERS:
            self.start_worker(worker)
        self.start_beat("beat")
        return self

    def kill_one(self) -> None:
        """Kill a worker with its children and start it again, or one child alone; none while none serves.

        On a slow machine a worker that is killed while it starts would never do any work.
        """
        serving = [name for name in WORKERS if self.ready(name)]
        if not serving:
            return
        name = self._draw.choice(serving)
        if self._draw.random() < 1 / 3 and self.kill_child(name, self._draw.choice):
            return
        self.kill(name)
        self.start_again(name)
