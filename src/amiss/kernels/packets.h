/* Packets out of the bytes of a capture (pcap or pcapng), a block at a time.
 *
 * Numbers in a packet's bytes are read one byte after the other, never past `length`, whatever the bytes say.
 */
typedef struct {
    int64_t zero;             /* what is added to a time of this interface, seconds */
    int32_t link;             /* its link type */
    uint32_t snap;            /* bytes kept of each packet, 0 for all */
    uint32_t resolution;      /* of its times, as if_tsresol of pcapng */
    uint32_t unused;
} amiss_interface;

/* What is carried from one block to the next; all zero at the start. */
typedef struct {
    int64_t done;             /* bytes of the last block that were dealt with */
    int64_t skip;             /* bytes to be passed over in the blocks to come */
    int64_t time;             /* of the last packet, nanoseconds since 1970 UTC */
    int64_t records;          /* packets met with, of whatever kind */
    int64_t other;            /* of them, those that are neither IP nor ARP */
    int64_t damaged;          /* those whose headers are cut or make no sense */
    int64_t unknown;          /* those of a link type that is not known */
    int64_t shortened;        /* those of which not all bytes were kept */
    int64_t sections;         /* of pcapng */
    int32_t form;             /* 0 none yet, 1 pcap, 2 pcapng, -1 no capture */
    int32_t swapped;          /* whether the byte order is big-endian */
    int32_t trouble;          /* 1: what follows makes no sense, and is left out */
    int32_t link;             /* a link type met with that is not known */
    int32_t n_interfaces;
    int32_t unused;
    amiss_interface interfaces[256];
} amiss_capture;

/* The packets in `bytes`, of which `capture->done` is dealt with; the rest is to be put before the next block. Stops when
 * `capacity` packets are there. Those that can be no part of a flow are counted in `capture` and left out. */
int64_t amiss_packets(const uint8_t *bytes, int64_t length, amiss_capture *capture, amiss_packet *packets,
                      int64_t capacity);
