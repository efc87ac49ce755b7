#include "portable.h"

#include "netflow.h"

enum {
    NOTHING, SRC4, DST4, SRC6, DST6, SRC_PORT, DST_PORT, PROTOCOL, FLAGS, FLAGS_BACK, PACKETS, BYTES, PACKETS_AFTER,
    BYTES_AFTER, PACKETS_BACK, BYTES_BACK, VLAN, SAMPLING, ICMP_BOTH, ICMP_TYPE, ICMP_CODE, START_UP, END_UP, START_S,
    END_S, START_MS, END_MS, START_NTP, END_NTP, START_AGO, END_AGO, BOOT_MS, LASTED_MS, LASTED_US, N_SAYINGS
};
enum { RECORDS, WAITING, TOO_MANY, LEARNT, USED, FORGOTTEN };
enum { FINE, SHORT, OTHER_VERSION, CUT, BAD_SET, BAD_TEMPLATE };
enum { SLOT_EXPORTER, SLOT_DOMAIN, SLOT_KEY, SLOT_FIELDS, SLOT_LENGTH, SLOT_FLOWS, SLOT_WIDTH };
enum { VARIES = 65535, REVERSE = 29305 };

typedef struct {
    const uint8_t *bytes;
    int64_t at, end, version, domain, exporter, datagram;
    double sent, uptime;
    int64_t *slots;
    int32_t *fields;
    int64_t n_slots, most_fields;
    double *reals;
    int32_t *wholes;
    uint8_t *addresses;
    int64_t *counts, *told;
} reading;

static uint64_t big(const uint8_t *at, int64_t length) {
    uint64_t value = 0;
    for (int64_t i = 0; i < length; i++) value = value << 8 | at[i];
    return value;
}

/* What an information element says here. */
static int32_t saying(int64_t element, int64_t enterprise) {
    if (enterprise == REVERSE) {
        switch (element) {
        case 1: case 85: return BYTES_BACK;
        case 2: case 86: return PACKETS_BACK;
        case 6: return FLAGS_BACK;
        default: return NOTHING;
        }
    }
    if (enterprise) return NOTHING;
    switch (element) {
    case 1: case 85: case 231: return BYTES;
    case 2: case 86: case 298: return PACKETS;
    case 4: return PROTOCOL;
    case 6: return FLAGS;
    case 7: case 180: case 182: return SRC_PORT;
    case 8: return SRC4;
    case 11: case 181: case 183: return DST_PORT;
    case 12: return DST4;
    case 21: return END_UP;
    case 22: return START_UP;
    case 23: return BYTES_AFTER;
    case 24: return PACKETS_AFTER;
    case 27: return SRC6;
    case 28: return DST6;
    case 32: case 139: return ICMP_BOTH;
    case 34: case 305: return SAMPLING;
    case 58: case 243: return VLAN;
    case 150: return START_S;
    case 151: return END_S;
    case 152: return START_MS;
    case 153: return END_MS;
    case 154: case 156: return START_NTP;
    case 155: case 157: return END_NTP;
    case 158: return START_AGO;
    case 159: return END_AGO;
    case 160: return BOOT_MS;
    case 161: return LASTED_MS;
    case 162: return LASTED_US;
    case 176: case 178: return ICMP_TYPE;
    case 177: case 179: return ICMP_CODE;
    case 232: return BYTES_BACK;
    case 299: return PACKETS_BACK;
    default: return NOTHING;
    }
}

/* The slot of a template, or the empty one where it would stand. */
static int64_t slot_of(const reading *r, int64_t template) {
    int64_t key = r->version << 16 | template;
    uint64_t mix = (uint64_t)r->exporter * 0x9E3779B97F4A7C15u ^ (uint64_t)r->domain * 0xC2B2AE3D27D4EB4Fu ^
                   (uint64_t)key * 0x165667B19E3779F9u;
    mix ^= mix >> 29;
    int64_t place = (int64_t)(mix & (uint64_t)(r->n_slots - 1));
    for (;;) {
        const int64_t *slot = r->slots + place * SLOT_WIDTH;
        if (!slot[SLOT_EXPORTER] || (slot[SLOT_EXPORTER] == r->exporter + 1 && slot[SLOT_DOMAIN] == r->domain &&
                                     slot[SLOT_KEY] == key))
            return place;
        place = (place + 1) & (r->n_slots - 1);
    }
}

static int64_t *slot_for(reading *r, int64_t template, int64_t *place) {
    *place = slot_of(r, template);
    int64_t *slot = r->slots + *place * SLOT_WIDTH;
    if (!slot[SLOT_EXPORTER]) {
        if (4 * (r->counts[USED] + 1) > 3 * r->n_slots) {
            memset(r->slots, 0, (size_t)(r->n_slots * SLOT_WIDTH) * sizeof *r->slots);
            r->counts[USED] = 0;
            r->counts[FORGOTTEN]++;
            *place = slot_of(r, template);
            slot = r->slots + *place * SLOT_WIDTH;
        }
        r->counts[USED]++;
        slot[SLOT_EXPORTER] = r->exporter + 1;
        slot[SLOT_DOMAIN] = r->domain;
        slot[SLOT_KEY] = r->version << 16 | template;
    }
    return slot;
}

