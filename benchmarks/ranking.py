"""`python -m benchmarks.ranking`: see benchmarks/performance/list_ranking.py."""

from benchmarks.performance.list_ranking import main

if __name__ == "__main__":
    main()
