"""The ranker of rows: what a verdict changes, and what it must not."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import amiss
from amiss.core.errors import DataError, NotFittedError, ParameterError
from amiss.core.frame import Frame
from amiss.feedback import TriageRanker
from amiss.kernels import loops

VERDICTS = ("anomaly", "normal", "not_now", "unsure")
N_USUAL, N_CLUMP = 400, 25


def table(seed: int = 0) -> np.ndarray:
    """Usual rows, a clump of anomalies, and as lonely a clump of curiosities."""
    random = np.random.default_rng(seed)
    return np.vstack(
        [
            random.normal(size=(N_USUAL, 3)),
            random.normal([6, 0, 0], 0.4, (N_CLUMP, 3)),
            random.normal([0, 6, 0], 0.4, (N_CLUMP, 3)),
        ]
    )


def said_of(row: int) -> str:
    return "anomaly" if N_USUAL <= row < N_USUAL + N_CLUMP else "normal"


@pytest.fixture(scope="module")
def fitted() -> TriageRanker:
    return TriageRanker(n_trees=64).fit(table())


@pytest.fixture
def ranker(fitted) -> TriageRanker:
    while fitted.undo() is not None:
        pass
    return fitted


def picture(ranker: TriageRanker) -> tuple[list[int], list[int], list[float]]:
    return ranker.ranking().tolist(), ranker.ranking(hidden=True).tolist(), ranker.scores().tolist()


def answer(ranker: TriageRanker, n: int, said=said_of) -> list[int]:
    asked = []
    for _ in range(n):
        asked.append(ranker.next_question().row)
        ranker.label(asked[-1], said(asked[-1]))
    return asked


def test_verdicts_tell_one_clump_from_the_other(ranker):
    answer(ranker, 14)
    first = ranker.ranking()[:8]
    assert np.mean([said_of(row) == "anomaly" for row in first]) >= 0.9


def test_more_is_found_than_by_a_fixed_order():
    learnt = fixed = 0
    for seed in range(5):
        ranker = TriageRanker(n_trees=64, seed=seed).fit(table(seed))
        fixed += sum(said_of(row) == "anomaly" for row in ranker.ranking()[:30].tolist())
        learnt += sum(said_of(row) == "anomaly" for row in answer(ranker, 30))
    assert learnt >= 1.2 * fixed


def test_a_label_never_lowers_an_anomalys_own_rank(ranker):
    random = np.random.default_rng(1)
    for row in random.permutation(N_USUAL + 2 * N_CLUMP)[:40].tolist():
        verdict = str(random.choice(["anomaly", "normal"]))
        before = ranker.rank_of(row)
        ranker.label(row, verdict)
        after = ranker.rank_of(row)
        assert after <= before if verdict == "anomaly" else after >= before


said = st.lists(
    st.tuples(st.integers(0, N_USUAL + 2 * N_CLUMP - 1), st.sampled_from(("anomaly", "normal", "unsure"))),
    max_size=15, unique_by=lambda pair: pair[0],
)  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(pairs=said, random=st.randoms(use_true_random=False))
def test_the_order_of_verdicts_does_not_matter(fitted, pairs, random):
    shuffled = list(pairs)
    random.shuffle(shuffled)
    seen = []
    for order in (pairs, shuffled):
        while fitted.undo() is not None:
            pass
        for row, verdict in order:
            fitted.label(row, verdict)
        seen.append(picture(fitted))
    assert seen[0] == seen[1]


@settings(max_examples=20, deadline=None)
@given(pairs=said, row=st.integers(0, N_USUAL - 1), verdict=st.sampled_from(VERDICTS))
def test_undo_restores_exactly(fitted, pairs, row, verdict):
    while fitted.undo() is not None:
        pass
    for each, word in pairs:
        fitted.label(each, word)
    before, question = picture(fitted), fitted.next_question()
    fitted.label(row, verdict)
    picture(fitted)
    assert fitted.undo() == (row, verdict)
    assert picture(fitted) == before
    assert fitted.next_question() == question


def test_the_same_rows_and_verdicts_give_the_same_order():
    two = [TriageRanker(n_trees=32).fit(table()) for _ in range(2)]
    assert answer(two[0], 12) == answer(two[1], 12)
    assert picture(two[0]) == picture(two[1])


def test_unsure_is_kept_and_changes_no_other_row(ranker):
    before = ranker.scores()
    ranker.label(3, "unsure")
    np.testing.assert_array_equal(ranker.scores(), before)
    assert 3 not in ranker.ranking()
    assert ranker.labels() == [(3, "unsure")]


def test_every_tenth_question_is_uncertain_or_novel(ranker):
    why = []
    for _ in range(40):
        question = ranker.next_question()
        why.append(question.why)
        ranker.label(question.row, said_of(question.row))
    assert [i + 1 for i, each in enumerate(why) if each != "rank"] == [10, 20, 30, 40]
    assert set(why) == {"rank", "uncertain", "novel"}


def test_questions_are_never_asked_twice_and_end(ranker):
    small = TriageRanker(n_trees=16).fit(table()[:40])
    asked = []
    while (question := small.next_question()) is not None:
        asked.append(question.row)
        small.label(question.row, "anomaly")
    assert sorted(asked) == list(range(40))


class TestHiding:
    def twins(self, seed: int) -> tuple[TriageRanker, list[int], list[int]]:
        """Rows among which ten of the outermost stand three more times, a hair apart; and which these are."""
        random = np.random.default_rng(seed)
        X = random.normal(size=(600, 4)) * [1, 10, 0.1, 100]
        odd = np.argsort(-np.abs(X / X.std(axis=0)).max(axis=1))[:10]
        like = np.repeat(X[odd], 3, axis=0) + random.normal(size=(30, 4)) * 0.01 * X.std(axis=0)
        return TriageRanker(seed=seed).fit(np.vstack([X, like])), odd.tolist(), list(range(600, 630))

    def test_a_pattern_called_normal_is_rarely_shown_again(self):
        shown = total = 0
        for seed in range(5):
            ranker, odd, like = self.twins(seed)
            for row in odd:
                ranker.label(row, "normal")
            shown, total = shown + sum(not ranker.is_hidden(row) for row in like), total + len(like)
        assert shown / total <= 0.05

    def test_nothing_is_hidden_without_a_stated_reason(self):
        ranker, odd, _ = self.twins(0)
        for row in odd[:5]:
            ranker.label(row, "normal")
        free = set(range(630)) - set(odd[:5])
        shown, hidden = set(ranker.ranking().tolist()), set(ranker.ranking(hidden=True).tolist())
        assert shown | hidden == free
        assert not shown & hidden
        for row in free:
            assert bool(ranker.is_hidden(row)) == (row in hidden)
        assert all(int(ranker.is_hidden(row).split()[2]) in odd[:5] for row in hidden)

    def test_what_is_as_much_like_an_anomaly_is_shown(self):
        ranker, odd, like = self.twins(0)
        ranker.label(odd[0], "normal")
        assert ranker.is_hidden(like[0]) == f"like row {odd[0]} that was called normal"
        ranker.label(like[1], "anomaly")
        ranker.label(like[2], "anomaly")
        ranker.label(like[0], "anomaly")
        assert ranker.is_hidden(like[0]) == ""

    def test_not_now_hides_for_so_many_verdicts(self):
        ranker, odd, like = self.twins(0)
        ranker.snooze_verdicts = 3
        ranker.label(odd[0], "not_now")
        assert "put off" in ranker.is_hidden(like[0])
        for row in odd[1:4]:
            ranker.label(row, "unsure")
        assert ranker.is_hidden(like[0]) == ""
        assert odd[0] in ranker.ranking()


def test_the_order_is_as_at_first_where_verdicts_mislead(ranker):
    # Neighbours get opposite verdicts, and the first order tells them.
    order = ranker.ranking()
    for row in order[:30].tolist():
        ranker.label(row, "anomaly")
    for row in order[30:60].tolist():
        ranker.label(row, "normal")
    learns, why = ranker.learns()
    plain = TriageRanker(n_trees=64).fit(table())
    if not learns:
        assert "as at first" in why
        np.testing.assert_array_equal(ranker.scores(), plain.scores())


def test_random_verdicts_do_not_hurt_much():
    stepped_back = 0
    for seed in range(10):
        random = np.random.default_rng(seed)
        ranker = TriageRanker(n_trees=32, seed=seed).fit(table(seed))
        order = ranker.ranking()
        rows = order[:60]
        is_odd = np.arange(60) < 30
        noise = random.permutation(60)[:12]
        is_odd[noise] = ~is_odd[noise]
        for row, odd in zip(rows.tolist(), is_odd.tolist(), strict=True):
            ranker.label(row, "anomaly" if odd else "normal")
        learns, why = ranker.learns()
        figures = [float(word) for word in why.replace(")", "").replace("(", "").split() if word.startswith("0.")]
        assert learns or figures[0] < figures[1]
        stepped_back += not learns
    assert stepped_back > 0


class TestThePromise:
    def test_it_holds_after_each_verdict(self, ranker):
        for _ in range(15):
            answer(ranker, 1)
            found = ranker.is_anomaly()
            odd = {row for row, verdict in ranker.labels() if verdict == "anomaly"}
            usual = [row for row in np.flatnonzero(found).tolist() if row not in odd]
            assert odd <= set(np.flatnonzero(found).tolist())
            assert len(usual) <= 0.01 * (len(found) - len(odd))

    def test_what_was_said_is_kept_to(self, ranker):
        row = int(ranker.ranking()[0])
        assert ranker.is_anomaly()[row]
        ranker.label(row, "normal")
        assert not ranker.is_anomaly()[row]


def test_a_models_scores_order_the_rows_at_first():
    X = table()
    model = amiss.fit(X, detector="knn")
    prepared = model.preparation.transform(Frame.of(X))
    ranker = TriageRanker.of(model, prepared, n_trees=16)
    assert ranker.ranking()[0] == np.argmax(model.detector.score_rows(prepared))


def test_rows_with_holes_are_ranked():
    X = table()
    X[::7, 1] = np.nan
    ranker = TriageRanker(n_trees=16).fit(X)
    answer(ranker, 5)
    assert np.isfinite(ranker.scores()).all()


@pytest.mark.parametrize("X", [np.zeros((5, 2)), np.arange(4.0).reshape(2, 2)], ids=["constant", "two rows"])
def test_odd_tables_are_ranked(X):
    ranker = TriageRanker(n_trees=4).fit(X)
    ranker.label(0, "normal")
    assert np.isfinite(ranker.scores()).all()


def test_wrong_words_are_refused(ranker):
    with pytest.raises(ParameterError, match="no row 9999"):
        ranker.label(9999, "normal")
    with pytest.raises(ParameterError, match="no verdict 'bad'"):
        ranker.label(0, "bad")
    with pytest.raises(NotFittedError):
        TriageRanker().ranking()
    with pytest.raises(DataError):
        TriageRanker().fit(np.zeros((1, 3)))
    for wrong in ({"n_trees": 300}, {"false_alarm_rate": 0.0}, {"snooze_verdicts": 0}):
        with pytest.raises(ParameterError):
            TriageRanker(**wrong)


@pytest.mark.slow
@pytest.mark.skipif(not loops.compiled(), reason="a promise of the compiled loops")
def test_a_verdict_on_a_hundred_thousand_rows_takes_less_than_half_a_second():
    X = np.random.default_rng(0).normal(size=(100_000, 10))
    ranker = TriageRanker().fit(X)
    taken = []
    for i in range(60):
        row = ranker.next_question().row
        start = time.process_time()
        ranker.label(row, "anomaly" if i % 3 else "normal")
        ranker.next_question()
        taken.append(time.process_time() - start)
    assert max(taken) < 0.5
