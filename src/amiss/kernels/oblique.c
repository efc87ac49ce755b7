#include "portable.h"

#include "oblique.h"
#include "random.h"

/* Chooses up to n_cut features that tell the rows apart, and a weight for each in units of its range there; the
 * others keep the weight 0. Returns how many. Weights are uniform in [-1, 1): the direction of a cut needs no more. */
static int32_t choose_direction(const double *columns, int64_t d, int32_t n_sample, const int32_t *order, int32_t first,
                                int32_t last, int32_t n_cut, int32_t *features, uint64_t *random, int32_t *feature,
                                double *weight) {
    int32_t found = 0;
    for (int32_t left = (int32_t)d; left > 0 && found < n_cut; left--) {
        int32_t pick = (int32_t)(next_random(random) % (uint64_t)left), j = features[pick];
        const double *column = columns + (int64_t)j * n_sample;
        double low = INFINITY, high = -INFINITY;
        features[pick] = features[left - 1];
        features[left - 1] = j;
        for (int32_t i = first; i < last; i++) {
            double x = column[order[i]];
            if (x < low) low = x;
            if (x > high) high = x;
        }
        if (!(high - low > 1e-300)) continue;
        feature[found] = j;
        weight[found++] = (2.0 * next_uniform(random) - 1.0) / (high - low);
    }
    return found;
}

static double project(const double *x, int64_t stride, int32_t n_cut, const int32_t *feature, const double *weight) {
    double sum = 0.0;
    for (int32_t k = 0; k < n_cut; k++) sum += weight[k] * x[feature[k] * stride];
    return sum;
}

void amiss_oblique_grow(const double *columns, int64_t d, int32_t n_sample, int32_t n_cut, int32_t height,
                        uint64_t seed, int32_t *feature, double *weight, double *threshold, double *value,
                        int32_t *scratch, double *projected) {
    int64_t n_nodes = ((int64_t)2 << height) - 1, n_inner = n_nodes / 2;
    int32_t *order = scratch, *features = order + n_sample, *first = features + d, *last = first + n_nodes;
    int32_t depth = 0;
    uint64_t random = seed;
    for (int32_t i = 0; i < n_sample; i++) order[i] = i;
    for (int32_t j = 0; j < d; j++) features[j] = j;
    first[0] = 0;
    last[0] = n_sample;
    for (int64_t node = 0; node < n_nodes; node++) {
        int32_t size = last[node] - first[node], found = 0, middle = first[node];
        int32_t *f = feature + node * n_cut;
        double *w = weight + node * n_cut, low = INFINITY, high = -INFINITY;
        if (node + 1 == (int64_t)2 << depth) depth++;
        for (int32_t k = 0; k < n_cut; k++) { f[k] = 0; w[k] = 0.0; }
        threshold[node] = NAN;
        if (size > 1 && node < n_inner)
            found = choose_direction(columns, d, n_sample, order, first[node], last[node], n_cut, features, &random, f,
                                     w);
        for (int32_t i = first[node]; found && i < last[node]; i++) {
            double z = project(columns + order[i], n_sample, n_cut, f, w);
            projected[order[i]] = z;
            if (z < low) low = z;
            if (z > high) high = z;
        }
        if (!found || !(low < high)) { /* a leaf, or below one */
            value[node] = size < 0 ? value[(node - 1) / 2] : depth + mean_depth(size);
            if (node < n_inner) {
                first[2 * node + 1] = first[2 * node + 2] = 0;
                last[2 * node + 1] = last[2 * node + 2] = -1;
            }
            continue;
        }
        double u = next_uniform(&random), t = low * (1.0 - u) + high * u;
        if (!(t > low) || t > high) t = high;
        for (int32_t i = first[node]; i < last[node]; i++)
            if (projected[order[i]] < t) { int32_t row = order[i]; order[i] = order[middle]; order[middle++] = row; }
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

void amiss_oblique_score(const double *X, int64_t n_rows, int64_t d, int32_t n_cut, const int32_t *feature,
                         const double *weight, const double *threshold, const double *value, int64_t n_trees,
                         int32_t height, double *depth) {
    int64_t n_nodes = ((int64_t)2 << height) - 1;
    for (int64_t start = 0; start < n_rows; start += 8) {
        int width = n_rows - start < 8 ? (int)(n_rows - start) : 8;
        double sum[8] = {0.0};
        for (int64_t tree = 0; tree < n_trees; tree++) {
            const int32_t *f = feature + tree * n_nodes * n_cut;
            const double *w = weight + tree * n_nodes * n_cut, *t = threshold + tree * n_nodes;
            int32_t node[8] = {0};
            for (int32_t level = 0; level < height; level++)
                for (int r = 0; r < width; r++) {
                    int64_t n = node[r];
                    node[r] = 2 * node[r] + 1
                              + (project(X + (start + r) * d, 1, n_cut, f + n * n_cut, w + n * n_cut) >= t[n]);
                }
            for (int r = 0; r < width; r++) sum[r] += value[tree * n_nodes + node[r]];
        }
        for (int r = 0; r < width; r++) depth[start + r] = sum[r] / (double)n_trees;
    }
}

/* The change of a row's expected depth at a node is shared by how far each of the cut's features lies from the usual. */
void amiss_oblique_contribute(const double *X, int64_t n_rows, int64_t d, int32_t n_cut, const int32_t *feature,
                              const double *weight, const double *threshold, const double *value, int64_t n_trees,
                              int32_t height, const double *location, double *contributions) {
    int64_t n_nodes = ((int64_t)2 << height) - 1;
    for (int64_t i = 0; i < n_rows; i++) {
        const double *x = X + i * d;
        double *out = contributions + i * d;
        for (int64_t j = 0; j < d; j++) out[j] = 0.0;
        for (int64_t tree = 0; tree < n_trees; tree++) {
            const double *t = threshold + tree * n_nodes, *v = value + tree * n_nodes;
            for (int32_t n = 0, level = 0; level < height && t[n] == t[n]; level++) {
                const int32_t *f = feature + (tree * n_nodes + n) * n_cut;
                const double *w = weight + (tree * n_nodes + n) * n_cut;
                int32_t next = 2 * n + 1 + (project(x, 1, n_cut, f, w) >= t[n]);
                double gain = v[n] - v[next], whole = 0.0;
                for (int32_t k = 0; k < n_cut; k++) whole += fabs(w[k] * (x[f[k]] - location[f[k]]));
                for (int32_t k = 0; k < n_cut; k++)
                    out[f[k]] += whole > 0.0 ? gain * (fabs(w[k] * (x[f[k]] - location[f[k]])) / whole)
                                             : (k ? 0.0 : gain);
                n = next;
            }
        }
        for (int64_t j = 0; j < d; j++) out[j] /= (double)n_trees;
    }
}
