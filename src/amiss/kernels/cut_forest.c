#include "portable.h"

#include <stddef.h>

#include "cut_forest.h"
#include "random.h"

#define SMALLEST 1e-150
#define LARGEST 1e150
#define BOUND 5.0
#define USUAL_ROWS 32
#define SIDE_BY_SIDE 8

typedef struct { int32_t child[2], feature, mass; } node;

typedef struct {
    int64_t capacity, width;
    int32_t *head, *holder, *inner, *leaves, *parent;
    node *nodes;
    double *key, *box, *point;
} tree;

static tree tree_of(const amiss_cut_forest *all, int64_t entity, int64_t number) {
    int64_t s = all->capacity, w = all->width, t = entity * all->n_trees + number;
    tree here = {s, w, all->heads + 3 * t, all->holder + t * s, all->spare + 2 * t * s, all->spare + (2 * t + 1) * s,
                 all->parent + 2 * t * s, (node *)all->node + 2 * t * s, all->key + t * s,
                 all->box + t * s * (2 * w + 4), all->point + t * s * w};
    return here;
}

static inline double *box_of(const tree *here, int32_t i) { return here->box + (2 * here->width + 4) * i; }

static inline double *cut_of(const tree *here, int32_t i) { return box_of(here, i) + 2 * here->width; }

static inline const double *low_of(const tree *here, int32_t i) {
    return i < here->capacity ? box_of(here, i) : here->point + here->width * (i - here->capacity);
}

static inline const double *high_of(const tree *here, int32_t i) {
    return low_of(here, i) + (i < here->capacity ? here->width : 0);
}

static inline double beyond(double x, double low, double high) {
    double below = low - x, above = x - high;
    return (below > 0.0 ? below : 0.0) + (above > 0.0 ? above : 0.0);
}

/* Four coordinates side by side, as `lanes` are eight. */
typedef double four __attribute__((vector_size(32)));
typedef int64_t four_signs __attribute__((vector_size(32)));

static inline void load(four *into, const double *from) { memcpy(into, from, sizeof *into); }

/* How far each of four coordinates lies outside of a box, by weight. */
static inline void outside_four(four *into, const double *x, const double *low, const double *high,
                                const double *weight) {
    four value, l, h, w;
    load(&value, x), load(&l, low), load(&h, high), load(&w, weight);
    four below = l - value, above = value - h;
    *into = w * ((four)((four_signs)below & (below > 0.0)) + (four)((four_signs)above & (above > 0.0)));
}

/* How far x lies outside of a box, and how wide the box is with it, in sums over the features by weight. */
static inline void measure(const double *x, const double *low, const double *high, const double *weight, int64_t width,
                           double *outside, double *whole) {
    four out = {0}, wide = {0};
    for (int64_t q = 0; q < width; q += 4) {
        four part, l, h, w;
        load(&l, low + q), load(&h, high + q), load(&w, weight + q);
        outside_four(&part, x + q, low + q, high + q, weight + q);
        out += part;
        wide += w * (h - l);
    }
    *outside = (out[0] + out[1]) + (out[2] + out[3]);
    *whole = *outside + ((wide[0] + wide[1]) + (wide[2] + wide[3]));
}

/* The way of x from the root to a leaf, for up to eight trees side by side; inner nodes without the leaf. */
static void walk(const tree *trees, int64_t n_trees, const double *x, const double *weight, int32_t *path,
                 int32_t *length, int32_t *leaf) {
    int32_t inner = (int32_t)trees[0].capacity;
    for (int64_t k = 0; k < n_trees; k++) length[k] = 0, leaf[k] = trees[k].head[0];
    for (int on_the_way = 1; on_the_way;) {
        on_the_way = 0;
        for (int64_t k = 0; k < n_trees; k++) {
            int32_t i = leaf[k];
            if (i >= inner) continue;
            const node *at = trees[k].nodes + i;
            path[k * inner + length[k]++] = i;
            if (weight[at->feature] > 0.0) i = at->child[!(x[at->feature] <= *cut_of(trees + k, i))];
            else i = at->child[trees[k].nodes[at->child[1]].mass > trees[k].nodes[at->child[0]].mass];
            leaf[k] = i;
            on_the_way = 1;
        }
    }
}

