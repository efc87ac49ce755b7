#include "portable.h"

#include "tails.h"

#define SIDE_BY_SIDE 16

/* Number of values below x, for rows side by side: their steps do not wait for one another. */
static void count_below(const double *values, int64_t n, const double *x, int64_t *found) {
    for (int r = 0; r < SIDE_BY_SIDE; r++) found[r] = 0;
    if (n == 0) return;
    for (int64_t left = n; left > 1; left -= left / 2) {
        int64_t half = left / 2;
        for (int r = 0; r < SIDE_BY_SIDE; r++) found[r] += values[found[r] + half - 1] < x[r] ? half : 0;
    }
    for (int r = 0; r < SIDE_BY_SIDE; r++) found[r] += values[found[r]] < x[r];
}

/* End of the run of values equal to x that begins at `first`. */
static int64_t end_of_run(const double *values, int64_t n, int64_t first, double x) {
    int64_t step = 1, low = first;
    if (first >= n || values[first] != x) return first;
    while (low + step < n && values[low + step] == x) { low += step; step *= 2; }
    int64_t high = low + step < n ? low + step : n;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (values[middle] == x) low = middle;
        else high = middle;
    }
    return high;
}

static double tail_term(double left, double right, double skewness, int32_t skewed) {
    if (!skewed) return left > right ? left : right;
    double mean = (left + right) / 2, by_skew = skewness < 0 ? left : skewness > 0 ? right : left + right;
    return by_skew > mean ? by_skew : mean;
}

void amiss_tails(const double *X, int64_t n_rows, int64_t d, const double *values, int64_t n_kept,
                 const int64_t *n_present, const double *logs, const double *log_n, const double *missing,
                 const double *skewness, int32_t skewed, double *score, double *terms) {
    for (int64_t i = 0; i < n_rows; i++) score[i] = 0.0;
    for (int64_t j = 0; j < d; j++) { /* column by column: one line of values fits into the cache */
        const double *line = values + j * n_kept;
        int64_t n = n_present[j];
        for (int64_t start = 0; start < n_rows; start += SIDE_BY_SIDE) {
            int width = n_rows - start < SIDE_BY_SIDE ? (int)(n_rows - start) : SIDE_BY_SIDE;
            double x[SIDE_BY_SIDE] = {0.0};
            int64_t below[SIDE_BY_SIDE];
            for (int r = 0; r < width; r++) x[r] = X[(start + r) * d + j];
            count_below(line, n, x, below);
            for (int r = 0; r < width; r++) {
                double term = missing[j];
                if (x[r] == x[r]) {
                    int64_t at_most = end_of_run(line, n, below[r], x[r]);
                    term = tail_term(log_n[j] - logs[at_most], log_n[j] - logs[n - below[r]], skewness[j], skewed);
                }
                score[start + r] += term;
                if (terms) terms[(start + r) * d + j] = term;
            }
        }
    }
}
