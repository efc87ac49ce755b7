#include "portable.h"

#include "stays.h"

enum { RUN, LONGEST, CHANGES, SEEN, STUCK, FIELDS };

void amiss_stays(const double *X, const int64_t *entity, int64_t n_rows, int64_t n_features, double longer,
                 int64_t least_run, int64_t least_rows, double changing, double *last, int32_t *counts,
                 int32_t *moves) {
    for (int64_t i = 0; i < n_rows; i++) {
        for (int64_t j = 0; j < n_features; j++) {
            int64_t place = entity[i] * n_features + j;
            int32_t *c = counts + place * FIELDS, *move = moves + i * n_features + j;
            double x = X[i * n_features + j];
            *move = 0;
            if (x != x) continue;
            if (c[SEEN] < INT32_MAX) c[SEEN]++;
            if (x == last[place]) {
                if (c[RUN] < INT32_MAX - 1) c[RUN]++;
                double usual = longer * ((double)c[LONGEST] + 1.0);
                if (!c[STUCK] && c[RUN] + 1 >= least_run && (double)c[RUN] + 1.0 >= usual && c[SEEN] >= least_rows &&
                    (double)c[CHANGES] >= changing * (double)c[SEEN]) {
                    c[STUCK] = 1;
                    *move = c[RUN] + 1;
                }
                continue;
            }
            if (c[STUCK])
                *move = -(c[RUN] + 1);
            else if (c[RUN] > c[LONGEST])
                c[LONGEST] = c[RUN];
            c[STUCK] = c[RUN] = 0;
            if (c[CHANGES] < INT32_MAX) c[CHANGES]++;
            last[place] = x;
        }
    }
}
