"""Counts the flows that NFStream makes of a capture: bare, or with its statistics."""

import sys

from nfstream import NFStreamer

if __name__ == "__main__":
    statistics = sys.argv[2] == "statistics"
    flows = NFStreamer(
        source=sys.argv[1],
        idle_timeout=120,
        active_timeout=1800,
        n_meters=1,
        n_dissections=0,
        statistical_analysis=statistics,
        decode_tunnels=True,
    )
    print(sum(1 for _ in flows))
