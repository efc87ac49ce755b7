#include "portable.h"
#include "bytes.h"
#include "headers.h"
#include "packets.h"

enum { PCAP = 1, PCAPNG = 2, LIMIT = 1 << 20, HUGE_RECORD = 1 << 28 };
enum { FINE = 0, OTHER = 1, DAMAGED = 2, UNKNOWN = 3 };

/* Nanoseconds since 1970; what lies outside the years 1970 to 2242 is moved to their edge. */
static int64_t nanoseconds(uint64_t stamp, const amiss_interface *interface)
{
    const uint32_t power = interface->resolution & 0x7f;
    uint64_t second, rest;
    if (interface->resolution & 0x80) {
        second = power > 63 ? 0 : stamp >> power;
        rest = power > 63 ? stamp : stamp & (((uint64_t)1 << power) - 1);
        const uint32_t down = power > 33 ? power - 33 : 0;
        rest = down > 63 ? 0 : ((rest >> down) * 1000000000u) >> (power - down);
    } else {
        uint64_t unit = 1, fine = 1;
        const uint32_t kept = power > 19 ? 19 : power;
        for (uint32_t k = 0; k < kept; k++) unit *= 10;
        for (uint32_t k = kept; k < power && stamp; k++) stamp /= 10;
        for (uint32_t k = 9; k < kept; k++) fine *= 10;
        second = stamp / unit;
        rest = stamp % unit / fine;
        for (uint32_t k = kept; k < 9; k++) rest *= 10;
    }
    const int64_t most = 8589934592;
    int64_t whole = second > (uint64_t)most ? most : (int64_t)second;
    const int64_t zero = interface->zero > most ? most : interface->zero < -most ? -most : interface->zero;
    whole += zero;
    whole = whole < 0 ? 0 : whole > most ? most : whole;
    return whole * 1000000000 + (int64_t)rest;
}

static int recognise(const uint8_t *b, int64_t length, amiss_capture *c)
{
    if (length < 4) return 0;
    const uint32_t magic = little32(b), other = big32(b);
    if (magic == 0x0a0d0d0a) {
        c->form = PCAPNG;
        return 1;
    }
    const int little = magic == 0xa1b2c3d4 || magic == 0xa1b23c4d, large = other == 0xa1b2c3d4 || other == 0xa1b23c4d;
    if (!little && !large) {
        c->form = -1;
        return 0;
    }
    if (length < 24) return 0;
    c->form = PCAP;
    c->swapped = large;
    c->n_interfaces = 1;
    c->interfaces[0].link = (int32_t)(file32(b + 20, large) & 0xffff);
    c->interfaces[0].snap = file32(b + 16, large);
    c->interfaces[0].resolution = (large ? other : magic) == 0xa1b23c4d ? 9 : 6;
    c->done = 24;
    return 1;
}

/* One packet's record, dissected into `p`; whether it can be part of a flow. */
static int taken(const uint8_t *from, const uint8_t *bytes, int64_t kept, int64_t original, int64_t time,
                 const amiss_interface *interface, amiss_capture *c, amiss_packet *p)
{
    c->records++;
    c->time = time;
    if (original > kept) c->shortened++;
    const int32_t found = amiss_dissect(bytes, kept, original, interface->link, p);
    p->time = time;
    p->start += bytes - from;
    if (found == OTHER) c->other++;
    if (found == DAMAGED) c->damaged++;
    if (found == UNKNOWN) {
        c->unknown++;
        c->link = interface->link;
    }
    return found == FINE;
}

static int64_t of_pcap(const uint8_t *bytes, int64_t length, amiss_capture *c, amiss_packet *packets, int64_t capacity)
{
    const int swapped = c->swapped;
    const int64_t fine = c->interfaces[0].resolution == 9 ? 1 : 1000;
    int64_t n = 0;
    while (n < capacity && length - c->done >= 16) {
        const uint8_t *b = bytes + c->done;
        const int64_t kept = file32(b + 8, swapped), original = file32(b + 12, swapped);
        if (kept > LIMIT) {
            if (kept > HUGE_RECORD || kept > (int64_t)c->interfaces[0].snap) {
                c->trouble = 1;
                return n;
            }
            c->records++;
            c->damaged++;
            c->skip = 16 + kept;
            return n;
        }
        if (length - c->done < 16 + kept) return n;
        const int64_t time = (int64_t)file32(b, swapped) * 1000000000 + (int64_t)file32(b + 4, swapped) * fine;
        n += taken(bytes, b + 16, kept, original, time, c->interfaces, c, packets + n);
        c->done += 16 + kept;
    }
    return n;
}

/* The header of a section: its byte order, and no interfaces yet. */
static void section(const uint8_t *b, amiss_capture *c)
{
    c->swapped = big32(b + 8) == 0x1a2b3c4d;
    c->n_interfaces = 0;
    c->sections++;
}

