"""Records block lengths, SPA and CSCV of other implementations on series that the test generates bit-equally.

    python3 -m venv /tmp/peers && /tmp/peers/bin/pip install arch statsmodels seaborn joblib psutil scipy
    git clone https://github.com/esvhd/pypbo /tmp/pypbo
    PYTHONPATH=/tmp/pypbo /tmp/peers/bin/python scripts/record-significance-peers.py \
        > fixtures/truth/evaluation/peers-significance.json

Series: mulberry32(seed); a normal is the sum of twelve uniforms minus six. pypbo's repository has no releases; its
state is named by commit in the output.
"""
import json
import sys
from importlib.metadata import version

import numpy as np
import pypbo
import pypbo.perf as perf
from arch.bootstrap import SPA, optimal_block_length


def mulberry32(seed):
    a = seed & 0xFFFFFFFF

    def signed(x):
        x &= 0xFFFFFFFF
        return x - (1 << 32) if x & 0x80000000 else x

    def imul(x, y):
        return (x * y) & 0xFFFFFFFF

    def following():
        nonlocal a
        a = (a + 0x6D2B79F5) & 0xFFFFFFFF
        t = imul(a ^ (a >> 15), a | 1)
        t = (t ^ ((t + imul(t ^ (t >> 7), t | 61)) & 0xFFFFFFFF)) & 0xFFFFFFFF
        return ((t ^ (t >> 14)) & 0xFFFFFFFF) / 4294967296

    return following


def normals(seed, n):
    following = mulberry32(seed)
    out = np.empty(n)
    for i in range(n):
        total = 0.0
        for _ in range(12):
            total += following()
        out[i] = total - 6
    return out


def ar1(seed, n, rho):
    e = normals(seed, n)
    for i in range(1, n):
        e[i] = rho * e[i - 1] + e[i]
    return e


blocks = []
for seed, n, rho in ((1, 1000, 0.3), (2, 1000, 0.0), (3, 2500, 0.8), (4, 300, -0.4)):
    row = optimal_block_length(ar1(seed, n, rho)).iloc[0]
    blocks.append(
        {"seed": seed, "n": n, "rho": rho, "stationary": float(row["stationary"]), "circular": float(row["circular"])}
    )

spa = []
for seed, n, k, edge, block, spread in (
    (10, 250, 5, 0.0, 10, 0.0),
    (11, 250, 20, 0.0, 5, 0.0),
    (12, 500, 8, 0.13, 12, 0.0),
    (13, 400, 6, -0.1, 8, 0.0),
    # Trials as strategies are: some are held often and large, some seldom and small.
    (14, 300, 6, 0.2, 7, 1.5),
    (15, 400, 8, 0.15, 5, 0.5),
):
    data = np.column_stack([(1 + spread * j) * ar1(seed * 100 + j, n, 0.2) for j in range(k)])
    data[:, 0] += edge
    data[:, 1:] += -0.15 if edge < 0 else 0.0
    test = SPA(np.zeros(n), -data, block_size=block, reps=20_000, seed=1)
    test.compute()
    variances = np.asarray(test._loss_diff_var)
    scaled = SPA(np.zeros(n), -data / np.sqrt(variances), block_size=block, reps=20_000, seed=1)
    scaled.compute()
    spa.append(
        {
            "seed": seed,
            "n": n,
            "k": k,
            "edge": edge,
            "block": block,
            "spread": spread,
            "variances": [float(v) for v in variances],
            # arch 8.0.0 divides by no deviation, not with studentize=True either (its variances serve the recentring
            # threshold alone); columns scaled beforehand give Hansen's studentised statistic.
            "raw": {name: float(v) for name, v in test.pvalues.items()},
            "studentised": {name: float(v) for name, v in scaled.pvalues.items()},
        }
    )

cscv = []
for seed, n, k, s, edge in ((20, 243, 10, 8, 0.0), (21, 240, 12, 6, 0.25), (22, 160, 5, 16, 0.0)):
    data = np.column_stack([normals(seed * 100 + j, n) for j in range(k)])
    data[:, k // 2] += edge
    result = pypbo.pbo(data, S=s, metric_func=lambda x: perf.sharpe_iid(x), threshold=0)
    cscv.append(
        {
            "seed": seed,
            "n": n,
            "k": k,
            "blocks": s,
            "edge": edge,
            "pbo": float(result.pbo),
            "loss": float(result.prob_oos_loss),
            "slope": float(result.linear_model.slope),
            "intercept": float(result.linear_model.intercept),
            "splits": len(result.logits),
            "first_logits": [float(v) for v in result.logits[:5]],
            "sum_of_logits": float(np.sum(result.logits)),
        }
    )

json.dump(
    {
        "versions": {n: version(n) for n in ("arch", "numpy", "scipy", "statsmodels")},
        "pypbo": "esvhd/pypbo, commit ddbc631",
        "block_length": blocks,
        "spa": spa,
        "cscv": cscv,
    },
    sys.stdout,
    indent=1,
)
