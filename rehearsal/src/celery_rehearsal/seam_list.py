"""Each internal that the kit holds on to, and how to see that it is still there."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from celery.app.utils import Settings

from .clock import CLOCK_DEFAULTS
from .freezes import STACKS
from .patching import resolve

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Seam:
    """One internal, what the kit does with it, and a look that raises or tells False when it has moved."""

    name: str
    use: str
    holds: Callable[[], Any]


def _has(path: str, *names: str) -> Callable[[], bool]:
    """A look at attributes of `module:qualified.name` or of `module`."""

    def holds() -> bool:
        module, _, inner = path.partition(":")
        owner = importlib.import_module(module)
        owner = resolve(module, inner) if inner else owner
        return all(hasattr(owner, name) for name in names)

    return holds


def _if_there(package: str, *names: str) -> Callable[[], bool]:
    """A look at a library that a suite may have or not."""
    return lambda: importlib.util.find_spec(package.partition(".")[0]) is None or _has(package, *names)()


def _takes(path: str, *names: str) -> Callable[[], bool]:
    """A look at the parameters of a function at `module:qualified.name`."""

    def holds() -> bool:
        module, _, inner = path.partition(":")
        importlib.import_module(module)
        code = resolve(module, inner).__code__
        return set(names) <= {*code.co_varnames, *code.co_names}

    return holds


def _default_clock(module: str, path: str) -> Callable[[], bool]:
    """A look at a default argument that is the monotonic clock."""

    def holds() -> bool:
        importlib.import_module(module)
        return any(getattr(value, "__name__", "") == "monotonic" for value in resolve(module, path).__defaults__)

    return holds


def _does(name: str, *looks: Callable[[], bool]) -> Callable[[], bool]:
    """A look at what the seam does, by a function of `seam_behaviour`, after `looks` at its names."""

    def holds() -> bool:
        # Imported only here: an import that fails there is a seam that has moved.
        behaves = getattr(importlib.import_module(f"{__package__}.seam_behaviour"), name)
        return all(look() for look in (*looks, behaves))

    return holds


def _server() -> Any:
    return importlib.import_module("fakeredis").FakeServer()


CONSUMER = "celery.worker.consumer.consumer:Consumer"
LOGGING = "celery.app.log:Logging"
CHANNEL = "kombu.transport.virtual.base:Channel"
REDIS = "kombu.transport.redis:"

SEAMS = (
    Seam("Consumer loop", "replaced by steps", _has(CONSUMER, "create_task_handler", "loop_args", "on_ready")),
    Seam(
        "Consumer reads its loop",
        "an own loop is kept",
        _takes(f"{CONSUMER}.__init__", "loop", "_pending_operations"),
    ),
    Seam("Consumer rate limits", "records", _has(CONSUMER, "_limit_task", "_limit_post_eta", "bucket_for_task")),
    Seam(
        "Consumer's unusable messages",
        "recorded once",
        _has(CONSUMER, "on_unknown_task", "on_unknown_message", "on_invalid_task", "on_decode_error"),
    ),
    Seam("Consumer queues", "one more", _has(CONSUMER, "add_task_queue")),
    Seam("kombu Consumer", "asked what it consumes", _has("kombu:Consumer", "consuming_from", "queues")),
    Seam("Consumer call_soon", "acks", _has(CONSUMER, "call_soon", "perform_pending_operations")),
    Seam("settings", "written over the app's", _does("settings_prefer_the_first_name")),
    Seam(
        "worker_init signal",
        "keeps the Django fixup out",
        _does("signal_asks_its_receivers", _has("celery.signals:worker_init", "receivers")),
    ),
    Seam("signal handlers", "let verdicts pass", _takes("celery.utils.dispatch:Signal.send", "_live_receivers")),
    Seam(
        "worker program",
        "leaves the process alone",
        _has("celery.apps.worker:Worker", "setup_logging", "install_platform_tweaks", "set_process_status"),
    ),
    Seam("worker program checks", "left out", _has("celery.apps.worker", "check_privileges")),
    Seam("SIGTERM", "received", _takes("celery.apps.worker:_shutdown_handler", "sig", "how", "verbose", "platforms")),
    Seam("command lines", "parsed", _has("celery.bin.base", "CLIContext")),
    Seam("logging", "set up next to the test's", _has(LOGGING, "_setup", "setup_logging_subsystem", "_detect_handler")),
    Seam("fast trace", "one table per process", _takes("celery.app.trace:fast_trace_task", "_loc", "_localized")),
    Seam(
        "worker optimizations",
        "taken back",
        _has("celery.app.trace", "_install_stack_protection", "reset_worker_optimizations"),
    ),
    Seam("settings mappings", "one set per process", _does("settings_are_their_mappings")),
    Seam("Broadcast", "one name per process", _has("kombu.common", "Broadcast")),
    Seam("Django fixup", "sets up once", _has("celery.fixups.django:DjangoWorkerFixup", "django_setup")),
    Seam(
        "loader",
        "loads once",
        _does("loader_loads_once"),
    ),
    Seam(
        "worker state",
        "one per worker",
        _has("celery.worker.state", "revoked", "successful_requests", "requests"),
    ),
    Seam(
        "LimitedSet",
        "emptied",
        _does(
            "limited_set_is_its_attributes", _has("celery.worker.state:revoked", "_data", "_heap", "maxlen", "expires")
        ),
    ),
    Seam(
        "kombu Timer",
        "without its thread",
        _does("timer_orders_by_instant", _takes("kombu.asynchronous.timer:Timer._enter", "eta", "push", "entry")),
    ),
    Seam("kombu timer Entry", "ordered by age", _has("kombu.asynchronous.timer:Entry", "__lt__", "cancel")),
    *(Seam(f"clock default of {path}", "faked", _default_clock(module, path)) for module, path in CLOCK_DEFAULTS),
    Seam("kombu uuid", "seeded", _does("uuid_calls_its_default")),
    Seam("beat Service", "gives the scheduler", _has("celery.beat:Service", "scheduler", "get_scheduler")),
    Seam(
        "beat Scheduler",
        "ticked",
        _has(
            "celery.beat:Scheduler",
            *("tick", "apply_entry", "apply_async", "should_sync", "_do_sync", "_last_sync"),
            *("is_due", "max_interval", "_tasks_since_sync", "_when", "populate_heap"),
        ),
    ),
    Seam(
        "PersistentScheduler file",
        "in memory",
        _has("celery.beat:PersistentScheduler", "persistence", "_store"),
    ),
    Seam("ScheduleEntry order", "by name", _has("celery.beat:ScheduleEntry", "__lt__", "name")),
    Seam("ScheduleEntry", "lets verdicts pass", _has("celery.beat:ScheduleEntry", "is_due")),
    Seam("beat Scheduler publishes", "lets verdicts pass", _has("celery.beat:Scheduler", "apply_async", "Entry")),
    Seam(
        "app connections",
        "pointed at the broker",
        _does("app_connects_by_its_attribute", _has("celery.app.base:Celery", "_connection", "_pool", "pool")),
    ),
    Seam("app producers", "made again", _has("celery.app.amqp:AMQP", "_producer_pool", "producer_pool")),
    Seam("kombu pools", "forgotten afterwards", _has("kombu.pools", "connections", "producers")),
    Seam(
        "app queues",
        "consumed by default",
        _does("queues_consumed_are_those_declared", _has("celery.app.amqp:Queues", "select", "_consume_from")),
    ),
    Seam(
        "app backend",
        "one for each process of a cluster",
        _does("app_reads_its_thread_local", _has("celery.app.base:Celery", "thread_oid", "_get_backend")),
    ),
    Seam(
        "memory results",
        "a cache of their own",
        _has("celery.backends.cache", "_DUMMY_CLIENT_CACHE", "CacheBackend", "backends"),
    ),
    Seam(
        "Redis results",
        "on the fake server",
        _has("celery.backends.redis:RedisBackend", "_create_client", "_get_client", "_get_pool", "_set"),
    ),
    Seam(
        "result consumers",
        "let time pass",
        _takes("celery.backends.asynchronous:Drainer.drain_events_until", "drain_events", "timeout"),
    ),
    Seam(
        "waits for a result",
        "end where nothing can bring it",
        _takes("celery.backends.base:SyncBackendMixin.wait_for", "on_interval", "interval"),
    ),
    Seam(
        "results in memory",
        "no other process's",
        _has("celery.backends.base:KeyValueStoreBackend", "get", "mget", "set", "incr", "_store_result"),
    ),
    Seam(
        "RPC results", "read from the broker", _has("celery.backends.rpc:ResultConsumer", "drain_events", "_connection")
    ),
    Seam("results in files", "dated", _has("celery.backends.filesystem:FilesystemBackend", "_filename", "set")),
    Seam("backend names", "looked up", _has("celery.app.backends", "by_url", "BACKEND_ALIASES")),
    Seam("scheduler names", "looked up", _has("celery.utils.imports", "load_extension_class_names")),
    Seam("remote control", "refused", _does("remote_control_is_broadcast")),
    Seam(
        "current app",
        "set and put back",
        _does("current_app_is_put_back", _has("celery._state", "_task_join_will_block")),
    ),
    Seam("trace", "assertions pass it", _takes("celery.app.trace:build_tracer", "task", "monotonic")),
    Seam(
        "autoretry",
        "assertions pass it",
        _does("autoretry_calls_orig_run"),
    ),
    Seam(
        "solo pool",
        "runs the task",
        _does(
            "pool_lets_terminate_through",
            _takes("celery.concurrency.base:apply_target", "WorkerTerminate", "callback", "propagate"),
        ),
    ),
    Seam(
        "pool jobs",
        "called back",
        _does(
            "jobs_call_back",
            _has("billiard.pool:Pool", "mark_as_worker_lost"),
            _takes("billiard.pool:TimeoutHandler.on_hard_timeout", "_process_by_pid", "_trywaitkill", "job"),
            _has("billiard.pool", "soft_timeout_sighandler", "EX_RECYCLE"),
        ),
    ),
    Seam(
        "billiard's loop of a child",
        "run for one job",
        _does("child_tells_of_its_job", _has("billiard.pool", "EX_OK", "EX_RECYCLE", "READY", "TASK")),
    ),
    Seam(
        "worker semaphore",
        "holds requests back",
        _takes("celery.worker.worker:WorkController._process_task", "execute_using_pool", "_quick_release"),
    ),
    Seam("Celery stacks", "one per greenlet", _does("stacks_are_per_greenlet")),
    Seam("exception tables", "none at a SIGKILL", _does("kills_without_handlers")),
    Seam("threading conditions", "wait virtually", _takes("threading:Condition.wait", "_allocate_lock")),
    Seam("queue clock", "virtual in tasks", _takes("queue:Queue.get", "time")),
    Seam(
        "event loop wake-up",
        "told from sockets",
        _has("asyncio.selector_events:BaseSelectorEventLoop", "_read_from_self"),
    ),
    Seam("running event loop", "one per task", _has("asyncio", "_get_running_loop", "_set_running_loop")),
    Seam("subprocess clock", "real", _has("subprocess", "time", "_time")),
    Seam(
        "virtual channel",
        "tapped",
        _has(CHANNEL, "basic_publish", "basic_reject", "_put", "_restore", "do_restore"),
    ),
    Seam("virtual QoS", "read for pending()", _has("kombu.transport.virtual.base:QoS", "_delivered", "_dirty")),
    Seam(
        "memory channel",
        "queues of its own",
        _has(CHANNEL, "_lookup", "_new_queue", "_has_queue", "_put", "basic_cancel", "prepare_queue_arguments"),
    ),
    Seam("channel's consumers", "found by tag", _takes(f"{CHANNEL}.__init__", "_tag_to_queue", "_active_queues")),
    Seam("AMQP arguments", "read from a queue", _has("kombu.transport.base", "to_rabbitmq_queue_arguments")),
    Seam("transport aliases", "name the broker", _has("kombu.transport", "TRANSPORT_ALIASES")),
    Seam(
        "Redis channel",
        "on the fake server",
        _does("channel_sends_one_brpop", _has(f"{REDIS}Channel", "_in_poll", "_get_pool")),
    ),
    Seam("Redis keys", "looked into", _has(f"{REDIS}Channel", "_q_for_pri", "unacked_key", "_get_message_priority")),
    Seam("Redis fanout", "heard", _has(f"{REDIS}Channel", "_subscribe", "_receive", "_in_listen", "_fanout_queues")),
    Seam("Redis poller", "reads", _takes(f"{REDIS}MultiChannelPoller.__init__", "_channels", "after_read")),
    Seam("Redis poller's client", "connected", _has(f"{REDIS}MultiChannelPoller", "_client_registered")),
    Seam("Redis prefix", "kombu's own client", _has(f"{REDIS}PrefixedStrictRedis", "_prefix_args")),
    Seam("memory exchanges", "known or not", _has("kombu.transport.memory:Transport.global_state", "exchanges")),
    Seam("fanout of a channel", "has no queue", _has("kombu.transport.memory:Channel", "_put_fanout")),
    Seam("broker URL", "tells brokers apart", _takes("kombu.utils.url:url_to_parts", "urlparse", "path")),
    Seam("name look-ups", "refused", _takes("socket:getaddrinfo", "_socket")),
    Seam("Redis restore", "visibility timeout", _has(f"{REDIS}MultiChannelPoller", "maybe_restore_messages")),
    Seam(
        "fakeredis socket",
        "called directly",
        _has("fakeredis._socket:FakeSocket", "_process_command", "put_response", "_blocking"),
    ),
    Seam("observers of settings", "a process's own", lambda: "_observers" in vars(Settings({}, [{}]))),
    Seam("fakeredis server", "looked into", lambda: 0 in _server().dbs or _server().dbs[0] is not None),
    Seam("host's zone", "asked for again", _does("zones_are_remembered_by_name")),
    Seam("freezegun", "set aside", _if_there("freezegun.api", "_freeze_time", *STACKS)),
    Seam("time-machine travel", "freezes the clock", _has("time_machine:travel", "start", "stop")),
    Seam("time-machine traveller", "moves the clock", _has("time_machine:Traveller", "shift", "move_to")),
)
