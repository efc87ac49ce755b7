/* Mutated datagrams of flow exports, in buffers of exactly their size: for sanitizers. Arguments: runs, files. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netflow.h"

enum { N_SLOTS = 16, MOST_FIELDS = 12, LONGEST = 65536, AT_ONCE = 4, MOST_SEEDS = 64 };

static uint64_t state = 88172645463325252ULL;

static uint32_t chance(uint32_t below) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16) % below;
}

static long mutated(uint8_t *data, long length) {
    static const uint16_t words[] = {0, 4, 5, 8, 255, 256, 300, 65535};
    for (uint32_t left = chance(6); left > 0 && length > 0; left--) {
        long at = chance((uint32_t)length);
        uint16_t word = words[chance(8)];
        switch (chance(4)) {
        case 0: data[at] = (uint8_t)chance(256); break;
        case 1: data[at] = (uint8_t)chance(5); break;
        case 2:
            data[at] = (uint8_t)(word >> 8);
            if (at + 1 < length) data[at + 1] = (uint8_t)word;
            break;
        default:
            if (!chance(3)) length = at;
        }
    }
    return length;
}

int main(int argc, char **argv) {
    static uint8_t seeds[MOST_SEEDS][LONGEST], joined[AT_ONCE * LONGEST];
    static int64_t slots[N_SLOTS * 6], counts[6];
    static int32_t fields[N_SLOTS * 2 * MOST_FIELDS];
    long lengths[MOST_SEEDS], n_records = 0, runs = argc > 1 ? atol(argv[1]) : 0;
    int n_seeds = argc - 2 < MOST_SEEDS ? argc - 2 : MOST_SEEDS;
    for (int i = 0; i < n_seeds; i++) {
        FILE *file = fopen(argv[i + 2], "rb");
        if (!file) return 2;
        lengths[i] = (long)fread(seeds[i], 1, LONGEST, file);
        fclose(file);
    }
    if (n_seeds < 1) return 2;
    for (long run = 0; run < runs; run++) {
        int64_t n = 1 + chance(AT_ONCE), offsets[AT_ONCE + 1] = {0};
        int32_t exporter[AT_ONCE];
        for (int64_t i = 0; i < n; i++) {
            uint32_t seed = chance((uint32_t)n_seeds);
            memcpy(joined + offsets[i], seeds[seed], (size_t)lengths[seed]);
            offsets[i + 1] = offsets[i] + mutated(joined + offsets[i], lengths[seed]);
            exporter[i] = (int32_t)chance(3);
        }
        size_t size = (size_t)offsets[n], room = size + chance(3), wait_room = chance(3);
        uint8_t *bytes = malloc(size + !size), *addresses = malloc(room * 32 + !room);
        double *reals = malloc(room * 7 * sizeof *reals + !room);
        int32_t *wholes = malloc(room * 8 * sizeof *wholes + !room);
        int64_t *told = malloc((size_t)n * 5 * sizeof *told), *waiting = malloc(wait_room * 3 * sizeof *waiting + !wait_room);
        memcpy(bytes, joined, size);
        int64_t read = amiss_netflow(bytes, offsets, exporter, n, slots, fields, N_SLOTS, MOST_FIELDS, (int64_t)room,
                                     reals, wholes, addresses, told, (int64_t)wait_room, waiting, counts);
        if (read < 0 || read > n || counts[0] > (int64_t)room) return 3;
        n_records += (long)counts[0];
        free(bytes), free(addresses), free(reals), free(wholes), free(told), free(waiting);
    }
    printf("%ld records\n", n_records);
    return 0;
}
