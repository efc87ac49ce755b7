#include "portable.h"

#include <math.h>
#include <string.h>

#include "novelty.h"
#include "random.h"

#define RECORD_WEIGHT 0.1
#define RECORD_MOST 3.0

/* Number of values below x. */
static int64_t count_below(const double *sorted, int64_t n, double x) {
    int64_t low = 0, high = n;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (sorted[middle] < x) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* Takes x into a uniform sample of all `offered` values so far, kept ascending; gives the values in it. */
static int64_t offer(double *sorted, int64_t n, int64_t capacity, int64_t offered, uint64_t *random, double x) {
    if (n == capacity) {
        int64_t out = (int64_t)(next_uniform(random) * (double)offered);
        if (out >= capacity) return n;
        n--;
        memmove(sorted + out, sorted + out + 1, (size_t)(n - out) * sizeof(double));
    }
    int64_t at = count_below(sorted, n, x);
    memmove(sorted + at + 1, sorted + at, (size_t)(n - at) * sizeof(double));
    sorted[at] = x;
    return n + 1;
}

/* Mean distance of x to the `most` nearest values. */
static double mean_distance(const double *sorted, int64_t n, int64_t most, double x) {
    int64_t high = count_below(sorted, n, x), low = high - 1, m = most < n ? most : n;
    double sum = 0.0;
    if (m == 0) return 0.0;
    for (int64_t i = 0; i < m; i++) {
        double below = low >= 0 ? x - sorted[low] : INFINITY, above = high < n ? sorted[high] - x : INFINITY;
        if (below <= above) { sum += below; low--; }
        else { sum += above; high++; }
    }
    return sum / (double)m;
}

static double rank_of(const double *known, int64_t n, double distance) {
    if (n == 0) return 0.0;
    int64_t as_large = n - count_below(known, n, distance);
    double rank = log(((double)n + 1.0) / ((double)as_large + 1.0)), largest = known[n - 1];
    if (as_large == 0 && largest > 0.0) {
        double beyond = log(distance / largest);
        rank += RECORD_WEIGHT * (beyond < RECORD_MOST ? beyond : RECORD_MOST);
    }
    return rank;
}

void amiss_novelty(const double *x, int64_t n_rows, int64_t span, int64_t capacity, int64_t aside, int64_t *counts,
                   double *recent, double *seen, double *known, double *novelty) {
    int64_t t = counts[0], n_seen = counts[1], n_known = counts[2];
    uint64_t random = (uint64_t)counts[3];
    double weight = 2.0 / ((double)span + 1.0), smooth = recent[span];
    for (int64_t i = 0; i < n_rows; i++, t++) {
        smooth = t == 0 || span == 1 ? x[i] : smooth + weight * (x[i] - smooth);
        if (t >= span) n_seen = offer(seen, n_seen, capacity, t - span + 1, &random, recent[t % span]);
        recent[t % span] = smooth;
        double distance = mean_distance(seen, n_seen, span, smooth);
        novelty[i] = rank_of(known, n_known, distance);
        if (t >= aside) n_known = offer(known, n_known, capacity, t - aside + 1, &random, distance);
    }
    counts[0] = t, counts[1] = n_seen, counts[2] = n_known, counts[3] = (int64_t)random;
    recent[span] = smooth;
}
