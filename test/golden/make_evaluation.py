"""Writes evaluation.json beside itself: scores of predictions by scikit-learn, calibration by scikit-learn and scipy.

python3 make_evaluation.py, with scikit-learn 1.3 or newer (its ROC thresholds start at infinity) and scipy.
"""

import json
from pathlib import Path

import numpy as np
import scipy
import sklearn
from scipy.optimize import minimize_scalar
from sklearn import metrics
from sklearn.calibration import _sigmoid_calibration, calibration_curve
from sklearn.linear_model import LogisticRegression

rng = np.random.default_rng(7)


def sets():
    """Labels and float32 probabilities: distinct, tied, constant and certain ones; labels without positives or negatives."""
    for name, rows, digits in [("distinct", 40, None), ("ties", 60, 1), ("few", 7, 1), ("one", 1, None)]:
        y = (rng.random((rows, 5)) < [0.1, 0.3, 0.5, 0.7, 0.9]).astype(int)
        p = np.clip(0.25 * y + 0.75 * rng.random((rows, 5)), 0, 1)
        if digits is not None:
            p = np.round(p, digits)
        yield name, y, p
    y = (rng.random((30, 5)) < 0.3).astype(int)
    y[:, 1], y[:, 2] = 0, 1
    p = np.round(rng.random((30, 5)), 2)
    p[:, 3] = 0.5
    p[:, 4] = y[:, 4]
    yield "degenerate", y, p


def calibration_error(y, p, bins):
    share, mean = calibration_curve(y, p, n_bins=bins)
    counts = np.histogram(np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], p), np.arange(bins + 1))[0]
    return float(np.sum(counts[counts > 0] / len(p) * np.abs(share - mean)))


def scores_of(y, p):
    """Everything of one label; None where it is not defined."""
    both = 0 < y.sum() < len(y)
    found = (p >= np.float32(0.4)).astype(int)
    out = {
        "averagePrecision": metrics.average_precision_score(y, p) if y.any() else None,
        "rocAuc": metrics.roc_auc_score(y, p) if both else None,
        "brierScore": metrics.brier_score_loss(y, p, labels=[0, 1]),
        "calibrationError": calibration_error(y, p, 15),
        "logLoss": metrics.log_loss(y, np.clip(p, 1e-7, 1 - 1e-7), labels=[0, 1]),
        "precision": metrics.precision_score(y, found) if found.any() else None,
        "recall": metrics.recall_score(y, found) if y.any() else None,
        "specificity": metrics.recall_score(y, found, pos_label=0) if not y.all() else None,
        "fBeta": metrics.fbeta_score(y, found, beta=2) if y.any() or found.any() else None,
    }
    share, mean = calibration_curve(y, p, n_bins=15)
    out["reliability"] = [mean.tolist(), share.tolist()]
    if y.any():
        out["precisionRecall"] = {
            str(drop): [x.tolist() for x in metrics.precision_recall_curve(y, p, drop_intermediate=drop)]
            for drop in (False, True)
        }
    if both:
        # the first threshold, infinity, is not JSON
        out["roc"] = {
            str(drop): [x.tolist()[skip:] for x, skip in zip(metrics.roc_curve(y, p, drop_intermediate=drop), (0, 0, 1))]
            for drop in (False, True)
        }
    return out


def calibration_cases():
    for name, rows, scale, offset in [("overconfident", 200, 0.4, 0.3), ("shifted", 150, 1.3, -2.5), ("timid", 80, 3.0, 0.1)]:
        x = rng.normal(0, 2, rows).astype(np.float32).astype(float)
        y = (rng.random(rows) < 1 / (1 + np.exp(-(scale * x + offset)))).astype(int)
        plain = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000).fit(x[:, None], y)
        loss = lambda t: np.mean(np.logaddexp(0, -(2 * y - 1) * x / np.exp(t)))
        log_t = minimize_scalar(loss, bracket=(-1, 1), tol=1e-12).x
        a, b = _sigmoid_calibration(x, y)
        yield {
            "name": name,
            "logits": x.tolist(),
            "yTrue": y.tolist(),
            "logisticRegression": [plain.coef_[0, 0], plain.intercept_[0]],
            "temperature": float(np.exp(log_t)),
            "plattTargets": [-a, -b],
        }


def main():
    cases = []
    for name, y, p in sets():
        p = p.astype(np.float32).astype(float)
        case = {"name": name, "yTrue": y.tolist(), "probabilities": p.tolist()}
        case["perLabel"] = [scores_of(y[:, i], p[:, i]) for i in range(y.shape[1])]
        case["pooled"] = scores_of(y.ravel(), p.ravel())
        if all(0 < y[:, i].sum() < len(y) for i in range(y.shape[1])):
            case["averages"] = {
                average: {
                    "averagePrecision": metrics.average_precision_score(y, p, average=average),
                    "rocAuc": metrics.roc_auc_score(y, p, average=average),
                }
                for average in ("micro", "macro", "weighted")
            }
        cases.append(case)
    versions = {"scikit-learn": sklearn.__version__, "scipy": scipy.__version__}
    out = {"reference": versions, "threshold": 0.4, "cases": cases, "calibration": list(calibration_cases())}
    Path(__file__).with_name("evaluation.json").write_text(json.dumps(out) + "\n")


main()
