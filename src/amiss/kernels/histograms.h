/* Rareness by histograms of equal bins. Line j of `surprise`, (n_lines, n_bins + 2), holds what a value in each bin
 * counts, then one outside of all, then a missing one. A value's place among the bins is ((x / 2 - low / 2) / width) *
 * 2; the largest value learnt closes the last bin, a rounding's width included.
 */
void amiss_histogram_score(const double *X, int64_t n_rows, int64_t n_features, int64_t n_bins, const double *low,
                           const double *width, const double *surprise, double *score, double *terms);
/* The same for sums of n_cut weighted features, one for each of n_cuts lines: feature and weight are (n_cuts, n_cut),
 * and score is the mean over the lines. There are no missing values. The rows come in blocks of 64, (n_blocks,
 * n_features, 64). */
void amiss_projected_score(const double *blocks, int64_t n_rows, int64_t n_features, int64_t n_cuts, int64_t n_cut,
                           const int32_t *feature, const double *weight, int64_t n_bins, const double *low,
                           const double *width, const double *surprise, double *score);
/* Lowest and highest sum of each line, and how many fall into each bin, are found likewise; `low`, `high` and `counts`,
 * (n_cuts, n_bins + 2), are added to. */
void amiss_projected_range(const double *blocks, int64_t n_rows, int64_t n_features, int64_t n_cuts, int64_t n_cut,
                           const int32_t *feature, const double *weight, double *low, double *high);
void amiss_projected_count(const double *blocks, int64_t n_rows, int64_t n_features, int64_t n_cuts, int64_t n_cut,
                           const int32_t *feature, const double *weight, int64_t n_bins, const double *low,
                           const double *width, double *counts);
