"""A process that keeps events, to be killed: `python keeper.py FOLDER STORE`.

It reads messages to the desk, one line of JSON each, and writes every answer as a line when the desk has given it.
"""

from __future__ import annotations

import json
import sys

from gsv_lab.evaluation.listening.desk import Desk

desk = Desk(sys.argv[1], sys.argv[2])
print("ready", flush=True)
for line in sys.stdin:
    answer, _ = desk.answer(json.loads(line))
    print(json.dumps(answer), flush=True)
