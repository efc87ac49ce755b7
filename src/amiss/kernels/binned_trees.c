/* Trees that tell classes apart, grown on values in bins. */
#include <stdint.h>

#include "binned_trees.h"

#include "random.h"

#define MISSING 255

typedef struct {
    const uint8_t *bins;
    const double *weight, *border;
    int64_t n_rows;
    int32_t n_classes, least, at_random;
    int32_t *kind, *count; /* of the rows of this node */
    int32_t *histogram, *left; /* (256, n_classes + 1) and one line: of each class, and rows however often drawn */
    const int32_t *all; /* of each class in this node */
    int32_t n_here;     /* rows, however often drawn */
} Node;

typedef struct {
    double worth;
    int32_t feature, cut, missing_left;
} Cut;

/* How pure both sides are if `left`, and `gone` if given, go to one; below 0 if a side is too small. */
static double worth(const Node *node, const int32_t *left, const int32_t *gone) {
    double left_total = 0.0, left_squares = 0.0, right_total = 0.0, right_squares = 0.0;
    int32_t n_left = left[node->n_classes] + (gone ? gone[node->n_classes] : 0);
    if (n_left < node->least || node->n_here - n_left < node->least) return -1.0;
    for (int32_t k = 0; k < node->n_classes; k++) {
        int32_t here = left[k] + (gone ? gone[k] : 0);
        double a = here * node->weight[k], b = (node->all[k] - here) * node->weight[k];
        left_total += a;
        left_squares += a * a;
        right_total += b;
        right_squares += b * b;
    }
    return left_squares / left_total + right_squares / right_total;
}

static void offer(const Node *node, int32_t feature, int32_t cut, const int32_t *left, const int32_t *gone, Cut *best) {
    double found = worth(node, left, 0);
    if (found > best->worth) *best = (Cut){found, feature, cut, 0};
    if (!gone) return;
    found = worth(node, left, gone);
    if (found > best->worth) *best = (Cut){found, feature, cut, 1};
}

/* Counts the classes in each bin; which bins are there, ascending, and how many. */
static int32_t counted(const Node *node, int32_t feature, const int32_t *rows, int32_t n, int32_t *found) {
    const uint8_t *bins = node->bins + feature * node->n_rows;
    int32_t n_parts = node->n_classes + 1, n_found = 0;
    uint64_t marks[4] = {0, 0, 0, 0};
    for (int32_t i = 0; i < n; i++) {
        int32_t bin = bins[rows[i]];
        node->histogram[bin * n_parts + node->kind[i]] += node->count[i];
        node->histogram[bin * n_parts + n_parts - 1]++;
        marks[bin >> 6] |= (uint64_t)1 << (bin & 63);
    }
    for (int32_t part = 0; part < 4; part++)
        for (int32_t bin = part * 64; marks[part]; bin++, marks[part] >>= 1)
            if (marks[part] & 1) found[n_found++] = bin;
    return n_found;
}

/* The bin that `draw` of the way through the bins found lies in, the last but one at most. */
static int32_t drawn_cut(const double *border, const int32_t *found, int32_t n_found, double draw) {
    int32_t last = found[n_found - 1], cut = found[0];
    double at = border[cut] + draw * (border[last + 1] - border[cut]);
    while (cut + 1 < last && border[cut + 1] <= at) cut++;
    return cut;
}

/* Looks for the best cut of one feature; 0 if it is constant. */
static int ask(const Node *node, int32_t feature, const int32_t *rows, int32_t n, uint64_t *state, Cut *best) {
    int32_t found[256], n_found = counted(node, feature, rows, n, found), n_parts = node->n_classes + 1;
    int32_t *left = node->left, drawn = -1;
    const int32_t *gone = 0;
    int told = n_found > 1;
    if (found[n_found - 1] == MISSING) gone = node->histogram + MISSING * n_parts;
    int32_t n_present = n_found - (gone != 0);
    for (int32_t k = 0; k < n_parts; k++) left[k] = 0;
    if (told && node->at_random && n_present > 1)
        drawn = drawn_cut(node->border + feature * 256, found, n_present, next_uniform(state));
    for (int32_t j = 0; told && j < n_present; j++) {
        for (int32_t k = 0; k < n_parts; k++) left[k] += node->histogram[found[j] * n_parts + k];
        if (j + 1 == n_present) {
            /* What is there against what is missing. */
            if (gone && drawn < 0) offer(node, feature, MISSING - 1, left, 0, best);
        } else if (drawn < 0)
            offer(node, feature, (found[j] + found[j + 1]) / 2, left, gone, best);
        else if (found[j] <= drawn && drawn < found[j + 1])
            offer(node, feature, drawn, left, gone, best);
    }
    for (int32_t j = 0; j < n_found; j++)
        for (int32_t k = 0; k < n_parts; k++) node->histogram[found[j] * n_parts + k] = 0;
    return told;
}

