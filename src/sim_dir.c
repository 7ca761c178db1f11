#include "sim_dir.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CANNOT_CREATE = 73, IO_ERROR = 74, COPIES_MAX = 10000 };

static int failed(int status, char err[512], const char *path, const char *what)
{
    snprintf(err, 512, "%.400s: %s", path, what);
    return status;
}

/* A directory with its parents. */
static bool make_parents(const char *path)
{
    char part[SIM_PATH_MAX];
    snprintf(part, sizeof part, "%s", path);
    for (char *p = part + 1; *p; p++)
        if (*p == '/') {
            *p = '\0';
            if (mkdir(part, 0777) != 0 && errno != EEXIST)
                return false;
            *p = '/';
        }
    return true;
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

/* True for the names that a run leaves in its directory. */
static bool of_a_run(const char *name)
{
    return strcmp(name, "run.json") == 0 || strncmp(name, "run.db", 6) == 0 || ends_with(name, ".jsonl");
}

/* How many entries are left in the directory, -1 when it cannot be read; with `remove` after the files of a run are
 * gone. */
static int entries(const char *path, bool remove_old)
{
    DIR *d = opendir(path);
    if (!d)
        return -1;
    int n = 0;
    for (struct dirent *e; (e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (!remove_old || !of_a_run(e->d_name) || unlinkat(dirfd(d), e->d_name, 0) != 0)
            n++;
    }
    closedir(d);
    return n;
}

static int make_explicit(const char *out, bool force, char err[512])
{
    size_t n = strlen(out);
    if (n == 0 || n + 64 > SIM_PATH_MAX)
        return failed(CANNOT_CREATE, err, out, "not a usable name for a directory");
    if (!make_parents(out) || (mkdir(out, 0777) != 0 && errno != EEXIST))
        return failed(CANNOT_CREATE, err, out, strerror(errno));
    int left = entries(out, force);
    if (left < 0)
        return failed(CANNOT_CREATE, err, out, strerror(errno));
    if (left > 0 && !force)
        return failed(CANNOT_CREATE, err, out,
                      "not empty; name another directory, or --force to replace the run in it");
    return 0;
}

static int make_default(const char *name, uint64_t seed, char shown[SIM_PATH_MAX], char err[512])
{
    if (mkdir("runs", 0777) != 0 && errno != EEXIST)
        return failed(CANNOT_CREATE, err, "runs", strerror(errno));
    for (int copy = 1; copy <= COPIES_MAX; copy++) {
        char suffix[16] = "";
        if (copy > 1)
            snprintf(suffix, sizeof suffix, ".%d", copy);
        snprintf(shown, SIM_PATH_MAX, "runs/%s-%" PRIu64 "%s", name, seed, suffix);
        if (mkdir(shown, 0777) == 0) {
            /* A link that is there is replaced; anything else of that name is not ours. */
            struct stat st;
            if (lstat("runs/latest", &st) != 0 || S_ISLNK(st.st_mode)) {
                unlink("runs/latest");
                if (symlink(shown + 5, "runs/latest") != 0)
                    return failed(CANNOT_CREATE, err, "runs/latest", strerror(errno));
            }
            return 0;
        }
        if (errno != EEXIST)
            break;
    }
    return failed(CANNOT_CREATE, err, shown, strerror(errno));
}

int sim_dir_make(const char *out, const char *name, uint64_t seed, bool force, char dir[SIM_PATH_MAX],
                 char shown[SIM_PATH_MAX], char err[512])
{
    int rc;
    if (out) {
        snprintf(shown, SIM_PATH_MAX, "%s", out);
        rc = make_explicit(out, force, err);
    } else
        rc = make_default(name, seed, shown, err);
    if (rc)
        return rc;
    char *real = realpath(shown, NULL);
    if (!real || strlen(real) >= SIM_PATH_MAX) {
        free(real);
        return failed(CANNOT_CREATE, err, shown, real ? "its path is too long" : strerror(errno));
    }
    strcpy(dir, real);
    free(real);
    return 0;
}

int sim_dir_write(const char *dir, const json_t *run, char err[512])
{
    char path[SIM_PATH_MAX + 16], part[SIM_PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/run.json", dir);
    snprintf(part, sizeof part, "%s.part", path);
    FILE *f = fopen(part, "we");
    if (!f)
        return failed(IO_ERROR, err, part, strerror(errno));
    bool written = json_dumpf(run, f, JSON_INDENT(2) | JSON_REAL_PRECISION(12)) == 0 && fputc('\n', f) != EOF;
    written = (fclose(f) == 0) && written;
    if (!written || rename(part, path) != 0) {
        int rc = failed(IO_ERROR, err, path, strerror(errno));
        unlink(part);
        return rc;
    }
    return 0;
}