/* Of one tree: what x is worth if it were parted from each box on its way with the chance that a random cut does. */
AMISS_WIDE
static double score_way(const tree *here, const double *x, const double *weight, const double *logs,
                        const int32_t *path, int32_t length, int32_t leaf, double *sizes, double *terms) {
    int64_t width = here->width;
    int32_t n = here->head[1], m = here->nodes[leaf].mass;
    double left = 1.0, score = 0.0, scale = logs[n + 1];
    for (int32_t i = 0; i <= length; i++) {
        int32_t at = i < length ? path[i] : leaf;
        measure(x, low_of(here, at), high_of(here, at), weight, width, sizes + 2 * i, sizes + 2 * i + 1);
    }
    for (int32_t i = 0; i <= length; i++) {
        double outside = sizes[2 * i], gain = 0.0;
        if (outside > SMALLEST) {
            gain = left * (scale / ((double)i + 1.0)) / sizes[2 * i + 1];
            left *= 1.0 - outside / sizes[2 * i + 1];
        }
        score += gain * outside;
        sizes[2 * i] = gain;
    }
    if (terms)
        for (int32_t i = 0; i <= length; i++) {
            double gain = sizes[2 * i];
            int32_t at = i < length ? path[i] : leaf;
            const double *low = low_of(here, at), *high = high_of(here, at);
            if (gain > 0.0)
                for (int64_t q = 0; q < width; q += 4) {
                    four part, sum;
                    outside_four(&part, x + q, low + q, high + q, weight + q);
                    load(&sum, terms + q);
                    sum += gain * part;
                    memcpy(terms + q, &sum, sizeof sum);
                }
        }
    if (sizes[2 * length] > 0.0) return score;
    return score + left * ((1.0 - (double)m / (2.0 * (double)n)) * (scale / ((double)length + logs[m + 1])));
}

static void join(const double *low_a, const double *high_a, const double *low_b, const double *high_b, int64_t width,
                 double *box) {
    for (int64_t q = 0; q < width; q++) {
        box[q] = low_a[q] < low_b[q] ? low_a[q] : low_b[q];
        box[width + q] = high_a[q] > high_b[q] ? high_a[q] : high_b[q];
    }
}

static void put(tree *here, int32_t above, int32_t before, int32_t i) {
    here->parent[i] = above;
    if (above < 0) here->head[0] = i;
    else here->nodes[above].child[here->nodes[above].child[1] == before] = i;
}

static int32_t new_leaf(tree *here, const double *x) {
    int32_t leaf = here->leaves[here->head[2]++];
    memcpy(here->point + (leaf - here->capacity) * here->width, x, (size_t)here->width * sizeof(double));
    here->nodes[leaf].mass = 1;
    return leaf;
}

/* Parts x from node i by a cut through the gap between them; gives the new leaf. */
static int32_t part(tree *here, int32_t i, const double *x, const double *weight, double drawn) {
    const double *low = low_of(here, i), *high = high_of(here, i);
    int64_t chosen = -1, width = here->width;
    double before = 0.0, share = 0.0;
    for (int64_t q = 0; q < width; q++) {
        double size = weight[q] * beyond(x[q], low[q], high[q]);
        if (size <= 0.0) continue;
        chosen = q;
        share = (drawn - before) / size;
        if (drawn < before + size) break;
        before += size;
    }
    if (share > 1.0) share = 1.0;
    if (share < 0.0) share = 0.0;
    int32_t inner = here->inner[here->head[2] - 1], leaf = new_leaf(here, x);
    int first = x[chosen] < low[chosen];
    double from = first ? x[chosen] : high[chosen], to = first ? low[chosen] : x[chosen];
    double cut = from * (1.0 - share) + to * share;
    if (!(cut >= from) || !(cut < to)) cut = from;
    put(here, here->parent[i], i, inner);
    node *made = here->nodes + inner;
    made->feature = (int32_t)chosen;
    made->mass = here->nodes[i].mass + 1;
    made->child[!first] = leaf;
    made->child[first] = i;
    here->parent[i] = here->parent[leaf] = inner;
    join(low, high, x, x, width, box_of(here, inner));
    *cut_of(here, inner) = cut;
    return leaf;
}

/* Takes x into a tree; gives its leaf. */
AMISS_WIDE
static int32_t insert(tree *here, const double *x, const double *weight, uint64_t *random) {
    int64_t width = here->width;
    if (here->head[2] == 0) {
        int32_t leaf = new_leaf(here, x);
        put(here, -1, -1, leaf);
        return leaf;
    }
    for (int32_t i = here->head[0];;) {
        node *at = here->nodes + i;
        double outside, whole;
        measure(x, low_of(here, i), high_of(here, i), weight, width, &outside, &whole);
        if (outside > SMALLEST) {
            double drawn = next_uniform(random) * whole;
            if (drawn < outside || i >= here->capacity) return part(here, i, x, weight, drawn);
        }
        at->mass++;
        if (i >= here->capacity) return i;
        double *box = box_of(here, i);
        join(box, box + width, x, x, width, box);
        i = at->child[!(x[at->feature] <= *cut_of(here, i))];
    }
}

