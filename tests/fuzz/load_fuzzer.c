/* A libFuzzer target: any bytes as a trace, loaded, checked and exported: whatever a trace says, the tables hold, and
 * no check fails for it. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../analyze/check.h"
#include "../../analyze/export.h"
#include "../../analyze/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void exported(struct db *db, export_fn *write)
{
    struct export e = {.db = db, .run_id = 1, .from = INT64_MIN, .to = INT64_MAX, .out = fopen("/dev/null", "w")};
    if (e.out == NULL)
        abort();
    write(&e);
    fclose(e.out);
    if (db->failed)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static char out[64];
    static FILE *said;
    if (said == NULL) {
        said = stderr;
        stderr = fopen("/dev/null", "w"); /* what load complains about; libFuzzer has a way of its own */
        snprintf(out, sizeof out, "/dev/shm/faultline-fuzz-%d.db", (int)getpid());
    }
    char path[64];
    int fd = memfd_create("bytes", MFD_CLOEXEC);
    if (fd < 0 || write(fd, bytes, n) != (ssize_t)n)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const char *const paths[] = {path};
    struct load_options o = {.paths = paths, .n_paths = 1, .out = out, .run = "r", .force = true, .quiet = true};
    int status = load_run(&o, NULL);
    if (status == 0) {
        struct db db;
        enum verdict worst;
        if (!db_open(&db, out, true) || !db_exec(&db, "PRAGMA synchronous=OFF") ||
            !check_all(&db, &(struct check_options){.budget_ns = 5000000}, &worst)) {
            fprintf(said, "%s\n", db.err);
            abort();
        }
        exported(&db, export_jepsen);
        exported(&db, export_shiviz);
        exported(&db, export_chrome);
        exported(&db, export_etcd_tla);
        db_close(&db);
    } else if (status != 65 && status != 130) { /* refused; or somebody ends the fuzzer, and load hears of it too */
        fprintf(said, "status %d\n", status);
        abort();
    }
    unlink(out);
    close(fd);
    return 0;
}
