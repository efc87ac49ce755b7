#include "portable.h"
#include "bytes.h"
#include "headers.h"

enum { MOST_TUNNELS = 4, MOST_LAYERS = 12 };
enum { FINE = 0, OTHER = 1, DAMAGED = 2, UNKNOWN = 3 };
enum { IP4 = 0x0800, ARP = 0x0806, IP6 = 0x86dd, BRIDGED = 0x6558, NOT_IP = -1 };
/* Where a header leaves its size to the network card, no more than this is believed. */
enum { LARGEST = 1 << 24 };

typedef struct {
    const uint8_t *at;        /* what is left of the packet */
    int64_t left;             /* bytes that there are */
    int64_t wire;             /* bytes that there were */
} rest;

static inline int pass(rest *r, int64_t n)
{
    if (n > r->left) return 0;
    r->at += n;
    r->left -= n;
    r->wire = r->wire > n ? r->wire - n : 0;
    return 1;
}

static int of_ppp(rest *r)
{
    if (r->left >= 2 && r->at[0] == 0xff && r->at[1] == 0x03) pass(r, 2);
    if (r->left < 1) return NOT_IP;
    /* The protocol's first byte may be left out where it is 0. */
    const uint32_t protocol = r->at[0] & 1 ? r->at[0] : r->left >= 2 ? big16(r->at) : 0;
    pass(r, r->at[0] & 1 ? 1 : 2);
    return protocol == 0x21 ? IP4 : protocol == 0x57 ? IP6 : protocol == 0x0281 ? 0x8847 : NOT_IP;
}

static int of_version(const rest *r)
{
    if (r->left < 1) return NOT_IP;
    return r->at[0] >> 4 == 4 ? IP4 : r->at[0] >> 4 == 6 ? IP6 : NOT_IP;
}

static int of_ethernet(rest *r)
{
    if (r->left < 14) return NOT_IP;
    int type = (int)big16(r->at + 12);
    pass(r, 14);
    if (type >= 1536) return type;
    if (r->left < 8 || r->at[0] != 0xaa || r->at[1] != 0xaa || r->at[2] != 3) return NOT_IP;
    type = (int)big16(r->at + 6);
    pass(r, 8);
    return type;
}

static int of_family(uint32_t family)
{
    return family == 2 ? IP4 : family == 10 || family == 23 || family == 24 || family == 28 || family == 30 ? IP6
                                                                                                         : NOT_IP;
}

/* The type of what follows the link's header; -2 where the link type is not known. */
static int of_link(rest *r, int32_t link)
{
    int type = NOT_IP;
    switch (link) {
    case 1:
        return of_ethernet(r);
    case 113: /* Linux cooked */
        if (r->left < 16) return NOT_IP;
        type = (int)big16(r->at + 14);
        pass(r, 16);
        return type;
    case 276: /* Linux cooked, version 2 */
        if (r->left < 20) return NOT_IP;
        type = (int)big16(r->at);
        pass(r, 20);
        return type;
    case 12: case 14: case 101:
        return of_version(r);
    case 228:
        return IP4;
    case 229:
        return IP6;
    case 0: case 108: /* BSD loopback: the address family in some byte order */
        if (r->left < 4) return NOT_IP;
        type = of_family(r->at[0] | r->at[1] ? little32(r->at) : big32(r->at));
        pass(r, 4);
        return type;
    case 9: case 50:
        return of_ppp(r);
    case 51: /* PPPoE */
        return pass(r, 6) ? of_ppp(r) : NOT_IP;
    case 104: /* Cisco HDLC */
        if (r->left < 4) return NOT_IP;
        type = (int)big16(r->at + 2);
        pass(r, 4);
        return type;
    default:
        return -2;
    }
}

static int of_labels(rest *r)
{
    for (int k = 0; k < MOST_LAYERS; k++) {
        if (r->left < 5) return NOT_IP;
        const int last = r->at[2] & 1;
        pass(r, 4);
        if (!last) continue;
        const int type = of_version(r);
        /* A pseudowire: a control word, then Ethernet. */
        return type != NOT_IP ? type : r->at[0] >> 4 == 0 && pass(r, 4) ? BRIDGED : NOT_IP;
    }
    return NOT_IP;
}

/* What is under tags and labels: IP4, IP6, ARP, or NOT_IP. */
static int under_tags(rest *r, int type, amiss_packet *p)
{
    for (int k = 0; k < MOST_LAYERS; k++) {
        switch (type) {
        case 0x8100: case 0x88a8: case 0x9100: case 0x9200:
            if (r->left < 4) return NOT_IP;
            if (!p->vlan) p->vlan = (uint16_t)(big16(r->at) & 0x0fff);
            type = (int)big16(r->at + 2);
            pass(r, 4);
            break;
        case 0x8847: case 0x8848:
            type = of_labels(r);
            break;
        case 0x8864:
            type = pass(r, 6) ? of_ppp(r) : NOT_IP;
            break;
        case 0x880b:
            type = of_ppp(r);
            break;
        case BRIDGED:
            type = of_ethernet(r);
            break;
        case IP4: case IP6: case ARP:
            return type;
        default:
            return NOT_IP;
        }
    }
    return NOT_IP;
}

