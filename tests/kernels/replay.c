/* Reads captures and mutations of them with the loops, for the sanitizers: replay N SEED FILE… */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "headers.h"
#include "packets.h"
#include "questions.h"
#include "assembly.h"

enum { PACKETS = 64, FLOWS = 16, SLOTS = 32, FRAGMENTS = 8, ENDED = 8, QUESTIONS = 32, TEXT = 16384, LONGEST = 8192 };

static uint64_t state;

static uint64_t drawn(uint64_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (state * 0x2545f4914f6cdd1du >> 11) % below;
}

static int64_t mutate(uint8_t *bytes, int64_t length)
{
    static const uint32_t edges[] = {0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff};
    for (uint64_t k = 1 + drawn(24); k && length > 8; k--) {
        const int64_t at = (int64_t)drawn((uint64_t)length - 4);
        switch (drawn(5)) {
        case 0: bytes[at] = (uint8_t)drawn(256); break;
        case 1: bytes[at] ^= (uint8_t)(1 << drawn(8)); break;
        case 2: memcpy(bytes + at, edges + drawn(11), drawn(2) ? 4 : 2); break;
        case 3: { /* leave some out */
            const int64_t n = 1 + (int64_t)drawn(40);
            if (at + n < length) {
                memmove(bytes + at, bytes + at + n, (size_t)(length - at - n));
                length -= n;
            }
            break;
        }
        default: { /* some from elsewhere */
            const int64_t from = (int64_t)drawn((uint64_t)length), n = 1 + (int64_t)drawn(60);
            if (from + n <= length && at + n <= length) memmove(bytes + at, bytes + from, (size_t)n);
        }
        }
    }
    return length;
}

/* All of it, in blocks of at most `step` more bytes, each in memory of just its size so that any step beyond is seen. */
static int64_t replay(const uint8_t *bytes, int64_t length, int64_t step)
{
    static amiss_capture capture;
    static amiss_packet packets[PACKETS];
    static amiss_flow flows[FLOWS], ended[ENDED];
    static uint64_t slots[SLOTS];
    static int32_t older[FLOWS], newer[FLOWS];
    static amiss_fragment fragments[FRAGMENTS];
    static amiss_question questions[QUESTIONS];
    static uint8_t text[TEXT];
    amiss_table table = {1000000000, 20000000000, 7, FLOWS, SLOTS, 0, 0, 0, 0, 0, -1, -1, -1, 0};
    int64_t at = 0, end = 0, total = 0, n_flows = 0, sum = 0;
    memset(&capture, 0, sizeof capture);
    memset(slots, 0, sizeof slots);
    memset(fragments, 0, sizeof fragments);
    while (end < length) {
        end = end + step < length ? end + step : length;
        uint8_t *block = malloc((size_t)(end - at) + 1);
        memcpy(block, bytes + at, (size_t)(end - at));
        block = realloc(block, end > at ? (size_t)(end - at) : 1);
        for (int64_t done = 0;;) {
            const int64_t n = amiss_packets(block + done, end - at - done, &capture, packets, PACKETS);
            total += n;
            for (int64_t first = 0; first < n;)
                n_flows += amiss_assemble(packets, n, &first, block + done, &table, flows, slots, older, newer, fragments,
                                          FRAGMENTS, ended, ENDED);
            for (int64_t first = 0; first < n;) {
                const int64_t found = amiss_questions(block + done, end - at - done, packets, n, &first, questions,
                                                      QUESTIONS, text, TEXT);
                for (int64_t k = 0; k < found; k++)
                    for (int32_t j = 0; j < questions[k].name_length; j++) sum += text[questions[k].name + j];
            }
            if (capture.done < 0 || capture.done > end - at - done) abort();
            if (!capture.done) {
                at += done;
                break;
            }
            done += capture.done;
        }
        free(block);
    }
    for (int64_t n; (n = amiss_put_out(&table, flows, slots, older, newer, INT64_MAX, ended, ENDED)) > 0;) n_flows += n;
    for (int k = 0; k < SLOTS; k++)
        if (slots[k]) abort(); /* a flow was lost */
    if (n_flows != table.serial || n_flows > total || sum < 0) abort();
    return total;
}

int main(int n_words, char **words)
{
    if (n_words < 4) return 2;
    const int64_t n = atoll(words[1]);
    state = (uint64_t)atoll(words[2]) * 0x9e3779b97f4a7c15u + 1;
    int64_t total = 0;
    for (int64_t k = 0; k < n; k++) {
        FILE *file = fopen(words[3 + drawn((uint64_t)n_words - 3)], "rb");
        static uint8_t bytes[LONGEST];
        if (!file) return 3;
        int64_t length = (int64_t)fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        if (k >= n_words - 3) length = mutate(bytes, length); /* the first few are as they are */
        total += replay(bytes, length, 1 + (int64_t)drawn(drawn(2) ? 200 : 9000));
    }
    printf("%lld captures, %lld packets\n", (long long)n, (long long)total);
    return 0;
}
