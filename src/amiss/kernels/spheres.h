/* Isolation by spheres (INNE). `centers` is (n_sets, n_features, n_padded), the centres of a set ascending by radius
 * and padded to a multiple of 8; square is their squared radius, (n_sets, n_padded), -1 where padded; value what a
 * row counts that no smaller sphere of the set holds. A row that none holds counts 1. score is the mean over sets.
 * X has room for n_rows rounded up to a multiple of 8; what stands there beyond n_rows does not matter.
 */
void amiss_spheres_score(const double *X, int64_t n_rows, int64_t n_features, const double *centers, int64_t n_sets,
                         int64_t n_padded, const double *square, const double *value, double *score);
