#include "portable.h"

#include <stddef.h>

#include "halfspace.h"
#include "random.h"

#define FIRST_ROWS 16
#define TRIMMED 32

typedef struct {
    int32_t split, child;
    double threshold;
} asks;

/* Where an entity's part of each array begins. */
typedef struct {
    int64_t *counts;
    double *recent;
    asks *node;
    double *value;
} place;

static place place_of(const amiss_halfspace *all, int64_t entity) {
    int64_t nodes = entity * all->n_trees * all->n_nodes;
    place at = {all->counts + 3 * entity, all->recent + entity * all->window * all->n_features,
                (asks *)all->node + nodes, all->value + nodes};
    return at;
}

/* The value at `rank` from 0 on of n values times sign, ascending; heap holds the rank + 1 lowest, the highest first. */
static double ranked(const double *x, int64_t n, double sign, int64_t rank, double *heap) {
    int64_t size = 0, kept = rank + 1;
    for (int64_t i = 0; i < n; i++) {
        double value = sign * x[i];
        int64_t at, next;
        if (size < kept) {
            for (at = size++; at > 0 && heap[(at - 1) / 2] < value; at = (at - 1) / 2) heap[at] = heap[(at - 1) / 2];
        } else if (value < heap[0]) {
            for (at = 0; (next = 2 * at + 1) < kept; at = next) {
                if (next + 1 < kept && heap[next] < heap[next + 1]) next++;
                if (heap[next] <= value) break;
                heap[at] = heap[next];
            }
        } else continue;
        heap[at] = value;
    }
    return sign * heap[0];
}

/* Lowest and highest value of each feature without the most extreme ones; gives the number of features that vary. */
static int64_t find_ranges(const amiss_halfspace *all, const place *at, int64_t n, double *low, double *high,
                           int32_t *features, int32_t *n_present) {
    int64_t d = all->n_features, n_varying = 0;
    for (int64_t j = 0; j < d; j++) {
        int64_t m = 0;
        for (int64_t i = 0; i < n; i++) {
            double x = at->recent[i * d + j];
            if (!isnan(x)) all->column[m++] = x;
        }
        int64_t cut = m / TRIMMED + 1;
        n_present[j] = (int32_t)m;
        if (m <= 2 * cut) continue;
        low[j] = ranked(all->column, m, 1.0, cut, all->column + all->window);
        high[j] = ranked(all->column, m, -1.0, cut, all->column + all->window);
        if (low[j] < high[j]) features[n_varying++] = (int32_t)j;
    }
    return n_varying;
}

typedef struct {
    const amiss_halfspace *all;
    const double *recent;
    asks *node;
    int32_t *order;
    const int32_t *features, *n_present;
    double *value, *low, *high;
    int64_t n_varying, n_rows, n_used, fewest, tallest;
    uint64_t random;
} growing;

static void grow(growing *g, int32_t here, int64_t first, int64_t last, int64_t depth) {
    int64_t size = last - first, d = g->all->n_features;
    g->value[here] = -log2(((double)size + 0.5) / ((double)g->n_rows + 0.5)) - (double)depth;
    g->node[here] = (asks){0, here, NAN};
    if (depth > g->tallest) g->tallest = depth;
    if (size < g->fewest || depth == g->all->height || g->n_varying == 0) return;
    int32_t feature = g->features[next_random(&g->random) % (uint64_t)g->n_varying];
    double low = g->low[feature], high = g->high[feature], middle = low + 0.5 * (high - low);
    if (!(middle > low && middle < high)) return;
    /* Low ones to the front, missing ones behind them; they stay with the larger side. */
    int64_t bound = first, present;
    for (int64_t i = first; i < last; i++) {
        int32_t row = g->order[i];
        g->order[i] = g->order[bound];
        g->order[bound] = row;
        bound += g->recent[row * d + feature] < middle;
    }
    present = bound;
    if (g->n_present[feature] < g->n_rows)
        for (int64_t i = bound; i < last; i++) {
            int32_t row = g->order[i];
            g->order[i] = g->order[present];
            g->order[present] = row;
            present += isnan(g->recent[row * d + feature]);
        }
    int32_t missing_high = last - present > bound - first, next = (int32_t)g->n_used;
    if (!missing_high) bound = present;
    g->n_used += 2;
    g->node[here] = (asks){2 * feature + missing_high, next, middle};
    g->high[feature] = middle;
    grow(g, next, first, bound, depth + 1);
    g->high[feature] = high;
    g->low[feature] = middle;
    grow(g, next + 1, bound, last, depth + 1);
    g->low[feature] = low;
}

