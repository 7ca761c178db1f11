#include "sim_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { USAGE = 64, CANNOT_CREATE = 73, IO_ERROR = 74, COPIES_MAX = 10000, NAME_LEN_MAX = 200 };
static const char schema[] = "faultline-run/1";

static int failed(int status, char err[512], const char *path, const char *what)
{
    snprintf(err, 512, "%.350s: %s", path, what);
    for (char *p = err; *p; p++) /* a name may hold anything; it goes to a terminal */
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    return status;
}

bool sim_dir_parents(const char *path)
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

/* True for what a run leaves in its directory: files of these names, the database of analyze, and traces,
 * NAME.BOOT.jsonl.
 */
static bool of_a_run(const char *name)
{
    static const char *const ours[] = {"run.json", "scenario.json", "decisions.jsonl", "rerun.sh", "report.txt"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strcmp(name, ours[i]) == 0)
            return true;
    if (strncmp(name, "run.db", 6) == 0)
        return true;
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    size_t n = strspn(name, plain);
    if (n == 0 || name[n] != '.')
        return false;
    const char *boot = name + n + 1;
    n = strspn(boot, "0123456789");
    return n > 0 && strcmp(boot + n, ".jsonl") == 0;
}

/* Removes what our replicas keep in data/: ID.db, with what SQLite puts beside it. */
static void remove_data(int in)
{
    int fd = openat(in, "data", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (!d) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (struct dirent *e; (e = readdir(d));)
        if (strspn(e->d_name, "0123456789ABCDEF") == 4 && strncmp(e->d_name + 4, ".db", 3) == 0)
            unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    unlinkat(in, "data", AT_REMOVEDIR);
}

/* How many entries the directory has, -1 when it cannot be read; with `remove_old` the files of a run are removed. */
static int entries(const char *path, bool remove_old)
{
    DIR *d = opendir(path);
    if (!d)
        return -1;
    int n = 0;
    for (struct dirent *e; (e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        n++;
        if (remove_old && of_a_run(e->d_name))
            unlinkat(dirfd(d), e->d_name, 0);
        else if (remove_old && strcmp(e->d_name, "data") == 0)
            remove_data(dirfd(d));
    }
    closedir(d);
    return n;
}

/* A run was here: its run.json says so. */
static bool holds_a_run(const char *dir)
{
    char path[SIM_PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/run.json", dir);
    json_t *run = json_load_file(path, 0, NULL);
    const char *is = json_string_value(json_object_get(run, "schema"));
    bool held = is && strcmp(is, schema) == 0;
    json_decref(run);
    return held;
}

/* The replicas get the last component of the path as the name of their run, and refuse one like this. */
static bool usable_name(const char *path)
{
    size_t n = strlen(path);
    while (n > 0 && path[n - 1] == '/')
        n--;
    size_t len = 0;
    for (; len < n && path[n - len - 1] != '/'; len++) {
        unsigned char c = (unsigned char)path[n - len - 1];
        if (c < 0x20 || c == 0x7f)
            return false;
    }
    return len <= NAME_LEN_MAX;
}

/* Takes the directory for this process, for as long as it lasts. A file system without locks is used without. */
static int take(const char *path, int *lock, char err[512])
{
    *lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*lock < 0)
        return failed(CANNOT_CREATE, err, path, strerror(errno));
    if (flock(*lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        close(*lock);
        *lock = -1;
        return failed(CANNOT_CREATE, err, path, "another run is going on in it; name another directory");
    }
    return 0;
}

static int make_explicit(const char *out, char err[512])
{
    size_t n = strlen(out);
    if (n == 0 || n + 64 > SIM_PATH_MAX)
        return failed(CANNOT_CREATE, err, out, "not a usable name for a directory");
    if (!usable_name(out))
        return failed(USAGE, err, out,
                      "the last part of its name must have at most 200 bytes and no control characters");
    if (!sim_dir_parents(out) || (mkdir(out, 0777) != 0 && errno != EEXIST))
        return failed(CANNOT_CREATE, err, out, strerror(errno));
    return 0;
}

/* An explicit directory that was there before: empty, or, with `force`, one that held a run. */
static int make_empty(const char *out, bool force, char err[512])
{
    int n = entries(out, false);
    if (n < 0)
        return failed(CANNOT_CREATE, err, out, strerror(errno));
    if (n == 0)
        return 0;
    if (!force)
        return failed(CANNOT_CREATE, err, out,
                      "not empty; name another directory, or --force to replace the run in it");
    if (!holds_a_run(out))
        return failed(CANNOT_CREATE, err, out,
                      "not empty, and it has no run.json of a run, so --force removes nothing; name another directory");
    entries(out, true);
    return 0;
}

/* Lets runs/latest point to the new run. It is renamed into place: another run that starts now does the same. In vain
 * is no more than a warning. A link that is there is replaced; anything else of that name is not ours. */
static void link_latest(const char *shown, char err[512])
{
    struct stat st;
    char new_link[64];
    if (lstat("runs/latest", &st) == 0 && !S_ISLNK(st.st_mode))
        return;
    snprintf(new_link, sizeof new_link, "runs/.latest.%ld", (long)getpid());
    unlink(new_link);
    if (symlink(shown + strlen("runs/"), new_link) != 0 || rename(new_link, "runs/latest") != 0) {
        failed(0, err, "runs/latest does not point to this run", strerror(errno));
        unlink(new_link);
    }
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
            link_latest(shown, err);
            return 0;
        }
        if (errno != EEXIST)
            break;
    }
    return failed(CANNOT_CREATE, err, shown, strerror(errno));
}

int sim_dir_make(const char *out, const char *name, uint64_t seed, bool force, struct sim_dir *d, char err[512])
{
    *d = (struct sim_dir){.lock = -1};
    err[0] = '\0';
    if (out)
        snprintf(d->shown, sizeof d->shown, "%s", out);
    int rc = out ? make_explicit(out, err) : make_default(name, seed, d->shown, err);
    if (rc)
        return rc;
    char *real = realpath(d->shown, NULL);
    if (!real || strlen(real) >= sizeof d->path) {
        rc = failed(CANNOT_CREATE, err, d->shown, real ? "its path is too long" : strerror(errno));
        free(real);
        return rc;
    }
    strcpy(d->path, real);
    free(real);
    if (!usable_name(d->path))
        return failed(USAGE, err, d->path,
                      "the last part of its name must have at most 200 bytes and no control characters");
    rc = take(d->path, &d->lock, err);
    if (rc == 0 && out && (rc = make_empty(out, force, err)) != 0)
        sim_dir_release(d);
    return rc;
}

int sim_dir_data(const struct sim_dir *d, char path[SIM_PATH_MAX + 8], char err[512])
{
    snprintf(path, SIM_PATH_MAX + 8, "%s/data", d->path);
    if (mkdir(path, 0777) == 0)
        return 0;
    return failed(CANNOT_CREATE, err, path,
                  errno == EEXIST ? "it holds more than replicas leave there; remove it, or name another directory"
                                  : strerror(errno));
}

void sim_dir_release(struct sim_dir *d)
{
    if (d->lock >= 0)
        close(d->lock);
    d->lock = -1;
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
