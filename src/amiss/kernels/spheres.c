#include "portable.h"

#include "spheres.h"

#define TILE 8
#define ROWS 8
#define BLOCK 64

/* For each of eight rows, place of the first sphere of a tile that holds it; TILE if none does. The rows go side by
 * side because each sum waits for its last addend. */
AMISS_WIDE
static void first_spheres(const double *x, int64_t d, const double *centers, int64_t n_padded, const double *square,
                          int *first) {
    lanes sum[ROWS] = {{0.0}}, center, gap;
    for (int64_t j = 0; j < d; j++) {
        load_lanes(&center, centers + j * n_padded);
#pragma GCC unroll 8
        for (int r = 0; r < ROWS; r++) {
            gap = center - x[r * d + j];
            sum[r] += gap * gap;
        }
    }
    for (int r = 0; r < ROWS; r++) {
        double found[TILE];
        memcpy(found, &sum[r], sizeof found);
        first[r] = TILE;
        for (int t = TILE - 1; t >= 0; t--) first[r] = found[t] <= square[t] ? t : first[r];
    }
}

/* What eight rows count in a set. */
static void count_in_set(const double *x, int64_t d, const double *centers, int64_t n_padded, const double *square,
                         const double *value, double *counts) {
    int left = ROWS, first[ROWS];
    for (int r = 0; r < ROWS; r++) counts[r] = NAN;
    for (int64_t tile = 0; tile < n_padded && left; tile += TILE) {
        first_spheres(x, d, centers + tile, n_padded, square + tile, first);
        for (int r = 0; r < ROWS; r++)
            if (isnan(counts[r]) && first[r] < TILE) {
                counts[r] = value[tile + first[r]];
                left--;
            }
    }
    for (int r = 0; r < ROWS; r++)
        if (isnan(counts[r])) counts[r] = 1.0;
}

void amiss_spheres_score(const double *X, int64_t n_rows, int64_t d, const double *centers, int64_t n_sets,
                         int64_t n_padded, const double *square, const double *value, double *score) {
    for (int64_t start = 0; start < n_rows; start += BLOCK) {
        int64_t stop = start + BLOCK < n_rows ? start + BLOCK : n_rows;
        for (int64_t i = start; i < stop; i++) score[i] = 0.0;
        for (int64_t s = 0; s < n_sets; s++) /* a set stays in the cache for all rows of a block */
            for (int64_t i = start; i < stop; i += ROWS) {
                double counts[ROWS];
                /* X has room for whole eights of rows. */
                count_in_set(X + i * d, d, centers + s * d * n_padded, n_padded, square + s * n_padded,
                             value + s * n_padded, counts);
                for (int64_t r = 0; r < ROWS && i + r < stop; r++) score[i + r] += counts[r];
            }
        for (int64_t i = start; i < stop; i++) score[i] /= (double)n_sets;
    }
}
