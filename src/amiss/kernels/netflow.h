/* Records of flows from datagrams of NetFlow 5 and 9 and IPFIX. Nothing in a datagram is trusted.
 *
 * bytes, offsets (n_datagrams + 1): the datagrams one behind the other; exporter (n_datagrams): who sent each.
 * slots, (n_slots, 6), and fields, (n_slots, 2 * most_fields): the templates known, a table with open addressing that
 * is carried on and forgotten as a whole when three quarters are taken; n_slots is a power of two. A slot holds the
 * exporter + 1 (0: empty), the observation domain, version << 16 | template, the number of fields (−1: withdrawn), the
 * least length of a record (0: it varies), and whether it tells of flows; a field what it says (see netflow.c) and its
 * length (65535: it varies).
 * reals (room, 7): start, end, packets, bytes, packets back, bytes back, sampling; NaN where nothing is said.
 * wholes (room, 8): ports of source and target, protocol, flags, flags back, VLAN, exporter, datagram.
 * addresses (room, 32): source and target, IPv4 as ::ffff:a.b.c.d.
 * told (n_datagrams, 5): version, domain, sequence number, records, and what is wrong (0 nothing, 1 shorter than a
 * header, 2 of another version, 3 cut, 4 a set that cannot be, 5 a template that cannot be).
 * waiting (wait_room, 3): datagram, first byte and length of sets whose template is not known.
 * counts (6): records, waiting sets, sets that waiting had no room for, templates learnt, templates in the table,
 * times that all were forgotten. The last two are carried on, the others written.
 *
 * Gives the number of datagrams read: fewer where the room may not suffice for the next one, which is never wider than
 * its bytes. */
int64_t amiss_netflow(const uint8_t *bytes, const int64_t *offsets, const int32_t *exporter, int64_t n_datagrams,
                      int64_t *slots, int32_t *fields, int64_t n_slots, int64_t most_fields, int64_t room,
                      double *reals, int32_t *wholes, uint8_t *addresses, int64_t *told, int64_t wait_room,
                      int64_t *waiting, int64_t *counts);
