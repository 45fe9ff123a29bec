"""The order of the rows in an epoch: a function of a key and the number of the epoch."""

import numpy as np


def random_bits(key, counter):
    """64 random bits for each counter: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014, figure 17).

    key, counter : uint64, either may be an array.
    """
    key, counter = np.atleast_1d(np.uint64(key)), np.atleast_1d(np.asarray(counter, np.uint64))
    z = key + (counter + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def shuffle(key, epoch, order):
    """Fill `order` (int64) with a random permutation of its places.

    Fisher and Yates: D. E. Knuth, The Art of Computer Programming, volume 2, algorithm 3.4.2 P.
    """
    n = len(order)
    places = np.arange(n, dtype=np.int64)
    uniform = (random_bits(random_bits(key, epoch), places) >> np.uint64(11)) * 2.0**-53
    chosen = (uniform * (places + 1)).astype(np.int64).tolist()
    result = places.tolist()
    for last in range(n - 1, 0, -1):
        other = chosen[last]
        result[last], result[other] = result[other], result[last]
    order[:] = result
