"""Detectors from statistics against reference implementations, published figures and the laws they obey."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest
from scipy import stats
from sklearn.decomposition import PCA as ReferencePCA
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity

from amiss.detectors import GMM, IQR, KDE, PCA, ChiSquare, GeneralizedESD, Mahalanobis, RobustPCA, ZScore
from amiss.summaries.columns import ColumnMoments

# Rosner (1983), table 1: vitamin E in 54 portions of food, on a logarithmic scale.
ROSNER = np.array([
    -0.25, 0.68, 0.94, 1.15, 1.20, 1.26, 1.26, 1.34, 1.38, 1.43, 1.49, 1.49, 1.55, 1.56, 1.58, 1.65, 1.69, 1.70,
    1.76, 1.77, 1.81, 1.91, 1.94, 1.96, 1.99, 2.06, 2.09, 2.10, 2.14, 2.15, 2.23, 2.24, 2.26, 2.35, 2.37, 2.40,
    2.47, 2.54, 2.62, 2.64, 2.90, 2.92, 2.92, 2.93, 3.21, 3.26, 3.30, 3.59, 3.68, 4.30, 4.64, 5.34, 5.42, 6.01,
])  # fmt: skip


@pytest.fixture
def X():
    random = np.random.default_rng(3)
    return random.normal(size=(400, 5)) @ random.normal(size=(5, 5)) + 7


def with_holes(X):
    holes = X.copy()
    holes[np.random.default_rng(1).random(X.shape) < 0.1] = np.nan
    return holes


def test_z_score_equals_the_reference(X):
    for table in (X, with_holes(X)):
        expected = np.nanmax(np.abs(stats.zscore(table, axis=0, nan_policy="omit")), axis=1)
        np.testing.assert_allclose(ZScore().fit(table).anomaly_score(table), expected, rtol=1e-12)


def test_chi_square_equals_the_reference(X):
    for table in (X, with_holes(X)):
        expected = np.nansum(stats.zscore(table, axis=0, nan_policy="omit") ** 2, axis=1)
        np.testing.assert_allclose(ChiSquare().fit(table).anomaly_score(table), expected, rtol=1e-11)


def test_chi_square_has_its_distribution_for_independent_normal_columns():
    random = np.random.default_rng(0)
    scores = ChiSquare().fit(random.normal(size=(50_000, 6))).anomaly_score(random.normal(size=(50_000, 6)))
    assert stats.kstest(scores, stats.chi2(6).cdf).statistic < 0.01
    # 500 rows expected; four standard deviations of their number.
    assert (scores > stats.chi2.isf(0.01, 6)).sum() == pytest.approx(500, abs=90)


def test_the_square_of_mahalanobis_is_hotelling_s():
    random = np.random.default_rng(0)
    n, d, mix = 60, 4, random.normal(size=(4, 4))
    limit = d * (n**2 - 1) / (n * (n - d)) * stats.f.isf(0.05, d, n - d)
    beyond = 0
    for _ in range(400):
        detector = Mahalanobis(shrinkage=1e-12).fit(random.normal(size=(n, d)) @ mix)
        squared = detector.anomaly_score(random.normal(size=(50, d)) @ mix) ** 2
        # Hotelling's covariance is divided by n − 1, ours by n.
        beyond += int((squared * (n - 1) / n > limit).sum())
    assert beyond / 20_000 == pytest.approx(0.05, abs=0.01)


def test_column_moments_merge_exactly(X):
    table = with_holes(X)
    table[:100, 2] = np.nan
    parts = [ColumnMoments.of(table[a : a + 50]) for a in range(0, 400, 50)]
    merged, whole = reduce(ColumnMoments.merge, parts), ColumnMoments.of(table)
    np.testing.assert_array_equal(merged.n_present, whole.n_present)
    np.testing.assert_allclose(merged.mean, whole.mean, rtol=1e-13)
    np.testing.assert_allclose(merged.square, whole.square, rtol=1e-12)


@pytest.mark.parametrize("detector", [ZScore(), ChiSquare(), IQR(), GeneralizedESD()], ids=repr)
def test_units_of_columns_do_not_matter(detector, X):
    scores = detector.fit(X).anomaly_score(X)
    other = X * np.array([1e-3, 1.0, -2.0, 1e6, 40.0]) + np.array([0, -5.0, 1e3, 0, 1.0])
    np.testing.assert_allclose(detector.fit(other).anomaly_score(other), scores, rtol=1e-8)


@pytest.mark.parametrize("detector", [ZScore(), ChiSquare(), IQR(), GeneralizedESD()], ids=repr)
def test_a_missing_value_adds_nothing(detector, X):
    detector.fit(with_holes(X))
    usual = np.full((1, 5), 7.0)
    usual[0, :2] = X[:, :2].max(axis=0) * 3
    other = usual.copy()
    other[0, 2:] = np.nan
    assert detector.anomaly_score(other) <= detector.anomaly_score(usual)
    assert (detector.contributions(other)[0, :2] == detector.contributions(usual)[0, :2]).all()


def test_iqr_is_the_rule_of_the_box_plot(X):
    low, high = np.quantile(X, [0.25, 0.75], axis=0)
    fence = 1.5 * stats.iqr(X, axis=0)
    outside = ((low - fence > X) | (high + fence < X)).any(axis=1)
    scores = IQR(sample_size=None).fit(X).anomaly_score(X)
    np.testing.assert_array_equal(scores > 1.5, outside)
    assert outside.any()


def test_iqr_tells_the_sides_of_a_skewed_column_apart():
    X = np.random.default_rng(0).exponential(size=(5000, 1))
    low, high = IQR().fit(X).anomaly_score([[-1.0], [2.5]])
    assert low > high


def test_generalized_esd_on_the_published_example():
    # The paper tests ten steps: statistics 3.118, 2.942, 3.179, 2.810 … against limits 3.158, 3.151, 3.143, 3.136 …
    detector = GeneralizedESD(max_outliers=10.2 / 54).fit(ROSNER[:, None])
    assert detector.n_outliers_.tolist() == [3]
    assert detector.location_[0] == pytest.approx(ROSNER[:51].mean())
    assert detector.scale_[0] == pytest.approx(ROSNER[:51].std(ddof=1))
    np.testing.assert_array_equal(detector.anomaly_score(ROSNER[:, None]) > 1, np.arange(54) >= 51)
    # One step at a time Grubbs' test finds none: the three hide one another.
    assert GeneralizedESD(max_outliers=1.2 / 54).fit(ROSNER[:, None]).n_outliers_.tolist() == [0]


def by_definition(x, n_steps, alpha):
    """Rosner's test, straight from its definition: which values are outliers."""
    left, taken, found = np.ones(len(x), bool), [], 0
    for i in range(1, n_steps + 1):
        mean, spread = x[left].mean(), x[left].std(ddof=1)
        worst = np.flatnonzero(left)[np.abs(x[left] - mean).argmax()]
        n = len(x) - i + 1
        t = stats.t.ppf(1 - alpha / (2 * n), n - 2)
        if abs(x[worst] - mean) / spread > (n - 1) * t / np.sqrt((n - 2 + t**2) * n):
            found = i
        taken.append(worst)
        left[worst] = False
    return sorted(taken[:found])


