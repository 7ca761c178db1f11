/* store_walk.h -- for tests: a store on a simulated disk that does whatever a replica may ask of it, at random, and
 * what must be found after each save. */
#ifndef FAULTLINE_TESTS_STORE_WALK_H
#define FAULTLINE_TESTS_STORE_WALK_H

#include "../../src/rng.h"
#include "../../src/sim_disk.h"
#include "store_model.h"

#define WALK_DIR "disk"
#define WALK_DB  WALK_DIR "/000A.db"
#define WALK_WAL WALK_DB "-wal"

/* All that a store holds, but for the boot. */
struct walk_state {
    uint64_t term, voted, base, base_term, applied, last;
    uint64_t log, map; /* digests */
};

struct walk {
    struct sim_disk *disk;
    int checkpoint_pages;
    struct rng rng;
    struct store *store; /* NULL: not open */
    struct model m;
    uint64_t boot;           /* of the last open that returned */
    struct walk_state known; /* after the last save that returned true */
    struct walk_state next;  /* after the one that was under way, or is to come */
    uint64_t saves;          /* that returned true */
    char error[STORE_ERR_LEN];
};

/* With a disk of its own. */
void walk_init(struct walk *w, uint64_t seed, int checkpoint_pages);
void walk_free(struct walk *w);
/* Opens the store and goes on from what it finds. `sound`: that is what was known, or what the save that did not return
 * would have made of it; if not, both are printed. */
enum store_opened walk_open(struct walk *w, bool *sound);
/* One random save. False: it failed; `error` says why. */
bool walk_save(struct walk *w);
/* The store is closed, as by a process that ends; after sim_disk_halt() it only frees memory. */
void walk_close(struct walk *w);

#endif
