#include "portable.h"
#include "flow_table.h"

enum { TCP = 6, UDP = 17, ARP = 0x0806 };
enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };
enum { SILENT, ASKED, ANSWERED, MIDST, CONNECTED, CLOSED, RESET };
enum { DNS = 1, HELLO = 2, HELLO_GOES_ON = 5, LONGEST_HELLO = 16384, AT_ONCE = 4, SWEEP = 2 };
static const int64_t SECOND = 1000000000;

/* ---- beginning and end ---- */

static void put_out(amiss_table *t, amiss_flow *flows, uint64_t *slots, int32_t *older, int32_t *newer, int32_t place,
                    amiss_flow *ended)
{
    *ended = flows[place];
    forget(t, slots, flows + place, place);
    unlink_flow(t, older, newer, place);
    newer[place] = t->vacant;
    t->vacant = place;
    t->n_flows--;
}

static int32_t begin(amiss_table *t, amiss_flow *flows, uint64_t *slots, int32_t *older, int32_t *newer, const ends *e,
                     uint64_t hash, const amiss_packet *p)
{
    int32_t place = t->vacant;
    if (place >= 0) t->vacant = newer[place];
    else place = t->fresh++;
    amiss_flow *f = flows + place;
    memset(f, 0, sizeof *f);
    /* Who answers did not begin. */
    const int answers = p->protocol == ARP ? p->reply : p->protocol == TCP && (p->flags & (SYN | ACK)) == (SYN | ACK);
    f->serial = t->serial++;
    f->start = f->last = p->time;
    f->asked = f->shaken = f->spoken = f->replied = -1;
    memcpy(f->src, answers ? p->dst : p->src, 16);
    memcpy(f->dst, answers ? p->src : p->dst, 16);
    f->src_port = answers ? p->dst_port : p->src_port;
    f->dst_port = answers ? p->src_port : p->dst_port;
    f->turned = (uint8_t)(e->turned != answers);
    f->first_port = e->low_port;
    f->second_port = e->high_port;
    f->protocol = p->protocol;
    f->vlan = p->vlan;
    f->family = p->family;
    const uint64_t mask = (uint64_t)t->n_slots - 1;
    uint64_t k = hash >> 32 & mask;
    while (slots[k]) k = (k + 1) & mask;
    slots[k] = slot_of(hash, place);
    link_newest(t, older, newer, place);
    t->n_flows++;
    return place;
}

/* ---- fragments ---- */

static void fragment(amiss_packet *p, amiss_fragment *fragments, int64_t n_fragments)
{
    const uint64_t hash = hash_of(p->src, p->dst, p->id, (uint64_t)p->protocol << 24 | (uint64_t)p->vlan << 8 | p->family,
                                  0); /* no seed: which fragments are known must not be left to chance */
    amiss_fragment *f = fragments + (hash >> 32 & ((uint64_t)n_fragments - 1));
    if (p->fragment == 1) {
        memcpy(f->src, p->src, 16);
        memcpy(f->dst, p->dst, 16);
        f->id = p->id;
        f->src_port = p->src_port;
        f->dst_port = p->dst_port;
        f->protocol = p->protocol;
        f->vlan = p->vlan;
        f->family = p->family;
    } else if (f->family == p->family && f->id == p->id && f->protocol == p->protocol && f->vlan == p->vlan &&
               !memcmp(f->src, p->src, 16) && !memcmp(f->dst, p->dst, 16)) {
        p->src_port = f->src_port;
        p->dst_port = f->dst_port;
    }
}

/* ---- adding ---- */

/* What a packet of TCP says of how the connection goes, after the states of Zeek's connection log. */
static void endpoints(amiss_side *mine, amiss_side *other, uint8_t flags)
{
    if (flags & RST) {
        /* After both have closed, a reset says nothing any more. */
        if (mine->endpoint != CLOSED || other->endpoint != CLOSED) mine->endpoint = RESET;
    } else if ((flags & (SYN | ACK)) == (SYN | ACK)) {
        if (mine->endpoint == SILENT || mine->endpoint == ASKED) {
            if (other->endpoint == ASKED) mine->endpoint = other->endpoint = CONNECTED;
            else mine->endpoint = other->endpoint == SILENT ? ANSWERED : CONNECTED;
        }
    } else if (flags & SYN) {
        if (mine->endpoint == SILENT) mine->endpoint = ASKED;
    } else if (mine->endpoint == SILENT)
        mine->endpoint = MIDST;
    if (flags & FIN && mine->endpoint != RESET) mine->endpoint = CLOSED;
}

static inline int before(uint32_t a, uint32_t b) { return (int32_t)(a - b) < 0; }

