/* Force-included by the compiler (-include): functions that this code base does not use become compile errors. Function-like macros, so that
 * members and parameters of the same name in library headers stay possible. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#define BANNED(name) this_function_is_banned_##name##_see_base_banned_h
#define strcpy(...) BANNED(strcpy)
#define strcat(...) BANNED(strcat)
#define strncpy(...) BANNED(strncpy)
#define strncat(...) BANNED(strncat)
#define sprintf(...) BANNED(sprintf)
#define vsprintf(...) BANNED(vsprintf)
#define strtok(...) BANNED(strtok)
#define strtok_r(...) BANNED(strtok_r)
#define gmtime(...) BANNED(gmtime)
#define localtime(...) BANNED(localtime)
#define ctime(...) BANNED(ctime)
#define asctime(...) BANNED(asctime)
#define mktemp(...) BANNED(mktemp)
#define tmpnam(...) BANNED(tmpnam)
#define system(...) BANNED(system)
#define popen(...) BANNED(popen)
#define rand(...) BANNED(rand)
#define srand(...) BANNED(srand)
#define atoi(...) BANNED(atoi)
#define atol(...) BANNED(atol)
#define atof(...) BANNED(atof)
#define sscanf(...) BANNED(sscanf)
#define setenv(...) BANNED(setenv)
#endif
