/* Where a row of things (images, features) is cut into pieces that threads share out. Where the
 * cuts lie follows from the numbers alone, so that no sum over a piece depends on the threads.
 *
 * Threads begin at both ends of the row (team.h) and meet somewhere about its middle. Pieces are
 * alike but for the two there, of which a quarter each is cut off: threads are never equally fast,
 * and who has to wait at the end shall wait for a small piece only. With eight pieces and speeds
 * that differ by up to 15 %, two threads lose 1.4 % of their time so instead of 4 %, as with 32
 * pieces. */
#ifndef LIPSWEEP_WORKER_CUTS_H
#define LIPSWEEP_WORKER_CUTS_H

#include <stddef.h>

struct cuts {
    size_t things, whole; /* pieces before two were cut; less than two: a single piece */
};

enum { CUTS_QUARTERS = 4, CUTS_MORE = 2 /* pieces, by cutting two */ };

/* Up to so many whole pieces; a quarter of one holds at least one thing. */
static inline struct cuts cuts_of(size_t things, size_t most)
{
    size_t worth = things / CUTS_QUARTERS;
    return (struct cuts){things, worth < most ? worth : most};
}

static inline size_t cuts_count(const struct cuts *cuts)
{
    return cuts->whole > 1 ? cuts->whole + CUTS_MORE : 1;
}

/* The second of the small ones: it begins in the middle. */
static inline size_t cuts_middle(const struct cuts *cuts)
{
    return cuts->whole > 1 ? cuts->whole / 2 + 1 : 0;
}

/* The first thing of a piece; of the last piece and one, their number. */
static inline size_t cuts_start(const struct cuts *cuts, size_t piece)
{
    size_t middle = cuts_middle(cuts), quarters = CUTS_QUARTERS * piece;
    if (cuts->whole < 2) {
        return piece > 0 ? cuts->things : 0;
    }
    if (piece > middle + 1) {
        quarters -= CUTS_QUARTERS * CUTS_MORE;
    } else if (piece + 1 >= middle) {
        quarters = CUTS_QUARTERS * (middle - 1) + piece - middle;
    }
    return cuts->things * quarters / (CUTS_QUARTERS * cuts->whole);
}

#endif