/* The trees of an entity, from the last n rows. */
static void plant(const amiss_halfspace *all, const place *at, int64_t n) {
    int64_t d = all->n_features;
    double *low = all->bounds, *high = low + d, *work = high + d;
    int32_t *features = all->order + all->window, *n_present = features + d;
    growing g = {all, at->recent, at->node, all->order, features, n_present, at->value, work, work + d, 0, n, 0, 0, 0, 0};
    g.n_varying = find_ranges(all, at, n, low, high, features, n_present);
    g.fewest = (int64_t)ceil(all->share * (double)n);
    if (g.fewest < 2) g.fewest = 2;
    for (int64_t tree = 0; tree < all->n_trees; tree++) {
        g.random = all->seed + (uint64_t)tree * 0xD1B54A32D192ED03ULL;
        for (int64_t k = 0; k < g.n_varying; k++) {
            int32_t j = features[k];
            double u = next_uniform(&g.random), reach = 2.0 * (u > 0.5 ? u : 1.0 - u), wide = high[j] - low[j];
            work[j] = low[j] + (u - reach) * wide;
            work[d + j] = low[j] + (u + reach) * wide;
        }
        for (int64_t i = 0; i < n; i++) all->order[i] = (int32_t)i;
        g.n_used = 1;
        grow(&g, 0, 0, n, 0);
        g.node += all->n_nodes, g.value += all->n_nodes;
    }
    at->counts[1] = n;
    at->counts[2] = g.tallest;
}

static inline int32_t below(const asks *node, double x) { return node->child + (x >= node->threshold); }

static inline int32_t below_holed(const asks *node, double x) {
    return node->child + ((x >= node->threshold) | ((x != x) & node->split));
}

/* Eight rows go through a tree side by side, until all are at leaves. */
static inline void eight_rows(const double *x, int64_t d, const asks *nodes, const double *value, double *score) {
    int32_t at[8] = {0};
    for (int32_t moved = 1; moved;) {
        moved = 0;
        for (int r = 0; r < 8; r++) {
            const asks *node = nodes + at[r];
            int32_t next = below(node, x[r * d + (node->split >> 1)]);
            moved |= next ^ at[r];
            at[r] = next;
        }
    }
    for (int r = 0; r < 8; r++) score[r] += value[at[r]];
}

/* One row goes through up to eight trees side by side; what they give is added to the score. */
static inline double few_trees(const asks *nodes, const double *value, int64_t n_nodes, const double *x, int n_trees,
                               double score) {
    int32_t at[8] = {0};
    for (int32_t moved = 1; moved;) {
        moved = 0;
        for (int k = 0; k < n_trees; k++) {
            const asks *node = nodes + k * n_nodes + at[k];
            int32_t next = below(node, x[node->split >> 1]);
            moved |= next ^ at[k];
            at[k] = next;
        }
    }
    for (int k = 0; k < n_trees; k++) score += value[k * n_nodes + at[k]];
    return score;
}

static double one_row(const amiss_halfspace *all, const place *at, const double *x) {
    double score = 0.0;
    for (int64_t tree = 0, n = all->n_nodes; tree < all->n_trees; tree += 8)
        if (tree + 8 <= all->n_trees) score = few_trees(at->node + tree * n, at->value + tree * n, n, x, 8, score);
        else score = few_trees(at->node + tree * n, at->value + tree * n, n, x, (int)(all->n_trees - tree), score);
    return score;
}

/* The value changes at each node on the way down, and the feature asked there is the cause; a missing one is none. Adds
 * the changes to the terms of the features, or gives their sum. */
