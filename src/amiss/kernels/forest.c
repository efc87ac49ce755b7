#include "portable.h"
#include "forest.h"

static uint64_t next_random(uint64_t *state) {
    uint64_t z = (*state += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
}

/* Mean depth of an unsuccessful search in a binary search tree of n keys (Liu, Ting and Zhou, 2008). */
static double mean_depth(int32_t n) {
    double harmonic = 0.0;
    if (n <= 1) return 0.0;
    for (int32_t i = 1; i < n; i++) harmonic += 1.0 / i;
    return 2.0 * harmonic - 2.0 * (n - 1) / n;
}

/* Range of a feature over the rows first..last - 1; returns how many of them miss it. */
static int32_t feature_range(const double *X, int64_t d, int32_t feature, const int32_t *order, int32_t first,
                             int32_t last, double *low, double *high) {
    int32_t missing = 0;
    *low = INFINITY;
    *high = -INFINITY;
    for (int32_t i = first; i < last; i++) {
        double x = X[(int64_t)order[i] * d + feature];
        if (isnan(x)) { missing++; continue; }
        if (x < *low) *low = x;
        if (x > *high) *high = x;
    }
    return missing;
}

/* A random feature that tells the rows apart, drawn without replacement; -1 if none does. */
static int32_t choose_feature(const double *X, int64_t d, const int32_t *order, int32_t first, int32_t last,
                              int32_t *features, uint64_t *random, double *low, double *high) {
    for (int32_t left = (int32_t)d; left > 0; left--) {
        int32_t pick = (int32_t)(next_random(random) % (uint64_t)left);
        int32_t feature = features[pick];
        features[pick] = features[left - 1];
        features[left - 1] = feature;
        int32_t missing = feature_range(X, d, feature, order, first, last, low, high);
        if (*low < *high || (missing > 0 && missing < last - first)) return feature;
    }
    return -1;
}

int32_t amiss_forest_grow(const double *X, int64_t d, const int32_t *rows, int32_t n_sample, int32_t max_depth,
                          uint64_t seed, int32_t *split, double *threshold, int32_t *left, double *value,
                          int32_t *scratch) {
    /* scratch holds the rows in order, the features, and for each node its first row, last row and depth. */
    int32_t *order = scratch, *features = scratch + n_sample, *first = features + d;
    int32_t *last = first + 2 * n_sample, *depth = last + 2 * n_sample;
    int32_t n_nodes = 1;
    uint64_t random = seed;
    for (int32_t i = 0; i < n_sample; i++) order[i] = rows[i];
    for (int32_t j = 0; j < d; j++) features[j] = j;
    first[0] = 0; last[0] = n_sample; depth[0] = 0;
    for (int32_t node = 0; node < n_nodes; node++) {
        double low = 0, high = 0, t;
        int32_t size = last[node] - first[node], feature = -1, missing_left;
        if (size > 1 && depth[node] < max_depth)
            feature = choose_feature(X, d, order, first[node], last[node], features, &random, &low, &high);
        if (feature < 0) {
            split[node] = 1; threshold[node] = NAN; left[node] = node;
            value[node] = depth[node] + mean_depth(size);
            continue;
        }
        missing_left = (int32_t)(next_random(&random) & 1);
        double u = (double)(next_random(&random) >> 11) * 0x1.0p-53;
        if (low < high) {
            t = low * (1.0 - u) + high * u;
            if (!(t > low) || t > high) t = high;
        } else {
            t = missing_left ? -INFINITY : INFINITY; /* only presence tells these rows apart */
        }
        int32_t middle = first[node];
        for (int32_t i = first[node]; i < last[node]; i++) {
            double x = X[(int64_t)order[i] * d + feature];
            if (isnan(x) ? missing_left : x < t) {
                int32_t row = order[i]; order[i] = order[middle]; order[middle++] = row;
            }
        }
        split[node] = 2 * feature + missing_left; threshold[node] = t; left[node] = n_nodes;
        first[n_nodes] = first[node]; last[n_nodes] = middle; depth[n_nodes++] = depth[node] + 1;
        first[n_nodes] = middle; last[n_nodes] = last[node]; depth[n_nodes++] = depth[node] + 1;
    }
    for (int32_t node = n_nodes - 1; node >= 0; node--) {
        int32_t a = left[node], b = a + 1;
        if (a == node) continue;
        value[node] = (value[a] * (last[a] - first[a]) + value[b] * (last[b] - first[b])) / (last[node] - first[node]);
    }
    return n_nodes;
}

static int32_t step(double x, int32_t split, double threshold, int32_t left) {
    return left + ((x >= threshold) | ((x != x) & ~split & 1));
}

/* Rows go through a tree eight at a time and level by level, without a branch: leaves lead to themselves. */
AMISS_WIDE
void amiss_forest_score(const double *X, int64_t n_rows, int64_t d, const int32_t *split, const double *threshold,
                        const int32_t *left, const double *value, int64_t n_trees, int64_t stride, int32_t height,
                        double *depth) {
    for (int64_t start = 0; start < n_rows; start += 64) {
        int64_t stop = start + 64 < n_rows ? start + 64 : n_rows;
        for (int64_t i = start; i < stop; i++) depth[i] = 0.0;
        for (int64_t tree = 0; tree < n_trees; tree++) {
            const int32_t *s = split + tree * stride, *l = left + tree * stride;
            const double *t = threshold + tree * stride, *v = value + tree * stride;
            int64_t i = start;
            for (; i + 8 <= stop; i += 8) {
                int32_t node[8] = {0, 0, 0, 0, 0, 0, 0, 0};
                const double *x = X + i * d;
                for (int32_t level = 0; level < height; level++)
                    for (int32_t r = 0; r < 8; r++) {
                        int32_t n = node[r];
                        node[r] = step(x[r * d + (s[n] >> 1)], s[n], t[n], l[n]);
                    }
                for (int32_t r = 0; r < 8; r++) depth[i + r] += v[node[r]];
            }
            for (; i < stop; i++) {
                int32_t n = 0;
                for (int32_t level = 0; level < height; level++)
                    n = step(X[i * d + (s[n] >> 1)], s[n], t[n], l[n]);
                depth[i] += v[n];
            }
        }
        for (int64_t i = start; i < stop; i++) depth[i] /= (double)n_trees;
    }
}

/* On its way down a row's expected depth changes at each node; the change is due to the feature that was asked. */
void amiss_forest_contribute(const double *X, int64_t n_rows, int64_t d, const int32_t *split, const double *threshold,
                             const int32_t *left, const double *value, int64_t n_trees, int64_t stride,
                             double *contributions) {
    for (int64_t i = 0; i < n_rows; i++) {
        double *out = contributions + i * d;
        for (int64_t j = 0; j < d; j++) out[j] = 0.0;
        for (int64_t tree = 0; tree < n_trees; tree++) {
            const int32_t *s = split + tree * stride, *l = left + tree * stride;
            const double *t = threshold + tree * stride, *v = value + tree * stride;
            for (int32_t n = 0; l[n] != n;) {
                int32_t next = step(X[i * d + (s[n] >> 1)], s[n], t[n], l[n]);
                out[s[n] >> 1] += v[n] - v[next];
                n = next;
            }
        }
        for (int64_t j = 0; j < d; j++) out[j] /= (double)n_trees;
    }
}