/* Takes one point of a leaf out of a tree. */
static void take_out(tree *here, int32_t leaf) {
    int64_t width = here->width;
    int32_t above = here->parent[leaf];
    if (--here->nodes[leaf].mass > 0) {
        for (; above >= 0; above = here->parent[above]) here->nodes[above].mass--;
        return;
    }
    here->leaves[--here->head[2]] = leaf;
    if (above < 0) { here->head[0] = -1; return; }
    int32_t other = here->nodes[above].child[here->nodes[above].child[0] == leaf], next = here->parent[above];
    here->inner[here->head[2] - 1] = above;
    put(here, next, above, other);
    for (int same = 0; next >= 0; next = here->parent[next]) {
        here->nodes[next].mass--;
        if (same) continue;
        double *box = box_of(here, next);
        int32_t a = here->nodes[next].child[0], b = here->nodes[next].child[1];
        const double *low_a = low_of(here, a), *low_b = low_of(here, b);
        const double *high_a = high_of(here, a), *high_b = high_of(here, b);
        same = 1;
        for (int64_t q = 0; q < width; q++) {
            double low = low_a[q] < low_b[q] ? low_a[q] : low_b[q];
            double high = high_a[q] > high_b[q] ? high_a[q] : high_b[q];
            same &= (box[q] == low) & (box[width + q] == high);
            box[q] = low;
            box[width + q] = high;
        }
    }
}

static void sink(double *key, int32_t *holder, int64_t n, double new_key, int32_t leaf) {
    int64_t at = 0, next;
    for (; (next = 2 * at + 1) < n; at = next) {
        if (next + 1 < n && key[next] < key[next + 1]) next++;
        if (key[next] <= new_key) break;
        key[at] = key[next];
        holder[at] = holder[next];
    }
    key[at] = new_key;
    holder[at] = leaf;
}

static void rise(double *key, int32_t *holder, int64_t at, double new_key, int32_t leaf) {
    for (int64_t above; at > 0 && key[above = (at - 1) / 2] < new_key; at = above) {
        key[at] = key[above];
        holder[at] = holder[above];
    }
    key[at] = new_key;
    holder[at] = leaf;
}

/* Offers x to the samples of all trees. */
static void offer(const amiss_cut_forest *all, int64_t who, const double *x, const double *weight) {
    int64_t *counts = all->counts + 2 * who;
    uint64_t random = (uint64_t)counts[1];
    for (int64_t number = 0; number < all->n_trees; number++) {
        tree here = tree_of(all, who, number);
        double u = next_uniform(&random);
        double key = log(-log(u > 0.0 ? u : 0x1.0p-54)) - all->fading * (double)counts[0];
        int32_t n = here.head[1];
        if (n < all->capacity) {
            rise(here.key, here.holder, n, key, insert(&here, x, weight, &random));
            here.head[1] = n + 1;
        } else if (key < here.key[0]) {
            take_out(&here, here.holder[0]);
            sink(here.key, here.holder, n, key, insert(&here, x, weight, &random));
        }
    }
    counts[1] = (int64_t)random;
}

/* Within bounds in which no sum overflows. */
static inline double bounded(double x) { return x > LARGEST ? LARGEST : x < -LARGEST ? -LARGEST : x; }

/* The point that x makes with the rows before it, and how much each coordinate counts in scores; x may miss values. */
static void shape(const amiss_cut_forest *all, int64_t who, const double *x, double *point, double *weight) {
    int64_t d = all->n_features, seen = all->counts[2 * who], shingle = all->shingle;
    const double *last = all->last + who * d, *spread = all->spread + who * d, *changes = all->changes + who * d;
    for (int64_t q = d * shingle; q < all->width; q++) point[q] = weight[q] = 0.0;
    for (int64_t j = 0; j < d; j++) {
        double known = isnan(last[j]) ? 0.0 : last[j], value = isnan(x[j]) ? known : bounded(x[j]);
        double counted = spread[j] > SMALLEST && changes[j] >= all->sure ? 1.0 / spread[j] : 0.0;
        for (int64_t k = 0; k < shingle; k++) {
            /* Before the first row, its like. */
            int64_t back = shingle - 1 - k, q = k * d + j;
            double then = all->recent[(who * shingle + (seen - back + shingle) % shingle) * d + j];
            point[q] = back == 0 ? value : seen >= back ? then : seen > 0 ? all->recent[who * shingle * d + j] : value;
            weight[q] = back == 0 && isnan(x[j]) ? 0.0 : counted;
        }
    }
}