@pytest.mark.parametrize("seed", range(6))
def test_generalized_esd_follows_the_definition_and_its_scores_the_test(seed):
    random = np.random.default_rng(seed)
    X = random.normal(size=(120, 3)) * [1, 1e-3, 1e4] + [0, 5, -1e4]
    X[:7, 0], X[:5, 1] = random.normal(6, 1, 7), 5 + 0.02 * random.choice([-1, 1], 5)
    detector = GeneralizedESD(max_outliers=0.1).fit(X)
    share = detector.contributions(X)
    for j in range(3):
        outliers = by_definition(X[:, j], 12, 0.05)
        assert detector.n_outliers_[j] == len(outliers)
        assert np.flatnonzero(share[:, j] > 1).tolist() == outliers


def test_generalized_esd_leaves_no_rounding_of_gross_outliers_behind():
    random = np.random.default_rng(0)
    clean = random.normal(3, 0.1, size=(500, 1))
    dirty = np.vstack([clean, [[1e15], [-1e15], [4e14]]])
    detector = GeneralizedESD().fit(dirty)
    assert detector.n_outliers_.tolist() == [3]
    assert detector.scale_[0] == pytest.approx(clean.std(ddof=1), rel=1e-9)


@pytest.mark.slow
def test_generalized_esd_finds_an_outlier_in_a_clean_column_as_often_as_asked():
    X = np.random.default_rng(0).normal(size=(40, 4000))
    found = (GeneralizedESD(alpha=0.05).fit(X).n_outliers_ > 0).mean()
    assert found == pytest.approx(0.05, abs=0.015)


def factors(n_rows, seed, n_features=8, noise=0.3):
    """Rows that two hidden causes tell, but for noise; `seed` draws the rows and not the causes."""
    causes = np.random.default_rng(99).normal(size=(2, n_features))
    random = np.random.default_rng(seed)
    return random.normal(size=(n_rows, 2)) @ causes + noise * random.normal(size=(n_rows, n_features))


