/* Included once for each width of registers. FLOATS is a vector of floats, QUERIES × 2 of which fit into the registers
 * beside their factors; TARGET says for which processors, and NAME how the function is called.
 *
 * Products of STRIP queries with a panel of rows, less half of both squared norms. Returns a bit for each query that
 * has a product which reaches its bound or the row's. */
TARGET static int NAME(const float *queries, const float *rows, int64_t d, const float *query_least,
                       const float *row_least, float *product) {
    enum { WIDTH = sizeof(FLOATS) / sizeof(float) };
    for (int start = 0; start < PANEL; start += 2 * WIDTH)
        for (int strip = 0; strip < STRIP; strip += QUERIES) {
            FLOATS left[QUERIES], right[QUERIES], a, b;
            const float *row = rows + start, *query = queries + strip;
            memcpy(&a, row + d * PANEL, sizeof a);
            memcpy(&b, row + d * PANEL + WIDTH, sizeof b);
            for (int q = 0; q < QUERIES; q++) {
                left[q] = a + query[d * PANEL + q];
                right[q] = b + query[d * PANEL + q];
            }
            for (int64_t j = 0; j < d; j++) {
                memcpy(&a, row + j * PANEL, sizeof a);
                memcpy(&b, row + j * PANEL + WIDTH, sizeof b);
                for (int q = 0; q < QUERIES; q++) {
                    left[q] += a * query[j * PANEL + q];
                    right[q] += b * query[j * PANEL + q];
                }
            }
            for (int q = 0; q < QUERIES; q++) {
                a = left[q];
                b = right[q];
                memcpy(product + (strip + q) * PANEL + start, &a, sizeof a);
                memcpy(product + (strip + q) * PANEL + start + WIDTH, &b, sizeof b);
            }
        }
    int any = 0, bits = 0;
    for (int q = 0; q < STRIP; q++)
        for (int t = 0; t < PANEL; t++)
            any |= product[q * PANEL + t] >= (query_least[q] < row_least[t] ? query_least[q] : row_least[t]);
    for (int q = 0; any && q < STRIP; q++) {
        int found = 0;
        for (int t = 0; t < PANEL; t++)
            found |= product[q * PANEL + t] >= (query_least[q] < row_least[t] ? query_least[q] : row_least[t]);
        bits |= found << q;
    }
    return bits;
}
#undef FLOATS
#undef QUERIES
#undef TARGET
#undef NAME
