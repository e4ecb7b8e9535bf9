"""Define the settings of the comparison of clocks."""

# Seconds. A process whose clock differs from PostgreSQL's by more does not act on a cutoff. NTP keeps clocks within
# milliseconds of each other, so a larger difference means that nothing sets the clock.
REFUNDS_CLOCK_TOLERANCE = 5.0
