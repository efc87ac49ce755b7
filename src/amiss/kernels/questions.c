#include "portable.h"
#include "bytes.h"
#include "headers.h"
#include "questions.h"

enum { QUESTIONS_A_MESSAGE = 16, NAME_LENGTH = 255 };

/* The name at `at`, in lower case; where what follows it begins, 0 where it makes no sense. */
static int64_t name_at(const uint8_t *m, int64_t length, int64_t at, uint8_t *text, int32_t *written)
{
    int64_t after = 0;
    int32_t n = 0;
    for (int jumps = 0; at < length;) {
        const int label = m[at];
        if (!label) {
            *written = n;
            return after ? after : at + 1;
        }
        if (label >= 0xc0) {
            /* Only ever to an earlier place: such a chain ends. */
            if (at + 1 >= length) return 0;
            const int64_t to = (label & 0x3f) << 8 | m[at + 1];
            if (!after) after = at + 2;
            if (to >= at || ++jumps > 32) return 0;
            at = to;
            continue;
        }
        if (label > 63 || at + 1 + label > length || n + label + (n > 0) > NAME_LENGTH) return 0;
        if (n) text[n++] = '.';
        for (int k = 0; k < label; k++) {
            const uint8_t c = m[at + 1 + k];
            const int plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
            text[n++] = plain ? c : c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : '?';
        }
        at += 1 + label;
    }
    return 0;
}

int64_t amiss_questions(const uint8_t *bytes, int64_t length, const amiss_packet *packets, int64_t n_packets,
                        int64_t *first, amiss_question *questions, int64_t capacity, uint8_t *text,
                        int64_t text_capacity)
{
    int64_t n = 0, used = 0;
    for (; first[0] < n_packets; first[0]++) {
        const amiss_packet *p = packets + first[0];
        if (p->kind != 1 || p->again) continue;
        if (n + QUESTIONS_A_MESSAGE > capacity || used + QUESTIONS_A_MESSAGE * (NAME_LENGTH + 1) > text_capacity)
            break;
        const uint8_t *m = bytes + p->start;
        int64_t there = p->captured;
        if (p->start < 0 || p->start > length || there > length - p->start) continue;
        if (p->protocol == 6) { /* its length goes before a message over TCP */
            if (there < 2) continue;
            const int64_t said = big16(m);
            m += 2;
            there -= 2;
            if (said < there) there = said;
        }
        if (there < 12) continue;
        const uint32_t flags = big16(m + 2);
        const int asked = (int)big16(m + 4) < QUESTIONS_A_MESSAGE ? (int)big16(m + 4) : QUESTIONS_A_MESSAGE;
        if ((flags & 0x7800) != 0) continue; /* no question: a notice or an update */
        int64_t at = 12;
        for (int k = 0; k < asked; k++) {
            amiss_question *q = questions + n;
            at = name_at(m, there, at, text + used, &q->name_length);
            if (!at || at + 4 > there) break;
            q->packet = first[0];
            q->name = used;
            q->type = (int32_t)big16(m + at);
            q->id = (uint16_t)big16(m);
            q->answer = (uint16_t)(flags >> 15);
            q->code = (uint16_t)(flags & 15);
            q->question = (uint16_t)k;
            used += q->name_length;
            at += 4;
            n++;
        }
    }
    return n;
}
