/* Isolation forests: growing, scoring and attribution. Plain C99; no allocation, no state.
 *
 * A tree of at most 2 * n_sample - 1 nodes lies in four arrays. Node i asks feature split[i] / 2 whether its value is
 * below threshold[i]; yes leads to node left[i], no to left[i] + 1, and a missing value leads left if split[i] is odd.
 * A leaf leads to itself: its threshold is NaN. value[i] is the depth at which a row of node i is isolated on average.
 */
int32_t amiss_forest_grow(const double *X, int64_t n_features, const int32_t *rows, int32_t n_sample,
                          int32_t max_depth, uint64_t seed, int32_t *split, double *threshold, int32_t *left,
                          double *value, int32_t *scratch);
void amiss_forest_score(const double *X, int64_t n_rows, int64_t n_features, const int32_t *split,
                        const double *threshold, const int32_t *left, const double *value, int64_t n_trees,
                        int64_t stride, int32_t height, double *depth);
void amiss_forest_contribute(const double *X, int64_t n_rows, int64_t n_features, const int32_t *split,
                             const double *threshold, const int32_t *left, const double *value, int64_t n_trees,
                             int64_t stride, double *contributions);
