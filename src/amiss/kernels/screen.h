/* Nearest neighbours by products in single precision, which exclude most pairs; the others are compared in double
 * precision, as in neighbors.h, whose heaps these are. Rows are also laid down in panels of 32, (n_panels, n_features +
 * 1, 32): centred, scaled by the square root of `unit`, feature by feature, and at last minus half their squared norms,
 * each less what rounding can do to a product. So a product that starts from two of these is an upper bound of minus
 * half the squared distance. `least` holds for each row the product from which on another can be among its neighbours,
 * as far as is known: -INFINITY at first. The runs of rows that are compared start at whole panels. `names` are what the
 * rows of the reference are called in the heaps.
 *
 * Where `distance` is NULL, only the queries look for neighbours, and `least` of the reference is INFINITY. Otherwise
 * both sides are the same table, and each pair (i <= j) of the two runs is offered to both its rows. Then `boxes` may
 * hold the (low, high) of each panel's features, (n_panels, n_features, 2), and `reach`, (n_panels), starts as
 * INFINITY: panels farther apart than either's rows have to look are passed over. */
void amiss_nearest_screened(const double *queries, const float *query_panels, int64_t first_query, int64_t last_query,
                            float *query_least, double *query_distance, int64_t *query_index,
                            const double *reference, const float *panels, int64_t first, int64_t last, float *least,
                            double *distance, int64_t *index, const int64_t *names, const double *boxes,
                            double *reach, int64_t n_features, double unit, int64_t k);
