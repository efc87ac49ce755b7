#include "portable.h"

#include "kinship.h"

void amiss_kinship_paths(const double *X, int64_t n_rows, int64_t n_features, const int32_t *split,
                         const double *threshold, int64_t n_trees, int32_t height, uint8_t *paths) {
    int64_t n_nodes = ((int64_t)2 << height) - 1;
    for (int64_t i = 0; i < n_rows; i++) {
        const double *x = X + i * n_features;
        for (int64_t tree = 0; tree < n_trees; tree++) {
            const int32_t *s = split + tree * n_nodes;
            const double *t = threshold + tree * n_nodes;
            int32_t node = 0, path = 0;
            for (int32_t level = 0; level < height; level++) {
                double value = x[s[node] >> 1];
                int32_t right = (value >= t[node]) | ((value != value) & !(s[node] & 1));
                path = 2 * path + right;
                node = 2 * node + 1 + right;
            }
            paths[i * n_trees + tree] = (uint8_t)path;
        }
    }
}

void amiss_kinship_shared(const uint8_t *paths, int64_t n_rows, int64_t n_trees, const uint8_t *path,
                          const uint8_t *by_difference, uint16_t *shared) {
    for (int64_t i = 0; i < n_rows; i++) {
        const uint8_t *mine = paths + i * n_trees;
        uint32_t total = 0;
        for (int64_t tree = 0; tree < n_trees; tree++) total += by_difference[mine[tree] ^ path[tree]];
        shared[i] = (uint16_t)total;
    }
}

void amiss_kinship_totals(const uint8_t *paths, int64_t n_rows, int64_t n_trees, const double *by_path,
                          double *totals) {
    for (int64_t i = 0; i < n_rows; i++) {
        const uint8_t *mine = paths + i * n_trees;
        double total = 0.0;
        for (int64_t tree = 0; tree < n_trees; tree++) total += by_path[256 * tree + mine[tree]];
        totals[i] = total;
    }
}
