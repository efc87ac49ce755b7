#include "portable.h"

#include "forest.h"
#include "random.h"

/* Range of a column over the rows first..last - 1; returns how many of them miss it. */
static int32_t column_range(const double *column, const int32_t *order, int32_t first, int32_t last, double *low,
                            double *high) {
    int32_t missing = 0;
    *low = INFINITY;
    *high = -INFINITY;
    for (int32_t i = first; i < last; i++) {
        double x = column[order[i]];
        if (isnan(x)) { missing++; continue; }
        if (x < *low) *low = x;
        if (x > *high) *high = x;
    }
    return missing;
}

/* A random feature that tells the rows apart, drawn without replacement; -1 if none does. */
static int32_t choose_feature(const double *columns, int64_t d, int32_t n_sample, const int32_t *order, int32_t first,
                              int32_t last, int32_t *features, uint64_t *random, double *low, double *high) {
    for (int32_t left = (int32_t)d; left > 0; left--) {
        int32_t pick = (int32_t)(next_random(random) % (uint64_t)left);
        int32_t feature = features[pick];
        features[pick] = features[left - 1];
        features[left - 1] = feature;
        int32_t missing = column_range(columns + (int64_t)feature * n_sample, order, first, last, low, high);
        if (*low < *high || (missing > 0 && missing < last - first)) return feature;
    }
    return -1;
}

static void make_leaf(int64_t node, double depth, int32_t *split, double *threshold, double *value) {
    split[node] = 1;
    threshold[node] = NAN;
    value[node] = depth;
}

void amiss_forest_grow(const double *columns, int64_t d, int32_t n_sample, int32_t height, uint64_t seed,
                       int32_t *split, double *threshold, double *value, int32_t *scratch) {
    /* scratch holds the rows in order, the features, and for each node its first and last row. */
    int64_t n_nodes = ((int64_t)2 << height) - 1, n_inner = n_nodes / 2;
    int32_t *order = scratch, *features = order + n_sample, *first = features + d, *last = first + n_nodes;
    int32_t depth = 0;
    uint64_t random = seed;
    for (int32_t i = 0; i < n_sample; i++) order[i] = i;
    for (int32_t j = 0; j < d; j++) features[j] = j;
    first[0] = 0;
    last[0] = n_sample;
    for (int64_t node = 0; node < n_nodes; node++) {
        double low = 0, high = 0, t;
        int32_t size = last[node] - first[node], feature = -1, missing_left, middle = first[node];
        if (node + 1 == (int64_t)2 << depth) depth++;
        if (size < 0) {
            make_leaf(node, value[(node - 1) / 2], split, threshold, value);
        } else {
            if (size > 1 && node < n_inner)
                feature = choose_feature(columns, d, n_sample, order, first[node], last[node], features, &random, &low,
                                         &high);
            if (feature < 0) make_leaf(node, depth + mean_depth(size), split, threshold, value);
        }
        if (feature < 0) {
            if (node < n_inner) { /* no rows of their own */
                first[2 * node + 1] = first[2 * node + 2] = 0;
                last[2 * node + 1] = last[2 * node + 2] = -1;
            }
            continue;
        }
        const double *column = columns + (int64_t)feature * n_sample;
        missing_left = (int32_t)(next_random(&random) & 1);
        double u = next_uniform(&random);
        if (low < high) {
            t = low * (1.0 - u) + high * u;
            if (!(t > low) || t > high) t = high;
        } else {
            t = missing_left ? -INFINITY : INFINITY; /* only presence tells these rows apart */
        }
        for (int32_t i = first[node]; i < last[node]; i++) {
            double x = column[order[i]];
            if (isnan(x) ? missing_left : x < t) {
                int32_t row = order[i]; order[i] = order[middle]; order[middle++] = row;
            }
        }
        split[node] = 2 * feature + missing_left;
        threshold[node] = t;
        first[2 * node + 1] = first[node];
        last[2 * node + 1] = first[2 * node + 2] = middle;
        last[2 * node + 2] = last[node];
    }
    for (int64_t node = n_inner - 1; node >= 0; node--) {
        int64_t a = 2 * node + 1, b = a + 1;
        if (isnan(threshold[node])) continue;
        int32_t n_a = last[a] - first[a], n_b = last[b] - first[b];
        value[node] = (value[a] * n_a + value[b] * n_b) / (n_a + n_b);
    }
}