/* Templates of one set; gives what is wrong. */
static int64_t templates(reading *r, int64_t at, int64_t end, int options) {
    const uint8_t *b = r->bytes;
    while (end - at >= 4) {
        int64_t template = (int64_t)big(b + at, 2), n = (int64_t)big(b + at + 2, 2);
        if (template == 0 && n == 0) return FINE;
        if (template < 256) return BAD_TEMPLATE;
        int withdrawn = r->version == 10 && n == 0;
        int64_t head = options && !withdrawn ? 6 : 4;
        if (end - at < head) return BAD_TEMPLATE;
        if (options && r->version == 9) {
            int64_t scope = n, rest = (int64_t)big(b + at + 4, 2);
            if (scope % 4 || rest % 4) return BAD_TEMPLATE;
            n = (scope + rest) / 4;
        }
        int64_t first = at + head, place, length = 0, sources = 0, targets = 0, varies = 0;
        int64_t *slot = slot_for(r, template, &place);
        int32_t *field = r->fields + place * 2 * r->most_fields;
        slot[SLOT_FIELDS] = -1;
        at = first;
        for (int64_t i = 0; i < n; i++) {
            if (end - at < 4) return BAD_TEMPLATE;
            int64_t element = (int64_t)big(b + at, 2), width = (int64_t)big(b + at + 2, 2), enterprise = 0;
            at += 4;
            if (r->version == 10 && element & 0x8000) {
                if (end - at < 4) return BAD_TEMPLATE;
                enterprise = (int64_t)big(b + at, 4);
                element &= 0x7FFF;
                at += 4;
            }
            if (i >= r->most_fields) continue;
            int32_t what = saying(element, enterprise);
            if (what == SRC4 || what == SRC6) sources = 1;
            if (what == DST4 || what == DST6) targets = 1;
            if (r->version == 10 && width == VARIES) {
                varies = 1;
                length += 1;
            } else {
                length += width;
            }
            field[2 * i] = what;
            field[2 * i + 1] = (int32_t)width;
        }
        if (n > r->most_fields || (!withdrawn && length == 0)) return BAD_TEMPLATE;
        slot[SLOT_FIELDS] = withdrawn ? -1 : n;
        slot[SLOT_LENGTH] = varies ? 0 : length;
        slot[SLOT_FLOWS] = !options && sources && targets;
        if (!withdrawn) r->counts[LEARNT]++;
    }
    return FINE;
}

static double since_1970(uint64_t ntp) {
    return (double)(ntp >> 32) - 2208988800.0 + (double)(ntp & 0xFFFFFFFFu) / 4294967296.0;
}

/* Milliseconds from one count of the time since the start to another, which may have begun anew in between. */
static double between(double from, double to) {
    double gap = fmod(to - from, 4294967296.0);
    if (gap < 0) gap += 4294967296.0;
    return gap < 2147483648.0 ? gap : gap - 4294967296.0;
}

static double or_else(double value, double other) { return isnan(value) ? other : value; }

/* Start and end from whatever the record says of them. */
static void times(const reading *r, const double *v, double *start, double *end) {
    double up = r->uptime, from = NAN, to = NAN, lasted = NAN;
    if (r->version == 10) {
        if (!isnan(v[BOOT_MS])) {
            from = (v[BOOT_MS] + v[START_UP]) / 1e3;
            to = (v[BOOT_MS] + v[END_UP]) / 1e3;
        } else if (!isnan(v[START_UP]) && !isnan(v[END_UP])) {
            lasted = between(v[START_UP], v[END_UP]) / 1e3;
        }
    } else {
        if (!isnan(v[START_UP])) from = r->sent - between(v[START_UP], up) / 1e3;
        if (!isnan(v[END_UP])) to = r->sent - between(v[END_UP], up) / 1e3;
    }
    from = or_else(v[START_S], or_else(r->sent - v[START_AGO] / 1e6, from));
    to = or_else(v[END_S], or_else(r->sent - v[END_AGO] / 1e6, to));
    *start = or_else(v[START_NTP], or_else(v[START_MS] / 1e3, from));
    *end = or_else(v[END_NTP], or_else(v[END_MS] / 1e3, to));
    lasted = or_else(v[LASTED_MS] / 1e3, or_else(v[LASTED_US] / 1e6, lasted));
    if (isnan(*start)) *start = or_else(*end, r->sent) - or_else(lasted, 0.0);
    if (isnan(*end)) *end = *start + or_else(lasted, 0.0);
    if (*end < *start) *end = *start;
}

