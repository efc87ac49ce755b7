/* The headers of one packet: from its link to its innermost transport.
 *
 * Never is a byte read beyond `length`, whatever the bytes before say of it.
 */
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

/* One packet's bytes that come with no file: 0 if it can be part of a flow, otherwise why not, as `capture` counts:
 * 1 other, 2 damaged, 3 unknown. `original` is its length before it was shortened. */
int32_t amiss_dissect(const uint8_t *bytes, int64_t length, int64_t original, int32_t link, amiss_packet *packet);
