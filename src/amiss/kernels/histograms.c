#include "portable.h"

#include "histograms.h"

#define BLOCK 64

static inline int64_t bin_of(double place, int64_t n_bins) {
    double n = (double)n_bins;
    if (place != place) return n_bins + 1;
    if (place >= n && place <= n * (1 + 1e-9)) return n_bins - 1;
    return place < 0 || place >= n ? n_bins : (int64_t)place;
}

void amiss_histogram_score(const double *X, int64_t n_rows, int64_t d, int64_t n_bins, const double *low,
                           const double *width, const double *surprise, double *score, double *terms) {
    for (int64_t i = 0; i < n_rows; i++) {
        double sum = 0.0;
        for (int64_t j = 0; j < d; j++) {
            double place = (X[i * d + j] / 2 - low[j] / 2) / width[j] * 2;
            double term = surprise[j * (n_bins + 2) + bin_of(place, n_bins)];
            sum += term;
            if (terms) terms[i * d + j] = term;
        }
        score[i] = sum;
    }
}

AMISS_WIDE
static void project_block(const double *columns, int64_t n_cut, const int32_t *feature, const double *weight,
                          double *sum) {
    for (int r = 0; r < BLOCK; r++) sum[r] = 0.0;
    for (int64_t k = 0; k < n_cut; k++) {
        const double *column = columns + (int64_t)feature[k] * BLOCK;
        for (int r = 0; r < BLOCK; r++) sum[r] += weight[k] * column[r];
    }
}

AMISS_WIDE
static void to_places(double *sum, double low, double width) {
    for (int r = 0; r < BLOCK; r++) sum[r] = (sum[r] / 2 - low / 2) / width * 2;
}

static int rows_of(int64_t start, int64_t n_rows) { return n_rows - start < BLOCK ? (int)(n_rows - start) : BLOCK; }

void amiss_projected_score(const double *blocks, int64_t n_rows, int64_t d, int64_t n_cuts, int64_t n_cut,
                           const int32_t *feature, const double *weight, int64_t n_bins, const double *low,
                           const double *width, const double *surprise, double *score) {
    for (int64_t start = 0; start < n_rows; start += BLOCK) {
        int rows = rows_of(start, n_rows);
        double place[BLOCK], sum[BLOCK] = {0.0};
        for (int64_t c = 0; c < n_cuts; c++) {
            const double *line = surprise + c * (n_bins + 2);
            project_block(blocks + start * d, n_cut, feature + c * n_cut, weight + c * n_cut, place);
            to_places(place, low[c], width[c]);
            for (int r = 0; r < rows; r++) sum[r] += line[bin_of(place[r], n_bins)];
        }
        for (int r = 0; r < rows; r++) score[start + r] = sum[r] / (double)n_cuts;
    }
}

void amiss_projected_range(const double *blocks, int64_t n_rows, int64_t d, int64_t n_cuts, int64_t n_cut,
                           const int32_t *feature, const double *weight, double *low, double *high) {
    for (int64_t start = 0; start < n_rows; start += BLOCK) {
        int rows = rows_of(start, n_rows);
        double sum[BLOCK];
        for (int64_t c = 0; c < n_cuts; c++) {
            project_block(blocks + start * d, n_cut, feature + c * n_cut, weight + c * n_cut, sum);
            for (int r = 0; r < rows; r++) {
                low[c] = sum[r] < low[c] ? sum[r] : low[c];
                high[c] = sum[r] > high[c] ? sum[r] : high[c];
            }
        }
    }
}

void amiss_projected_count(const double *blocks, int64_t n_rows, int64_t d, int64_t n_cuts, int64_t n_cut,
                           const int32_t *feature, const double *weight, int64_t n_bins, const double *low,
                           const double *width, double *counts) {
    for (int64_t start = 0; start < n_rows; start += BLOCK) {
        int rows = rows_of(start, n_rows);
        double place[BLOCK];
        for (int64_t c = 0; c < n_cuts; c++) {
            project_block(blocks + start * d, n_cut, feature + c * n_cut, weight + c * n_cut, place);
            to_places(place, low[c], width[c]);
            for (int r = 0; r < rows; r++) counts[c * (n_bins + 2) + bin_of(place[r], n_bins)] += 1.0;
        }
    }
}