def test_t2_of_pca_equals_the_reference(X):
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    detector = PCA(variance=0.7, statistic="t2").fit(X)
    reference = ReferencePCA(n_components=len(detector.components_)).fit(Z)
    expected = (reference.transform(Z) ** 2 / (reference.explained_variance_ * 399 / 400)).sum(axis=1)
    np.testing.assert_allclose(detector.anomaly_score(X), expected, rtol=1e-8)


def test_t2_with_all_directions_is_the_square_of_mahalanobis(X):
    expected = Mahalanobis(shrinkage=1e-12).fit(X).anomaly_score(X) ** 2
    found = PCA(variance=1 - 1e-12, statistic="t2").fit(X).anomaly_score(X)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_combined_pca_is_the_sum_of_both_over_their_limits(X):
    t2, q = (PCA(statistic=word).fit(X).anomaly_score(X) for word in ("t2", "q"))
    detector = PCA().fit(X)
    np.testing.assert_allclose(detector.anomaly_score(X), t2 / detector.limits_[0] + q / detector.limits_[1])


@pytest.mark.parametrize("detector", [PCA(), RobustPCA(sample_size=None)], ids=repr)
def test_one_normal_row_in_a_hundred_exceeds_each_limit(detector):
    detector.fit(factors(20_000, seed=0))
    Z = (factors(100_000, seed=1) - detector.location_) / detector.scale_
    inside = Z @ detector.components_.T
    t2 = (inside**2 / detector.eigenvalues_[: inside.shape[1]]).sum(axis=1)
    q = ((Z - inside @ detector.components_) ** 2).sum(axis=1)
    for statistic, value in zip((t2, q), detector.limits_, strict=True):
        assert (statistic > value).mean() == pytest.approx(0.01, abs=0.0025)


@pytest.mark.parametrize("statistic", ["combined", "q", "t2"])
def test_contributions_of_pca_sum_to_each_statistic(statistic, X):
    detector = PCA(statistic=statistic).fit(X)
    terms = detector.contributions(X)
    np.testing.assert_allclose(terms.sum(axis=1), detector.anomaly_score(X), rtol=1e-10)
    assert (terms >= 0).all()


def test_robust_pca_sees_the_dirt_that_pca_learns_from():
    clean, dirt = factors(800, seed=0), factors(200, seed=1) + np.array([12, -12, 0, 0, 12, 0, -12, 0])
    both = np.vstack([clean, dirt])
    robust, plain = (kind(variance=0.8).fit(both).anomaly_score(both) for kind in (RobustPCA, PCA))
    assert robust[800:].min() > np.quantile(robust[:800], 0.999)
    assert np.median(plain[800:]) < np.quantile(plain[:800], 0.9)


def test_units_do_not_matter_to_robust_pca(X):
    other = X * np.array([1e-3, 1.0, 2.0, 1e6, 40.0]) + np.array([0, -5.0, 1e3, 0, 1.0])
    expected = RobustPCA().fit(X).anomaly_score(X)
    np.testing.assert_allclose(RobustPCA().fit(other).anomaly_score(other), expected, rtol=1e-7)


def test_kde_equals_the_reference(X):
    new = X[::-1] * 1.3 + 1
    detector = KDE(sample_size=None).fit(X)
    width = detector.bandwidth_
    reference = KernelDensity(bandwidth=1.0).fit(X / width)
    expected = np.log(width).sum() - reference.score_samples(new / width)
    np.testing.assert_allclose(detector.anomaly_score(new), expected, rtol=1e-9)


def test_kde_of_one_column_equals_scipy():
    x = np.random.default_rng(0).normal(3, 2, size=300)
    detector = KDE(sample_size=None, bandwidth=1.0).fit(x[:, None])
    reference = stats.gaussian_kde(x, bw_method=detector.bandwidth_[0] / x.std(ddof=1))
    new = np.linspace(-20, 20, 101)
    np.testing.assert_allclose(detector.anomaly_score(new[:, None]), -reference.logpdf(new), rtol=1e-9)
    # Scott's rule, of a spread that takes no notice of the tails.
    spread = stats.median_abs_deviation(x, scale="normal")
    assert detector.bandwidth_[0] == pytest.approx(spread * reference.scotts_factor(), rel=1e-4)


def test_kde_scores_a_learnt_row_by_the_others(X):
    X = X[:60].copy()
    X[0] = X[1]
    X[2, 0], X[3, 0] = 0.0, -0.0
    detector = KDE(sample_size=None).fit(X)
    width = detector.bandwidth_
    scores = detector.anomaly_score(X)
    for i in range(60):
        others = KernelDensity(bandwidth=1.0).fit(np.delete(X, i, axis=0) / width)
        expected = np.log(width).sum() - others.score_samples(X[i : i + 1] / width)[0]
        assert scores[i] == pytest.approx(expected, rel=1e-9)
    swapped = X.copy()
    swapped[2, 0], swapped[3, 0] = -0.0, 0.0
    np.testing.assert_array_equal(detector.anomaly_score(swapped), scores)


