#ifndef AMISS_BYTES_H
#define AMISS_BYTES_H
#include <stdint.h>

/* Numbers out of bytes, one byte after the other: whatever the machine's own order, and wherever they lie. */
static inline uint32_t big16(const uint8_t *b) { return (uint32_t)b[0] << 8 | b[1]; }
static inline uint32_t big32(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}
static inline uint32_t little32(const uint8_t *b)
{
    return (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0];
}
static inline uint32_t file16(const uint8_t *b, int swapped)
{
    return swapped ? big16(b) : ((uint32_t)b[1] << 8 | b[0]);
}
static inline uint32_t file32(const uint8_t *b, int swapped) { return swapped ? big32(b) : little32(b); }
#endif
