/* Values that stay where they are for longer than is usual.
 *
 * last, (n_entities, n_features): the value before; NaN before the first. counts, (n_entities, n_features, 5): rows for
 * which the last value has stayed, most of them so far, changes, values seen, and whether the value is stuck.
 *
 * A channel that changes with at least `changing` of its values, of which there are `least_rows`, is stuck once a value
 * has come `least_run` times, and `longer` times as often as any before. NaN changes nothing.
 *
 * moves, (n_rows, n_features): how often the value has come where it begins to be stuck, the same negative where a
 * stuck one has moved, else 0.
 */
void amiss_stays(const double *X, const int64_t *entity, int64_t n_rows, int64_t n_features, double longer,
                 int64_t least_run, int64_t least_rows, double changing, double *last, int32_t *counts,
                 int32_t *moves);