static inline int32_t below(int32_t node, double x, int32_t split, double threshold) {
    return 2 * node + 1 + ((x >= threshold) | ((x != x) & ~split & 1));
}

/* Sixteen rows go through a tree side by side, level by level and without a branch. */
static void sixteen_rows(const double *x, int64_t d, const int32_t *split, const double *threshold,
                         const double *value, int32_t height, int holes, double *depth) {
    int32_t node[16] = {0};
    for (int32_t level = 0; level < height; level++) {
        if (holes)
            for (int r = 0; r < 16; r++) {
                int32_t n = node[r], s = split[n];
                node[r] = below(n, x[r * d + (s >> 1)], s, threshold[n]);
            }
        else
            for (int r = 0; r < 16; r++) {
                int32_t n = node[r];
                node[r] = 2 * n + 1 + (x[r * d + (split[n] >> 1)] >= threshold[n]);
            }
    }
    for (int r = 0; r < 16; r++) depth[r] += value[node[r]];
}

/* One row goes through eight trees side by side. */
static double one_row(const double *x, const int32_t *split, const double *threshold, const double *value,
                      int64_t n_trees, int64_t n_nodes, int32_t height) {
    double depth = 0.0;
    int64_t tree = 0;
    for (; tree + 8 <= n_trees; tree += 8) {
        const int32_t *s = split + tree * n_nodes;
        const double *t = threshold + tree * n_nodes, *v = value + tree * n_nodes;
        int32_t node[8] = {0};
        for (int32_t level = 0; level < height; level++)
            for (int k = 0; k < 8; k++) {
                int64_t n = k * n_nodes + node[k];
                node[k] = below(node[k], x[s[n] >> 1], s[n], t[n]);
            }
        for (int k = 0; k < 8; k++) depth += v[k * n_nodes + node[k]];
    }
    for (; tree < n_trees; tree++) {
        int32_t n = 0;
        for (int32_t level = 0; level < height; level++) {
            int64_t at = tree * n_nodes + n;
            n = below(n, x[split[at] >> 1], split[at], threshold[at]);
        }
        depth += value[tree * n_nodes + n];
    }
    return depth;
}

void amiss_forest_score(const double *X, int64_t n_rows, int64_t d, const int32_t *split, const double *threshold,
                        const double *value, int64_t n_trees, int32_t height, double *depth) {
    int64_t n_nodes = ((int64_t)2 << height) - 1;
    for (int64_t start = 0; start < n_rows; start += 64) {
        int64_t stop = start + 64 < n_rows ? start + 64 : n_rows, whole = start + (stop - start) / 16 * 16;
        int holes = 0;
        for (int64_t i = start * d; i < whole * d; i++) holes |= X[i] != X[i];
        for (int64_t i = start; i < whole; i++) depth[i] = 0.0;
        if (whole > start)
            for (int64_t tree = 0; tree < n_trees; tree++)
                for (int64_t i = start; i < whole; i += 16)
                    sixteen_rows(X + i * d, d, split + tree * n_nodes, threshold + tree * n_nodes,
                                 value + tree * n_nodes, height, holes, depth + i);
        for (int64_t i = whole; i < stop; i++)
            depth[i] = one_row(X + i * d, split, threshold, value, n_trees, n_nodes, height);
        for (int64_t i = start; i < stop; i++) depth[i] /= (double)n_trees;
    }
}

/* On its way down a row's expected depth changes at each node; the change is due to the feature that was asked. */
void amiss_forest_contribute(const double *X, int64_t n_rows, int64_t d, const int32_t *split, const double *threshold,
                             const double *value, int64_t n_trees, int32_t height, double *contributions) {
    int64_t n_nodes = ((int64_t)2 << height) - 1;
    for (int64_t i = 0; i < n_rows; i++) {
        double *out = contributions + i * d;
        for (int64_t j = 0; j < d; j++) out[j] = 0.0;
        for (int64_t tree = 0; tree < n_trees; tree++) {
            const int32_t *s = split + tree * n_nodes;
            const double *t = threshold + tree * n_nodes, *v = value + tree * n_nodes;
            for (int32_t n = 0, level = 0; level < height && t[n] == t[n]; level++) {
                int32_t next = below(n, X[i * d + (s[n] >> 1)], s[n], t[n]);
                out[s[n] >> 1] += v[n] - v[next];
                n = next;
            }
        }
        for (int64_t j = 0; j < d; j++) out[j] /= (double)n_trees;
    }
}
