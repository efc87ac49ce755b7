#include "portable.h"
#include "neighbors.h"

#define TILE 32

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

AMISS_WIDE
static void tile_distances(const double *query, const double *reference, int64_t d, int64_t n_padded, double *out) {
    double sum[TILE] = {0.0};
    for (int64_t j = 0; j < d; j++) {
        const double q = query[j], *r = reference + j * n_padded;
        for (int t = 0; t < TILE; t++) {
            double gap = r[t] - q;
            sum[t] += gap * gap;
        }
    }
    memcpy(out, sum, sizeof sum);
}

void amiss_nearest(const double *queries, int64_t n_queries, int64_t d, const double *reference, int64_t n_reference,
                   int64_t n_padded, int64_t k, int32_t skip_self, double *distance, int64_t *index) {
    for (int64_t i = 0; i < n_queries; i++) {
        const double *query = queries + i * d;
        double *best = distance + i * k, sum[TILE];
        int64_t *who = index + i * k;
        int32_t skip = skip_self;
        for (int64_t n = 0; n < k; n++) { best[n] = INFINITY; who[n] = INT64_MAX; }
        for (int64_t start = 0; start < n_reference; start += TILE) {
            int64_t width = n_reference - start < TILE ? n_reference - start : TILE;
            tile_distances(query, reference + start, d, n_padded, sum);
            for (int64_t t = 0; t < width; t++) {
                if (!(sum[t] < best[0])) continue;
                if (skip && sum[t] == 0.0) { skip = 0; continue; }
                best[0] = sum[t];
                who[0] = start + t;
                sink(best, who, k, 0);
            }
        }
        for (int64_t end = k - 1; end > 0; end--) {
            double a = best[0]; best[0] = best[end]; best[end] = a;
            int64_t w = who[0]; who[0] = who[end]; who[end] = w;
            sink(best, who, end, 0);
        }
        for (int64_t n = 0; n < k; n++) {
            best[n] = sqrt(best[n]);
            if (who[n] == INT64_MAX) who[n] = -1;
        }
    }
}
