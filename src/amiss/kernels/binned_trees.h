/* One tree that tells classes apart by Gini's impurity, grown on values in bins: bins is (n_features, n_rows), with 255
 * where a value is missing. Row i counts count[i] times, its class is kind[i], and a row of class k weighs weight[k].
 * rows, (n), names the rows that the tree learns from and is put in another order. Each question is the best of those to
 * n_asked features drawn, and of more if these are constant; if at_random, the best of one random cut each: the one
 * below a place drawn uniformly from where the node's bins begin to where they end. border, (n_features, 256), says where
 * each bin begins, and where the last ends. No leaf gets fewer than least rows, each taken once, nor is it deeper than height. Nodes come
 * one after another, 2 n - 1 at most, children after parents: the feature (-1 at a leaf), the last bin that goes to the
 * first child, whether missing values go there, both children (-1 at a leaf), and how often each class is there,
 * (n_nodes, n_classes). Returns how many nodes there are.
 * Scratch: order (n_features), near (2 n), parts (257 n_classes + 257, zero), stack (4 n + 8).
 */
int32_t amiss_binned_tree(const uint8_t *bins, int64_t n_rows, int32_t n_features, const int32_t *kind,
                          const int32_t *count, const double *weight, int32_t n_classes, const double *border,
                          int32_t n_asked, int32_t height, int32_t least, int32_t at_random, uint64_t seed,
                          int32_t *rows, int32_t n, int32_t *order, int32_t *near, int32_t *parts, int32_t *stack,
                          int32_t *feature, int32_t *cut, uint8_t *missing_left, int32_t *child, int32_t *classes);
