/* Random cut forests over a stream, one for each entity. Plain C99; no allocation, no state of its own.
 *
 * A point is the last `shingle` rows of an entity, its width padded to a multiple of four. Each tree holds a sample of
 * up to `capacity` points, in which a point counts half as much as one that came `half_life` rows later. Nodes
 * 0 … capacity - 1 are inner ones, capacity … 2 capacity - 1 leaves, which hold equal points. An inner node asks whether
 * a coordinate is at most its cut: yes leads to its first child, no to the second.
 *
 * A feature counts in scores once it has changed `sure` times, in units of its spread. One that does not count, or is
 * missing, asks nothing: the walk goes on to the heavier child.
 *
 * counts, (n_entities, 2): rows seen, state of the random numbers. last, level, spread, changes, (n_entities, d): last
 * value that was there, its running mean and mean distance to it, number of changes, old ones fading. recent,
 * (n_entities, shingle, d): the last rows, row t in place t % shingle.
 * heads, (n_entities, n_trees, 3): root, points in the sample, leaves. key, holder, (…, capacity): heap of the sample,
 * the first to go on top, and the leaf of each point. spare, (…, 2, capacity): inner nodes, and leaves, that
 * are free, behind as many places as are in use. parent, (…, 2 capacity). node, (…, 2 capacity, 4): two children, feature asked, points below. box, (…, capacity,
 * 2 width + 4): lowest, then highest coordinates below an inner node, then its cut; point, (…, capacity, width).
 * logs, (capacity + 2): logarithms of 0, 1, 2 … to the base 2. scratch, (3 width + 2 capacity); path, (8 capacity).
 */
typedef struct {
    int64_t n_features, shingle, width, n_trees, capacity;
    double fading, sure;
    int64_t *counts;
    double *last, *level, *spread, *changes, *recent;
    int32_t *heads;
    double *key;
    int32_t *holder, *spare, *parent, *node;
    double *box, *point, *logs, *scratch;
    int32_t *path;
} amiss_cut_forest;

/* Scores each row, where scores are asked for, says what its features add, where terms are, and then learns it. Gives 1;
 * or 0, and does nothing, where a value is infinite. */
int amiss_cut_forest_advance(const amiss_cut_forest *all, const double *X, int64_t n_rows, const int64_t *entity,
                              double *scores, double *terms);
/* The same of rows each of which would come next, and nothing is learnt. */
void amiss_cut_forest_score(const amiss_cut_forest *all, const double *X, int64_t n_rows, const int64_t *entity,
                            double *scores, double *terms);
