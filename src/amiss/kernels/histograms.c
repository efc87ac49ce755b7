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

/* Bins of a block's sums, as `bin_of`, without branches: a compiler can do several at a time. */
AMISS_WIDE
static void to_bins(const double *sum, double low, double width, double n_bins, int32_t *bin) {
    for (int r = 0; r < BLOCK; r++) {
        double place = (sum[r] / 2 - low / 2) / width * 2;
        double kept = place < n_bins ? place : place <= n_bins * (1 + 1e-9) ? n_bins - 1 : n_bins;
        kept = place >= 0 ? kept : n_bins;
        bin[r] = (int32_t)(place == place ? kept : n_bins + 1);
    }
}

AMISS_WIDE
static void widen(const double *sum, double *low, double *high) {
    double least[8], most[8];
    for (int t = 0; t < 8; t++) { least[t] = *low; most[t] = *high; }
    for (int r = 0; r < BLOCK; r += 8)
        for (int t = 0; t < 8; t++) {
            least[t] = sum[r + t] < least[t] ? sum[r + t] : least[t];
            most[t] = sum[r + t] > most[t] ? sum[r + t] : most[t];
        }
    for (int t = 0; t < 8; t++) {
        *low = least[t] < *low ? least[t] : *low;
        *high = most[t] > *high ? most[t] : *high;
    }
}

static int rows_of(int64_t start, int64_t n_rows) { return n_rows - start < BLOCK ? (int)(n_rows - start) : BLOCK; }

void amiss_projected_score(const double *blocks, int64_t n_rows, int64_t d, int64_t n_cuts, int64_t n_cut,
                           const int32_t *feature, const double *weight, int64_t n_bins, const double *low,
                           const double *width, const double *surprise, double *score) {
    for (int64_t start = 0; start < n_rows; start += BLOCK) {
        int rows = rows_of(start, n_rows);
        double line_sum[BLOCK], sum[BLOCK] = {0.0};
        int32_t bin[BLOCK];
        for (int64_t c = 0; c < n_cuts; c++) {
            const double *line = surprise + c * (n_bins + 2);
            project_block(blocks + start * d, n_cut, feature + c * n_cut, weight + c * n_cut, line_sum);
            to_bins(line_sum, low[c], width[c], (double)n_bins, bin);
            for (int r = 0; r < rows; r++) sum[r] += line[bin[r]];
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
            if (rows == BLOCK) widen(sum, low + c, high + c);
            for (int r = 0; r < rows && rows < BLOCK; r++) {
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
        double sum[BLOCK];
        int32_t bin[BLOCK];
        for (int64_t c = 0; c < n_cuts; c++) {
            project_block(blocks + start * d, n_cut, feature + c * n_cut, weight + c * n_cut, sum);
            to_bins(sum, low[c], width[c], (double)n_bins, bin);
            for (int r = 0; r < rows; r++) counts[c * (n_bins + 2) + bin[r]] += 1.0;
        }
    }
}
