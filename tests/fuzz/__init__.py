"""Everything that decodes from outside, tried with inputs that nobody would send: `python -m tests.fuzz --help`.

table.py     the targets: one function each, in `targets/`
mutate.py    how an input is changed: as a tree, as words, as bytes
harness.py     runs one input: what it may raise, how long it may take, how much memory
child.py     a process that searches one target by coverage (atheris takes the process over)
__main__.py  the runner: children, and the table that it prints
live/        the same inputs through a running worker
seeds/       what was found once; replayed by every test run
"""
