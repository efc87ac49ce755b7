"""VUS by TSB_AD: arguments are an .npz of labels and scores, the window, the runs, and the seconds one run may take.

Prints CPU seconds of the shortest run, VUS-PR and VUS-ROC as JSON. Run by vus.py with the reference's own Python.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
from TSB_AD.evaluation.basic_metrics import generate_curve

path, window, runs, long = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
given = np.load(path)
least = np.inf
for _ in range(runs):
    start = time.process_time()
    *_, roc, pr = generate_curve(given["labels"], given["scores"], window, "opt", 250)
    least = min(least, time.process_time() - start)
    if least > long:
        break
print(json.dumps([least, float(pr), float(roc)]))
