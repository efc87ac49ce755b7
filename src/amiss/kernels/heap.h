#ifndef AMISS_HEAP_H
#define AMISS_HEAP_H
#include <stdint.h>

/* The nearest pairs found so far, in a heap whose top is the farthest; of equal distances the higher index is farther,
 * so that what is kept does not depend on the order of what is offered. */
static inline int after(double a, int64_t i, double b, int64_t j) {
    return (a > b) | ((a == b) & (i > j)); /* no branch: which is farther cannot be foreseen */
}

/* Sink the pair at `root`. */
static inline void sink(double *distance, int64_t *index, int64_t size, int64_t root) {
    double a = distance[root];
    int64_t i = index[root];
    for (;;) {
        int64_t child = 2 * root + 1;
        if (child >= size) break;
        if (child + 1 < size) child += after(distance[child + 1], index[child + 1], distance[child], index[child]);
        if (!after(distance[child], index[child], a, i)) break;
        distance[root] = distance[child];
        index[root] = index[child];
        root = child;
    }
    distance[root] = a;
    index[root] = i;
}

static inline void offer(double *distance, int64_t *index, int64_t k, double square, int64_t who) {
    if (!after(distance[0], index[0], square, who)) return;
    distance[0] = square;
    index[0] = who;
    sink(distance, index, k, 0);
}
#endif