def test_kde_tells_rows_apart_where_densities_underflow():
    detector = KDE().fit(np.random.default_rng(0).normal(size=(500, 3)))
    far = np.array([[1e3, 0, 0], [1e4, 0, 0], [1e8, 0, 0], [1e8, 1e8, 0]])
    scores = detector.anomaly_score(far)
    assert (np.diff(scores) > 0).all()


def test_kde_compares_rows_far_from_the_others_by_their_gap_and_not_by_its_rounding():
    random = np.random.default_rng(1)
    clump = np.array([1e8, 0, 0]) + random.normal(size=(50, 3))
    X = np.vstack([random.normal(size=(450, 3)), clump])
    detector = KDE(sample_size=None).fit(X)
    new = clump + 0.1
    gap = (new[:, None] - X[None]) / detector.bandwidth_
    density = np.exp(-0.5 * (gap**2).sum(axis=2)).mean(axis=1) / np.prod(np.sqrt(2 * np.pi) * detector.bandwidth_)
    np.testing.assert_allclose(detector.anomaly_score(new), -np.log(density), rtol=1e-6)


def test_kde_in_blocks_of_rows_equals_the_whole(X, monkeypatch):
    detector = KDE().fit(X)
    whole, reasons = detector.anomaly_score(X), detector.contributions(X)
    monkeypatch.setattr("amiss.detectors.kde._MOST_PAIRS", 7 * len(X))
    np.testing.assert_allclose(detector.anomaly_score(X), whole, rtol=1e-12)
    np.testing.assert_allclose(detector.contributions(X), reasons, rtol=1e-12)


@pytest.mark.parametrize("covariance", ["full", "diag"])
@pytest.mark.parametrize("n_components", [1, 3])
def test_gmm_equals_the_reference(covariance, n_components, X):
    settings = {"n_components": n_components, "random_state": 0}
    detector = GMM(covariance=covariance, floor=1e-3, least_share=0, sample_size=None, **settings).fit(X)
    mean, scale = X.mean(axis=0), X.std(axis=0)
    # The rows in the order in which they were kept: from another order another mixture is found.
    kept = (detector.summarize(X).sample.rows - mean) / scale
    reference = GaussianMixture(covariance_type=covariance, reg_covar=1e-3, **settings).fit(kept)
    new = X * 1.5
    expected = np.log(scale).sum() - reference.score_samples((new - mean) / scale)
    np.testing.assert_allclose(detector.anomaly_score(new), expected, rtol=1e-9)


def test_gmm_finds_the_number_of_clouds():
    random = np.random.default_rng(0)
    centres = np.array([[0, 0], [12, 0], [0, 12]])
    X = np.vstack([centre + random.normal(size=(300, 2)) @ random.normal(size=(2, 2)) for centre in centres])
    detector = GMM().fit(X)
    assert len(detector.means_) == 3
    nearest = np.abs(detector.means_[:, None] - centres).max(axis=2).min(axis=1)
    assert (nearest < 0.5).all()
    assert detector.weights_ == pytest.approx([1 / 3] * 3, abs=0.01)


def test_a_clump_of_like_anomalies_is_no_cloud_to_gmm():
    random = np.random.default_rng(0)
    X = np.vstack([random.normal(size=(950, 3)), 8 + 0.1 * random.normal(size=(50, 3))])
    scores, hidden = (GMM(least_share=share).fit(X).anomaly_score(X) for share in (0.1, 0.0))
    assert scores[950:].min() > scores[:950].max()
    assert np.median(hidden[950:]) < np.median(hidden[:950])


def test_covariances_of_gmm_are_full_where_the_rows_suffice():
    X = np.random.default_rng(0).normal(size=(1000, 10))
    assert GMM(n_components=1).fit(X).whitening_.ndim == 3
    assert GMM(n_components=1).fit(X[:500]).whitening_.ndim == 2


@pytest.mark.parametrize("detector", [KDE(), GMM(n_components=2)], ids=repr)
def test_a_change_of_unit_shifts_a_density_by_a_constant(detector, X):
    unit = np.array([1e-3, 1.0, 2.0, 1e3, 40.0])
    expected = detector.fit(X).anomaly_score(X) + np.log(unit).sum()
    np.testing.assert_allclose(detector.fit(X * unit + 5).anomaly_score(X * unit + 5), expected, rtol=1e-7)
