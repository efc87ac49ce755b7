"""Metrics of series written down plainly, row by row, as the papers define them."""

from __future__ import annotations

import math

import numpy as np


def events(flags):
    """(first, last) of each run, both inside."""
    found, start = [], None
    for i, flag in enumerate([*flags, 0]):
        if flag and start is None:
            start = i
        elif not flag and start is not None:
            found.append((start, i - 1))
            start = None
    return found


def soft_labels(labels, window):
    """Label of each row at one window: 1 inside an event, falling beside it, summed up to at most 1."""
    soft = [float(label) for label in labels]
    for first, last in events(labels):
        for i in range(len(labels)):
            distance = max(first - i, i - last)
            if 0 < distance <= window // 2:
                soft[i] += math.sqrt(1 - distance / window)
    return [min(value, 1.0) for value in soft]


def widened(labels, window):
    """Events with half a window on either side; those that then touch or overlap are one."""
    reach, n = window // 2, len(labels)
    merged = []
    for first, last in events(labels):
        if merged and first - reach <= merged[-1][1]:
            merged[-1][1] = last + reach
        else:
            merged.append([first - reach, last + reach])
    return [(max(first, 0), min(last, n - 1)) for first, last in merged]


def range_auc(labels, scores, window, n_thresholds=250):
    """(Range-AUC-PR, range-AUC-ROC) at one window."""
    n = len(labels)
    soft, ranges = soft_labels(labels, window), widened(labels, window)
    descending = sorted(scores, reverse=True)
    recalls, falses, precisions = [0.0], [0.0], [1.0]
    for rank in np.linspace(0, n - 1, n_thresholds).astype(int):
        flags = [score >= descending[rank] for score in scores]
        true = sum(value for value, flag in zip(soft, flags, strict=True) if flag)
        # Labels that count: those given, and the soft ones that were flagged.
        told = sum(1.0 if label else value * flag for label, value, flag in zip(labels, soft, flags, strict=True))
        positives = (sum(labels) + told) / 2
        existence = sum(any(flags[a : b + 1]) for a, b in ranges) / len(ranges)
        recalls.append(min(true / positives, 1.0) * existence)
        falses.append((sum(flags) - true) / (n - positives))
        precisions.append(true / sum(flags))
    pr = sum((recalls[k] - recalls[k - 1]) * precisions[k] for k in range(1, len(recalls)))
    recalls.append(1.0)
    falses.append(1.0)
    roc = sum((falses[k] - falses[k - 1]) * (recalls[k] + recalls[k - 1]) / 2 for k in range(1, len(recalls)))
    return pr, roc


def vus(labels, scores, window, n_thresholds=250):
    """(VUS-PR, VUS-ROC)."""
    areas = [range_auc(labels, scores, w, n_thresholds) for w in range(window + 1)]
    return tuple(np.mean(areas, axis=0))


def auc_roc(labels, scores):
    """Share of the pairs of an anomaly and a normal row that are in order; a tie is half a pair."""
    anomalies = [s for s, label in zip(scores, labels, strict=True) if label]
    normal = [s for s, label in zip(scores, labels, strict=True) if not label]
    return sum((a > b) + (a == b) / 2 for a in anomalies for b in normal) / (len(anomalies) * len(normal))


def auc_pr(labels, scores):
    total, before = 0.0, 0.0
    for level in sorted(set(scores), reverse=True):
        flagged = [label for label, s in zip(labels, scores, strict=True) if s >= level]
        recall = sum(flagged) / sum(labels)
        total += (recall - before) * sum(flagged) / len(flagged)
        before = recall
    return total


def nab_raw(labels, flags, n_probation, found, false, missed):
    """NAB's sum for one series at given flags."""

    def sigmoid(x):
        return 2 / (1 + math.exp(5 * x)) - 1

    total = 0.0
    windows = events(labels)
    for first, last in windows:
        hits = [i for i in range(max(first, n_probation), last + 1) if flags[i]]
        if hits:
            total += found * sigmoid(-(last - hits[0] + 1) / (last - first + 1)) / sigmoid(-1.0)
        elif last >= n_probation:
            total -= missed
    for i in range(n_probation, len(labels)):
        if flags[i] and not labels[i]:
            before = [(first, last) for first, last in windows if last < i]
            if not before:
                total -= false
            else:
                first, last = before[-1]
                position = (i - last) / max(last - first, 1)
                total += false * (sigmoid(position) if position < 3 else -1.0)
    return total


def range_recall(labels, flags, alpha, weight):
    """Tatbul et al.'s recall; `weight(i, length)` of the i-th row from 1."""
    total = 0.0
    bursts = events(flags)
    ranges = events(labels)
    for first, last in ranges:
        touching = [(a, b) for a, b in bursts if a <= last and b >= first]
        length = last - first + 1
        most = sum(weight(i, length) for i in range(1, length + 1))
        mine = sum(weight(i - first + 1, length) for i in range(first, last + 1) if flags[i])
        cardinality = 1 / len(touching) if touching else 0.0
        total += alpha * bool(touching) + (1 - alpha) * cardinality * mine / most
    return total / len(ranges)


def affiliation(labels, flags, parts=60):
    """Precision and recall by sampling each row at `parts` points: exact as the parts grow finer."""
    truth = [(a, b + 1) for a, b in events(labels)]
    flagged = [(a, b + 1) for a, b in events(flags)]
    n = len(labels)
    borders = [0.0, *((truth[k][1] + truth[k + 1][0]) / 2 for k in range(len(truth) - 1)), float(n)]
    grid = (np.arange(n * parts) + 0.5) / parts

    def inside(points, spans):
        return (
            np.any([(points >= a) & (points < b) for a, b in spans], axis=0) if spans else np.zeros(len(points), bool)
        )

    precisions, recalls = [], []
    for k, (a, b) in enumerate(truth):
        zone = grid[(grid >= borders[k]) & (grid < borders[k + 1])]
        hits = zone[inside(zone, flagged)]
        event = zone[(zone >= a) & (zone < b)]
        away = np.maximum(np.maximum(a - zone, zone - b), 0)
        if len(hits):
            far = np.maximum(np.maximum(a - hits, hits - b), 0)
            precisions.append(np.mean([np.mean(away >= d) for d in far]))
            near = [np.abs(hits - y).min() for y in event]
            recalls.append(np.mean([np.mean(np.abs(zone - y) >= d) for y, d in zip(event, near, strict=True)]))
        else:
            recalls.append(0.0)
    return (np.mean(precisions) if precisions else math.nan), np.mean(recalls)
