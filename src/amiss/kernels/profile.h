/* The matrix profile of a series: to which other window each window is most like.
 *
 * Window i holds the rows i … i + m - 1. Along a diagonal, where j - i is constant, the covariance of windows i and j
 * follows from that of i - 1 and j - 1:  cov += df[i] * dg[j] + df[j] * dg[i].  All arrays are as long as there are
 * windows but `first`, which has one covariance of window 0 and window d for each diagonal d from `diagonal` to
 * `end` - 1.
 *
 * inverse: 1 over the norm of each centred window, 0 for one that is constant.
 * left, right: highest correlation with an earlier and with a later window, raised where a higher one is found.
 * left_place, right_place: where that window begins.
 */
void amiss_profile(const double *df, const double *dg, const double *inverse, int64_t n_windows,
                   const double *first, int64_t diagonal, int64_t end,
                   double *left, int64_t *left_place, double *right, int64_t *right_place);
