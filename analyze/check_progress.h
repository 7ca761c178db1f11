/* check_progress.h -- C7, a liveness check with a bound, so that a finite trace can break it. */
#ifndef FAULTLINE_CHECK_PROGRESS_H
#define FAULTLINE_CHECK_PROGRESS_H

#include "check.h"

#define PROGRESS_NS    INT64_C(10000000000) /* so long may clients of a healthy majority go without success */
#define PROGRESS_TRIES 10                   /* and they must have asked so often: single requests may be lost */

enum verdict check_progress(struct check_run *c);

#endif
