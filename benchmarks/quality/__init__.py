"""How good the lists are: prequential evaluation of the scoring code that the worker runs, beside plain baselines."""
