/* Rows that go the same way through the trees of a forest. Plain C99; no allocation, no state.
 *
 * The path of a row through a tree of at most eight levels is a byte: a bit for each cut, the first one highest, 1 where
 * the row went to the second child. The trees are those of forest.h; paths lie row after row, a byte for each tree.
 * What two rows share in a tree is told by the exclusive or of their paths.
 */
void amiss_kinship_paths(const double *X, int64_t n_rows, int64_t n_features, const int32_t *split,
                         const double *threshold, int64_t n_trees, int32_t height, uint8_t *paths);
void amiss_kinship_shared(const uint8_t *paths, int64_t n_rows, int64_t n_trees, const uint8_t *path,
                          const uint8_t *by_difference, uint16_t *shared);
void amiss_kinship_totals(const uint8_t *paths, int64_t n_rows, int64_t n_trees, const double *by_path, double *totals);
