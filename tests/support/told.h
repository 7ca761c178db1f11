/* told.h -- for tests: what `analyze explain` says of a violation is part of the test.
 *
 * The stories are in tests/told/TEST.txt, TEST being the test program. FAULTLINE_TOLD=write in the environment adds
 * what is missing there instead of failing; to renew them all, delete the file first, and read what comes. */
#ifndef FAULTLINE_TEST_TOLD_H
#define FAULTLINE_TEST_TOLD_H

#include "../../analyze/db.h"

/* The story of the first violation of `check`, told of a run whose files are in `dir`, must be among the stories of
 * this test program under "== title". Its class must be in the table of classes. */
void told(struct db *db, const char *check, const char *title, const char *dir);

#endif