/* Where a packet's payload belongs: new, there before, or into the last hole that was left. */
static void place_payload(amiss_side *s, amiss_packet *p)
{
    const uint32_t length = p->payload + ((p->flags & SYN) != 0) + ((p->flags & FIN) != 0);
    if (!length) return;
    const uint32_t end = p->sequence + length;
    if (!s->known) {
        s->known = 1;
        s->next = end;
        s->hole_low = s->hole_high = p->sequence;
        return;
    }
    if (!before(p->sequence, s->next)) {
        if (p->sequence != s->next) {
            s->hole_low = s->next;
            s->hole_high = p->sequence;
        }
        s->next = end;
        return;
    }
    p->again = 1;
    if (s->hole_low != s->hole_high && !before(p->sequence, s->hole_low) && before(p->sequence, s->hole_high)) {
        s->late++;
        s->hole_low = before(end, s->hole_high) ? end : s->hole_high;
        return;
    }
    if (before(s->next, end)) { /* it goes on beyond what had been there */
        const uint32_t old = s->next - p->sequence;
        s->again_bytes += old < p->payload ? old : p->payload;
        s->next = end;
    } else
        s->again_bytes += p->payload;
    s->again++;
}

static void of_tcp(amiss_side *s, amiss_side *other, amiss_packet *p)
{
    s->seen |= p->flags;
    for (int k = 0; k < 8; k++) s->flags[k] += p->flags >> k & 1;
    if (s->packets == 0) {
        s->window_first = s->window_min = s->window_max = p->window;
    } else {
        if (p->window < s->window_min) s->window_min = p->window;
        if (p->window > s->window_max) s->window_max = p->window;
        if (!p->payload && (p->flags & (SYN | FIN | RST | ACK)) == ACK && p->acknowledged == s->acknowledged &&
            p->sequence == s->sequence && s->last_size == p->size)
            s->acks_again++;
    }
    if (!p->window && !(p->flags & RST)) s->closed++;
    place_payload(s, p);
    endpoints(s, other, p->flags);
}

static void head(amiss_side *s, amiss_packet *p, const uint8_t *bytes)
{
    /* Over TCP, what goes on with a message has no beginning of its own. */
    if (p->kind == DNS && p->protocol == TCP && s->n_head &&
        (p->captured < 2 || ((uint32_t)bytes[p->start] << 8 | bytes[p->start + 1]) + 2 != p->payload))
        p->kind = 0;
    if (!s->n_head && p->captured) {
        s->n_head = p->captured < sizeof s->head ? p->captured : (uint32_t)sizeof s->head;
        memcpy(s->head, bytes + p->start, s->n_head);
    }
    /* A hello of TLS may be longer than a packet. */
    if (p->again) {
        p->kind = p->kind == DNS ? DNS : 0;
    } else if (p->kind == HELLO) {
        const uint8_t *b = bytes + p->start;
        const uint32_t whole = 5 + ((uint32_t)b[3] << 8 | b[4]);
        s->hello = whole > p->payload && whole <= LONGEST_HELLO;
        s->hello_left = s->hello ? whole - p->payload : 0;
    } else if (s->hello && p->payload) {
        p->kind = HELLO_GOES_ON;
        s->hello = s->hello_left > p->payload;
        s->hello_left -= s->hello ? p->payload : s->hello_left;
    }
}

static void add_to_side(amiss_side *s, amiss_side *other, amiss_packet *p, const uint8_t *bytes)
{
    if (s->packets) {
        int64_t gap = p->time - s->last;
        if (gap < 0) gap = 0;
        s->gap_sum += gap;
        s->gap_squares += (double)gap * (double)gap;
        if (s->packets == 1 || gap < s->gap_min) s->gap_min = gap;
        if (gap > s->gap_max) s->gap_max = gap;
        if (p->size < s->size_min) s->size_min = p->size;
        if (p->size > s->size_max) s->size_max = p->size;
        if (p->ttl < s->ttl_min) s->ttl_min = p->ttl;
        if (p->ttl > s->ttl_max) s->ttl_max = p->ttl;
        if (p->time > s->last) s->last = p->time;
        if (p->id && p->id == s->id && p->size == s->last_size && !p->fragment &&
            (p->protocol != TCP || (p->sequence == s->sequence && p->acknowledged == s->acknowledged)))
            s->twice++;
    } else {
        s->size_min = s->size_max = p->size;
        s->ttl_min = s->ttl_max = p->ttl;
        s->last = p->time;
    }
    if (p->protocol == TCP && p->fragment != 2) of_tcp(s, other, p);
    head(s, p, bytes);
    s->packets++;
    s->bytes += p->size;
    s->payload += p->payload;
    s->squares += (double)p->size * (double)p->size;
    s->with_payload += p->payload > 0;
    s->last_size = p->size;
    s->id = p->id;
    s->sequence = p->sequence;
    s->acknowledged = p->acknowledged;
}

