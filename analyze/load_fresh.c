/* load_fresh.c -- is a run's database still the one its traces make? */
#include "load.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "db.h"

static bool later(const struct stat *a, const struct stat *b)
{
    if (a->st_mtim.tv_sec != b->st_mtim.tv_sec)
        return a->st_mtim.tv_sec > b->st_mtim.tv_sec;
    return a->st_mtim.tv_nsec > b->st_mtim.tv_nsec;
}

bool load_needed(const char *dir, const char *db_path)
{
    struct stat db, trace;
    bool any = false, changed = false;
    bool there = stat(db_path, &db) == 0;
    DIR *d = opendir(dir);
    const struct dirent *e;
    while (d != NULL && (e = readdir(d)) != NULL) {
        size_t n = strlen(e->d_name);
        char path[8192];
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        if (n <= 6 || e->d_name[0] == '.' || strcmp(e->d_name + n - 6, ".jsonl") != 0 || stat(path, &trace) != 0)
            continue;
        any = true;
        changed = changed || (there && later(&trace, &db));
    }
    if (d != NULL)
        closedir(d);
    return !there || (any && (changed || db_kind(db_path) == DB_OURS_OTHER_VERSION));
}
