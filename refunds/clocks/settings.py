"""Settings of the comparison of clocks."""

# Seconds by which a process's clock can differ from PostgreSQL's before the process decides nothing by a cutoff. NTP
# keeps clocks within milliseconds: a clock that is further off is set by nothing.
REFUNDS_CLOCK_TOLERANCE = 5.0