/* What is known of the single features. */
static void follow(const amiss_cut_forest *all, int64_t who, const double *x) {
    int64_t d = all->n_features, seen = all->counts[2 * who];
    double *last = all->last + who * d, *level = all->level + who * d, *spread = all->spread + who * d;
    double *changes = all->changes + who * d;
    double rate = -expm1(-all->fading), start = 1.0 / ((double)seen + 1.0);
    for (int64_t j = 0; j < d; j++) {
        double value = bounded(x[j]);
        changes[j] *= 1.0 - rate;
        if (!isnan(value) && isnan(last[j])) last[j] = level[j] = value;
        if (!isnan(value)) {
            double a = rate > start ? rate : start, far = fabs(value - level[j]);
            changes[j] += value != last[j];
            /* What is known well is not undone by one value. */
            if (seen >= USUAL_ROWS && spread[j] > 0.0 && far > BOUND * spread[j]) far = BOUND * spread[j];
            spread[j] += a * (far - spread[j]);
            level[j] += a * (value - level[j]);
            last[j] = value;
        }
        all->recent[(who * all->shingle + seen % all->shingle) * d + j] = isnan(last[j]) ? 0.0 : last[j];
    }
}

static void score_row(const amiss_cut_forest *all, int64_t who, const double *x, double *score, double *terms) {
    int64_t d = all->n_features, width = all->width;
    double *point = all->scratch, *weight = point + width, *parts = weight + width, sum = 0.0;
    tree trees[SIDE_BY_SIDE];
    int32_t length[SIDE_BY_SIDE], leaf[SIDE_BY_SIDE];
    shape(all, who, x, point, weight);
    int asked = 0;
    for (int64_t q = 0; q < width; q++) parts[q] = 0.0, asked |= weight[q] > 0.0;
    /* Where nothing counts, a row is worth what the roots say: it is one of the rows. */
    if (!asked && all->counts[2 * who] > 0) sum = 0.5 * (double)all->n_trees;
    for (int64_t from = 0, n; asked && from < all->n_trees && all->counts[2 * who] > 0; from += n) {
        n = all->n_trees - from < SIDE_BY_SIDE ? all->n_trees - from : SIDE_BY_SIDE;
        for (int64_t k = 0; k < n; k++) trees[k] = tree_of(all, who, from + k);
        walk(trees, n, point, weight, all->path, length, leaf);
        for (int64_t k = 0; k < n; k++)
            sum += score_way(trees + k, point, weight, all->logs, all->path + k * all->capacity, length[k], leaf[k],
                             parts + width, terms ? parts : NULL);
    }
    sum /= (double)all->n_trees;
    if (score) *score = sum;
    if (!terms) return;
    double rest = sum;
    for (int64_t j = 0; j < d; j++) {
        terms[j] = 0.0;
        for (int64_t k = 0; k < all->shingle; k++) terms[j] += parts[k * d + j];
        terms[j] /= (double)all->n_trees;
        rest -= terms[j];
    }
    for (int64_t j = 0; j < d; j++) terms[j] += rest / (double)d;
}

static void learn_row(const amiss_cut_forest *all, int64_t who, const double *x) {
    int64_t d = all->n_features;
    double *point = all->scratch, *weight = point + all->width, *spread = all->spread + who * d;
    shape(all, who, x, point, weight);
    follow(all, who, x);
    for (int64_t q = 0; q < d * all->shingle; q++) {
        double wide = spread[q % d];
        weight[q] = wide > SMALLEST ? 1.0 / wide : 0.0;
    }
    offer(all, who, point, weight);
    all->counts[2 * who]++;
}

int amiss_cut_forest_advance(const amiss_cut_forest *all, const double *X, int64_t n_rows, const int64_t *entity,
                              double *scores, double *terms) {
    int64_t d = all->n_features;
    if (any_infinite(X, n_rows * d)) return 0;
    for (int64_t i = 0; i < n_rows; i++) {
        int64_t who = entity ? entity[i] : 0;
        if (scores || terms)
            score_row(all, who, X + i * d, scores ? scores + i : NULL, terms ? terms + i * d : NULL);
        learn_row(all, who, X + i * d);
    }
    return 1;
}

void amiss_cut_forest_score(const amiss_cut_forest *all, const double *X, int64_t n_rows, const int64_t *entity,
                            double *scores, double *terms) {
    int64_t d = all->n_features;
    for (int64_t i = 0; i < n_rows; i++)
        score_row(all, entity ? entity[i] : 0, X + i * d, scores ? scores + i : NULL, terms ? terms + i * d : NULL);
}