static void interface_block(const uint8_t *b, int64_t total, amiss_capture *c)
{
    if (c->n_interfaces >= 256 || total < 20) {
        c->n_interfaces += c->n_interfaces < (1 << 30);
        return;
    }
    amiss_interface *i = c->interfaces + c->n_interfaces++;
    memset(i, 0, sizeof *i);
    i->link = (int32_t)file16(b + 8, c->swapped);
    i->snap = file32(b + 12, c->swapped);
    i->resolution = 6;
    for (int64_t at = 16; at + 4 <= total - 4;) {
        const uint32_t code = file16(b + at, c->swapped), length = file16(b + at + 2, c->swapped);
        if (!code || at + 4 + length > total - 4) break;
        if (code == 9 && length == 1) i->resolution = b[at + 4];
        if (code == 14 && length == 8) {
            const uint64_t low = file32(b + at + (c->swapped ? 8 : 4), c->swapped);
            const uint64_t high = file32(b + at + (c->swapped ? 4 : 8), c->swapped);
            const uint64_t both = high << 32 | low;
            memcpy(&i->zero, &both, sizeof both);
        }
        at += 4 + ((length + 3) & ~(uint32_t)3);
    }
}

/* A packet's block; whether it can be part of a flow. */
static int packet_block(const uint8_t *from, const uint8_t *b, uint32_t type, int64_t total, amiss_capture *c,
                        amiss_packet *p)
{
    const int swapped = c->swapped;
    const int64_t head = type == 3 ? 12 : 28;
    if (total < head + 4) {
        c->records++;
        c->damaged++;
        return 0;
    }
    const uint32_t which = type == 6 ? file32(b + 8, swapped) : type == 2 ? file16(b + 8, swapped) : 0;
    const int64_t original = file32(b + (type == 3 ? 8 : 24), swapped);
    int64_t kept = type == 3 ? original : (int64_t)file32(b + 20, swapped);
    if (which >= (uint32_t)c->n_interfaces || which >= 256) {
        c->records++;
        c->damaged++;
        return 0;
    }
    const amiss_interface *interface = c->interfaces + which;
    if (type == 3 && interface->snap && kept > (int64_t)interface->snap) kept = interface->snap;
    if (kept > total - head - 4) kept = total - head - 4;
    int64_t time = c->time; /* a simple packet has none of its own */
    if (type != 3)
        time = nanoseconds((uint64_t)file32(b + 12, swapped) << 32 | file32(b + 16, swapped), interface);
    return taken(from, b + head, kept, original, time, interface, c, p);
}

static int64_t of_pcapng(const uint8_t *bytes, int64_t length, amiss_capture *c, amiss_packet *packets,
                         int64_t capacity)
{
    int64_t n = 0;
    while (n < capacity && length - c->done >= 12) {
        const uint8_t *b = bytes + c->done;
        if (little32(b) == 0x0a0d0d0a) {
            if (big32(b + 8) != 0x1a2b3c4d && little32(b + 8) != 0x1a2b3c4d) {
                c->trouble = 1;
                return n;
            }
            section(b, c);
        }
        const uint32_t type = file32(b, c->swapped);
        const int64_t total = file32(b + 4, c->swapped);
        if (total < 12 || total & 3 || total > ((int64_t)HUGE_RECORD << 2)) {
            c->trouble = 1;
            return n;
        }
        const int wanted = type == 1 || type == 2 || type == 3 || type == 6;
        if (!wanted || total > LIMIT) {
            if (wanted && type != 1) {
                c->records++;
                c->damaged++;
            }
            const int64_t there = length - c->done < total ? length - c->done : total;
            c->done += there;
            c->skip = total - there;
            if (c->skip) return n;
            continue;
        }
        if (length - c->done < total) return n;
        if (type == 1) interface_block(b, total, c);
        else n += packet_block(bytes, b, type, total, c, packets + n);
        c->done += total;
    }
    return n;
}

int64_t amiss_packets(const uint8_t *bytes, int64_t length, amiss_capture *capture, amiss_packet *packets,
                      int64_t capacity)
{
    int64_t n = 0;
    capture->done = 0;
    if (capture->form == 0 && !recognise(bytes, length, capture)) return 0;
    while (capture->form > 0 && !capture->trouble) {
        const int64_t passed = capture->skip < length - capture->done ? capture->skip : length - capture->done;
        capture->done += passed;
        capture->skip -= passed;
        if (capture->skip) return n;
        if (capture->form == PCAP)
            n += of_pcap(bytes, length, capture, packets + n, capacity - n);
        else
            n += of_pcapng(bytes, length, capture, packets + n, capacity - n);
        if (!capture->skip) return n;
    }
    return n;
}
