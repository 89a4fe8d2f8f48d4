"""Lists made when somebody asks for one, beside the worker: the same catalogue, statistics and ranker, read only."""
