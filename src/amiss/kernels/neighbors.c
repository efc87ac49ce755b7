#include "portable.h"

#include "heap.h"
#include "neighbors.h"

#define TILE 32

void amiss_nearest_start(int64_t n_queries, int64_t k, double *distance, int64_t *index) {
    for (int64_t i = 0; i < n_queries * k; i++) {
        distance[i] = INFINITY;
        index[i] = INT64_MAX;
    }
}

void amiss_nearest_finish(int64_t n_queries, int64_t k, int32_t skip_self, double *distance, int64_t *index) {
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
        if (!skip_self || best[0] != 0.0) continue;
        memmove(best, best + 1, (size_t)(k - 1) * sizeof *best);
        memmove(who, who + 1, (size_t)(k - 1) * sizeof *who);
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

static double larger(double a, double b) { return a > b ? a : b; }

/* Squared distances to two boxes; never more than those to rows inside, in the same arithmetic. */
static void box_distances(const double *query, const double *boxes, int64_t d, double *out) {
    double left = 0.0, right = 0.0;
    for (int64_t j = 0; j < d; j++) {
        const double q = query[j], *a = boxes + 2 * j, *b = a + 2 * d;
        double gap = larger(larger(a[0] - q, q - a[1]), 0.0), other = larger(larger(b[0] - q, q - b[1]), 0.0);
        left += gap * gap;
        right += other * other;
    }
    out[0] = left;
    out[1] = right;
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
            double gap[2];
            box_distances(query, boxes + a * 2 * d, d, gap);
            Visit left = {gap[0], a, at.first, middle}, right = {gap[1], a + 1, middle, at.last};
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
        double gap[2];
        for (int32_t level = 0; level < height; level++) {
            box_distances(queries + i * d, boxes + (2 * node + 1) * 2 * d, d, gap);
            node = 2 * node + 1 + (gap[0] > gap[1]);
        }
        leaf[i] = node;
    }
}
