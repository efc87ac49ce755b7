#include "portable.h"

#include "heap.h"
#include "screen.h"

#define PANEL 32
#define STRIP 8
#define AT_ONCE 4
#define FULL 64
/* Panels of the reference that are gone through for all queries: about as many as a cache holds. */
#define PANELS_AT_HAND 32

/* Here alone a multiply and an add may become one: whatever rounding does is allowed for. */
#if defined(__clang__)
#pragma clang fp contract(fast)
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC optimize("fp-contract=fast")
#endif
typedef float narrow_floats __attribute__((vector_size(16)));
#define FLOATS narrow_floats
#define QUERIES 4
#define TARGET
#define NAME screen_narrow
#include "screen_tile.h"
#if defined(__x86_64__)
typedef float wide_floats __attribute__((vector_size(32)));
#define FLOATS wide_floats
#define QUERIES 4
#define TARGET __attribute__((target("avx2,fma")))
#define NAME screen_wide
#include "screen_tile.h"
typedef float widest_floats __attribute__((vector_size(64)));
#define FLOATS widest_floats
#define QUERIES 8
#define TARGET __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl")))
#define NAME screen_widest
#include "screen_tile.h"
#endif
#if defined(__clang__)
#pragma clang fp contract(off)
#elif defined(__GNUC__)
#pragma GCC pop_options
#endif

typedef int (*Screen)(const float *, const float *, int64_t, const float *, const float *, float *);

static Screen best_screen(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        return screen_widest;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return screen_wide;
#endif
    return screen_narrow;
}

/* One side of all pairs; see screen.h. */
typedef struct {
    const double *rows;
    const float *panels;
    float *least;
    double *distance;
    int64_t *index;
} Side;

typedef struct { int64_t query, row; float product; } Hit;

/* Squared distances of a few pairs side by side: each is a chain of sums, and chains can overlap. */
static void distances(const double *const *a, const double *const *b, int64_t d, double *out) {
    double s = 0.0, t = 0.0, u = 0.0, v = 0.0;
    for (int64_t j = 0; j < d; j++) {
        double p = b[0][j] - a[0][j], q = b[1][j] - a[1][j], r = b[2][j] - a[2][j], o = b[3][j] - a[3][j];
        s += p * p;
        t += q * q;
        u += r * r;
        v += o * o;
    }
    out[0] = s; out[1] = t; out[2] = u; out[3] = v;
}

/* Offers a row to the neighbours of row `i`, and says from which product on others matter, rounded down. */
static void offer_to(const Side *side, int64_t i, int64_t k, double unit, double square, int64_t who) {
    double *best = side->distance + i * k;
    offer(best, side->index + i * k, k, square, who);
    double bound = best[0] * unit / 2;
    side->least[i] = bound < 1e37 ? (float)(-bound - bound * 1e-6) : -INFINITY;
}

static void look_at(const Side *from, const Side *to, int64_t d, double unit, int64_t k, const Hit *hits, int64_t n) {
    const double *a[AT_ONCE], *b[AT_ONCE];
    double square[AT_ONCE];
    for (int64_t next = 0; next < n;) {
        const Hit *held[AT_ONCE];
        int some = 0;
        for (; next < n && some < AT_ONCE; next++) {
            const Hit *hit = hits + next;
            if (hit->product >= from->least[hit->query] || hit->product >= to->least[hit->row]) held[some++] = hit;
        }
        if (!some) return;
        for (int h = 0; h < AT_ONCE; h++) {
            const Hit *hit = held[h < some ? h : 0];
            a[h] = from->rows + hit->query * d;
            b[h] = to->rows + hit->row * d;
        }
        distances(a, b, d, square);
        for (int h = 0; h < some; h++) {
            offer_to(from, held[h]->query, k, unit, square[h], held[h]->row);
            if (to->distance && held[h]->row != held[h]->query)
                offer_to(to, held[h]->row, k, unit, square[h], held[h]->query);
        }
    }
}

void amiss_nearest_screened(const double *queries, const float *query_panels, int64_t first_query, int64_t last_query,
                            float *query_least, double *query_distance, int64_t *query_index,
                            const double *reference, const float *panels, int64_t first, int64_t last, float *least,
                            double *distance, int64_t *index, int64_t d, double unit, int64_t k) {
    Side from = {queries, query_panels, query_least, query_distance, query_index};
    Side to = {reference, panels, least, distance, index};
    Screen screen = best_screen();
    Hit hits[FULL + STRIP * PANEL];
    float product[STRIP * PANEL];
    int64_t n = 0, size = (d + 1) * PANEL;
    for (int64_t block = first; block < last; block += PANELS_AT_HAND * PANEL)
        for (int64_t i = first_query; i < last_query; i += STRIP) {
            int64_t stop = block + PANELS_AT_HAND * PANEL < last ? block + PANELS_AT_HAND * PANEL : last;
            const float *strip = query_panels + i / PANEL * size + i % PANEL;
            for (int64_t j = block; j < stop; j += PANEL) {
                if (distance && j + PANEL <= i) continue;
                int bits = screen(strip, panels + j / PANEL * size, d, query_least + i, least + j, product);
                for (int64_t q = i; bits; q++, bits >>= 1)
                    for (int64_t t = distance && q > j ? q - j : 0; bits & 1 && q < last_query && t < PANEL; t++) {
                        float high = product[(q - i) * PANEL + t];
                        if (j + t < last && (high >= query_least[q] || high >= least[j + t]))
                            hits[n++] = (Hit){q, j + t, high};
                    }
                if (n < FULL) continue;
                look_at(&from, &to, d, unit, k, hits, n);
                n = 0;
            }
        }
    look_at(&from, &to, d, unit, k, hits, n);
}