static int32_t whole(double value, int32_t absent, double most) {
    return isnan(value) || value > most ? absent : (int32_t)value;
}

static void keep(reading *r, const double *v, const uint8_t *ends) {
    int64_t n = r->counts[RECORDS]++;
    double *real = r->reals + 7 * n;
    int32_t *w = r->wholes + 8 * n;
    memcpy(r->addresses + 32 * n, ends, 32);
    times(r, v, real, real + 1);
    real[2] = or_else(v[PACKETS], v[PACKETS_AFTER]);
    real[3] = or_else(v[BYTES], v[BYTES_AFTER]);
    real[4] = v[PACKETS_BACK];
    real[5] = v[BYTES_BACK];
    real[6] = v[SAMPLING];
    w[0] = whole(v[SRC_PORT], 0, 65535);
    w[1] = whole(v[DST_PORT], 0, 65535);
    w[2] = whole(v[PROTOCOL], -1, 255);
    w[3] = isnan(v[FLAGS]) ? -1 : (int32_t)fmod(v[FLAGS], 256.0);
    w[4] = isnan(v[FLAGS_BACK]) ? -1 : (int32_t)fmod(v[FLAGS_BACK], 256.0);
    w[5] = whole(v[VLAN], 0, 4095);
    w[6] = (int32_t)r->exporter;
    w[7] = (int32_t)r->datagram;
    if (w[2] == 1 || w[2] == 58) {
        int32_t both = whole(v[ICMP_BOTH], w[0] ? -1 : w[1], 65535);
        if (!isnan(v[ICMP_TYPE])) {
            w[0] = whole(v[ICMP_TYPE], 0, 255);
            w[1] = whole(v[ICMP_CODE], 0, 255);
        } else if (both >= 0) {
            w[0] = both >> 8;
            w[1] = both & 255;
        }
    }
}

/* Records of one set; gives what is wrong. */
static int64_t records(reading *r, int64_t at, int64_t end, int64_t place) {
    const int64_t *slot = r->slots + place * SLOT_WIDTH;
    const int32_t *field = r->fields + place * 2 * r->most_fields;
    int64_t n_fields = slot[SLOT_FIELDS], fixed = slot[SLOT_LENGTH];
    double v[N_SAYINGS];
    uint8_t ends[32];
    while (end - at >= (fixed ? fixed : 1)) {
        int64_t first = at;
        for (int i = 0; i < N_SAYINGS; i++) v[i] = NAN;
        memset(ends, 0, sizeof ends);
        for (int64_t i = 0; i < n_fields; i++) {
            int64_t width = field[2 * i + 1];
            if (!fixed && width == VARIES) {
                if (end - at < 1) return FINE; /* padding */
                width = r->bytes[at++];
                if (width == 255) {
                    if (end - at < 2) return CUT;
                    width = (int64_t)big(r->bytes + at, 2);
                    at += 2;
                }
            }
            if (end - at < width) return fixed || at - first > 3 ? CUT : FINE;
            const uint8_t *value = r->bytes + at;
            at += width;
            switch (field[2 * i]) {
            case NOTHING: break;
            case SRC4: case DST4: {
                uint8_t *address = ends + (field[2 * i] == DST4 ? 16 : 0);
                /* A record may hold both kinds of address, the one that does not apply all zero. */
                if (width == 4 && (big(value, 4) || !(big(address, 8) | big(address + 8, 8)))) {
                    memset(address, 0, 10);
                    address[10] = address[11] = 255;
                    memcpy(address + 12, value, 4);
                }
                break;
            }
            case SRC6: case DST6:
                if (width == 16 && (big(value, 8) | big(value + 8, 8)))
                    memcpy(ends + (field[2 * i] == DST6 ? 16 : 0), value, 16);
                break;
            case START_NTP: case END_NTP:
                if (width == 8) v[field[2 * i]] = since_1970(big(value, 8));
                break;
            default:
                if (width >= 1 && width <= 8) v[field[2 * i]] = (double)big(value, width);
            }
        }
        if (at == first) return BAD_SET;
        r->told[3]++;
        if (slot[SLOT_FLOWS]) keep(r, v, ends);
    }
    return FINE;
}

