#include "portable.h"

#include "neighbors.h"

#define TILE 32
#define CHUNK 64

static int after(double a, int64_t i, double b, int64_t j) { return a > b || (a == b && i > j); }

/* Sink the pair at `root` of a heap whose top is the farthest pair. */
static void sink(double *distance, int64_t *index, int64_t size, int64_t root) {
    double a = distance[root];
    int64_t i = index[root];
    for (;;) {
        int64_t child = 2 * root + 1;
        if (child >= size) break;
        if (child + 1 < size && after(distance[child + 1], index[child + 1], distance[child], index[child])) child++;
        if (!after(distance[child], index[child], a, i)) break;
        distance[root] = distance[child];
        index[root] = index[child];
        root = child;
    }
    distance[root] = a;
    index[root] = i;
}

static void offer(double *distance, int64_t *index, int64_t k, double square, int64_t who) {
    if (!after(distance[0], index[0], square, who)) return;
    distance[0] = square;
    index[0] = who;
    sink(distance, index, k, 0);
}

void amiss_nearest_start(int64_t n_queries, int64_t k, double *distance, int64_t *index) {
    for (int64_t i = 0; i < n_queries * k; i++) {
        distance[i] = INFINITY;
        index[i] = INT64_MAX;
    }
}

void amiss_nearest_finish(int64_t n_queries, int64_t k, double *distance, int64_t *index) {
    for (int64_t i = 0; i < n_queries; i++) {
        double *best = distance + i * k;
        int64_t *who = index + i * k;
        for (int64_t end = k - 1; end > 0; end--) {
            double a = best[0]; best[0] = best[end]; best[end] = a;
            int64_t w = who[0]; who[0] = who[end]; who[end] = w;
            sink(best, who, end, 0);
        }
        for (int64_t n = 0; n < k; n++) {
            best[n] = sqrt(best[n]);
            if (isinf(best[n])) who[n] = -1;
        }
    }
}

/* Squared distances to the rows of a tile; whether any is at most `bound`. */
AMISS_WIDE
static int tile_distances(const double *query, const double *columns, int64_t d, int64_t stride, double bound,
                          double *out) {
    lanes a = {0.0}, b = {0.0}, c = {0.0}, e = {0.0}, r;
    int found = 0;
    for (int64_t j = 0; j < d; j++) {
        const double q = query[j], *column = columns + j * stride;
        load_lanes(&r, column);
        r -= q;
        a += r * r;
        load_lanes(&r, column + 8);
        r -= q;
        b += r * r;
        load_lanes(&r, column + 16);
        r -= q;
        c += r * r;
        load_lanes(&r, column + 24);
        r -= q;
        e += r * r;
    }
    memcpy(out, &a, sizeof a);
    memcpy(out + 8, &b, sizeof b);
    memcpy(out + 16, &c, sizeof c);
    memcpy(out + 24, &e, sizeof e);
    for (int t = 0; t < TILE; t++) found |= out[t] <= bound;
    return found;
}

void amiss_nearest_all(const double *queries, int64_t n_queries, int64_t d, const double *columns, int64_t n_reference,
                       int64_t n_padded, int64_t k, double *distance, int64_t *index) {
    double sum[TILE];
    for (int64_t i = 0; i < n_queries; i++)
        for (int64_t start = 0; start < n_reference; start += TILE) {
            int64_t width = n_reference - start < TILE ? n_reference - start : TILE;
            if (!tile_distances(queries + i * d, columns + start, d, n_padded, distance[i * k], sum)) continue;
            for (int64_t t = 0; t < width; t++)
                if (sum[t] < distance[i * k]) offer(distance + i * k, index + i * k, k, sum[t], start + t);
        }
}

/* Highest product of each chunk of a line. Sixteen maxima go side by side, which a compiler can put into a register. */
AMISS_WIDE
static void chunk_maxima(const float *line, int64_t n, float *maxima) {
    int64_t whole = n / CHUNK;
    for (int64_t c = 0; c < whole; c++) {
        float high[16];
        const float *chunk = line + c * CHUNK;
        for (int t = 0; t < 16; t++) {
            float a = chunk[t] > chunk[t + 16] ? chunk[t] : chunk[t + 16];
            float b = chunk[t + 32] > chunk[t + 48] ? chunk[t + 32] : chunk[t + 48];
            high[t] = a > b ? a : b;
        }
        for (int half = 8; half; half /= 2)
            for (int t = 0; t < half; t++) high[t] = high[t] > high[t + half] ? high[t] : high[t + half];
        maxima[c] = high[0];
    }
    if (whole * CHUNK < n) {
        maxima[whole] = line[whole * CHUNK];
        for (int64_t t = whole * CHUNK; t < n; t++) maxima[whole] = line[t] > maxima[whole] ? line[t] : maxima[whole];
    }
}

