"""Records labels, weights and folds of mlfinpy and timeseriescv on the daily SPY bars.

    python3 -m venv /tmp/peers && /tmp/peers/bin/pip install mlfinpy timeseriescv numba scikit-learn
    /tmp/peers/bin/python scripts/record-sampling-peers.py fixtures/bars/spy-daily-2017-2018.csv \
        > fixtures/truth/evaluation/peers-sampling.json
"""
import json
import sys
from importlib.metadata import version

import numpy as np
import pandas as pd
from mlfinpy.filters.filters import cusum_filter
from mlfinpy.labeling.labeling import triple_barriers
from mlfinpy.sample_weights.attribution import _apply_weight_by_return
from mlfinpy.sampling.concurrent import _get_average_uniqueness, num_concurrent_events
from timeseriescv.cross_validation import CombPurgedKFoldCV, PurgedWalkForwardCV

bars = pd.read_csv(sys.argv[1], parse_dates=["date"], index_col="date")
close = bars["close"]
position = {t: i for i, t in enumerate(close.index)}
numbers = lambda values: [None if pd.isna(v) else float(v) for v in values]

deviation = close.pct_change().ewm(span=20).std()
events = [t for t in cusum_filter(close, threshold=0.012) if position[t] >= 5 and position[t] + 10 < len(close)]
horizon = pd.Series([close.index[position[t] + 10] for t in events], index=events)
side = pd.Series([1.0 if i % 3 else -1.0 for i in range(len(events))], index=events)
frame = pd.DataFrame({"t1": horizon, "trgt": deviation.loc[events], "side": side})
touched = triple_barriers(close, frame, [2, 1.5], frame.index)
first = touched[["t1", "pt", "sl"]].astype("datetime64[ns]").min(axis=1)
count = num_concurrent_events(close.index, first, first.index).reindex(close.index).fillna(0)
unique = _get_average_uniqueness(first, count, first.index)
weights = _apply_weight_by_return(first, count, close, first.index)
weights *= len(weights) / weights.sum()

rows = 120
decided = pd.Series(pd.date_range("2020-01-01", periods=rows, freq="D"))
label_end = decided + pd.to_timedelta([(i * 7) % 9 + 1 for i in range(rows)], unit="D")
frame_of_rows = pd.DataFrame({"x": np.zeros(rows)})
kfold = CombPurgedKFoldCV(n_splits=6, n_test_splits=1, embargo_td=pd.Timedelta(days=3))
walk = PurgedWalkForwardCV(n_splits=6, n_test_splits=1, min_train_splits=2, max_train_splits=3)


def folds(cv):
    found = cv.split(frame_of_rows, pred_times=decided, eval_times=label_end)
    return [{"train": [int(i) for i in train], "test": [int(i) for i in test]} for train, test in found]


json.dump(
    {
        "versions": {n: version(n) for n in ("mlfinpy", "timeseriescv", "pandas", "numpy")},
        "bars": sys.argv[1].split("/")[-1],
        "deviation": numbers(deviation),
        "cusum": [position[t] for t in cusum_filter(close, threshold=0.012)],
        "events": [position[t] for t in events],
        "side": [int(s) for s in side],
        "end": [position[t] for t in first],
        "profit": [bool(not pd.isna(row.pt) and pd.Timestamp(row.pt) == first[t]) for t, row in touched.iterrows()],
        "loss": [bool(not pd.isna(row.sl) and pd.Timestamp(row.sl) == first[t]) for t, row in touched.iterrows()],
        "concurrency": [int(c) for c in count],
        "uniqueness": numbers(unique),
        "weights": numbers(weights),
        # Its embargo is not applied after the last block and reads the wrong rows when several blocks are tested.
        "kfold": folds(kfold),
        "walk": folds(walk),
    },
    sys.stdout,
    indent=1,
)
