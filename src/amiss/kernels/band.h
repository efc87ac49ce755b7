/* How far each value of many streams lies outside the band expected for it; the bands are learnt on the way.
 *
 * memory, (n_entities, n_features, 10), holds of each feature of each entity: values seen; level and spread; slow level,
 * the values' spread about it and that of the level about it; usual step between two different values, such steps, and
 * the last value; rows for which the level has been away from the slow one. Spreads are mean absolute deviations.
 *
 * A value's distance is the largest of: that to the level, in units of the spread; `share` of that to the slow level, in
 * units of its own spread; and that of the level from the slow one, which grows no further than to `most`. It is 0
 * before `least` values, and where it is NaN. No unit is below a share of the usual step. A row's score is the largest
 * distance of its features.
 *
 * rates, (3): weight of the newest value in the level, its spread, and the slow ones.
 * learn: whether the rows are learnt, each after it is scored.
 * contributions, (n_rows, n_features): the distances, or null.
 */
void amiss_band(const double *X, const int64_t *entity, int64_t n_rows, int64_t n_features, const double *rates,
                double share, double most, int64_t least, int64_t patience, int32_t learn, double *memory,
                double *scores, double *contributions);
