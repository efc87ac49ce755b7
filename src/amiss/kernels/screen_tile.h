/* Included once for each width of registers. FLOATS is a vector of floats, QUERIES × 2 of which fit into the registers
 * beside their factors; TARGET says for which processors, and NAME how the function is called.
 *
 * Products of STRIP queries with a panel of rows, less half of both squared norms. */
TARGET static void NAME(const float *queries, const float *rows, int64_t d, float *product) {
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
}
#undef FLOATS
#undef QUERIES
#undef TARGET
#undef NAME
