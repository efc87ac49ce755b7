/* Extended isolation forests: trees whose cuts are slanted. The layout of a tree is that of forest.h, but node i asks
 * whether the weighted sum of n_cut features, sum_k weight[i, k] * x[feature[i, k]], is at least threshold[i]. A leaf
 * has the threshold NaN. There are no missing values.
 */
void amiss_oblique_grow(const double *columns, int64_t n_features, int32_t n_sample, int32_t n_cut, int32_t height,
                        uint64_t seed, int32_t *feature, double *weight, double *threshold, double *value,
                        int32_t *scratch, double *projected);
void amiss_oblique_score(const double *X, int64_t n_rows, int64_t n_features, int32_t n_cut, const int32_t *feature,
                         const double *weight, const double *threshold, const double *value, int64_t n_trees,
                         int32_t height, double *depth);
void amiss_oblique_contribute(const double *X, int64_t n_rows, int64_t n_features, int32_t n_cut,
                              const int32_t *feature, const double *weight, const double *threshold,
                              const double *value, int64_t n_trees, int32_t height, const double *location,
                              double *contributions);
