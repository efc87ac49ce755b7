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

/* One packet, by its innermost headers. */
typedef struct {
    int64_t time;             /* nanoseconds since 1970 UTC */
    int64_t start;            /* where its payload begins in the block */
    int64_t flow;             /* the flow it belongs to, -1 as yet */
    uint8_t src[16];          /* addresses; of IPv4 and ARP four bytes, then zeros */
    uint8_t dst[16];
    uint32_t size;            /* bytes of the IP packet, as its header or the capture says */
    uint32_t payload;         /* of them, bytes above the transport's header */
    uint32_t captured;        /* of these, bytes that there are from `start` on */
    uint32_t sequence;        /* of TCP */
    uint32_t acknowledged;
    uint32_t id;              /* identification in the IP header */
    uint16_t src_port;        /* of ICMP its type and code */
    uint16_t dst_port;
    uint16_t protocol;        /* number in the IP header, 0x0806 of ARP */
    uint16_t vlan;            /* the outermost, 0 for none */
    uint16_t window;
    uint8_t family;           /* 4 or 6 */
    uint8_t flags;            /* of TCP */
    uint8_t ttl;
    uint8_t fragment;         /* 0 whole, 1 the first fragment, 2 a later one */
    uint8_t reply;            /* of ARP */
    uint8_t kind;             /* what its payload begins with: 1 DNS, 2 TLS hello, 3 HTTP request, 4 HTTP answer */
    uint8_t again;            /* set by the assembly: its payload was there before, or was not the next */
    uint8_t side;             /* set by the assembly: 0 from who began, 1 from the other */
    uint8_t unused[2];
} amiss_packet;

/* The packets in `bytes`, of which `capture->done` is dealt with; the rest is to be put before the next block. Stops when
 * `capacity` packets are there. Those that can be no part of a flow are counted in `capture` and left out. */
int64_t amiss_packets(const uint8_t *bytes, int64_t length, amiss_capture *capture, amiss_packet *packets,
                      int64_t capacity);

/* One packet's bytes that come with no file: 0 if it can be part of a flow, otherwise why not, as `capture` counts:
 * 1 other, 2 damaged, 3 unknown. `original` is its length before it was shortened. */
int32_t amiss_dissect(const uint8_t *bytes, int64_t length, int64_t original, int32_t link, amiss_packet *packet);

/* A question or an answer to a name server. */
typedef struct {
    int64_t packet;           /* position of the packet */
    int64_t name;             /* where its name begins in `text` */
    int32_t name_length;
    int32_t type;             /* of record */
    uint16_t id;
    uint16_t answer;          /* whether it is one */
    uint16_t code;
    uint16_t question;        /* position of the question in the message */
} amiss_question;

/* The questions in the payloads that are DNS, from packet `first[0]` on; `first[0]` is moved on to where room ran out.
 * Names are in lower case, their bytes that are no letters, digits, '-', '_' or '.' as '?'. */
int64_t amiss_questions(const uint8_t *bytes, int64_t length, const amiss_packet *packets, int64_t n_packets,
                        int64_t *first, amiss_question *questions, int64_t capacity, uint8_t *text,
                        int64_t text_capacity);
