/* The directory of a case that was run. */
#include "sim_case.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "sim_dir.h"
#include "sim_one.h"
#include "sim_report.h"
#include "sim_save.h"

static int write_summary(const struct sim_config *cfg, const struct sim_options *o, struct sim_result *r, int status,
                         char **argv, const struct sim_case_of *of, json_t *about, const char *dir, char err[512])
{
    char *rerun = sim_options_rerun(o, argv[0]);
    json_t *run = sim_describe(o, cfg, (const char *const *)argv, rerun, of->version);
    sim_report_json(run, cfg, r, status);
    if (about)
        json_object_update(run, about);
    int rc = sim_dir_write(dir, run, err);
    json_decref(run);
    free(rerun);
    return rc;
}

int sim_case_keep(const struct sim_case *c, const struct sim_case_of *of, struct sim_result *r,
                  const struct sim_failure *f, char **argv, json_t *about, char err[SIM_CONFIG_ERR])
{
    struct sim_config cfg;
    struct sim_dir d = {.lock = -1};
    struct sim_options o = *of->o;
    if (!sim_case_config(c, of->o, &cfg, err))
        return 65;
    int rc = sim_dir_make(o.out, cfg.name, c->seed, o.force, &d, err);
    o.seed = c->seed;
    o.replay = d.shown;
    if (rc == 0)
        rc = sim_save(r, &cfg, d.path, err);
    if (rc == 0)
        rc = write_summary(&cfg, &o, r, f->status, argv, of, about, d.path, err);
    if (rc == 0)
        printf("run directory %s\n", d.shown);
    sim_dir_release(&d);
    sim_config_free(&cfg);
    return rc;
}