static void moments(amiss_flow *f, const amiss_packet *p)
{
    if (p->protocol == TCP && p->fragment != 2 && p->flags & SYN) {
        if (!(p->flags & ACK) && !p->side && f->asked < 0) f->asked = p->time;
        if (p->flags & ACK && p->side && f->asked >= 0 && f->shaken < 0) f->shaken = p->time;
    }
    if (p->payload) {
        if (!p->side && f->spoken < 0) f->spoken = p->time;
        if (p->side && f->spoken >= 0 && f->replied < 0) f->replied = p->time;
    }
}

static void add(amiss_flow *f, amiss_packet *p, const ends *e, const uint8_t *bytes)
{
    const int64_t n = f->side[0].packets + f->side[1].packets;
    p->flow = f->serial;
    p->side = (uint8_t)(e->turned != f->turned);
    if (n) {
        int64_t gap = p->time - f->last;
        if (gap < 0) gap = 0;
        f->gap_sum += gap;
        f->gap_squares += (double)gap * (double)gap;
        if (n == 1 || gap < f->gap_min) f->gap_min = gap;
        if (gap > f->gap_max) f->gap_max = gap;
        if (gap < SECOND) f->active += gap;
        else f->burst_packets = 0;
    }
    if (!f->burst_packets) {
        f->bursts++;
        f->burst_bytes = 0;
    }
    f->burst_packets++;
    f->burst_bytes += p->size;
    if (f->burst_packets > f->burst_packets_max) f->burst_packets_max = f->burst_packets;
    if (f->burst_bytes > f->burst_bytes_max) f->burst_bytes_max = f->burst_bytes;
    if (p->time < f->start) f->start = p->time;
    if (p->time > f->last) f->last = p->time;
    if (f->n_sizes < 8) f->sizes[f->n_sizes++] = p->side ? -(int32_t)p->size : (int32_t)p->size;
    f->fragments += p->fragment != 0;
    moments(f, p);
    add_to_side(f->side + p->side, f->side + !p->side, p, bytes);
    if (p->kind) f->kinds |= (uint8_t)(1 << p->kind);
}

int64_t amiss_assemble(amiss_packet *packets, int64_t n_packets, int64_t *first, const uint8_t *bytes,
                       amiss_table *table, amiss_flow *flows, uint64_t *slots, int32_t *older, int32_t *newer,
                       amiss_fragment *fragments, int64_t n_fragments, amiss_flow *ended, int64_t capacity)
{
    amiss_table *t = table;
    int64_t n = 0;
    for (; first[0] < n_packets && n + AT_ONCE <= capacity; first[0]++) {
        amiss_packet *p = packets + first[0];
        if (p->fragment) fragment(p, fragments, n_fragments);
        t->backwards += p->time < t->time;
        t->time = p->time;
        /* At most a few at a time: one wrong stamp must not end all that there is. */
        for (int k = 0; k < SWEEP && t->oldest >= 0 && p->time - flows[t->oldest].last >= t->idle; k++)
            put_out(t, flows, slots, older, newer, t->oldest, ended + n++);
        const ends e = ends_of(p);
        const uint64_t hash = hash_of_ends(&e, t->seed);
        int32_t place = find(t, flows, slots, &e, hash);
        if (place >= 0 && (p->time - flows[place].last >= t->idle || p->time - flows[place].start >= t->longest)) {
            put_out(t, flows, slots, older, newer, place, ended + n++);
            place = -1;
        }
        if (place < 0) {
            if (t->n_flows == t->capacity) {
                put_out(t, flows, slots, older, newer, t->oldest, ended + n++);
                t->crowded++;
            }
            place = begin(t, flows, slots, older, newer, &e, hash, p);
        } else if (place != t->newest) {
            unlink_flow(t, older, newer, place);
            link_newest(t, older, newer, place);
        }
        add(flows + place, p, &e, bytes);
    }
    return n;
}

int64_t amiss_put_out(amiss_table *table, amiss_flow *flows, uint64_t *slots, int32_t *older, int32_t *newer,
                      int64_t since, amiss_flow *ended, int64_t capacity)
{
    int64_t n = 0;
    while (n < capacity && table->oldest >= 0 && flows[table->oldest].last <= since)
        put_out(table, flows, slots, older, newer, table->oldest, ended + n++);
    return n;
}

void amiss_entropies(const uint8_t *heads, const int64_t *lengths, int64_t n_rows, int64_t width,
                     const double *weights, double *entropies)
{
    for (int64_t i = 0; i < n_rows; i++) {
        const uint8_t *head = heads + i * width;
        uint16_t counts[256];
        double sum = 0;
        memset(counts, 0, sizeof counts);
        for (int64_t k = 0; k < lengths[i]; k++) counts[head[k]]++;
        for (int k = 0; k < 256; k++) sum += weights[counts[k]];
        entropies[i] = weights[lengths[i]] / (double)lengths[i] - sum / (double)lengths[i];
    }
}