static double add_changes(const amiss_halfspace *all, const place *at, const double *x, double *terms) {
    double sum = 0.0;
    for (int64_t tree = 0; tree < all->n_trees; tree++) {
        const asks *nodes = at->node + tree * all->n_nodes;
        const double *value = at->value + tree * all->n_nodes;
        for (int32_t i = 0, next; !isnan(nodes[i].threshold); i = next) {
            int32_t feature = nodes[i].split >> 1;
            next = below_holed(nodes + i, x[feature]);
            if (isnan(x[feature])) continue;
            if (terms) terms[feature] += value[next] - value[i];
            else sum += value[next] - value[i];
        }
    }
    return sum;
}

static int has_holes(const double *x, int64_t n) {
    int holes = 0;
    for (int64_t i = 0; i < n; i++) holes |= x[i] != x[i];
    return holes;
}

/* Rows of one entity, between two plantings. */
static void score_rows(const amiss_halfspace *all, const place *at, const double *X, int64_t n_rows, double *scores,
                       double *terms) {
    int64_t d = all->n_features, n = all->n_nodes, whole = n_rows / 8 * 8;
    if (terms) for (int64_t i = 0; i < n_rows * d; i++) terms[i] = 0.0;
    if (scores) for (int64_t i = 0; i < n_rows; i++) scores[i] = 0.0;
    if (at->counts[1] == 0) return;
    if (terms) {
        for (int64_t i = 0; i < n_rows; i++) add_changes(all, at, X + i * d, terms + i * d);
        for (int64_t i = 0; i < n_rows * d; i++) terms[i] /= (double)all->n_trees;
    }
    if (!scores) return;
    int holes = has_holes(X, n_rows * d);
    if (holes) whole = 0;
    for (int64_t tree = 0; tree < all->n_trees && whole; tree++)
        for (int64_t i = 0; i < whole; i += 8)
            eight_rows(X + i * d, d, at->node + tree * n, at->value + tree * n, scores + i);
    for (int64_t i = whole; i < n_rows; i++)
        scores[i] = holes && has_holes(X + i * d, d) ? add_changes(all, at, X + i * d, NULL)
                                                     : one_row(all, at, X + i * d);
    for (int64_t i = 0; i < n_rows; i++) scores[i] /= (double)all->n_trees;
}

/* Rows until the trees are made anew. */
static int64_t rows_left(const amiss_halfspace *all, int64_t seen) {
    int64_t next = FIRST_ROWS;
    if (seen >= all->window) return all->window - seen % all->window;
    while (next <= seen) next *= 2;
    return (next < all->window ? next : all->window) - seen;
}

/* Rows from `first` on that are of one entity. */
static int64_t run_of(const int64_t *entity, int64_t first, int64_t n_rows) {
    int64_t next = first + 1;
    if (!entity) return n_rows - first;
    while (next < n_rows && entity[next] == entity[first]) next++;
    return next - first;
}

int amiss_halfspace_advance(const amiss_halfspace *all, const double *X, int64_t n_rows, const int64_t *entity,
                             double *scores, double *terms) {
    int64_t d = all->n_features, window = all->window;
    if (any_infinite(X, n_rows * d)) return 0;
    for (int64_t i = 0, m; i < n_rows; i += m) {
        place at = place_of(all, entity ? entity[i] : 0);
        int64_t seen = at.counts[0], left = rows_left(all, seen), here = seen % window;
        m = run_of(entity, i, n_rows);
        if (m > left) m = left;
        if (scores || terms)
            score_rows(all, &at, X + i * d, m, scores ? scores + i : NULL, terms ? terms + i * d : NULL);
        memcpy(at.recent + here * d, X + i * d, (size_t)(m * d) * sizeof(double));
        at.counts[0] = seen + m;
        if (m == left) plant(all, &at, seen + m < window ? seen + m : window);
    }
    return 1;
}

void amiss_halfspace_score(const amiss_halfspace *all, const double *X, int64_t n_rows, const int64_t *entity,
                           double *scores, double *terms) {
    int64_t d = all->n_features;
    for (int64_t i = 0, m; i < n_rows; i += m) {
        place at = place_of(all, entity ? entity[i] : 0);
        m = run_of(entity, i, n_rows);
        score_rows(all, &at, X + i * d, m, scores ? scores + i : NULL, terms ? terms + i * d : NULL);
    }
}
