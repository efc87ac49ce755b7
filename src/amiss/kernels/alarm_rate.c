#include "portable.h"

#include "alarm_rate.h"

enum { ROWS, LEARNT, RAISED, SHARE, CORRECTION, ELAPSED, PASSED, LATEST, QUANTILES };

#define LEVELS 8
#define LEADING 1
#define FIRST 100
#define FEWEST 3.0
#define LN5 1.6094379124341003
#define STEP 0.02
#define NARROWEST 0.05
#define SLOW 1e-3
#define LEAST_CORRECTION -6.0
#define MOST_CORRECTION 3.0
#define TOLD 0.7
#define AGAIN 1.0
#define FAR 1e-3
#define CALM 0.25
#define HARDLY 0.01
#define MOST_PAUSES 100.0
#define DAY 86400.0
#define HOUR 3600.0
#define TOGETHER 10
#define OFTEN 0.01

static const double SHARES[LEVELS] = {0.5, 0.1, 0.02, 0.004, 0.0008, 0.00016, 0.000032, 0.0000064};

static inline double larger(double a, double b) { return a > b ? a : b; }
static inline double smaller(double a, double b) { return a < b ? a : b; }

static double p_value_of(const double *quantiles, double y) {
    int k = 0;
    while (k < LEVELS && y > quantiles[k]) k++;
    if (k == 0) {
        double low = 0.5 * exp(LN5 * (y - quantiles[0]) / (quantiles[1] - quantiles[0]));
        return 1.0 - low;
    }
    double wide = k < LEVELS ? quantiles[k] - quantiles[k - 1] : quantiles[k - 1] - quantiles[k - 2];
    return larger(SHARES[k - 1] * exp(-LN5 * (y - quantiles[k - 1]) / wide), 1e-300);
}

static void keep_apart(double *quantiles, double learnt) {
    for (int k = 1; k < LEVELS; k++) {
        if (k > 1 && learnt * SHARES[k] < FEWEST)
            quantiles[k] = 2.0 * quantiles[k - 1] - quantiles[k - 2];
        quantiles[k] = larger(quantiles[k], quantiles[k - 1] + NARROWEST);
    }
}

static void learn_score(double *m, double y, double weight) {
    double *quantiles = m + QUANTILES, *first = m + QUANTILES + LEVELS;
    double n = m[LEARNT] += 1.0;
    if (n <= FIRST) {
        int64_t at = (int64_t)n - 1;
        for (; at > 0 && first[at - 1] > y; at--) first[at] = first[at - 1];
        first[at] = y;
        if (n == FIRST)
            for (int k = 0; k < 3; k++) quantiles[k] = first[FIRST - 1 - (int)(FIRST * SHARES[k])];
    } else {
        for (int k = 0; k < LEVELS && (k <= 1 || n * SHARES[k] >= FEWEST); k++) {
            double wide = k ? quantiles[k] - quantiles[k - 1] : quantiles[1] - quantiles[0];
            double step = weight < 1.0 ? weight * STEP : larger(STEP, 1.0 / (LN5 * SHARES[k] * n));
            double moved = step * wide * ((y > quantiles[k] ? 1.0 : 0.0) - SHARES[k]);
            quantiles[k] += moved;
            /* The rare ones hear too seldom of a spread that changes. */
            for (int j = k + 1; k == LEADING && j < LEVELS; j++) quantiles[j] += moved;
        }
    }
    if (n >= FIRST) keep_apart(quantiles, n);
}

static inline double mean_pause(const double *m) { return m[ELAPSED] / larger(m[PASSED], 1.0); }

/* Takes in the time of a row; gives the time that has passed. A clock may leap: that is an hour at most. */
static double passed(double *m, double time) {
    if (m[ROWS] <= 1.0) { m[LATEST] = time; return 0.0; }
    double most = larger(MOST_PAUSES * mean_pause(m), HOUR);
    if (m[PASSED] == 0.0 && time > m[LATEST]) most = time - m[LATEST];
    double pause = smaller(larger(time - m[LATEST], 0.0), most);
    if (time > m[LATEST] || time < m[LATEST] - most) m[LATEST] = time;
    if (pause > 0.0) {
        double kept = exp(-pause / larger(DAY, 100.0 * mean_pause(m)));
        m[ELAPSED] = kept * m[ELAPSED] + pause;
        m[PASSED] *= kept;
    }
    m[PASSED] += 1.0;
    return pause;
}

void amiss_alarm_rate(const double *scores, const int64_t *entity, const double *time, int64_t n_rows, double rate,
                      double least, int32_t per_day, int32_t learn, double *memory, int32_t *quiet, double *p_values,
                      uint8_t *is_anomaly) {
    double *m = memory;
    for (int64_t i = 0; i < n_rows; i++) {
        double p = 1.0, weight = 1.0;
        int judged = scores[i] > 0.0, high = 0;
        if (learn) {
            m[ROWS] += 1.0;
            m[SHARE] += larger(1.0 / m[ROWS], SLOW) * ((double)judged - m[SHARE]);
            double room = per_day ? rate * passed(m, time[i]) / DAY : rate;
            m[CORRECTION] = smaller(m[CORRECTION] + TOLD * room, MOST_CORRECTION);
        }
        int32_t *since = quiet + entity[i];
        int on = *since < TOGETHER;
        if (judged) {
            double y = log(larger(scores[i], CALM * least));
            if (m[LEARNT] >= FIRST) {
                double asked = per_day ? rate * mean_pause(m) / DAY : rate;
                double room = exp(m[CORRECTION] + (on ? AGAIN : 0.0)) * asked / larger(m[SHARE], SLOW);
                p = p_value_of(m + QUANTILES, y);
                high = p < smaller(room, 1.0 / (TOGETHER + 1)) && (scores[i] > least || asked >= OFTEN);
                if (high && p < FAR * asked) weight = HARDLY;
            }
            if (learn) learn_score(m, y, weight);
        }
        if (learn && high) {
            if (!on) {
                m[RAISED] += 1.0;
                m[CORRECTION] = larger(m[CORRECTION] - weight * TOLD, LEAST_CORRECTION);
            }
            *since = 0;
        } else if (learn && *since < TOGETHER) {
            *since += 1;
        }
        p_values[i] = p;
        is_anomaly[i] = (uint8_t)high;
    }
}
