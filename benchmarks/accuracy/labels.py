"""Detectors that learn from labels, on labelled network data; and the same learners of scikit-learn, cut at 0.5.

Run: python benchmarks/accuracy/labels.py FOLDER [--sets nsl,unsw,cic,iot,zeek] [--learners NAME,…] [--seeds N]
     [--no-peers]

FOLDER holds nsl-kdd/, unsw-nb15/, iotid20/, cicids2017/ and zeek-labelled/. NSL-KDD is learnt from its training file
and judged on its test file, Zeek from one day to the other; the others by five folds, in which identical rows stay
together. The threshold for 5 % false alarms comes from training rows alone: from the scores of its normal rows by
three models that had not learnt them. All that is known of the columns is learnt from the training rows too.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from amiss.core.catalog import detector_class, detector_names
from amiss.core.frame import Frame
from amiss.evaluate.ranking import auc_pr, auc_roc
from amiss.prepare.preparation import Preparation
from amiss.prepare.roles import Wishes, infer_schema
from amiss.summaries.table import TableSummary

RATES = (0.002, 0.01, 0.05)
N_FOLDS, N_INNER = 5, 3
KDD_KINDS = {
    "DoS": "back land neptune pod smurf teardrop apache2 mailbomb processtable udpstorm worm",
    "Probe": "ipsweep nmap portsweep satan mscan saint",
    "R2L": "ftp_write guess_passwd imap multihop phf spy warezclient warezmaster httptunnel named sendmail"
    " snmpgetattack snmpguess xlock xsnoop",
    "U2R": "buffer_overflow loadmodule perl rootkit ps sqlattack xterm",
}
ZEEK_LEFT_OUT = {
    "ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "local_orig", "local_resp", "tunnel_parents",
    "label", "detailedlabel",
}  # fmt: skip
IOT_LEFT_OUT = ["Flow_ID", "Src_IP", "Dst_IP", "Src_Port", "Timestamp", "Label"]


@dataclass(frozen=True, slots=True)
class Labelled:
    """Columns, and the kind of each row: "" for a normal one.

    `test` where a file of its own is judged, `unseen` which of its rows are attacks that the other file does not name.
    """

    table: pl.DataFrame
    kind: np.ndarray
    test: tuple[pl.DataFrame, np.ndarray] | None = None
    unseen: np.ndarray | None = None


def unpacked(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes())


def nsl_kdd(folder: Path) -> Labelled:
    kinds = {name: kind for kind, names in KDD_KINDS.items() for name in names.split()} | {"normal": ""}
    parts, named = [], []
    for name in ("KDDTrain+", "KDDTest+"):
        table = pl.read_csv(unpacked(folder / f"nsl-kdd/{name}.txt.gz"), has_header=False, infer_schema_length=None)
        attack, difficulty = table.columns[-2:]
        kind = np.array([kinds[name] for name in table[attack]])
        parts.append((table.drop(attack, difficulty), kind))
        named.append(table[attack])
    return Labelled(*parts[0], parts[1], ~named[1].is_in(named[0].unique().implode()).to_numpy())


def unsw(folder: Path) -> Labelled:
    table = pl.read_csv(
        unpacked(folder / "unsw-nb15/unsw_nb15_82332.csv.gz"), encoding="utf8-lossy", infer_schema_length=None
    )
    table = table.rename({table.columns[0]: "id"})
    kind = np.array([kind.strip() if label else "" for kind, label in table.select("attack_cat", "label").iter_rows()])
    return Labelled(table.drop("id", "attack_cat", "label"), kind)


def cic(folder: Path) -> Labelled:
    table = pl.read_csv(unpacked(folder / "cicids2017/cic_0.01km.csv.gz"), infer_schema_length=None)
    return Labelled(table.drop("Labelb"), np.where(table["Labelb"].to_numpy() > 0, "attack", ""))


def iot(folder: Path) -> Labelled:
    table = pl.read_csv(unpacked(folder / "iotid20/IoT_2020_b_0.01_fs.csv.gz"), infer_schema_length=None)
    return Labelled(table.drop(IOT_LEFT_OUT), np.where(table["Label"].to_numpy() > 0, "attack", ""))


def zeek(folder: Path) -> Labelled:
    parts = []
    for day in ("008", "010"):
        lines = unpacked(folder / f"zeek-labelled/{day}.conn.log.labeled.gz").decode().splitlines()
        names = next(line for line in lines if line.startswith("#fields")).split("\t")[1:]
        rows = [line.split("\t") for line in lines if not line.startswith("#")]
        rows = [row for row in rows if row[names.index("label")] != "Background"]
        label = [row[names.index("label")] == "Malicious" for row in rows]
        columns = {
            name: [None if row[k] == "-" else row[k] for row in rows]
            for k, name in enumerate(names)
            if name not in ZEEK_LEFT_OUT
        }
        text = ("proto", "service", "conn_state", "history")
        table = pl.DataFrame(columns).with_columns(pl.exclude(text).cast(pl.Float64, strict=False))
        parts.append((table, np.where(label, "attack", "")))
    return Labelled(*parts[0], parts[1])


SETS: dict[str, Callable[[Path], Labelled]] = {"nsl": nsl_kdd, "unsw": unsw, "cic": cic, "iot": iot, "zeek": zeek}


def groups(table: pl.DataFrame) -> np.ndarray:
    """A number for each row, the same for identical rows, whatever their order."""
    words = (hashlib.blake2b(repr(row).encode(), digest_size=8).digest() for row in table.iter_rows())
    return np.array([int.from_bytes(word, "big") for word in words], dtype=np.uint64)


def fold_of(table: pl.DataFrame, n_folds: int, seed: int) -> np.ndarray:
    """Fold of each row: identical rows in one fold."""
    _, group = np.unique(groups(table), return_inverse=True)
    return np.random.default_rng(seed).integers(0, n_folds, group.max() + 1)[group]


@dataclass(frozen=True, slots=True)
class Split:
    """Matrices of one split, the kinds of the rows, and the inner fold of the training rows."""

    X: np.ndarray
    kind: np.ndarray
    inner: np.ndarray
    T: np.ndarray
    truth: np.ndarray


def prepared(train: pl.DataFrame, kind: np.ndarray, test: pl.DataFrame, truth: np.ndarray, seed: int) -> Split:
    summary = TableSummary.of(Frame.of(train), capacity=50_000)
    preparation = Preparation.of(infer_schema(summary, Wishes()), summary, fill_missing=True)
    X, T = (preparation.transform(Frame.of(table)) for table in (train, test))
    return Split(X, kind, fold_of(train, N_INNER, seed + 1), T, truth)


def splits(data: Labelled, seed: int) -> Iterator[Split]:
    if data.test is not None:
        yield prepared(data.table, data.kind, *data.test, seed)
        return
    fold = fold_of(data.table, N_FOLDS, seed)
    for k in range(N_FOLDS):
        mask = pl.Series(fold != k)
        yield prepared(
            data.table.filter(mask), data.kind[fold != k], data.table.filter(~mask), data.kind[fold == k], seed
        )


def made(name: str, seed: int):
    detector = detector_class(name)()
    return detector.set_params(**({"random_state": seed} if "random_state" in detector.get_params() else {}))


def scored(name: str, split: Split, seed: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Scores of the test rows, those of normal training rows by models that had not learnt them, CPU seconds."""
    y, start = (split.kind != "").astype(int), time.process_time()
    scores = made(name, seed).fit(split.X, y).anomaly_score(split.T)
    seconds = time.process_time() - start
    unseen = []
    for k in range(N_INNER):
        rows = split.inner != k
        held = np.ascontiguousarray(split.X[~rows & (y == 0)])
        unseen.append(made(name, seed).fit(np.ascontiguousarray(split.X[rows]), y[rows]).anomaly_score(held))
    return scores, np.concatenate(unseen), seconds


