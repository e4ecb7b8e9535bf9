"""The app of a real worker process: `celery -A scenarios.program worker`.

The environment names the scenarios, the servers and the log: see `real.Group`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from celery import signals

from . import cases
from .recorder import Log, Notes, Recorder, define
from .stage import Stage

wanted = json.loads(os.environ["SCENARIOS_WANTED"])
log = Log(Path(wanted["log"]))
Recorder(log).connect()
scenarios = [cases.load()[name] for name in wanted["names"]]
app = scenarios[0].app(wanted["broker"], wanted["backend"], **wanted["settings"])
stages = [Stage(app, scenario.name, Notes(log, scenario.name), wanted["prefix"]) for scenario in scenarios]
rests = [define(stage, scenario.story) for stage, scenario in zip(stages, scenarios, strict=True)]
signals.worker_ready.connect(lambda **_: log.add("", "ready", wanted["names"][0]), weak=False)
