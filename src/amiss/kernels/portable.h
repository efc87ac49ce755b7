#ifndef AMISS_PORTABLE_H
#define AMISS_PORTABLE_H
#include <math.h>
#include <stdint.h>
#include <string.h>

/* Where the linker can choose at load time, a loop is compiled for wide registers too. Results do not change: no
 * contraction of multiply and add is allowed (see build_loops.py). Loops that gather from tables are faster without. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#if __GNUC__ >= 12
#define AMISS_WIDE __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#else
#define AMISS_WIDE __attribute__((target_clones("avx2", "default")))
#endif
#else
#define AMISS_WIDE
#endif

/* Whether one of n numbers is infinite. */
static inline int any_infinite(const double *x, int64_t n) {
    int found = 0;
    for (int64_t i = 0; i < n; i++) found |= fabs(x[i]) == INFINITY;
    return found;
}

/* Eight doubles side by side, which GCC and Clang keep in registers whatever their width. Other compilers fail here,
 * and the NumPy twins serve. */
typedef double lanes __attribute__((vector_size(64)));
static inline void load_lanes(lanes *into, const double *from) { memcpy(into, from, sizeof *into); }
#endif
