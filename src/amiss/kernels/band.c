#include "portable.h"

#include "band.h"

enum { COUNT, LEVEL, SPREAD, SLOW, SLOW_SPREAD, WANDER, STEP, STEPS, LAST, AWAY, FIELDS };

#define LARGEST 1e150
#define FARTHEST 1e6
#define SIGMA 1.2533141373155001
#define REACH 3.0
#define PULL 1.0
#define STEEP 3.0
#define CALM 0.1
#define FREE_ROWS 5.0
#define UNKNOWN 0.1
#define STEP_SHARE 0.7
#define STEP_RATE 0.02
#define TINY 1e-300
#define AHEAD 6

#if defined(__GNUC__)
#define SOON(address) __builtin_prefetch(address, 1)
#else
#define SOON(address) ((void)(address))
#endif

static inline double larger(double a, double b) { return a > b ? a : b; }
static inline double smaller(double a, double b) { return a < b ? a : b; }
static inline double within(double x, double most) { return x > most ? most : x < -most ? -most : x; }

static inline double distance(const double *m, double x, double share, double most) {
    double least = STEP_SHARE * m[STEP] + TINY;
    double z = fabs(x - m[LEVEL]) / larger(SIGMA * m[SPREAD], least);
    double far = share * (fabs(x - m[SLOW]) / larger(SIGMA * m[SLOW_SPREAD], least));
    double away = smaller(fabs(m[LEVEL] - m[SLOW]) / larger(SIGMA * m[WANDER], CALM * least), FARTHEST);
    away *= STEEP / most;
    return smaller(larger(larger(z, far), most * away / sqrt(1.0 + away * away)), FARTHEST);
}

/* Moves a spread towards a deviation, which counts up to REACH of it once there are some rows. */
static inline void widen(double *spread, double gap, double n, double least, double rate) {
    if (n > FREE_ROWS) gap = smaller(gap, REACH * larger(SIGMA * *spread, least));
    *spread += larger(1.0 / (n - 1.0), rate) * (gap - *spread);
}

static inline void begin(double *m, double x) {
    double whole = rint(x) == x ? 1.0 : 0.0;
    m[COUNT] = 1.0;
    m[LEVEL] = m[SLOW] = m[LAST] = x;
    m[STEP] = larger(UNKNOWN * fabs(x), whole);
}

static inline void learn_value(double *m, double x, const double *rates, double patience) {
    if (m[COUNT] == 0.0) { begin(m, x); return; }
    double n = m[COUNT] += 1.0, step = fabs(x - m[LAST]);
    if (step > 0.0) {
        m[STEPS] += 1.0;
        step = smaller(step, m[STEPS] == 1.0 ? m[STEP] : REACH * m[STEP]);
        m[STEP] += larger(1.0 / m[STEPS], STEP_RATE) * (step - m[STEP]);
        m[LAST] = x;
    }
    double least = STEP_SHARE * m[STEP] + TINY, gap = x - m[LEVEL];
    double most = n > FREE_ROWS ? REACH * larger(SIGMA * m[SPREAD], least) : 2.0 * LARGEST;
    widen(m + SPREAD, fabs(gap), n, least, rates[1]);
    m[LEVEL] += larger(1.0 / n, rates[0]) * within(gap, most);
    widen(m + SLOW_SPREAD, fabs(x - m[SLOW]), n, least, rates[2]);
    least *= CALM;
    gap = m[LEVEL] - m[SLOW];
    most = n > FREE_ROWS ? PULL * larger(SIGMA * m[WANDER], least) : 2.0 * LARGEST;
    widen(m + WANDER, fabs(gap), n, least, rates[2]);
    m[SLOW] += larger(1.0 / n, rates[2]) * within(gap, most);
    m[AWAY] = fabs(gap) > REACH * larger(SIGMA * m[WANDER], least) ? m[AWAY] + 1.0 : 0.0;
    if (m[AWAY] >= patience) { m[SLOW] = m[LEVEL]; m[AWAY] = 0.0; }
}

void amiss_band(const double *X, const int64_t *entity, int64_t n_rows, int64_t n_features, const double *rates,
                double share, double most, int64_t least, int64_t patience, int32_t learn, double *memory, double *scores,
                double *contributions) {
    int64_t size = n_features * FIELDS;
    for (int64_t i = 0; i < n_rows; i++) {
        const double *x = X + i * n_features;
        double *m = memory + entity[i] * size, score = 0.0;
        if (i + AHEAD < n_rows)
            for (int64_t k = 0; k < size && k < 64; k += 8) SOON(memory + entity[i + AHEAD] * size + k);
        for (int64_t j = 0; j < n_features; j++, m += FIELDS) {
            double value = within(x[j], LARGEST), z = 0.0;
            if (value == value) {
                if (m[COUNT] >= (double)least) z = distance(m, value, share, most);
                if (learn) learn_value(m, value, rates, (double)patience);
                score = larger(score, z);
            }
            if (contributions) contributions[i * n_features + j] = z;
        }
        scores[i] = score;
    }
}
