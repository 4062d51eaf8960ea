/* save.h -- a body on its way into a file. */
#ifndef OURO__SAVE_H
#define OURO__SAVE_H
#include "http/core.h"

/* Tells the handler, if the file is done. */
void ouro__save_tell(ouro_req *req);

/* The request has been answered: the file is not wanted any more. */
void ouro__save_abandon(ouro_req *req);
#endif
