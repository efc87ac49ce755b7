"""The shortest pandas + PyOD script that ranks the rows of a CSV file by an isolation forest."""

import sys

import pandas as pd
from pyod.models.iforest import IForest

rows = pd.read_csv(sys.argv[1])
rows["score"] = IForest(n_jobs=1).fit(rows).decision_scores_
print(rows.sort_values("score", ascending=False).head(10))
