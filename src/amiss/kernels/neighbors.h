/* Exact nearest neighbours in plain double arithmetic, by three roads that give the same bits. A distance is the sum of
 * squared gaps, feature by feature in their order: the same two rows are as far apart whatever stands beside them.
 * Results are heaps in the rows of `distance` (squared) and `index`, (n_queries, k), prepared by amiss_nearest_start
 * and sorted by amiss_nearest_finish, which takes the roots; ties go to the lower index. Missing neighbours have the
 * distance INFINITY and the index -1. With `skip_self` the first neighbour is left out where it is the query itself, at
 * the distance 0, and the last counts no more.
 */
void amiss_nearest_start(int64_t n_queries, int64_t k, double *distance, int64_t *index);
void amiss_nearest_finish(int64_t n_queries, int64_t k, int32_t skip_self, double *distance, int64_t *index);

/* All pairs. `columns` is (n_features, n_padded), padded to a multiple of 32. */
void amiss_nearest_all(const double *queries, int64_t n_queries, int64_t n_features, const double *columns,
                       int64_t n_reference, int64_t n_padded, int64_t k, double *distance, int64_t *index);

/* A k-d tree of 2^height leaves of at most 32 rows; node i has the children 2 i + 1 and 2 i + 2, and a box of
 * n_features pairs (low, high) in `boxes`. Rows of a node are a run of `order`, halved for its children. `leaves` is
 * (n_leaves, n_features, 32), padded with INFINITY. */
void amiss_tree_build(const double *reference, int64_t n_reference, int64_t n_features, int32_t height, int64_t *order,
                      double *boxes, double *leaves);
int64_t amiss_nearest_tree(const double *queries, int64_t n_queries, int64_t n_features, int64_t n_reference,
                           int32_t height, const int64_t *order, const double *boxes, const double *leaves, int64_t k,
                           double *distance, int64_t *index);
void amiss_tree_leaf(const double *queries, int64_t n_queries, int64_t n_features, int32_t height,
                     const double *boxes, int64_t *leaf);
