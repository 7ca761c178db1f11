/* bench_load.c -- how fast a run of a million records becomes a database, and is checked.
 *
 * bench_load [RECORDS] [DIR]: with DIR the traces and the database are kept there. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../analyze/check.h"
#include "../../analyze/load.h"
#include "load_floor.h"
#include "run_make.h"
#include "trace.h"

static double now(void)
{
    return (double)trace_mono_ns() / 1e9;
}

static double seconds_of(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* Runs `job` in a child; its exit status, seconds, CPU seconds and peak memory in MB. */
static int measured(int (*job)(const char *), const char *arg, double *seconds, double *cpu, double *mb)
{
    double start = now();
    struct rusage used;
    int status = 0;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(job(arg));
    if (pid < 0 || wait4(pid, &status, 0, &used) != pid)
        return 1;
    *seconds = now() - start;
    *cpu = seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
    *mb = (double)used.ru_maxrss / 1024;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int load_job(const char *dir)
{
    return load_run(&(struct load_options){.paths = &dir, .n_paths = 1, .quiet = true}, NULL);
}

static int check_job(const char *dir)
{
    char path[4200];
    struct db db;
    enum verdict v;
    snprintf(path, sizeof path, "%s/run.db", dir);
    bool ok = db_open(&db, path, true) && check_all(&db, &(struct check_options){.only = NULL}, &v);
    if (!ok)
        fprintf(stderr, "%s\n", db.err);
    db_close(&db);
    return ok ? 0 : 1;
}

static double size_mb(const char *dir, const char *name)
{
    char path[4200];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return stat(path, &st) == 0 ? (double)st.st_size / 1e6 : 0;
}

static double traces_mb(const char *dir)
{
    double sum = size_mb(dir, "sim.1.jsonl");
    for (int i = 0; i < RUN_MAKE_REPLICAS; i++) {
        char name[32];
        snprintf(name, sizeof name, "%04d.1.jsonl", i);
        sum += size_mb(dir, name);
    }
    return sum;
}

static int shell(const char *command)
{
    return system(command) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    int64_t records = argc > 1 ? strtoll(argv[1], NULL, 10) : 1000000;
    char dir[4096], command[9000];
    double seconds, cpu, mb, import_s, import_cpu, floor_s, floor_cpu, unused;
    const char *tmp = getenv("TMPDIR");
    snprintf(dir, sizeof dir, "%s/bench-load-XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (argc > 2)
        snprintf(dir, sizeof dir, "%s", argv[2]);
    else if (mkdtemp(dir) == NULL)
        return 1;

    double start = now();
    records = run_make(dir, records);
    printf("generate %9" PRId64 " records of %.0f bytes in %6.2f s\n", records, traces_mb(dir) * 1e6 / (double)records,
           now() - start);
    if (measured(load_job, dir, &seconds, &cpu, &mb) != 0)
        return 1;
    printf("load     %9.0f records/s, %.2f s (CPU %.2f s), peak memory %.0f MB (indexes and edges included)\n",
           (double)records / seconds, seconds, cpu, mb);
    printf("database %9.0f MB, %.2f times the %.0f MB of its traces\n", size_mb(dir, "run.db"),
           size_mb(dir, "run.db") / traces_mb(dir), traces_mb(dir));
    if (measured(load_floor, dir, &floor_s, &floor_cpu, &unused) != 0)
        return 1;
    printf("SQLite itself, the same rows and indexes: %.2f s (CPU %.2f s); load takes %.2f times its CPU\n", floor_s,
           floor_cpu, cpu / floor_cpu);

    snprintf(command, sizeof command,
             "command -v sqlite3 >/dev/null && sqlite3 -csv %s/run.db 'SELECT * FROM records' >%s/records.csv", dir,
             dir);
    if (shell(command) == 0) {
        snprintf(command, sizeof command,
                 "sqlite3 %s/import.db 'PRAGMA journal_mode=OFF' 'PRAGMA synchronous=OFF'"
                 " 'CREATE TABLE records(id,run_id,node,boot,seq,t,lc,ev,cause,term,role,c,a,l,source_id,line,body)'"
                 " '.import --csv %s/records.csv records' >/dev/null",
                 dir, dir);
        if (measured(shell, command, &import_s, &import_cpu, &unused) == 0)
            printf("sqlite3 .import of the same rows, no index, nothing derived: %.2f s (CPU %.2f s);"
                   " load takes %.1f times its CPU\n",
                   import_s, import_cpu, cpu / import_cpu);
    }
    double check_s, check_cpu;
    if (measured(check_job, dir, &check_s, &check_cpu, &mb) != 0)
        return 1;
    printf("check    %9.0f records/s, %.2f s (CPU %.2f s, %.2f of load's), peak memory %.0f MB\n",
           (double)records / check_s, check_s, check_cpu, check_cpu / cpu, mb);
    if (argc > 2)
        return 0;
    snprintf(command, sizeof command, "rm -r %s", dir);
    return shell(command);
}