/* The best question to features drawn. */
static Cut best_cut(const Node *node, const int32_t *rows, int32_t n, int32_t *order, int32_t n_features,
                    int32_t n_asked, uint64_t *state) {
    Cut best = {-1.0, -1, 0, 0};
    int told = 0;
    for (int32_t j = 0; j < n_features && (j < n_asked || !told); j++) {
        int32_t other = j + (int32_t)(next_uniform(state) * (n_features - j)), feature = order[other];
        order[other] = order[j];
        order[j] = feature;
        told |= ask(node, feature, rows, n, state, &best);
    }
    return best;
}

/* Puts the rows that go to the first child first; how many. */
static int32_t parted(const uint8_t *bins, const Cut *cut, int32_t *rows, int32_t n) {
    int32_t n_left = 0;
    for (int32_t i = 0; i < n; i++) {
        int32_t row = rows[i], bin = bins[row];
        if (bin == MISSING ? cut->missing_left : bin <= cut->cut) {
            rows[i] = rows[n_left];
            rows[n_left++] = row;
        }
    }
    return n_left;
}

/* Counts of the classes; whether more than one is there. */
static int mixed(Node *node, const int32_t *kind, const int32_t *count, const int32_t *rows, int32_t n, int32_t *all) {
    int32_t most = 0, n_drawn = 0;
    node->n_here = n;
    for (int32_t k = 0; k < node->n_classes; k++) all[k] = 0;
    for (int32_t i = 0; i < n; i++) {
        node->kind[i] = kind[rows[i]];
        node->count[i] = count[rows[i]];
        all[node->kind[i]] += node->count[i];
    }
    for (int32_t k = 0; k < node->n_classes; k++) {
        n_drawn += all[k];
        if (all[k] > most) most = all[k];
    }
    node->all = all;
    return most < n_drawn;
}

int32_t amiss_binned_tree(const uint8_t *bins, int64_t n_rows, int32_t n_features, const int32_t *kind,
                          const int32_t *count, const double *weight, int32_t n_classes, const double *border,
                          int32_t n_asked, int32_t height, int32_t least, int32_t at_random, uint64_t seed,
                          int32_t *rows, int32_t n, int32_t *order, int32_t *near, int32_t *parts, int32_t *stack,
                          int32_t *feature, int32_t *cut, uint8_t *missing_left, int32_t *child, int32_t *classes) {
    Node node = {bins, weight, border, n_rows, n_classes, least, at_random, near, near + n, parts,
                 parts + 256 * (n_classes + 1), 0, 0};
    uint64_t state = seed;
    int32_t n_nodes = 0, top = 0;
    for (int32_t j = 0; j < n_features; j++) order[j] = j;
    /* A line of the stack: first row, row after the last, depth, and which child of which node. */
    stack[0] = 0, stack[1] = n, stack[2] = 0, stack[3] = -1;
    for (top = 1; top > 0;) {
        const int32_t *line = stack + 4 * --top;
        int32_t start = line[0], stop = line[1], depth = line[2], from = line[3], here = n_nodes++;
        if (from >= 0) child[from] = here;
        Cut best = {-1.0, -1, 0, 0};
        int open = mixed(&node, kind, count, rows + start, stop - start, classes + (int64_t)here * n_classes);
        if (open && depth < height && node.n_here >= 2 * (int64_t)least)
            best = best_cut(&node, rows + start, stop - start, order, n_features, n_asked, &state);
        feature[here] = best.feature;
        cut[here] = best.cut;
        missing_left[here] = (uint8_t)best.missing_left;
        child[2 * here] = child[2 * here + 1] = -1;
        if (best.feature < 0) continue;
        int32_t middle = start + parted(bins + best.feature * n_rows, &best, rows + start, stop - start);
        int32_t *next = stack + 4 * top;
        next[0] = middle, next[1] = stop, next[2] = depth + 1, next[3] = 2 * here + 1;
        next[4] = start, next[5] = middle, next[6] = depth + 1, next[7] = 2 * here;
        top += 2;
    }
    return n_nodes;
}
