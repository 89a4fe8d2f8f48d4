"""`python -m benchmarks.capacity`: see benchmarks/capacity/worked_out.py."""

from benchmarks.capacity.worked_out import main

if __name__ == "__main__":
    main()