def peers(seed: int) -> dict[str, object]:
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.tree import DecisionTreeClassifier

    return {
        "scikit-learn HistGradientBoosting": HistGradientBoostingClassifier(random_state=seed),
        "scikit-learn RandomForest": RandomForestClassifier(random_state=seed),
        "scikit-learn DecisionTree": DecisionTreeClassifier(random_state=seed),
        "scikit-learn LogisticRegression": make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)),
        "scikit-learn MLP": make_pipeline(StandardScaler(), MLPClassifier(random_state=seed, max_iter=30)),
        "scikit-learn GaussianNB": GaussianNB(),
    }


def f1(y: np.ndarray, flagged: np.ndarray) -> float:
    true = (y & flagged).sum()
    return float(2 * true / max(y.sum() + flagged.sum(), 1))


def figures(scores: np.ndarray, truth: np.ndarray, cuts: dict[float, float]) -> dict[str, float]:
    y = truth != ""
    found = {"AUC-ROC": auc_roc(y, scores), "AUC-PR": auc_pr(y, scores)}
    for rate, cut in cuts.items():
        flagged = scores > cut
        found |= {
            f"F1 at {100 * rate:g} %": f1(y, flagged),
            f"reached at {100 * rate:g} %": float(flagged[~y].mean()),
            f"recall at {100 * rate:g} %": float(flagged[y].mean()),
        }
    flagged = scores > cuts[0.05]
    kinds = sorted(set(truth) - {""})
    return found | {f"recall {kind}": float(flagged[truth == kind].mean()) for kind in kinds if len(kinds) > 1}


def judged(data: Labelled, learners: list[str], seeds: int, with_peers: bool) -> dict[str, list[dict[str, float]]]:
    found: dict[str, list[dict[str, float]]] = {}
    for seed in range(seeds):
        for split in splits(data, seed):
            for name in learners:
                scores, unseen, seconds = scored(name, split, seed)
                cuts = {rate: float(np.quantile(unseen, 1 - rate, method="higher")) for rate in RATES}
                found.setdefault(name, []).append(figures(scores, split.truth, cuts) | {"CPU s": seconds})
            for name, peer in (peers(seed) if with_peers else {}).items():
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    chance = peer.fit(split.X, split.kind != "").predict_proba(split.T)[:, 1]
                y, flagged = split.truth != "", chance > 0.5
                line = {"AUC-ROC": auc_roc(y, chance), "AUC-PR": auc_pr(y, chance), "F1 at 0.5": f1(y, flagged)}
                found.setdefault(name, []).append(line | {"reached at 0.5": float(flagged[~y].mean())})
    return found


def print_table(title: str, found: dict[str, list[dict[str, float]]]) -> None:
    columns = list(dict.fromkeys(name for lines in found.values() for line in lines for name in line))
    print(f"\n## {title}\n\n| learner | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for name, lines in found.items():
        cells = []
        for column in columns:
            values = [line[column] for line in lines if column in line]
            cells.append(f"{np.mean(values):.3f} ± {np.std(values):.3f}" if len(values) > 1 else _one(values))
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def _one(values: list[float]) -> str:
    return f"{values[0]:.3f}" if values else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--learners", default=",".join(detector_names("labels")))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--no-peers", action="store_true")
    args = parser.parse_args()
    for name in args.sets.split(","):
        found = judged(SETS[name](args.folder), args.learners.split(","), args.seeds, not args.no_peers)
        print_table(name, found)


if __name__ == "__main__":
    main()