static int arp(rest *r, amiss_packet *p)
{
    if (r->left < 8) return DAMAGED;
    if (big16(r->at + 2) != IP4 || r->at[5] != 4) return OTHER;
    const int64_t hardware = r->at[4], length = 8 + 2 * (hardware + 4);
    if (r->left < length) return DAMAGED;
    const uint32_t operation = big16(r->at + 6);
    if (operation != 1 && operation != 2) return OTHER;
    const uint8_t *sender = r->at + 8 + hardware, *target = sender + 4 + hardware;
    p->family = 4;
    p->protocol = ARP;
    p->reply = operation == 2;
    p->size = (uint32_t)length;
    memcpy(p->src, sender, 4);
    memcpy(p->dst, target, 4);
    return FINE;
}

static int ip4(rest *r, amiss_packet *p, int *next)
{
    if (r->left < 20 || r->at[0] >> 4 != 4) return DAMAGED;
    const int64_t header = (r->at[0] & 15) * 4;
    int64_t size = big16(r->at + 2);
    if (header < 20) return DAMAGED;
    if (!size) size = r->wire < LARGEST ? r->wire : LARGEST; /* left to the network card */
    if (size < header) return DAMAGED;
    const uint32_t place = big16(r->at + 6);
    p->family = 4;
    p->size = (uint32_t)size;
    p->id = big16(r->at + 4);
    p->ttl = r->at[8];
    p->fragment = place & 0x1fff ? 2 : place & 0x2000 ? 1 : 0;
    *next = r->at[9];
    memcpy(p->src, r->at + 12, 4);
    memcpy(p->dst, r->at + 16, 4);
    if (size < r->left) r->left = size; /* what follows is padding */
    r->wire = size;
    if (!pass(r, header)) { /* cut within the options: nothing above them is known */
        r->wire = size - header;
        r->left = 0;
    }
    return FINE;
}

static int ip6(rest *r, amiss_packet *p, int *next)
{
    if (r->left < 40 || r->at[0] >> 4 != 6) return DAMAGED;
    int64_t size = big16(r->at + 4);
    size = size ? size + 40 : r->wire < LARGEST ? r->wire : LARGEST;
    if (size < 40) return DAMAGED;
    p->family = 6;
    p->size = (uint32_t)size;
    p->ttl = r->at[7];
    *next = r->at[6];
    memcpy(p->src, r->at + 8, 16);
    memcpy(p->dst, r->at + 24, 16);
    if (size < r->left) r->left = size;
    r->wire = size;
    pass(r, 40);
    for (int k = 0; k < MOST_LAYERS; k++) {
        const int kind = *next;
        int64_t length;
        if (kind == 0 || kind == 43 || kind == 60 || kind == 135 || kind == 139 || kind == 140) {
            if (r->left < 2) break;
            length = (r->at[1] + 1) * 8;
        } else if (kind == 44) {
            if (r->left < 8) break;
            length = 8;
            const uint32_t place = big16(r->at + 2);
            p->fragment = place & 0xfff8 ? 2 : place & 1 ? 1 : 0;
            p->id = big32(r->at + 4);
        } else if (kind == 51) {
            if (r->left < 2) break;
            length = (r->at[1] + 2) * 4;
        } else
            break;
        *next = r->at[0];
        if (!pass(r, length)) {
            r->wire = r->wire > length ? r->wire - length : 0;
            r->left = 0;
        }
        if (p->fragment == 2) break;
    }
    return FINE;
}

static int begins(const rest *r, const char *word)
{
    const int64_t n = (int64_t)strlen(word);
    return r->left >= n && !memcmp(r->at, word, (size_t)n);
}

static int is_request(const rest *r)
{
    switch (r->at[0]) {
    case 'G': return begins(r, "GET ");
    case 'P': return begins(r, "POST ") || begins(r, "PUT ") || begins(r, "PATCH ") || begins(r, "PROPFIND ");
    case 'H': return begins(r, "HEAD ");
    case 'D': return begins(r, "DELETE ");
    case 'O': return begins(r, "OPTIONS ");
    case 'C': return begins(r, "CONNECT ");
    case 'T': return begins(r, "TRACE ");
    default: return 0;
    }
}

