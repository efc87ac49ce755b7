/* Distances to a running mean in the metric of a running covariance, for each entity. Plain C99; no allocation, no state
 * of its own.
 *
 * Rows fade at `rate` a row. A row whose distance is larger than usual moves mean and covariance no more than one at
 * the root of the number of features that count, plus 3. A feature counts once it has changed `sure` times. The
 * correlations are shrunk towards none by `shrinkage` plus features over rows, and factored anew after every `stride`
 * rows, and each of the first 32.
 *
 * seen, (n_entities): rows. last, changes, mean, unit, (n_entities, d): last value that was there; number of changes, old
 * ones fading; running mean; one over the deviation, 0 of what does not count. covariance, factor, (n_entities, d, d):
 * lower triangles, the second of the shrunk correlations. scratch, (d d + 3 d).
 */
typedef struct {
    int64_t n_features, stride;
    double rate, shrinkage, sure;
    int64_t *seen;
    double *last, *changes, *mean, *unit, *covariance, *factor, *scratch;
} amiss_ellipsoid;

/* Scores each row, where scores are asked for, says what its features add, where terms are, and then learns it. Gives 1;
 * or 0, and does nothing, where a value is infinite. */
int amiss_ellipsoid_advance(const amiss_ellipsoid *all, const double *X, int64_t n_rows, const int64_t *entity,
                            double *scores, double *terms);
/* The same, and nothing is learnt. */
void amiss_ellipsoid_score(const amiss_ellipsoid *all, const double *X, int64_t n_rows, const int64_t *entity,
                           double *scores, double *terms);
