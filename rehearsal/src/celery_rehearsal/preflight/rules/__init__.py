"""Every rule. An import of this package registers them."""

from . import (
    queues,
    results,
    retries,
    retry_limits,
    schedule_changes,
    schedule_entries,
    schedule_oracles,
    schedule_times,
    schedule_zones,
    security,
    setting_rules,
    stores,
    transactions,
    unused,
    wire,
)

__all__ = [
    "queues",
    "results",
    "retries",
    "retry_limits",
    "schedule_changes",
    "schedule_entries",
    "schedule_oracles",
    "schedule_times",
    "schedule_zones",
    "security",
    "setting_rules",
    "stores",
    "transactions",
    "unused",
    "wire",
]
