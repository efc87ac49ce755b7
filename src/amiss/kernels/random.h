#ifndef AMISS_RANDOM_H
#define AMISS_RANDOM_H
#include <stdint.h>

/* SplitMix64 (Steele, Lea and Flood, 2014); core/random.py has the same. */
static inline uint64_t next_random(uint64_t *state) {
    uint64_t z = (*state += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
}

/* Uniform in [0, 1). */
static inline double next_uniform(uint64_t *state) { return (double)(next_random(state) >> 11) * 0x1.0p-53; }

/* Mean depth of an unsuccessful search in a binary search tree of n keys (Liu, Ting and Zhou, 2008). */
static inline double mean_depth(int32_t n) {
    double harmonic = 0.0;
    if (n <= 1) return 0.0;
    for (int32_t i = 1; i < n; i++) harmonic += 1.0 / i;
    return 2.0 * harmonic - 2.0 * (n - 1) / n;
}
#endif
