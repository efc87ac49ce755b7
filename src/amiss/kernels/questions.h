/* What name servers are asked for, in the payloads of packets. */
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
