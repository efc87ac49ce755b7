/* Nearest neighbours by products in single precision, which exclude most pairs; the others are compared in double
 * precision, as in neighbors.h, whose heaps these are. Rows are also laid down in panels of 32, (n_panels, n_features +
 * 1, 32): centred, scaled by the square root of `unit`, feature by feature, and at last minus half their squared norms,
 * each less `error` of the norm, which is twice what rounding can do to a product. So a product that starts from two of
 * these is an upper bound of minus half the squared distance.
 *
 * The first gives each query its neighbours in the reference; `panel` is room for (n_features + 1, 32) numbers. The
 * second compares two runs of rows of one table, which start at whole panels, and offers each pair (i <= j) to both its
 * rows. There `least` holds for each row the product from which on another can be among its neighbours, as far as is
 * known: -INFINITY at first. `names` are what the rows are called in the heaps. `boxes` may hold the (low, high) of each
 * panel's features, (n_panels, n_features, 2), and `reach`, (n_panels), starts as INFINITY: panels farther apart than
 * either's rows have to look are passed over. */
void amiss_nearest_screened(const double *queries, int64_t n_queries, double *distance, int64_t *index,
                            const double *reference, const float *panels, int64_t n_reference, const double *center,
                            double unit, double error, int64_t n_features, int64_t k, float *panel);
void amiss_nearest_in_pairs(const double *queries, const float *query_panels, int64_t first_query, int64_t last_query,
                            float *query_least, double *query_distance, int64_t *query_index,
                            const double *reference, const float *panels, int64_t first, int64_t last, float *least,
                            double *distance, int64_t *index, const int64_t *names, const double *boxes,
                            double *reach, int64_t n_features, double unit, int64_t k);
