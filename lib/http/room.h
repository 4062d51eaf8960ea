/* room.h -- what a member of a room does when it goes. See room.c. */
#ifndef OURO__ROOM_H
#define OURO__ROOM_H
#include "base/list.h"

struct ouro_room;

/* Harmless when it is in none. */
void ouro__room_leave(struct list *member, struct ouro_room **at);
#endif