static double row_distance(const double *a, const double *b, int64_t d) {
    double sum = 0.0;
    for (int64_t j = 0; j < d; j++) {
        double gap = b[j] - a[j];
        sum += gap * gap;
    }
    return sum;
}

/* The bound that a product must reach for its row to be looked at, rounded down. */
static float least_product(double norm, double farthest, double unit) {
    double bound = (norm - farthest * unit) / 2;
    if (!(bound > -1e37)) return -INFINITY;
    return (float)(bound - fabs(bound) * 1e-6);
}

AMISS_WIDE
static int any_above(const float *product, float bound) {
    int found = 0;
    for (int t = 0; t < CHUNK; t++) found |= product[t] >= bound;
    return found;
}

/* Looks at the rows first..stop - 1 of a line whose product reaches the bound; returns the bound that then holds. */
static float look_at(const double *query, int64_t d, const double *reference, const float *line, int64_t start,
                     int64_t stop, int64_t first, double norm, double unit, float bound, int64_t k, double *best,
                     int64_t *who) {
    for (int64_t t = start; t < stop; t++) {
        if (!(line[t] >= bound)) continue;
        double square = row_distance(query, reference + (first + t) * d, d);
        if (!after(best[0], who[0], square, first + t)) continue;
        offer(best, who, k, square, first + t);
        bound = least_product(norm, best[0], unit);
    }
    return bound;
}

/* Without a bound yet, chunks are looked at from the one with the highest product on: neighbours are found early, and
 * the rest is out. With one, most chunks are passed over as they come. */
void amiss_nearest_screened(const double *queries, int64_t n_queries, int64_t d, const double *reference,
                            int64_t first, int64_t n_block, const float *product, const double *norm, double unit,
                            int64_t k, float *maxima, double *distance, int64_t *index) {
    int64_t n_chunks = (n_block + CHUNK - 1) / CHUNK;
    for (int64_t i = 0; i < n_queries; i++) {
        const float *line = product + i * n_block;
        const double *query = queries + i * d;
        double *best = distance + i * k;
        int64_t *who = index + i * k;
        float bound = least_product(norm[i], best[0], unit);
        if (!isinf(bound)) {
            for (int64_t start = 0; start < n_block; start += CHUNK) {
                int64_t stop = start + CHUNK < n_block ? start + CHUNK : n_block;
                if (stop - start < CHUNK || any_above(line + start, bound))
                    bound = look_at(query, d, reference, line, start, stop, first, norm[i], unit, bound, k, best, who);
            }
            continue;
        }
        chunk_maxima(line, n_block, maxima);
        for (;;) {
            int64_t chunk = -1;
            for (int64_t c = 0; c < n_chunks; c++)
                if (maxima[c] >= bound && (chunk < 0 || maxima[c] > maxima[chunk])) chunk = c;
            if (chunk < 0) break;
            maxima[chunk] = NAN; /* done: no comparison holds */
            int64_t start = chunk * CHUNK, stop = start + CHUNK < n_block ? start + CHUNK : n_block;
            bound = look_at(query, d, reference, line, start, stop, first, norm[i], unit, bound, k, best, who);
        }
    }
}

static void take_box(const double *X, int64_t d, const int64_t *order, int64_t first, int64_t last, double *box) {
    for (int64_t j = 0; j < d; j++) { box[2 * j] = INFINITY; box[2 * j + 1] = -INFINITY; }
    for (int64_t i = first; i < last; i++)
        for (int64_t j = 0; j < d; j++) {
            double x = X[order[i] * d + j];
            if (x < box[2 * j]) box[2 * j] = x;
            if (x > box[2 * j + 1]) box[2 * j + 1] = x;
        }
}

/* Puts the rows with the smaller values of a feature before `middle` (Hoare's selection). */
static void halve(const double *X, int64_t d, int64_t *order, int64_t first, int64_t last, int64_t middle, int64_t j) {
    last--;
    while (first < last) {
        double pivot = X[order[first + (last - first) / 2] * d + j];
        int64_t a = first, b = last;
        while (a <= b) {
            while (X[order[a] * d + j] < pivot) a++;
            while (X[order[b] * d + j] > pivot) b--;
            if (a <= b) { int64_t row = order[a]; order[a++] = order[b]; order[b--] = row; }
        }
        if (middle <= b) last = b;
        else if (middle >= a) first = a;
        else return;
    }
}

