"""`python -m benchmarks.latency`: see benchmarks/performance/event_latency.py."""

from benchmarks.performance.event_latency import main

if __name__ == "__main__":
    main()
