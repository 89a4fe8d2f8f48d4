"""Fuzzed records through a running worker, with bystanders beside them: `python -m tests.fuzz.live --help`.

inputs.py      endless records: messages changed as trees and bytes, end users' texts in valid reviews
senders.py     kafka-python and librdkafka, in every codec
bystanders.py  people whose clicks have nothing wrong with them, and how long their lists take
ledger.py      what stands on the topics in the end, and what became of each record
__main__.py    the run and its table
"""
