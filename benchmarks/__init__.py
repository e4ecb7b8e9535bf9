"""What is measured rather than tested: `python -m benchmarks.run`; the numbers are in docs/performance.md."""
