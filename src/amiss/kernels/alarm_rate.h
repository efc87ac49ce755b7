/* Which scores of a stream are alarms, so that about so many are raised as are asked for; learnt on the way.
 *
 * memory, (116): rows, scores learnt, alarms raised, share of rows with a score above 0, logarithm that the rate allowed
 * is corrected by, seconds and rows of about the last day, latest time, eight quantiles of the logarithm of the scores,
 * the first hundred of these ascending. A score of 0 is not judged. Quantile k has a share ½ 5^-k above it and is moved
 * by each score, the second together with all above it; one that too few lie above for that is laid through those
 * below. A p-value is read off between them. What is far beyond, by a thousandth of the rate asked for, hardly moves
 * them, and hardly counts: it would be an alarm at any rate.
 *
 * quiet, (n_entities): rows of an entity since its last alarm. An alarm soon after one is the same and not counted.
 * rate, per_day: alarms asked for, for each row, or for each day where there are times.
 * least: a score up to it is never an alarm, and what is below a quarter of it is all the same; 0 for no such score.
 * It does not count where one row in a hundred or more is asked for. More than one row in eleven is never an alarm by
 * its p-value: alarms would then run into one another, and the fewer were counted the more were raised.
 * time, (n_rows): seconds, or null.
 * learn: whether the scores and alarms are learnt.
 */
void amiss_alarm_rate(const double *scores, const int64_t *entity, const double *time, int64_t n_rows, double rate,
                      double least, int32_t per_day, int32_t learn, double *memory, int32_t *quiet, double *p_values,
                      uint8_t *is_anomaly);
