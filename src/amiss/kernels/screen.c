#include "portable.h"

#include "heap.h"
#include "screen.h"

#define PANEL 32
#define STRIP 8
#define AT_ONCE 4
#define FULL 64
/* Rows that are compared with as many others before the next come: about what a cache holds. */
#define BLOCK (32 * PANEL)
/* Half a squared distance beyond which single precision tells nothing. */
#define FARTHEST 1e30
/* More than what is lost of a product where it falls short of the smallest number. */
#define LOST 1e-37

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
#define NAME products_narrow
#include "screen_tile.h"
#if defined(__x86_64__)
typedef float wide_floats __attribute__((vector_size(32)));
#define FLOATS wide_floats
#define QUERIES 4
#define TARGET __attribute__((target("avx2,fma")))
#define NAME products_wide
#include "screen_tile.h"
typedef float widest_floats __attribute__((vector_size(64)));
#define FLOATS widest_floats
#define QUERIES 8
#define TARGET __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl")))
#define NAME products_widest
#include "screen_tile.h"
#endif
#if defined(__clang__)
#pragma clang fp contract(off)
#elif defined(__GNUC__)
#pragma GCC pop_options
#endif

typedef void (*Products)(const float *, const float *, int64_t, float *);

static Products best_products(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        return products_widest;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return products_wide;
#endif
    return products_narrow;
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
    Products products;
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

/* The product from which on a row is as near as a squared distance, rounded down. */
static float least_product(double square, double unit) {
    double bound = square * unit / 2;
    return bound < 1e37 ? (float)(-bound - bound * 1e-6 - LOST) : -INFINITY;
}

/* Offers a row to the neighbours of row `i`, and says from which product on others matter. */
static void offer_to(const Side *side, int64_t i, int64_t k, double unit, double square, int64_t who) {
    double *best = side->distance + i * k;
    offer(best, side->index + i * k, k, square, who);
    side->least[i] = least_product(best[0], unit);
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
            if (i != j) offer_to(to, j, k, unit, square[h], search->names[i]);
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

/* A bit for each query of a strip that has a product which reaches its bound or the row's. */
AMISS_WIDE
static int reaching(const float *product, const float *query_least, const float *row_least) {
    int any = 0, bits = 0;
    for (int q = 0; q < STRIP; q++)
        for (int t = 0; t < PANEL; t++)
            any |= product[q * PANEL + t] >= (query_least[q] < row_least[t] ? query_least[q] : row_least[t]);
    for (int q = 0; any && q < STRIP; q++) {
        int found = 0;
        for (int t = 0; t < PANEL; t++)
            found |= product[q * PANEL + t] >= (query_least[q] < row_least[t] ? query_least[q] : row_least[t]);
        bits |= found << q;
    }
    return bits;
}

/* Puts the pairs of a strip of queries and a panel that their products do not exclude behind `n` others. */
static int64_t collect(const Search *search, int64_t i, int64_t last_query, int64_t j, int64_t last, Hit *hits,
                       int64_t n) {
    const float *query_least = search->from.least + i, *row_least = search->to.least + j;
    float product[STRIP * PANEL];
    int64_t size = (search->d + 1) * PANEL;
    const float *panel = search->to.panels + j / PANEL * size;
    search->products(search->from.panels + i / PANEL * size + i % PANEL, panel, search->d, product);
    int bits = reaching(product, query_least, row_least);
    for (int64_t q = 0; bits; q++, bits >>= 1) {
        if (!(bits & 1) || i + q >= last_query) continue;
        for (int64_t t = i + q > j ? i + q - j : 0; t < PANEL && j + t < last; t++) {
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

void amiss_nearest_in_pairs(const double *queries, const float *query_panels, int64_t first_query, int64_t last_query,
                            float *query_least, double *query_distance, int64_t *query_index,
                            const double *reference, const float *panels, int64_t first, int64_t last, float *least,
                            double *distance, int64_t *index, const int64_t *names, const double *boxes,
                            double *reach, int64_t d, double unit, int64_t k) {
    Search search = {{queries, query_panels, query_least, query_distance, query_index},
                     {reference, panels, least, distance, index},
                     names, boxes, reach, d, k, unit, best_products()};
    for (int64_t i = first; first == first_query && i < last; i += BLOCK)
        among(&search, i, i + BLOCK < last ? i + BLOCK : last);
    for (int64_t j = first; j < last; j += BLOCK)
        for (int64_t i = first_query; i < last_query && i < j; i += BLOCK)
            between(&search, i, i + BLOCK < last_query ? i + BLOCK : last_query, j,
                    j + BLOCK < last ? j + BLOCK : last);
}

typedef float strip __attribute__((vector_size(4 * STRIP)));
typedef int32_t strip_bits __attribute__((vector_size(4 * STRIP)));

/* What a strip of queries is compared with. */
typedef struct {
    const double *rows, *center;
    const float *panels;
    int64_t n, d, k;
    double unit, error;
    Products products;
} Reference;

/* Lays queries down as the rows of a panel are; one beyond single precision excludes nothing. `slack` is twice what
 * rounding can do to their products, as far as the query has part in it. */
static void lay_down(const Reference *reference, const double *queries, int64_t n, float *panel, float *slack) {
    const int64_t d = reference->d;
    const double scale = sqrt(reference->unit), *center = reference->center;
    for (int64_t q = 0; q < STRIP; q++) {
        const double *row = queries + (q < n ? q : 0) * d;
        double norm = 0.0;
        for (int64_t j = 0; j < d; j++) {
            double x = (row[j] - center[j]) * scale;
            norm += x * x;
            panel[j * PANEL + q] = (float)x;
        }
        int far = !(norm < FARTHEST);
        for (int64_t j = 0; far && j < d; j++) panel[j * PANEL + q] = 0.0f;
        panel[d * PANEL + q] = far ? INFINITY : (float)((reference->error - 0.5) * norm);
        slack[q] = far ? INFINITY : (float)(2 * reference->error * norm);
    }
}

/* The largest of the products, made lower bounds as far as the rows have part in it, of each place in a panel. */
AMISS_WIDE
static void largest(const float *product, int64_t n_panels, const float *halves, int64_t size, float share,
                    float *most) {
    for (int i = 0; i < STRIP * PANEL; i++) most[i] = -INFINITY;
    for (int64_t p = 0; p < n_panels; p++, product += STRIP * PANEL, halves += size)
        for (int q = 0; q < STRIP; q++)
            for (int t = 0; t < PANEL; t++) {
                float low = product[q * PANEL + t] + share * halves[t];
                most[q * PANEL + t] = low > most[q * PANEL + t] ? low : most[q * PANEL + t];
            }
}

/* The k-th largest of each query's PANEL values. */
AMISS_WIDE
static void kth_largest(const float *most, int64_t k, float *out) {
    const strip lowest = {-INFINITY, -INFINITY, -INFINITY, -INFINITY, -INFINITY, -INFINITY, -INFINITY, -INFINITY};
    strip first[PANEL];
    for (int64_t i = 0; i < k; i++) first[i] = lowest;
    for (int t = 0; t < PANEL; t++) {
        strip next;
        for (int q = 0; q < STRIP; q++) next[q] = most[q * PANEL + t];
        for (int64_t i = 0; i < k; i++) {
            strip_bits a = (strip_bits)first[i], b = (strip_bits)next, less = first[i] < next;
            first[i] = (strip)((b & less) | (a & ~less));
            next = (strip)((a & less) | (b & ~less));
        }
    }
    memcpy(out, first + k - 1, sizeof *first);
}

/* From which products on the rows matter to queries without neighbours. There are k rows at least as near as the k-th
 * of the nearest in each place of a panel. */
static void first_bounds(const Reference *reference, const float *product, int64_t n_panels, const float *slack,
                         float *least) {
    const int64_t d = reference->d;
    float most[STRIP * PANEL];
    for (int q = 0; q < STRIP; q++) least[q] = -INFINITY;
    if (reference->k > PANEL || reference->error > 0.1) return;
    largest(product, n_panels, reference->panels + d * PANEL, (d + 1) * PANEL,
            (float)(2 * reference->error / (0.5 - reference->error)), most);
    kth_largest(most, reference->k, least);
    for (int q = 0; q < STRIP; q++) {
        double low = (double)least[q] - slack[q] - LOST;
        least[q] = slack[q] < INFINITY ? (float)(low - fabs(low) * 1e-6) : -INFINITY;
    }
}

/* Which rows of the panels reach a bound. */
AMISS_WIDE
static int64_t above(const float *product, int64_t n_panels, float least, int64_t *rows) {
    int64_t n = 0;
    for (int64_t p = 0; p < n_panels; p++, product += STRIP * PANEL) {
        uint32_t bits = 0;
        for (int t = 0; t < PANEL; t++) bits |= product[t] >= least ? UINT32_C(1) << t : 0;
        for (; bits; bits &= bits - 1) rows[n++] = p * PANEL + __builtin_ctz(bits);
    }
    return n;
}

/* Offers to a query the rows of the panels from `start` on whose products reach its bound. */
static void take(const Reference *reference, const double *query, int64_t start, int64_t last, const float *product,
                 float least, double *distance, int64_t *index) {
    int64_t rows[BLOCK], d = reference->d, n = above(product, (last - start + PANEL - 1) / PANEL, least, rows);
    const double *a[AT_ONCE] = {query, query, query, query}, *b[AT_ONCE];
    double square[AT_ONCE];
    while (n && start + rows[n - 1] >= last) n--; /* they fill up the last panel */
    for (int64_t next = 0; next < n;) {
        int64_t held[AT_ONCE];
        int some = 0;
        for (; next < n && some < AT_ONCE; next++) {
            int64_t row = rows[next];
            if (product[row / PANEL * STRIP * PANEL + row % PANEL] >= least) held[some++] = start + row;
        }
        if (!some) return;
        for (int h = 0; h < AT_ONCE; h++) b[h] = reference->rows + held[h < some ? h : 0] * d;
        distances(a, b, d, square);
        for (int h = 0; h < some; h++) offer(distance, index, reference->k, square[h], held[h]);
        float bound = least_product(distance[0], reference->unit);
        least = bound > least ? bound : least;
    }
}

void amiss_nearest_screened(const double *queries, int64_t n_queries, double *distance, int64_t *index,
                            const double *rows, const float *panels, int64_t n, const double *center, double unit,
                            double error, int64_t d, int64_t k, float *panel) {
    Reference reference = {rows, center, panels, n, d, k, unit, error, best_products()};
    float product[BLOCK * STRIP], slack[STRIP], least[STRIP];
    for (int64_t start = 0; start < n; start += BLOCK) {
        int64_t last = start + BLOCK < n ? start + BLOCK : n, n_panels = (last - start + PANEL - 1) / PANEL;
        for (int64_t i = 0; i < n_queries; i += STRIP) {
            lay_down(&reference, queries + i * d, n_queries - i, panel, slack);
            for (int64_t p = 0; p < n_panels; p++)
                reference.products(panel, panels + (start / PANEL + p) * (d + 1) * PANEL, d,
                                   product + p * STRIP * PANEL);
            if (!start) first_bounds(&reference, product, n_panels, slack, least);
            for (int64_t q = 0; q < STRIP && i + q < n_queries; q++) {
                double *best = distance + (i + q) * k;
                take(&reference, queries + (i + q) * d, start, last, product + q * PANEL,
                     start ? least_product(best[0], unit) : least[q], best, index + (i + q) * k);
            }
        }
    }
}
