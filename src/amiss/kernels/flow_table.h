#ifndef AMISS_FLOW_TABLE_H
#define AMISS_FLOW_TABLE_H
#include "portable.h"
#include "headers.h"
#include "assembly.h"

/* Where a packet's flow is: slots by a hash of both ends, and a chain of flows by their last packet. */
typedef struct {
    uint8_t low[16], high[16];
    uint16_t low_port, high_port, protocol, vlan;
    uint8_t family;
    uint8_t turned;           /* whether the packet goes from high to low */
} ends;

/* Both directions have the same key; only of ARP the one who asks comes first. */
static inline ends ends_of(const amiss_packet *p)
{
    const int bare = p->protocol == 1 || p->protocol == 58;
    const uint16_t src_port = bare ? 0 : p->src_port, dst_port = bare ? 0 : p->dst_port;
    ends e;
    int order = memcmp(p->src, p->dst, 16);
    if (!order) order = (int)src_port - (int)dst_port;
    e.turned = p->protocol == 0x0806 ? p->reply : order > 0;
    memcpy(e.low, e.turned ? p->dst : p->src, 16);
    memcpy(e.high, e.turned ? p->src : p->dst, 16);
    e.low_port = e.turned ? dst_port : src_port;
    e.high_port = e.turned ? src_port : dst_port;
    e.protocol = p->protocol;
    e.vlan = p->vlan;
    e.family = p->family;
    return e;
}

static inline uint64_t mixed(uint64_t h, uint64_t word)
{
    h = (h ^ word) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

static inline uint64_t word_at(const uint8_t *b)
{
    uint64_t word;
    memcpy(&word, b, 8);
    return word;
}

static inline uint64_t hash_of(const uint8_t *low, const uint8_t *high, uint64_t ports, uint64_t rest, uint64_t seed)
{
    uint64_t h = mixed(mixed(seed, word_at(low)), word_at(low + 8));
    h = mixed(mixed(h, word_at(high)), word_at(high + 8));
    h = mixed(mixed(h, ports), rest);
    return h ^ h >> 32;
}

static inline uint64_t hash_of_ends(const ends *e, uint64_t seed)
{
    return hash_of(e->low, e->high, (uint64_t)e->low_port << 16 | e->high_port,
                   (uint64_t)e->protocol << 24 | (uint64_t)e->vlan << 8 | e->family, seed);
}

static inline int same(const amiss_flow *f, const ends *e)
{
    const uint8_t *low = f->turned ? f->dst : f->src, *high = f->turned ? f->src : f->dst;
    return f->first_port == e->low_port && f->second_port == e->high_port && f->protocol == e->protocol &&
           f->vlan == e->vlan && f->family == e->family && !memcmp(low, e->low, 16) && !memcmp(high, e->high, 16);
}

/* The upper half of a slot is of the hash, the lower the flow's place and 1. */
static inline uint64_t slot_of(uint64_t hash, int32_t place)
{
    return (hash & 0xffffffff00000000u) | (uint32_t)(place + 1);
}

static inline int32_t find(const amiss_table *t, const amiss_flow *flows, const uint64_t *slots, const ends *e, uint64_t hash)
{
    const uint64_t mask = (uint64_t)t->n_slots - 1;
    for (uint64_t k = hash >> 32 & mask; slots[k]; k = (k + 1) & mask) {
        const int32_t place = (int32_t)(uint32_t)slots[k] - 1;
        if (!((slots[k] ^ hash) >> 32) && same(flows + place, e)) return place;
    }
    return -1;
}

static inline void unlink_flow(amiss_table *t, int32_t *older, int32_t *newer, int32_t place)
{
    const int32_t before = older[place], after = newer[place];
    if (before >= 0) newer[before] = after;
    else t->oldest = after;
    if (after >= 0) older[after] = before;
    else t->newest = before;
}

static inline void link_newest(amiss_table *t, int32_t *older, int32_t *newer, int32_t place)
{
    older[place] = t->newest;
    newer[place] = -1;
    if (t->newest >= 0) newer[t->newest] = place;
    else t->oldest = place;
    t->newest = place;
}

/* Takes a flow's slot away, and moves up those that had been driven past it. */
static inline void forget(amiss_table *t, uint64_t *slots, const amiss_flow *f, int32_t place)
{
    const uint64_t mask = (uint64_t)t->n_slots - 1;
    const uint8_t *low = f->turned ? f->dst : f->src, *high = f->turned ? f->src : f->dst;
    const uint64_t hash = hash_of(low, high, (uint64_t)f->first_port << 16 | f->second_port,
                                  (uint64_t)f->protocol << 24 | (uint64_t)f->vlan << 8 | f->family, t->seed);
    uint64_t hole = hash >> 32 & mask;
    while ((uint32_t)slots[hole] != (uint32_t)(place + 1)) hole = (hole + 1) & mask;
    for (uint64_t k = (hole + 1) & mask; slots[k]; k = (k + 1) & mask) {
        const uint64_t home = slots[k] >> 32 & mask;
        if (((k - home) & mask) >= ((k - hole) & mask)) {
            slots[hole] = slots[k];
            hole = k;
        }
    }
    slots[hole] = 0;
}
#endif
