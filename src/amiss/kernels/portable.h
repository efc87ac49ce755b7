#ifndef AMISS_PORTABLE_H
#define AMISS_PORTABLE_H
#include <math.h>
#include <stdint.h>
#include <string.h>

/* Where the linker can choose at load time, a loop is compiled for wide registers too. Results do not change: no
 * contraction of multiply and add is allowed (see build_loops.py). */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define AMISS_WIDE __attribute__((target_clones("avx2", "default")))
#else
#define AMISS_WIDE
#endif
#endif
