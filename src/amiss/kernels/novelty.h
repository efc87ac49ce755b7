/* How new each value of a stream is, by those before it; the state is carried on.
 *
 * A value is smoothed exponentially with the weight 2 / (span + 1). Its distance is the mean of those to the `span`
 * nearest of the smoothed values that are at least `span` rows old; its novelty the logarithm of (distances known + 1)
 * over (those as large + 1), and up to 0.3 more for one beyond all. The first `aside` distances are not known.
 *
 * counts: rows seen, values in `seen`, distances in `known`, state of the random numbers.
 * recent, (span + 1): the smoothed values of the last rows, row t in place t % span; last, that of the last row.
 * seen, known, (capacity): uniform samples of the smoothed values and of the distances, ascending.
 */
void amiss_novelty(const double *x, int64_t n_rows, int64_t span, int64_t capacity, int64_t aside, int64_t *counts,
                   double *recent, double *seen, double *known, double *novelty);
