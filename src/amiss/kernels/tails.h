/* How far out in the tails of the learnt values each value lies. `values` is (n_features, n_kept), each line ascending
 * with missing values last, n_present[j] of them there. logs[c] is the logarithm of max(c, 1/2), c = 0 … n_kept;
 * log_n[j] that of n_present[j]. A missing value counts missing[j]. With left = log_n - logs[values at most x] and
 * right = log_n - logs[values at least x], a value counts max(left, right), or if `skewed` the larger of their mean
 * and that of the tail on the side of skewness[j] (both together where it is 0). The counts are added to `score`, and
 * written to `terms`, (n_rows, n_features), unless that is NULL.
 */
void amiss_tails(const double *X, int64_t n_rows, int64_t n_features, const double *values, int64_t n_kept,
                 const int64_t *n_present, const double *logs, const double *log_n, const double *missing,
                 const double *skewness, int32_t skewed, double *score, double *terms);
