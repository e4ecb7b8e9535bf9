"""What becomes of each setting of workers, tasks, brokers and beats. A setting that none of the tables has is honoured.

`WARNED` tells once per cluster about a setting that the app has changed and that a cluster cannot follow. What is
refused is refused where it is used: `worker_pool`, quorum queues, `task_always_eager`.
"""

from __future__ import annotations

import warnings
from datetime import timezone
from functools import cache
from typing import TYPE_CHECKING, Any

from celery.app.defaults import NAMESPACES, flatten

from .errors import NotSimulatedWarning
from .limits import reason

if TYPE_CHECKING:
    from celery import Celery

NO_LOSS = "a connection to the cluster's broker is never lost; kill_worker() and lose_broker() are the faults"
FAKE_BROKER = "the cluster's broker is inside the process"
LOGGING = "it changes what is written and not what happens"

# Each with the row of limits.NOT_SIMULATED that says why.
WARNED = {
    "beat_enable_remote_control": "beat_remote_control",
    "worker_autoscaler": "autoscale",
    "worker_cancel_long_running_tasks_on_connection_loss": "connection_loss",
    "worker_enable_soft_shutdown_on_idle": "cold_shutdown",
    "worker_max_memory_per_child": "max_memory_per_child",
    "worker_pool_restarts": "pool_restart",
    "worker_pool_start_method": "pool_start_method",
    "worker_soft_shutdown_timeout": "cold_shutdown",
    "worker_state_db": "statedb",
    "worker_timer": "eventloop",
}

HARMLESS = {
    **dict.fromkeys(
        (
            "broker_connection_max_retries",
            "broker_connection_retry",
            "broker_connection_retry_on_startup",
            "broker_connection_timeout",
            "broker_channel_error_retry",
            "broker_failover_strategy",
            "broker_heartbeat",
            "broker_heartbeat_checkrate",
            "worker_enable_prefetch_count_reduction",
        ),
        NO_LOSS,
    ),
    **dict.fromkeys(
        (
            "broker_host",
            "broker_login_method",
            "broker_native_delayed_delivery_queue_type",
            "broker_password",
            "broker_port",
            "broker_read_url",
            "broker_transport",
            "broker_url",
            "broker_use_ssl",
            "broker_user",
            "broker_vhost",
            "broker_write_url",
            "worker_detect_quorum_queues",
        ),
        FAKE_BROKER,
    ),
    **dict.fromkeys(
        (
            "worker_hijack_root_logger",
            "worker_log_color",
            "worker_log_datefmt",
            "worker_log_format",
            "worker_redirect_stdouts",
            "worker_redirect_stdouts_level",
            "worker_task_log_datefmt",
            "worker_task_log_format",
        ),
        LOGGING,
    ),
    **dict.fromkeys(
        ("task_always_eager", "task_eager_propagates", "task_store_eager_result"), "eager mode is off in a cluster"
    ),
    "beat_remote_control_max_tick_age": "beat answers no remote control",
    "beat_schedule_filename": "the schedule file is in memory",
    "worker_lost_wait": "with an event loop, as on AMQP and Redis, a lost child counts at once",
    "worker_proc_alive_timeout": "a child is up at once",
    "worker_timer_precision": "the timer is exact to the millisecond",
}

HONOURED = (
    "beat_cron_starting_deadline",
    "beat_max_loop_interval",
    "beat_schedule",
    "beat_scheduler",
    "beat_sync_every",
    "broker_pool_acquire_timeout",
    "broker_pool_limit",
    "broker_transport_options",
    "task_acks_late",
    "task_acks_on_failure",
    "task_acks_on_failure_or_timeout",
    "task_acks_on_timeout",
    "task_allow_error_cb_on_chord_header",
    "task_annotations",
    "task_compression",
    "task_create_missing_queue_exchange_type",
    "task_create_missing_queue_type",
    "task_create_missing_queues",
    "task_default_delivery_mode",
    "task_default_exchange",
    "task_default_exchange_type",
    "task_default_priority",
    "task_default_queue",
    "task_default_queue_type",
    "task_default_rate_limit",
    "task_default_routing_key",
    "task_ignore_result",
    "task_inherit_parent_priority",
    "task_protocol",
    "task_publish_retry",
    "task_publish_retry_policy",
    "task_queue_max_priority",
    "task_queues",
    "task_reject_on_worker_lost",
    "task_remote_tracebacks",
    "task_repr_maxlevels",
    "task_retry_on_worker_lost",
    "task_routes",
    "task_send_sent_event",
    "task_serializer",
    "task_soft_time_limit",
    "task_store_errors_even_if_ignored",
    "task_time_limit",
    "task_track_started",
    "worker_agent",
    "worker_concurrency",
    "worker_consumer",
    "worker_deduplicate_successful_tasks",
    "worker_direct",
    "worker_disable_prefetch",
    "worker_disable_rate_limits",
    "worker_enable_remote_control",
    "worker_eta_task_limit",
    "worker_max_tasks_per_child",
    "worker_pool",
    "worker_pool_putlocks",
    "worker_prefetch_multiplier",
    "worker_send_task_events",
)


def warn_of_settings(app: Celery) -> None:
    """Warn of each setting that the app has changed and that a cluster does not follow."""
    for name, default in _defaults().items():
        value = app.conf.get(name)
        if value != default:
            _warn(f"{name} = {value!r} is not followed", WARNED[name])


@cache
def _defaults() -> dict[str, Any]:
    """Return Celery's defaults of the settings to warn of, without those that this Celery does not have."""
    options: dict[str, Any] = dict(flatten(NAMESPACES))
    return {name: options[name].default for name in WARNED if name in options}


def warn_of_limits(app: Celery, pool: Any, options: dict[str, Any]) -> None:
    """Warn of time limits where the pool is solo, which has none, as in production."""
    if pool.uses_semaphore:
        return
    asked = [name for name in ("time_limit", "soft_time_limit") if options.get(name)]
    asked += [f"task_{name}" for name in ("time_limit", "soft_time_limit") if app.conf.get(f"task_{name}")]
    for task in app.tasks.values():
        own = [name for name in ("time_limit", "soft_time_limit") if not app.conf.get(f"task_{name}")]
        asked += [f"{task.name}: {name}" for name in own if getattr(task, name)]
    if asked:
        _warn(", ".join(asked), "solo_time_limits")


def warn_of_zone(app: Any, current: Any) -> None:
    """Warn of entries whose zone is not the app's, as in production: those of an app that is not the current one."""
    # Celery's default app has no settings.
    theirs = current.timezone if current else timezone.utc
    if app.conf.beat_schedule and str(app.timezone) != str(theirs):
        _warn(f"beat asks for the zone {theirs} instead of {app.timezone} of app {app.main!r}", "app_not_current")


def _warn(asked: str, row: str) -> None:
    # Of the line that starts the cluster.
    warnings.warn(NotSimulatedWarning(f"{asked}; {reason(row)}"), stacklevel=6)
