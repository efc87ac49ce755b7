/* Exact nearest neighbours by blocked brute force, in plain double arithmetic: the same row has the same distances
 * whatever stands beside it. `reference` is (n_features, n_padded), padded to a multiple of 32 columns. With
 * skip_self, one reference row identical to the query is taken to be the query itself. Rows of `distance` and
 * `index` come sorted; ties go to the lower index. Missing neighbours have distance INFINITY and index -1. */
void amiss_nearest(const double *queries, int64_t n_queries, int64_t n_features, const double *reference,
                   int64_t n_reference, int64_t n_padded, int64_t n_neighbors, int32_t skip_self, double *distance,
                   int64_t *index);
