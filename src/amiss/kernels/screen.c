#include "portable.h"

#include "heap.h"
#include "screen.h"

#define PANEL 32
#define STRIP 8
#define AT_ONCE 4
#define FULL 64
/* Rows that are compared with as many others before the next come: about what a cache holds. */
#define BLOCK (32 * PANEL)

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

/* One side of all pairs, and what both have in common; see screen.h. */
typedef struct {
    const double *rows;
    const float *panels;
    float *least;
    double *distance;
    int64_t *index;
} Side;

typedef struct {
    Side from, to;
    const int64_t *names;
    const double *boxes;
    double *reach;
    int64_t d, k;
    double unit;
    Screen screen;
} Search;

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

static void look_at(const Search *search, const Hit *hits, int64_t n) {
    const Side *from = &search->from, *to = &search->to;
    const double *a[AT_ONCE], *b[AT_ONCE], unit = search->unit;
    double square[AT_ONCE];
    int64_t d = search->d, k = search->k;
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
            int64_t i = held[h]->query, j = held[h]->row;
            offer_to(from, i, k, unit, square[h], search->names[j]);
            if (to->distance && i != j) offer_to(to, j, k, unit, square[h], search->names[i]);
        }
    }
}

/* The squared distance beyond which no row of a panel has to look. */
static double reach_of(const Search *search, int64_t start, int64_t stop) {
    double reach = 0.0;
    for (int64_t i = start; i < stop && i < start + PANEL; i++) {
        double farthest = search->from.distance[i * search->k];
        reach = farthest > reach ? farthest : reach;
    }
    return reach;
}

/* Squared distance of two boxes; never more than that of two rows inside, in the same arithmetic. */
static double apart(const double *a, const double *b, int64_t d) {
    double sum = 0.0;
    for (int64_t j = 0; j < d; j++) {
        double below = a[2 * j] - b[2 * j + 1], above = b[2 * j] - a[2 * j + 1];
        double gap = below > above ? below : above;
        gap = gap > 0.0 ? gap : 0.0;
        sum += gap * gap;
    }
    return sum;
}

/* Puts the pairs of a strip of queries and a panel that their products do not exclude behind `n` others. */
static int64_t collect(const Search *search, int64_t i, int64_t last_query, int64_t j, int64_t last, Hit *hits,
                       int64_t n) {
    const float *query_least = search->from.least + i, *row_least = search->to.least + j;
    float product[STRIP * PANEL];
    int64_t size = (search->d + 1) * PANEL;
    int bits = search->screen(search->from.panels + i / PANEL * size + i % PANEL,
                              search->to.panels + j / PANEL * size, search->d, query_least, row_least, product);
    for (int64_t q = 0; bits; q++, bits >>= 1) {
        if (!(bits & 1) || i + q >= last_query) continue;
        for (int64_t t = search->to.distance && i + q > j ? i + q - j : 0; t < PANEL && j + t < last; t++) {
            float high = product[q * PANEL + t];
            if (high >= query_least[q] || high >= row_least[t]) hits[n++] = (Hit){i + q, j + t, high};
        }
    }
    return n;
}

/* Compares a panel of queries with one of the reference, unless they are too far apart. */
static int64_t meet(const Search *search, int64_t i, int64_t last_query, int64_t j, int64_t last, Hit *hits,
                    int64_t n) {
    if (search->boxes) {
        const double *a = search->boxes + i / PANEL * 2 * search->d, *b = search->boxes + j / PANEL * 2 * search->d;
        double gap = apart(a, b, search->d);
        if (gap > search->reach[i / PANEL] && gap > search->reach[j / PANEL]) return n;
    }
    for (int64_t strip = i; strip < last_query && strip < i + PANEL; strip += STRIP) {
        n = collect(search, strip, last_query, j, last, hits, n);
        if (n < FULL) continue;
        look_at(search, hits, n);
        n = 0;
    }
    return n;
}

/* A block with itself, first the panels that stand side by side: where rows are in order, these are the nearest. */
static void among(const Search *search, int64_t first, int64_t last) {
    int64_t n = 0;
    Hit hits[FULL + STRIP * PANEL];
    for (int64_t shift = 0; shift < last - first; shift += PANEL) {
        for (int64_t i = first; search->boxes && i < last; i += PANEL)
            search->reach[i / PANEL] = reach_of(search, i, last);
        for (int64_t i = first; i + shift < last; i += PANEL) n = meet(search, i, last, i + shift, last, hits, n);
    }
    look_at(search, hits, n);
}

static void between(const Search *search, int64_t first_query, int64_t last_query, int64_t first, int64_t last) {
    int64_t n = 0;
    Hit hits[FULL + STRIP * PANEL];
    for (int64_t j = first; search->boxes && j < last; j += PANEL) search->reach[j / PANEL] = reach_of(search, j, last);
    for (int64_t i = first_query; i < last_query; i += PANEL) {
        if (search->boxes) search->reach[i / PANEL] = reach_of(search, i, last_query);
        for (int64_t j = first; j < last; j += PANEL) n = meet(search, i, last_query, j, last, hits, n);
    }
    look_at(search, hits, n);
}

void amiss_nearest_screened(const double *queries, const float *query_panels, int64_t first_query, int64_t last_query,
                            float *query_least, double *query_distance, int64_t *query_index,
                            const double *reference, const float *panels, int64_t first, int64_t last, float *least,
                            double *distance, int64_t *index, const int64_t *names, const double *boxes,
                            double *reach, int64_t d, double unit, int64_t k) {
    Search search = {{queries, query_panels, query_least, query_distance, query_index},
                     {reference, panels, least, distance, index},
                     names, boxes, reach, d, k, unit, best_screen()};
    for (int64_t i = first; distance && first == first_query && i < last; i += BLOCK)
        among(&search, i, i + BLOCK < last ? i + BLOCK : last);
    for (int64_t j = first; j < last; j += BLOCK)
        for (int64_t i = first_query; i < last_query && !(distance && i >= j); i += BLOCK)
            between(&search, i, i + BLOCK < last_query ? i + BLOCK : last_query, j,
                    j + BLOCK < last ? j + BLOCK : last);
}