static void transport(rest *r, amiss_packet *p, int next)
{
    p->protocol = (uint16_t)next;
    int64_t header = 0;
    if (p->fragment != 2) {
        const int has_ports = next == 6 || next == 17 || next == 132 || next == 136 || next == 33;
        if (has_ports && r->left >= 4) {
            p->src_port = (uint16_t)big16(r->at);
            p->dst_port = (uint16_t)big16(r->at + 2);
        } else if ((next == 1 || next == 58) && r->left >= 2) {
            p->src_port = r->at[0];
            p->dst_port = r->at[1];
        }
        header = next == 6 ? 20 : next == 132 ? 12 : has_ports || next == 1 || next == 58 ? 8 : 0;
        if (next == 6 && r->left >= 20) {
            p->sequence = big32(r->at + 4);
            p->acknowledged = big32(r->at + 8);
            header = (r->at[12] >> 4) * 4 < 20 ? 20 : (r->at[12] >> 4) * 4;
            p->flags = r->at[13];
            p->window = (uint16_t)big16(r->at + 14);
        }
    }
    p->payload = (uint32_t)(r->wire > header ? r->wire - header : 0);
    if (!pass(r, header)) r->left = 0;
    p->captured = (uint32_t)(r->left < p->payload ? r->left : p->payload);
    if (!p->captured || p->fragment == 2) return;
    if (next == 17 || next == 6) {
        const uint16_t a = p->src_port, b = p->dst_port;
        if (a == 53 || b == 53 || (next == 17 && (a == 5353 || b == 5353 || a == 5355 || b == 5355))) p->kind = 1;
    }
    if (next == 6 && !p->kind) {
        if (r->left >= 6 && r->at[0] == 0x16 && r->at[1] == 3 && r->at[5] == 1) p->kind = 2;
        else if (is_request(r)) p->kind = 3;
        else if (r->at[0] == 'H' && begins(r, "HTTP/")) p->kind = 4;
    }
}

/* The type of what a tunnel carries, `r` moved on to it; NOT_IP where it is none. */
static int inside(rest *r, const amiss_packet *p)
{
    if (p->fragment) return NOT_IP; /* the later fragments could not follow */
    if (p->protocol == 4) return IP4;
    if (p->protocol == 41) return IP6;
    if (p->protocol == 17 && p->dst_port == 4789) {
        if (r->left < 16 || r->at[8] != 0x08) return NOT_IP;
        return pass(r, 16) ? BRIDGED : NOT_IP;
    }
    if (p->protocol != 47 || r->left < 4) return NOT_IP;
    const uint32_t flags = big16(r->at), version = flags & 7;
    const int type = (int)big16(r->at + 2);
    int64_t header = 4;
    if (version > 1 || flags & 0x4000) return NOT_IP;
    if (flags & 0x8000) header += 4;
    if (flags & 0x2000) header += 4;
    if (flags & 0x1000) header += 4;
    if (version == 1 && flags & 0x0080) header += 4;
    return pass(r, header) ? type : NOT_IP;
}

static int layers(rest r, int type, amiss_packet *p, const uint8_t *from)
{
    for (int depth = 0;; depth++) {
        int next = 0;
        type = under_tags(&r, type, p);
        if (type == NOT_IP) return OTHER;
        const int found = type == ARP ? arp(&r, p) : type == IP4 ? ip4(&r, p, &next) : ip6(&r, p, &next);
        if (found != FINE || type == ARP) return found;
        rest above = r;
        p->protocol = (uint16_t)next;
        transport(&above, p, next);
        p->start = above.at - from;
        if (depth == MOST_TUNNELS) return FINE;
        type = inside(&r, p);
        if (type == NOT_IP) return FINE;
        amiss_packet inner;
        memset(&inner, 0, sizeof inner);
        inner.vlan = p->vlan;
        rest look = r;
        const int carried = under_tags(&look, type, &inner);
        int under = 0;
        rest tried = look;
        if (carried == NOT_IP) return FINE;
        if ((carried == ARP ? arp(&tried, &inner) : carried == IP4 ? ip4(&tried, &inner, &under)
                                                                  : ip6(&tried, &inner, &under)) != FINE)
            return FINE; /* what it carries is not to be read: the tunnel itself is the flow */
        memset(p, 0, sizeof *p);
        p->vlan = inner.vlan;
        r = look;
        type = carried;
    }
}

int32_t amiss_dissect(const uint8_t *bytes, int64_t length, int64_t original, int32_t link, amiss_packet *packet)
{
    memset(packet, 0, sizeof *packet);
    packet->flow = -1;
    rest r = {bytes, length, original < length ? length : original};
    const int type = of_link(&r, link);
    if (type == -2) return UNKNOWN;
    if (type == NOT_IP) return OTHER;
    const int found = layers(r, type, packet, bytes);
    packet->flow = -1;
    return found;
}
