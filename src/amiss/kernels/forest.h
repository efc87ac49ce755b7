/* Isolation forests: growing, scoring and attribution. Plain C99; no allocation, no state.
 *
 * A tree of a given height lies in arrays of 2^(height + 1) - 1 nodes: the children of node i are 2 i + 1 and 2 i + 2.
 * Node i asks feature split[i] / 2 whether its value is at least threshold[i]; no leads to the first child, yes to the
 * second, and a missing value to the first if split[i] is odd. A leaf has the threshold NaN and an odd split: all go on
 * to its first child, down to the last level. value[i] is the depth at which a row of node i is isolated on average,
 * and below a leaf that of the leaf.
 */
void amiss_forest_grow(const double *columns, int64_t n_features, int32_t n_sample, int32_t height, uint64_t seed,
                       int32_t *split, double *threshold, double *value, int32_t *scratch);
void amiss_forest_score(const double *X, int64_t n_rows, int64_t n_features, const int32_t *split,
                        const double *threshold, const double *value, int64_t n_trees, int32_t height, double *depth);
void amiss_forest_contribute(const double *X, int64_t n_rows, int64_t n_features, const int32_t *split,
                             const double *threshold, const double *value, int64_t n_trees, int32_t height,
                             double *contributions);
