/* Flows out of packets: a table of fixed size, in which each packet finds its flow.
 *
 * "out" is from who began to the other, "in" the way back. Sizes are those of IP packets, times nanoseconds.
 */
typedef struct {              /* one direction of a flow */
    int64_t packets;
    int64_t bytes;
    int64_t payload;
    double squares;           /* of sizes, summed */
    int64_t last;             /* latest time */
    int64_t gap_sum;          /* of the times between one packet and the next */
    int64_t gap_min;
    int64_t gap_max;
    double gap_squares;
    int64_t again_bytes;      /* payload that had been there before */
    uint32_t size_min;
    uint32_t size_max;
    uint32_t with_payload;    /* packets with payload */
    uint32_t again;           /* of them, those whose payload had been there before */
    uint32_t late;            /* those that fill a hole that was left */
    uint32_t twice;           /* packets that are the one before once more */
    uint32_t acks_again;      /* bare acknowledgements like the one before */
    uint32_t closed;          /* windows of 0 */
    uint32_t flags[8];        /* packets with FIN, SYN, RST, PSH, ACK, URG, ECE, CWR */
    uint32_t next;            /* the sequence number that comes next */
    uint32_t hole_low;        /* what is missing before it; equal where nothing is */
    uint32_t hole_high;
    uint32_t sequence;        /* of the last packet */
    uint32_t acknowledged;
    uint32_t id;
    uint16_t window_first;
    uint16_t window_min;
    uint16_t window_max;
    uint8_t ttl_min;
    uint8_t ttl_max;
    uint8_t seen;             /* TCP flags */
    uint8_t endpoint;         /* 0 silent, 1 asked, 2 answered, 3 in the midst, 4 connected, 5 closed, 6 reset */
    uint8_t known;            /* whether `next` is known */
    uint8_t hello;            /* whether a TLS hello goes on in the next packet */
    uint32_t last_size;
    uint32_t hello_left;      /* bytes of it that are to come */
    uint32_t n_head;          /* bytes in `head` */
    uint8_t head[64];         /* what the first payload begins with */
} amiss_side;

typedef struct {
    int64_t serial;
    int64_t start;
    int64_t last;
    int64_t gap_sum;
    int64_t gap_min;
    int64_t gap_max;
    double gap_squares;
    int64_t active;           /* time of gaps under a second */
    int64_t burst_bytes;      /* of the burst that is on; a burst ends with a gap of a second */
    int64_t burst_bytes_max;
    int64_t asked;            /* when the first packet came that opens a connection, -1 none */
    int64_t shaken;           /* when it was answered */
    int64_t spoken;           /* when the first payload was sent out */
    int64_t replied;          /* when the first came back after it */
    uint8_t src[16];
    uint8_t dst[16];
    uint16_t src_port;
    uint16_t dst_port;
    uint16_t first_port;      /* those of the key, which of ICMP has none */
    uint16_t second_port;
    uint16_t protocol;
    uint16_t vlan;
    uint8_t family;
    uint8_t kinds;            /* kinds of payload met with, as bits */
    uint8_t n_sizes;
    uint8_t turned;           /* whether the first packet came from dst */
    uint32_t bursts;
    uint32_t burst_packets;
    uint32_t burst_packets_max;
    uint32_t fragments;
    int32_t sizes[8];         /* of the first packets, below 0 of those that came in */
    amiss_side side[2];
} amiss_flow;

typedef struct {              /* where the later fragments of a packet belong */
    uint8_t src[16];
    uint8_t dst[16];
    uint32_t id;
    uint16_t src_port;
    uint16_t dst_port;
    uint16_t protocol;
    uint16_t vlan;
    uint16_t family;          /* 0 where there is nothing */
    uint16_t unused;
} amiss_fragment;

typedef struct {
    int64_t idle;             /* nanoseconds without a packet after which a flow has ended, at least 1 */
    int64_t longest;          /* nanoseconds from its start after which the next packet begins another */
    uint64_t seed;            /* of the hashes */
    int64_t capacity;         /* flows that there is room for */
    int64_t n_slots;          /* a power of two, at least twice as many */
    int64_t n_flows;
    int64_t serial;           /* of the flow to come */
    int64_t crowded;          /* flows put out because there was no room */
    int64_t backwards;        /* packets before the one before */
    int64_t time;             /* of the last packet */
    int32_t oldest;           /* flow that has been without a packet for longest, -1 none */
    int32_t newest;
    int32_t vacant;           /* first of the places that flows have left, -1 none */
    int32_t fresh;            /* places from here on have never been used */
} amiss_table;

/* Adds packets from `first[0]` on to their flows. Flows that have ended go to `ended`; where that might become full,
 * `first[0]` says how far it went. Returns how many have ended. Sets `flow`, `side`, `again` and `kind` of the packets.
 *
 * slots, (n_slots): hash and place of each flow, 0 for none. older, newer, (capacity): a chain by the last packet.
 * fragments, (n_fragments): a power of two of places.
 */
int64_t amiss_assemble(amiss_packet *packets, int64_t n_packets, int64_t *first, const uint8_t *bytes,
                       amiss_table *table, amiss_flow *flows, uint64_t *slots, int32_t *older, int32_t *newer,
                       amiss_fragment *fragments, int64_t n_fragments, amiss_flow *ended, int64_t capacity);

/* Entropy in bits of the first `lengths` bytes of each row of `heads`, which is `width` long; lengths are above 0.
 * weights, (width + 1): of each number n of equal bytes, n log2 n. */
void amiss_entropies(const uint8_t *heads, const int64_t *lengths, int64_t n_rows, int64_t width,
                     const double *weights, double *entropies);

/* Puts out flows that have had no packet since a time, those longest without one first, until there are none or `ended`
 * is full. */
int64_t amiss_put_out(amiss_table *table, amiss_flow *flows, uint64_t *slots, int32_t *older, int32_t *newer,
                      int64_t since, amiss_flow *ended, int64_t capacity);
