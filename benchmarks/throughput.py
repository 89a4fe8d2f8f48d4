"""`python -m benchmarks.throughput`: see benchmarks/performance/event_throughput.py."""

from benchmarks.performance.event_throughput import main

if __name__ == "__main__":
    main()
