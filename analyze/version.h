/* version.h -- of this program, as the build found it. */
#ifndef FAULTLINE_ANALYZE_VERSION_H
#define FAULTLINE_ANALYZE_VERSION_H

extern const char analyze_version[];

#endif