static void version_5(reading *r, int64_t n) {
    int64_t sampling = (int64_t)big(r->bytes + r->at + 22, 2) & 0x3FFF, at = r->at + 24;
    double v[N_SAYINGS];
    uint8_t ends[32] = {0};
    for (int i = 0; i < N_SAYINGS; i++) v[i] = NAN;
    if (sampling) v[SAMPLING] = (double)sampling;
    ends[10] = ends[11] = ends[26] = ends[27] = 255;
    for (int64_t i = 0; i < n; i++, at += 48) {
        const uint8_t *b = r->bytes + at;
        if (r->end - at < 48) {
            r->told[4] = CUT;
            return;
        }
        memcpy(ends + 12, b, 4);
        memcpy(ends + 28, b + 4, 4);
        v[PACKETS] = (double)big(b + 16, 4);
        v[BYTES] = (double)big(b + 20, 4);
        v[START_UP] = (double)big(b + 24, 4);
        v[END_UP] = (double)big(b + 28, 4);
        v[SRC_PORT] = (double)big(b + 32, 2);
        v[DST_PORT] = (double)big(b + 34, 2);
        v[FLAGS] = b[37];
        v[PROTOCOL] = b[38];
        r->told[3]++;
        keep(r, v, ends);
    }
}

static void sets(reading *r, int64_t wait_room, int64_t *waiting) {
    int64_t template_set = r->version == 9 ? 0 : 2;
    while (r->end - r->at >= 4) {
        int64_t id = (int64_t)big(r->bytes + r->at, 2), length = (int64_t)big(r->bytes + r->at + 2, 2), wrong = FINE;
        if (length < 4) {
            r->told[4] = BAD_SET;
            return;
        }
        if (length > r->end - r->at) {
            length = r->end - r->at;
            wrong = CUT;
        }
        int64_t first = r->at + 4, end = r->at + length, more = FINE;
        if (id == template_set || id == template_set + 1) {
            more = templates(r, first, end, id != template_set);
        } else if (id >= 256) {
            int64_t place = slot_of(r, id), *slot = r->slots + place * SLOT_WIDTH;
            if (slot[SLOT_EXPORTER] && slot[SLOT_FIELDS] > 0) {
                more = records(r, first, end, place);
            } else if (r->counts[WAITING] < wait_room) {
                int64_t *set = waiting + 3 * r->counts[WAITING]++;
                set[0] = r->datagram;
                set[1] = r->at;
                set[2] = length;
            } else {
                r->counts[TOO_MANY]++;
            }
        } else {
            more = BAD_SET;
        }
        if (!r->told[4]) r->told[4] = wrong ? wrong : more;
        r->at = end;
    }
}

int64_t amiss_netflow(const uint8_t *bytes, const int64_t *offsets, const int32_t *exporter, int64_t n_datagrams,
                      int64_t *slots, int32_t *fields, int64_t n_slots, int64_t most_fields, int64_t room,
                      double *reals, int32_t *wholes, uint8_t *addresses, int64_t *told, int64_t wait_room,
                      int64_t *waiting, int64_t *counts) {
    reading r = {bytes, 0,      0,     0,           0,     0,      0,         0.0,    0.0,
                 slots, fields, n_slots, most_fields, reals, wholes, addresses, counts, told};
    counts[RECORDS] = counts[WAITING] = counts[TOO_MANY] = counts[LEARNT] = 0;
    for (int64_t i = 0; i < n_datagrams; i++) {
        int64_t at = offsets[i], size = offsets[i + 1] - at;
        if (size > room - counts[RECORDS]) return i;
        const uint8_t *b = bytes + at;
        r.told = told + 5 * i;
        memset(r.told, 0, 5 * sizeof *told);
        if (size < 2) {
            r.told[4] = SHORT;
            continue;
        }
        int64_t version = (int64_t)big(b, 2), header = version == 5 ? 24 : version == 9 ? 20 : 16;
        r.told[0] = version;
        if (version != 5 && version != 9 && version != 10) {
            r.told[4] = OTHER_VERSION;
            continue;
        }
        if (size < header) {
            r.told[4] = SHORT;
            continue;
        }
        r.at = at;
        r.end = at + size;
        r.version = version;
        r.exporter = exporter[i];
        r.datagram = i;
        r.uptime = (double)big(b + 4, 4);
        if (version == 5) {
            r.sent = (double)big(b + 8, 4) + (double)big(b + 12, 4) / 1e9;
            r.domain = (int64_t)big(b + 20, 2);
            r.told[2] = (int64_t)big(b + 16, 4);
        } else if (version == 9) {
            r.sent = (double)big(b + 8, 4);
            r.domain = (int64_t)big(b + 16, 4);
            r.told[2] = (int64_t)big(b + 12, 4);
        } else {
            int64_t length = (int64_t)big(b + 2, 2);
            r.sent = (double)big(b + 4, 4);
            r.domain = (int64_t)big(b + 12, 4);
            r.told[2] = (int64_t)big(b + 8, 4);
            if (length < 16 || length > size) r.told[4] = CUT;
            if (length >= 16 && length < size) r.end = at + length;
        }
        r.told[1] = r.domain;
        if (version == 5) {
            version_5(&r, (int64_t)big(b + 2, 2));
        } else {
            r.at += header;
            sets(&r, wait_room, waiting);
        }
    }
    return n_datagrams;
}
