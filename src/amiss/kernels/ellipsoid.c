#include "portable.h"

#include <stddef.h>

#include "ellipsoid.h"

#define SMALLEST 1e-300
#define LARGEST 1e140
#define SMALLEST_PIVOT 1e-12
#define FIRST_ROWS 32
#define BEYOND 3.0

static inline double bounded(double x) { return x > LARGEST ? LARGEST : x < -LARGEST ? -LARGEST : x; }

/* Factors the shrunk correlations of the features whose unit is not 0. */
static void find_factor(const amiss_ellipsoid *all, int64_t who, const double *unit, double *factor) {
    int64_t d = all->n_features;
    const double *covariance = all->covariance + who * d * d;
    double rows = (double)all->seen[who], most = 1.0 / all->rate;
    double away = all->shrinkage + (double)d / (rows < most ? rows : most);
    if (away > 1.0) away = 1.0;
    for (int64_t i = 0; i < d; i++)
        for (int64_t j = 0; j <= i; j++) {
            double sum = i == j ? 1.0 : (1.0 - away) * (covariance[i * d + j] * unit[i] * unit[j]);
            for (int64_t k = 0; k < j; k++) sum -= factor[i * d + k] * factor[j * d + k];
            if (i == j) factor[i * d + i] = sqrt(sum > SMALLEST_PIVOT ? sum : SMALLEST_PIVOT);
            else factor[i * d + j] = sum / factor[j * d + j];
        }
}

/* Distance of x; the gap to the mean, and by features its share in the squared distance, are left in scratch. */
static double distance_of(const amiss_ellipsoid *all, int64_t who, const double *x, int64_t *n_counting) {
    int64_t d = all->n_features;
    const double *mean = all->mean + who * d, *factor = all->factor + who * d * d, *unit = all->unit + who * d;
    double *gap = all->scratch, *share = gap + d, *own = share + d, square = 0.0;
    int holes = 0;
    *n_counting = 0;
    for (int64_t j = 0; j < d; j++) {
        int missing = isnan(x[j]);
        holes |= missing && unit[j] > 0.0;
        own[j] = missing ? 0.0 : unit[j];
        gap[j] = missing || all->seen[who] == 0 ? 0.0 : bounded(x[j]) - mean[j];
        *n_counting += own[j] > 0.0;
    }
    if (holes) {
        find_factor(all, who, own, own + d);
        factor = own + d;
    }
    for (int64_t i = 0; i < d; i++) {
        double sum = bounded(gap[i] * own[i]);
        for (int64_t k = 0; k < i; k++) sum -= factor[i * d + k] * share[k];
        share[i] = sum / factor[i * d + i];
        square += share[i] * share[i];
    }
    for (int64_t i = d - 1; i >= 0; i--) {
        double sum = share[i];
        for (int64_t k = i + 1; k < d; k++) sum -= factor[k * d + i] * share[k];
        share[i] = sum / factor[i * d + i];
    }
    for (int64_t i = 0; i < d; i++) share[i] *= bounded(gap[i] * own[i]);
    return sqrt(square);
}

static void score_row(const amiss_ellipsoid *all, int64_t who, const double *x, double *score, double *terms) {
    int64_t d = all->n_features, n;
    double distance = distance_of(all, who, x, &n);
    const double *share = all->scratch + d;
    if (score) *score = distance;
    if (terms) for (int64_t j = 0; j < d; j++) terms[j] = distance > 0.0 ? share[j] / distance : 0.0;
}

static void learn_row(const amiss_ellipsoid *all, int64_t who, const double *x) {
    int64_t d = all->n_features, seen = all->seen[who], n;
    double *last = all->last + who * d, *changes = all->changes + who * d, *mean = all->mean + who * d;
    double *unit = all->unit + who * d, *covariance = all->covariance + who * d * d;
    double start = 1.0 / ((double)seen + 1.0), a = all->rate > start ? all->rate : start, less = 1.0;
    double distance = distance_of(all, who, x, &n), usual = sqrt((double)n) + BEYOND, *gap = all->scratch;
    if (seen >= FIRST_ROWS && distance > usual) less = usual / distance;
    for (int64_t j = 0; j < d; j++) {
        changes[j] *= 1.0 - all->rate;
        if (isnan(x[j])) continue;
        double value = bounded(x[j]);
        if (isnan(last[j])) last[j] = mean[j] = value, gap[j] = 0.0;
        changes[j] += value != last[j];
        last[j] = value;
        gap[j] *= less;
        mean[j] += a * gap[j];
    }
    for (int64_t i = 0; i < d; i++)
        for (int64_t j = 0; j <= i; j++) {
            double *cell = covariance + i * d + j;
            *cell = (1.0 - a) * (*cell + a * (gap[i] * gap[j]));
        }
    all->seen[who] = ++seen;
    if (seen % all->stride && seen > FIRST_ROWS) return;
    for (int64_t j = 0; j < d; j++) {
        double variance = covariance[j * d + j];
        unit[j] = variance > SMALLEST && changes[j] >= all->sure ? 1.0 / sqrt(variance) : 0.0;
    }
    find_factor(all, who, unit, all->factor + who * d * d);
}

int amiss_ellipsoid_advance(const amiss_ellipsoid *all, const double *X, int64_t n_rows, const int64_t *entity,
                            double *scores, double *terms) {
    int64_t d = all->n_features;
    if (any_infinite(X, n_rows * d)) return 0;
    for (int64_t i = 0; i < n_rows; i++) {
        int64_t who = entity ? entity[i] : 0;
        if (scores || terms)
            score_row(all, who, X + i * d, scores ? scores + i : NULL, terms ? terms + i * d : NULL);
        learn_row(all, who, X + i * d);
    }
    return 1;
}

void amiss_ellipsoid_score(const amiss_ellipsoid *all, const double *X, int64_t n_rows, const int64_t *entity,
                           double *scores, double *terms) {
    int64_t d = all->n_features;
    for (int64_t i = 0; i < n_rows; i++)
        score_row(all, entity ? entity[i] : 0, X + i * d, scores ? scores + i : NULL, terms ? terms + i * d : NULL);
}
