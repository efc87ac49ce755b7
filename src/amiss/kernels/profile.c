#include "portable.h"
#include "profile.h"

/* Diagonals walked side by side. */
enum { SIDE = 32 };

static void keep(double correlation, int64_t i, int64_t j, double *left, int64_t *left_place, double *right,
                 int64_t *right_place)
{
    if (correlation > left[j]) {
        left[j] = correlation;
        left_place[j] = i;
    }
    if (correlation > right[i]) {
        right[i] = correlation;
        right_place[i] = j;
    }
}

AMISS_WIDE
void amiss_profile(const double *restrict df, const double *restrict dg, const double *restrict inverse,
                   int64_t n_windows, const double *restrict first, int64_t diagonal, int64_t end,
                   double *restrict left, int64_t *restrict left_place, double *restrict right,
                   int64_t *restrict right_place)
{
    for (int64_t d = diagonal; d < end; d += SIDE) {
        const int64_t side = end - d < SIDE ? end - d : SIDE;
        double covariance[SIDE], correlation[SIDE];
        int64_t i = 0;
        for (int64_t k = 0; k < side; k++)
            covariance[k] = first[d - diagonal + k];
        for (; side == SIDE && i + d + SIDE <= n_windows; i++) {
            const double *dg_j = dg + i + d, *df_j = df + i + d, *inverse_j = inverse + i + d, *left_j = left + i + d;
            const double df_i = df[i], dg_i = dg[i], inverse_i = inverse[i], right_i = right[i];
            int64_t found = 0;
            for (int k = 0; k < SIDE; k++) {
                covariance[k] += df_i * dg_j[k] + df_j[k] * dg_i;
                correlation[k] = covariance[k] * (inverse_j[k] * inverse_i);
                found |= (int64_t)(correlation[k] > left_j[k]) | (int64_t)(correlation[k] > right_i);
            }
            if (found) /* Seldom, once the profile has settled. */
                for (int k = 0; k < SIDE; k++)
                    keep(correlation[k], i, i + d + k, left, left_place, right, right_place);
        }
        for (int64_t k = 0; k < side; k++)
            for (int64_t at = i; at + d + k < n_windows; at++) {
                const int64_t j = at + d + k;
                covariance[k] += df[at] * dg[j] + df[j] * dg[at];
                keep(covariance[k] * (inverse[j] * inverse[at]), at, j, left, left_place, right, right_place);
            }
    }
}
