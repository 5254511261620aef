"""Records models, margins, contributions and importances of Python's XGBoost into fixtures/truth/xgboost.

    pip install xgboost==3.4.1 numpy && python test/core/learning/boosting/record.py [case …]

Every case holds its training rows, so that the embedded trainer is held against XGBoost's trees too.
"""
import hashlib
import json
import pathlib
import sys
import numpy as np
import xgboost as xgb

ONLY = sys.argv[1:]
OUT = pathlib.Path(__file__).parents[4] / "fixtures" / "truth" / "xgboost"
short = lambda a: [None if np.isnan(v) else float(str(np.float32(v))) for v in np.asarray(a, np.float32).ravel()]


def table(seed, rows, cols, missing):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, cols)).astype(np.float32)
    x[:, cols - 1] = rng.integers(0, 5, rows)
    z = x[:, 0] + 2 * x[:, 1] * x[:, 2] + 0.5 * rng.normal(size=rows)
    if missing:
        x[rng.random((rows, cols)) < missing] = np.nan
    return rng, x, z


def case(name, seed, rows, cols, missing, params, rounds, labels, weighted=False):
    if ONLY and name not in ONLY:
        return
    rng, x, z = table(seed, rows, cols, missing)
    y = labels(z)
    w = rng.random(rows).astype(np.float32) + np.float32(0.25) if weighted else None
    names = [f"col {j}" for j in range(cols)]
    matrix = xgb.DMatrix(x, y, weight=w, feature_names=names)
    params = dict(tree_method="hist", nthread=1, **params)
    booster = xgb.train(params, matrix, rounds)
    probe = rng.normal(size=(60, cols)).astype(np.float32)
    probe[:, cols - 1] = rng.integers(0, 5, 60)
    probe[rng.random(probe.shape) < 0.2] = np.nan
    probe[0, :] = np.nan
    probe[1, :] = x[0, :]
    asked = xgb.DMatrix(probe, feature_names=names)
    contributions = booster.predict(asked, pred_contribs=True)
    out = dict(
        xgboost=xgb.__version__, name=name, params=params, rounds=rounds, rows=rows, cols=cols,
        x=short(x), y=short(y), weights=None if w is None else short(w), probe=short(probe),
        margin=short(booster.predict(asked, output_margin=True)), prediction=short(booster.predict(asked)),
        trainMargin=short(booster.predict(matrix, output_margin=True)),
        contributions=short(contributions),
        importance={k: {a: float(np.ravel(b)[0]) for a, b in booster.get_score(importance_type=k).items()}
                    for k in ("gain", "cover", "weight", "total_gain", "total_cover")},
        model=json.loads(booster.save_raw("json").decode()),
    )
    (OUT / f"{name}.json").write_text(json.dumps(out) + "\n")


binary = lambda z: (z > 0).astype(np.float32)
case("logistic", 1, 240, 5, 0, dict(objective="binary:logistic", max_depth=3, eta=0.3), 8, binary)
case("logistic-missing", 2, 240, 5, 0.25, dict(
    objective="binary:logistic", max_depth=4, eta=0.2, reg_lambda=2, reg_alpha=0.3, gamma=0.1, scale_pos_weight=1.7,
    max_delta_step=0.8, min_child_weight=2), 8, binary, weighted=True)
case("squared", 3, 250, 4, 0.1, dict(objective="reg:squarederror", max_depth=5, eta=0.5), 6, lambda z: z, weighted=True)
case("softprob", 4, 240, 4, 0.1, dict(objective="multi:softprob", num_class=3, max_depth=3), 5,
     lambda z: np.digitize(z, [-1, 1]).astype(np.float32))
case("deep", 5, 250, 3, 0.05, dict(objective="reg:squarederror", max_depth=12, min_child_weight=0, base_score=0.25), 3,
     lambda z: z)
# What only the library trains: random forests in each round, dropout, a robust loss.
case("forest", 6, 240, 4, 0.1, dict(
    objective="multi:softprob", num_class=3, max_depth=3, num_parallel_tree=3, subsample=0.7), 3,
     lambda z: np.digitize(z, [-1, 1]).astype(np.float32))
case("dart", 7, 240, 4, 0.1, dict(objective="binary:logistic", booster="dart", max_depth=3, rate_drop=0.4), 8, binary)
case("huber", 8, 240, 4, 0.1, dict(objective="reg:pseudohubererror", huber_slope=0.5, max_depth=3), 6, lambda z: z)


def agaricus():
    def read(name):
        labels, rows = [], []
        for line in (OUT / name).read_text().splitlines():
            head, *cells = line.split()
            labels.append(float(head))
            rows.append({int(c.split(":")[0]): float(c.split(":")[1]) for c in cells})
        x = np.full((len(rows), 127), np.nan, np.float32)
        for i, row in enumerate(rows):
            for j, v in row.items():
                x[i, j] = v
        return x, np.array(labels, np.float32)

    (xa, ya), (xb, yb) = read("agaricus.txt.train"), read("agaricus.txt.test")
    a, b = xgb.DMatrix(xa, ya), xgb.DMatrix(xb, yb)
    params = dict(objective="binary:logistic", max_depth=2, eta=1, base_score=0.5, tree_method="hist", nthread=1,
                  eval_metric=["error", "logloss", "auc"])
    history = {}
    booster = xgb.train(params, a, 3, evals=[(a, "train"), (b, "test")], evals_result=history, verbose_eval=False)
    (OUT / "agaricus.json").write_text(json.dumps(dict(
        xgboost=xgb.__version__, params=params, rounds=3, history=history,
        margin=short(booster.predict(b, output_margin=True)[:200]),
        model=json.loads(booster.save_raw("json").decode()))) + "\n")


if not ONLY or "agaricus" in ONLY:
    agaricus()
digest = lambda p: hashlib.sha256(p.read_bytes()).hexdigest()
files = sorted(p for p in OUT.iterdir() if p.name != "metadata.json")
(OUT / "metadata.json").write_text(json.dumps(dict(
    source="agaricus.txt.*: dmlc/xgboost, demo/data (UCI mushroom data); *.json: recorded by "
           "test/core/learning/boosting/record.py with PyPI xgboost, its version in each file (synthetic rows)",
    licence="Apache-2.0", sha256={p.name: digest(p) for p in files}), indent=2) + "\n")
