"""Records scikit-learn's elastic-net regressions into fixtures/truth/linear.

    pip install scikit-learn numpy && python test/core/learning/linear/record.py
"""
import hashlib
import json
import pathlib
import numpy as np
import sklearn
from sklearn.linear_model import ElasticNet, LogisticRegression

OUT = pathlib.Path(__file__).parents[4] / "fixtures" / "truth" / "linear"
OUT.mkdir(parents=True, exist_ok=True)
rng = np.random.default_rng(7)
n, p = 300, 6
x = (rng.normal(size=(n, p)) * [1, 2, 0.5, 1, 3, 1] + [0, 1, 0, -2, 0, 5]).astype(np.float32)
z = 0.8 * x[:, 0] - 0.5 * x[:, 1] + 0.3 * x[:, 4]
y = (z + rng.logistic(size=n) > 0).astype(int)
w = (rng.random(n) + 0.2).astype(np.float32)
cases = []
for lam, rho, weighted in [(0.01, 0.5, False), (0.05, 1.0, False), (0.02, 0.0, True), (0.03, 0.7, True), (0.0001, 0.0, False)]:
    weight = w.astype(float) / w.mean(dtype=float) if weighted else np.ones(n)
    # C is per row, lambda is on the mean loss: C = 1 / (rows * lambda).
    kind = {0.0: "l2", 1.0: "l1"}.get(rho, "elasticnet")
    extra = dict(l1_ratio=rho) if tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 8) else dict(
        penalty=kind, **(dict(l1_ratio=rho) if kind == "elasticnet" else {}))
    model = LogisticRegression(C=1 / (n * lam), solver="saga", tol=1e-12, max_iter=2_000_000, **extra)
    model.fit(x.astype(float), y, sample_weight=weight)
    cases.append(dict(family="binomial", l=lam, rho=rho, weighted=weighted,
                      coefficients=model.coef_[0].tolist(), intercept=float(model.intercept_[0])))
for lam, rho in [(0.05, 0.5), (0.2, 1.0)]:
    model = ElasticNet(alpha=lam, l1_ratio=rho, tol=1e-14, max_iter=1_000_000).fit(x.astype(float), z + 0.1 * x[:, 2])
    cases.append(dict(family="gaussian", l=lam, rho=rho, weighted=False,
                      coefficients=model.coef_.tolist(), intercept=float(model.intercept_)))
path = OUT / "sklearn.json"
path.write_text(json.dumps(dict(sklearn=sklearn.__version__, rows=n, cols=p, x=[float(str(v)) for v in x.ravel()],
                                y=y.tolist(), target=(z + 0.1 * x[:, 2]).astype(float).tolist(),
                                weights=[float(str(v)) for v in w], cases=cases)) + "\n")
(OUT / "metadata.json").write_text(json.dumps(dict(
    source=f"recorded by test/core/learning/linear/record.py with PyPI scikit-learn {sklearn.__version__} (synthetic rows)",
    licence="Apache-2.0", sha256={path.name: hashlib.sha256(path.read_bytes()).hexdigest()}), indent=2) + "\n")
