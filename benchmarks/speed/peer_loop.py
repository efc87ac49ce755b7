"""The loop that people write: each detector on each fold, scaled, cut by held-out normal rows, judged on the fold."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
from pyod.models.iforest import IForest
from pyod.models.knn import KNN
from pyod.models.lof import LOF
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

LEARNERS = {
    "decision_tree": lambda: DecisionTreeClassifier(min_samples_leaf=5, class_weight="balanced"),
    "random_forest": lambda: RandomForestClassifier(100, class_weight="balanced"),
    "extra_trees": lambda: ExtraTreesClassifier(100, class_weight="balanced"),
    "gradient_boosting": lambda: HistGradientBoostingClassifier(max_iter=200, early_stopping=True),
    "logistic_regression": lambda: LogisticRegression(max_iter=200, class_weight="balanced"),
    "linear_svm": lambda: LinearSVC(class_weight="balanced"),
    "labelled_neighbors": lambda: KNeighborsClassifier(20, weights="distance"),
    "mlp": lambda: MLPClassifier((64, 64), early_stopping=True, max_iter=60),
    "naive_bayes": GaussianNB,
}
WITHOUT_LABELS = {"isolation_forest": IForest, "knn": KNN, "lof": LOF}


def scores_of(model: object, X: np.ndarray) -> np.ndarray:
    if hasattr(model, "predict_proba") and not hasattr(model, "contamination"):
        return model.predict_proba(X)[:, 1]
    return model.decision_function(X)


def main() -> None:
    table = pd.read_csv(sys.argv[1])
    y = table.pop("label").to_numpy()
    X = table.to_numpy()
    for name, make in {**LEARNERS, **WITHOUT_LABELS}.items():
        figures = []
        for train, test in StratifiedKFold(5, shuffle=True, random_state=0).split(X, y):
            fit, held = train_test_split(train, test_size=0.2, stratify=y[train], random_state=0)
            scale = StandardScaler().fit(X[fit])
            Z = scale.transform(X[fit])
            model = make().fit(Z, y[fit]) if name in LEARNERS else make().fit(Z[y[fit] == 0])
            cut = np.quantile(scores_of(model, scale.transform(X[held][y[held] == 0])), 0.95)
            scores = scores_of(model, scale.transform(X[test]))
            figures.append((f1_score(y[test], scores > cut), roc_auc_score(y[test], scores),
                            average_precision_score(y[test], scores)))  # fmt: skip
        print(name, *np.mean(figures, axis=0).round(3))


if __name__ == "__main__":
    main()
