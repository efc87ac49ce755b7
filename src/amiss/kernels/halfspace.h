/* Half-space trees over a stream, one set of trees for each entity. Plain C99; no allocation, no state of its own.
 *
 * The last `window` rows of an entity are kept. Whenever they are full, and on the way there at 16, 32, 64 … rows, the
 * trees are made anew from them: each halves the range of a feature drawn at random, as long as a node holds at least
 * `share` of the rows and lies above `height`. A node asks feature split / 2 whether its value is at least
 * its threshold; no leads to its child, yes to the one after, and a missing value to the one after if split is odd. A
 * leaf has the threshold NaN, an even split and itself as its child. value[i] is minus the logarithm, to the base 2, of
 * the share of rows in a node over the share of the space that it takes.
 *
 * A row's score is the mean value of its leaves; where it misses values, of the changes in value on the way to them at
 * the nodes that it can answer.
 *
 * counts, (n_entities, 3): rows seen, rows that the trees are made of, levels of the tallest of them.
 * recent, (n_entities, window, d); node, (n_entities, n_trees, n_nodes, 4): split, child, and the
 * bits of the threshold. value, (n_entities, n_trees, n_nodes).
 * column, (2 window); bounds, (4 d); order, (window + 2 d): scratch.
 */
typedef struct {
    int64_t n_features, n_trees, n_nodes, window, height;
    double share;
    uint64_t seed;
    int64_t *counts;
    double *recent;
    int32_t *node;
    double *value;
    double *column;
    double *bounds;
    int32_t *order;
} amiss_halfspace;

/* Scores each row, where scores are asked for, says what its features add, where terms are, and then learns it. Gives 1;
 * or 0, and does nothing, where a value is infinite. */
int amiss_halfspace_advance(const amiss_halfspace *all, const double *X, int64_t n_rows, const int64_t *entity,
                             double *scores, double *terms);
/* The same, and nothing is learnt. */
void amiss_halfspace_score(const amiss_halfspace *all, const double *X, int64_t n_rows, const int64_t *entity,
                           double *scores, double *terms);