/* First row of node `node`, counted within its level, of a level that halves `n` rows `level` times. */
static int64_t first_row(int64_t n, int32_t level, int64_t node) {
    int64_t first = 0, last = n;
    for (int32_t bit = level - 1; bit >= 0; bit--) {
        int64_t middle = first + (last - first) / 2;
        if (node >> bit & 1) first = middle;
        else last = middle;
    }
    return first;
}

void amiss_tree_build(const double *X, int64_t n, int64_t d, int32_t height, int64_t *order, double *boxes,
                      double *leaves) {
    for (int64_t i = 0; i < n; i++) order[i] = i;
    for (int32_t level = 0; level <= height; level++)
        for (int64_t node = 0; node < (int64_t)1 << level; node++) {
            int64_t first = first_row(n, level, node);
            int64_t last = node + 1 < (int64_t)1 << level ? first_row(n, level, node + 1) : n, widest = 0;
            double *box = boxes + (((int64_t)1 << level) - 1 + node) * 2 * d;
            take_box(X, d, order, first, last, box);
            if (level == height) {
                double *leaf = leaves + node * d * TILE;
                for (int64_t j = 0; j < d; j++)
                    for (int64_t t = 0; t < TILE; t++)
                        leaf[j * TILE + t] = first + t < last ? X[order[first + t] * d + j] : INFINITY;
                continue;
            }
            for (int64_t j = 1; j < d; j++)
                if (box[2 * j + 1] - box[2 * j] > box[2 * widest + 1] - box[2 * widest]) widest = j;
            halve(X, d, order, first, last, first + (last - first) / 2, widest);
        }
}

/* Squared distance to a box; never more than that to a row inside, in the same arithmetic. */
static double box_distance(const double *query, const double *box, int64_t d) {
    double sum = 0.0;
    for (int64_t j = 0; j < d; j++) {
        double below = box[2 * j] - query[j], above = query[j] - box[2 * j + 1];
        double gap = below > above ? below : above;
        gap = gap > 0.0 ? gap : 0.0;
        sum += gap * gap;
    }
    return sum;
}

typedef struct { double distance; int64_t node, first, last; } Visit;

int64_t amiss_nearest_tree(const double *queries, int64_t n_queries, int64_t d, int64_t n, int32_t height,
                           const int64_t *order, const double *boxes, const double *leaves, int64_t k,
                           double *distance, int64_t *index) {
    int64_t n_seen = 0, n_inner = ((int64_t)1 << height) - 1;
    double sum[TILE];
    Visit stack[64];
    for (int64_t i = 0; i < n_queries; i++) {
        const double *query = queries + i * d;
        double *best = distance + i * k;
        int64_t *who = index + i * k;
        int top = 1;
        stack[0] = (Visit){0.0, 0, 0, n};
        while (top) {
            Visit at = stack[--top];
            if (at.distance > best[0]) continue;
            if (at.node >= n_inner) {
                n_seen++;
                if (!tile_distances(query, leaves + (at.node - n_inner) * d * TILE, d, TILE, best[0], sum)) continue;
                for (int64_t t = 0; t < at.last - at.first; t++)
                    if (sum[t] <= best[0]) offer(best, who, k, sum[t], order[at.first + t]);
                continue;
            }
            int64_t a = 2 * at.node + 1, middle = at.first + (at.last - at.first) / 2;
            Visit left = {box_distance(query, boxes + a * 2 * d, d), a, at.first, middle};
            Visit right = {box_distance(query, boxes + (a + 1) * 2 * d, d), a + 1, middle, at.last};
            int left_first = left.distance <= right.distance;
            stack[top++] = left_first ? right : left;
            stack[top++] = left_first ? left : right;
        }
    }
    return n_seen;
}

/* A leaf near each query: queries of one leaf walk through the same part of the tree. */
void amiss_tree_leaf(const double *queries, int64_t n_queries, int64_t d, int32_t height, const double *boxes,
                     int64_t *leaf) {
    for (int64_t i = 0; i < n_queries; i++) {
        int64_t node = 0;
        for (int32_t level = 0; level < height; level++) {
            const double *box = boxes + (2 * node + 1) * 2 * d;
            node = 2 * node + 1
                   + (box_distance(queries + i * d, box, d) > box_distance(queries + i * d, box + 2 * d, d));
        }
        leaf[i] = node;
    }
}
