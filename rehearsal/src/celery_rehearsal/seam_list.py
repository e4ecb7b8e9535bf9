"""Each internal that the kit holds on to, what for, and how to see that it is still there."""

from __future__ import annotations

from celery.app.utils import Settings

from .broker_seams import BROKER_SEAMS
from .clock import CLOCK_DEFAULTS
from .freezes import STACKS
from .seam_looks import Seam, default_clock, does, has, if_there, takes

CONSUMER = "celery.worker.consumer.consumer:Consumer"
LOGGING = "celery.app.log:Logging"

SEAMS = (
    Seam("Consumer loop", "replaced by steps", has(CONSUMER, "create_task_handler", "loop_args", "on_ready")),
    Seam(
        "Consumer reads its loop", "an own loop is kept", takes(f"{CONSUMER}.__init__", "loop", "_pending_operations")
    ),
    Seam("Consumer rate limits", "records", has(CONSUMER, "_limit_task", "_limit_post_eta", "bucket_for_task")),
    Seam(
        "Consumer's unusable messages",
        "recorded once",
        has(CONSUMER, "on_unknown_task", "on_unknown_message", "on_invalid_task", "on_decode_error"),
    ),
    Seam("Consumer queues", "one more", has(CONSUMER, "add_task_queue")),
    Seam(
        "embedded workers",
        "refused",
        has("celery.contrib.testing.worker", "test_worker_starting", "TestWorkController"),
    ),
    Seam("kombu Consumer", "asked what it consumes", has("kombu:Consumer", "consuming_from", "queues")),
    Seam("Consumer call_soon", "acks", has(CONSUMER, "call_soon", "perform_pending_operations")),
    Seam("settings", "written over the app's", does("app_behaviour.settings_prefer_the_first_name")),
    Seam(
        "worker_init signal",
        "keeps the Django fixup out",
        does("app_behaviour.signal_asks_its_receivers", has("celery.signals:worker_init", "receivers")),
    ),
    Seam("signal handlers", "let verdicts pass", takes("celery.utils.dispatch:Signal.send", "_live_receivers")),
    Seam(
        "worker program",
        "leaves the process alone",
        has("celery.apps.worker:Worker", "setup_logging", "install_platform_tweaks", "set_process_status"),
    ),
    Seam("worker program checks", "left out", has("celery.apps.worker", "check_privileges")),
    Seam("SIGTERM", "received", takes("celery.apps.worker:_shutdown_handler", "sig", "how", "verbose", "platforms")),
    Seam("command lines", "parsed", has("celery.bin.base", "CLIContext")),
    Seam("logging", "set up next to the test's", has(LOGGING, "_setup", "setup_logging_subsystem", "_detect_handler")),
    Seam("fast trace", "one table per process", takes("celery.app.trace:fast_trace_task", "_loc", "_localized")),
    Seam(
        "worker optimizations",
        "taken back",
        has("celery.app.trace", "_install_stack_protection", "reset_worker_optimizations"),
    ),
    Seam("settings mappings", "one set per process", does("app_behaviour.settings_are_their_mappings")),
    Seam("Broadcast", "one name per process", has("kombu.common", "Broadcast")),
    Seam("Django fixup", "sets up once", has("celery.fixups.django:DjangoWorkerFixup", "django_setup")),
    Seam("loader", "loads once", does("app_behaviour.loader_loads_once")),
    Seam(
        "worker state",
        "one per worker",
        has(
            "celery.worker.state",
            *("requests", "reserved_requests", "active_requests", "total_count", "all_total_count"),
            *("revoked", "revoked_stamps", "successful_requests"),
        ),
    ),
    Seam(
        "LimitedSet",
        "emptied",
        does(
            "worker_behaviour.limited_set_is_its_attributes",
            has("celery.worker.state:revoked", "_data", "_heap", "maxlen", "expires"),
        ),
    ),
    Seam(
        "kombu Timer",
        "without its thread",
        does(
            "worker_behaviour.timer_orders_by_instant",
            takes("kombu.asynchronous.timer:Timer._enter", "eta", "push", "entry"),
        ),
    ),
    Seam("kombu timer Entry", "ordered by age", has("kombu.asynchronous.timer:Entry", "__lt__", "cancel")),
    *(Seam(f"clock default of {path}", "faked", default_clock(module, path)) for module, path in CLOCK_DEFAULTS),
    Seam("kombu uuid", "seeded", does("worker_behaviour.uuid_calls_its_default")),
    Seam("beat Service", "gives the scheduler", has("celery.beat:Service", "scheduler", "get_scheduler")),
    Seam(
        "beat Scheduler",
        "ticked",
        has(
            "celery.beat:Scheduler",
            *("tick", "apply_entry", "apply_async", "should_sync", "_do_sync", "_last_sync"),
            *("is_due", "max_interval", "_tasks_since_sync", "_when", "populate_heap"),
        ),
    ),
    Seam("PersistentScheduler file", "in memory", has("celery.beat:PersistentScheduler", "persistence", "_store")),
    Seam("ScheduleEntry order", "by name", has("celery.beat:ScheduleEntry", "__lt__", "name")),
    Seam("ScheduleEntry", "lets verdicts pass", has("celery.beat:ScheduleEntry", "is_due")),
    Seam("beat Scheduler publishes", "lets verdicts pass", has("celery.beat:Scheduler", "apply_async", "Entry")),
    Seam(
        "app connections",
        "pointed at the broker",
        does(
            "app_behaviour.app_connects_by_its_attribute", has("celery.app.base:Celery", "_connection", "_pool", "pool")
        ),
    ),
    Seam("app producers", "made again", has("celery.app.amqp:AMQP", "_producer_pool", "producer_pool")),
    Seam("kombu pools", "forgotten afterwards", has("kombu.pools", "connections", "producers")),
    Seam(
        "app queues",
        "consumed by default",
        does(
            "app_behaviour.queues_consumed_are_those_declared", has("celery.app.amqp:Queues", "select", "_consume_from")
        ),
    ),
    Seam(
        "app backend",
        "one for each process of a cluster",
        does("app_behaviour.app_reads_its_thread_local", has("celery.app.base:Celery", "thread_oid", "_get_backend")),
    ),
    Seam(
        "memory results",
        "a cache of their own",
        has("celery.backends.cache", "_DUMMY_CLIENT_CACHE", "CacheBackend", "backends"),
    ),
    Seam(
        "result consumers",
        "let time pass",
        takes("celery.backends.asynchronous:Drainer.drain_events_until", "drain_events", "timeout"),
    ),
    Seam(
        "waits for a result",
        "end where nothing can bring it",
        takes("celery.backends.base:SyncBackendMixin.wait_for", "on_interval", "interval"),
    ),
    Seam(
        "results in memory",
        "no other process's",
        has("celery.backends.base:KeyValueStoreBackend", "get", "mget", "set", "incr", "_store_result"),
    ),
    Seam(
        "RPC results", "read from the broker", has("celery.backends.rpc:ResultConsumer", "drain_events", "_connection")
    ),
    Seam("results in files", "dated", has("celery.backends.filesystem:FilesystemBackend", "_filename", "set")),
    Seam("backend names", "looked up", has("celery.app.backends", "by_url", "BACKEND_ALIASES")),
    Seam("scheduler names", "looked up", has("celery.utils.imports", "load_extension_class_names")),
    Seam("remote control", "recorded", does("app_behaviour.remote_control_is_broadcast")),
    Seam(
        "control commands",
        "in a worker's own process",
        does("app_behaviour.commands_are_looked_up", has("celery.worker.control:Panel", "data")),
    ),
    Seam("kombu pidbox", "its own queues", has("kombu.pidbox:Mailbox", "exchange_fmt", "producer_pool", "_collect")),
    Seam("event dispatcher", "one without heartbeats", has(CONSUMER, "update_strategies")),
    Seam(
        "current app",
        "set and put back",
        does("app_behaviour.current_app_is_put_back", has("celery._state", "_task_join_will_block")),
    ),
    Seam("Consumer tracers", "as in a child", has("celery.worker.consumer.consumer", "build_tracer")),
    Seam("trace", "assertions pass it", takes("celery.app.trace:build_tracer", "task", "monotonic")),
    Seam("autoretry", "assertions pass it", does("worker_behaviour.autoretry_calls_orig_run")),
    Seam(
        "solo pool",
        "runs the task",
        does(
            "worker_behaviour.pool_lets_terminate_through",
            takes("celery.concurrency.base:apply_target", "WorkerTerminate", "callback", "propagate"),
        ),
    ),
    Seam(
        "pool jobs",
        "called back",
        does(
            "worker_behaviour.jobs_call_back",
            has("billiard.pool:Pool", "mark_as_worker_lost"),
            takes("billiard.pool:TimeoutHandler.on_hard_timeout", "_process_by_pid", "_trywaitkill", "job"),
            has("billiard.pool", "soft_timeout_sighandler", "EX_RECYCLE"),
        ),
    ),
    Seam(
        "billiard's loop of a child",
        "run for one job",
        does("worker_behaviour.child_tells_of_its_job", has("billiard.pool", "EX_OK", "EX_RECYCLE", "READY", "TASK")),
    ),
    Seam(
        "worker semaphore",
        "holds requests back",
        takes("celery.worker.worker:WorkController._process_task", "execute_using_pool", "_quick_release"),
    ),
    Seam("Celery stacks", "one per greenlet", does("worker_behaviour.stacks_are_per_greenlet")),
    Seam("exception tables", "none at a SIGKILL", does("worker_behaviour.kills_without_handlers")),
    Seam("threading conditions", "wait virtually", takes("threading:Condition.wait", "_allocate_lock")),
    Seam("queue clock", "virtual in tasks", takes("queue:Queue.get", "time")),
    Seam(
        "event loop wake-up",
        "told from sockets",
        has("asyncio.selector_events:BaseSelectorEventLoop", "_read_from_self"),
    ),
    Seam("running event loop", "one per task", has("asyncio", "_get_running_loop", "_set_running_loop")),
    Seam("subprocess clock", "real", has("subprocess", "time", "_time")),
    *BROKER_SEAMS,
    Seam("name look-ups", "refused", takes("socket:getaddrinfo", "_socket")),
    Seam("observers of settings", "a process's own", lambda: "_observers" in vars(Settings({}, [{}]))),
    Seam("host's zone", "asked for again", does("app_behaviour.zones_are_remembered_by_name")),
    Seam("freezegun", "set aside", if_there("freezegun.api", "_freeze_time", *STACKS)),
    Seam("time-machine travel", "freezes the clock", has("time_machine:travel", "start", "stop")),
    Seam("time-machine traveller", "moves the clock", has("time_machine:Traveller", "shift", "move_to")),
)
