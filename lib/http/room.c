/* room.c -- one message to many. See ouro/room.h.
 *
 * Of each message there is at most one frame and one event, made when the first member needs it,
 * and each queue borrows it. Only a WebSocket on whose client's side we are gets a copy, since the
 * mask makes each a different one.
 *
 * Members are taken off the list and put back one by one, so that who is told of a slow one may
 * close or remove any of them. */
#include "base/alloc.h"
#include "http/events.h"
#include "http/ws.h"
#include <errno.h>

struct ouro_room {
	struct list sockets, streams;
	size_t count;
	uint64_t missed;
	ouro_room_opts opts;
};

/* A message, in the forms that were needed so far. */
struct words {
	enum ws_op op;
	ouro_str text;
	const ouro_event *event;
	struct cast *frame, *chunk;
};

ouro_room *ouro_room_new(const ouro_room_opts *opts)
{
	ouro_room *room = ouro__alloc(sizeof(*room));

	if (!room)
		return NULL;
	list_init(&room->sockets);
	list_init(&room->streams);
	room->opts = opts ? *opts : (ouro_room_opts){ .queue_max = 0 };
	if (!room->opts.queue_max)
		room->opts.queue_max = (size_t)1 << 20;
	return room;
}

void ouro__room_leave(struct list *member, struct ouro_room **at)
{
	if (*at)
		(*at)->count--;
	*at = NULL;
	list_remove(member);
}

static void enter(ouro_room *room, struct list *members, struct list *member, ouro_room **at)
{
	ouro__room_leave(member, at);
	list_push(members, member);
	room->count++;
	*at = room;
}

void ouro_room_free(ouro_room *room)
{
	if (!room)
		return;
	list_each_safe (at, &room->sockets)
		ouro_room_remove_ws(list_of(at, struct ouro_ws, member));
	list_each_safe (at, &room->streams)
		ouro_room_remove_feed(list_of(at, struct ouro_feed, member));
	ouro__free(room);
}

int ouro_room_add_ws(ouro_room *room, ouro_ws *ws)
{
	int err = ouro__ws_refuse(ws);

	if (err)
		return err;
	enter(room, &room->sockets, &ws->member, &ws->room);
	return 0;
}

int ouro_room_add_feed(ouro_room *room, ouro_feed *feed)
{
	ouro__feed_check(feed);
	if (feed->base.closing)
		return OURO_ECLOSED;
	enter(room, &room->streams, &feed->member, &feed->room);
	return 0;
}

void ouro_room_remove_ws(ouro_ws *ws)
{
	ouro__ws_check(ws);
	ouro__room_leave(&ws->member, &ws->room);
}

void ouro_room_remove_feed(ouro_feed *feed)
{
	ouro__feed_check(feed);
	ouro__room_leave(&feed->member, &feed->room);
}

/* ---- To one ---- */

static int need_frame(struct words *words)
{
	struct cast *cast;
	size_t head;

	if (words->frame)
		return 0;
	if (words->text.len > SIZE_MAX - WS_HEAD_MAX)
		return -ENOMEM;
	cast = ouro__cast_new(words->text.len + WS_HEAD_MAX);
	if (!cast)
		return -ENOMEM;
	head = ouro__ws_head(cast->bytes, words->op, words->text.len, NULL);
	if (words->text.len)
		memcpy(cast->bytes + head, words->text.ptr, words->text.len);
	cast->len = head + words->text.len;
	cast->sheds = true;
	words->frame = cast;
	return 0;
}

static int queue_frame(ouro_ws *ws, struct cast *cast)
{
	ouro_stream *stream = &ws->stream;
	int64_t n = ouro__cast_queue(cast, &stream->out, stream->net, 0, cast->len);

	if (!n)
		n = ouro_stream_write(stream, (ouro_str){ "", 0 });
	return n < 0 ? (int)n : 0;
}

static int send_ws(ouro_room *room, ouro_ws *ws, struct words *words)
{
	size_t missed = 0;
	int err = ouro__ws_refuse(ws);

	if (!err)
		err = need_frame(words);
	if (!err)
		err = ouro__slow_make_room(&ws->stream.out, words->frame->len, room->opts.queue_max,
					   room->opts.slow, &missed);
	room->missed += missed;
	if (!err && ws->terms->client) {
		int64_t n = ouro__ws_send(ws, words->op, words->text);

		return n < 0 ? (int)n : 0;
	}
	return err ? err : queue_frame(ws, words->frame);
}

static int send_feed(ouro_room *room, ouro_feed *feed, struct words *words)
{
	ouro_event plain = { .data = words->text };
	size_t missed = 0;
	int64_t n = 0;

	if (feed->base.closing)
		return OURO_ECLOSED;
	if (!words->chunk)
		n = ouro__event_encode(words->event ? words->event : &plain, &words->chunk);
	if (!n)
		n = ouro__slow_make_room(&feed->req->out, words->chunk->len, room->opts.queue_max,
					 room->opts.slow, &missed);
	room->missed += missed;
	if (!n)
		n = ouro__feed_queue(feed, words->chunk);
	return n < 0 ? (int)n : 0;
}

/* It does not fit: ws or feed. */
static void be_slow(ouro_room *room, ouro_ws *ws, ouro_feed *feed)
{
	room->missed++;
	if (room->opts.slow == OURO_SLOW_TELL && room->opts.on_slow)
		room->opts.on_slow(room, ws, feed, room->opts.arg);
	if (room->opts.slow != OURO_SLOW_DROP_CLIENT)
		return;
	if (ws)
		ouro_ws_cut(ws);
	if (feed)
		ouro__feed_cut(feed);
}

/* ---- To all ---- */

static int to_sockets(ouro_room *room, struct words *words, int64_t *ret_count)
{
	struct list rest, *link;
	int err = 0;

	list_init(&rest);
	list_move_all(&rest, &room->sockets);
	while ((link = list_shift(&rest))) {
		ouro_ws *ws = list_of(link, struct ouro_ws, member);

		list_push(&room->sockets, link);
		err = words->frame ? 0 : need_frame(words);
		if (err)
			break;
		err = send_ws(room, ws, words);
		*ret_count += !err;
		if (err == OURO_EBUSY)
			be_slow(room, ws, NULL);
		err = 0;
	}
	list_move_all(&room->sockets, &rest);
	return err;
}

static int to_streams(ouro_room *room, struct words *words, int64_t *ret_count)
{
	struct list rest, *link;
	int err = 0;

	list_init(&rest);
	list_move_all(&rest, &room->streams);
	while ((link = list_shift(&rest))) {
		ouro_feed *feed = list_of(link, struct ouro_feed, member);

		list_push(&room->streams, link);
		err = send_feed(room, feed, words);
		*ret_count += !err;
		if (err == OURO_EBUSY)
			be_slow(room, NULL, feed);
	}
	list_move_all(&room->streams, &rest);
	return err && !words->chunk ? err : 0;
}

static int64_t send_words(ouro_room *room, struct words *words)
{
	int64_t count = 0;
	int err = to_sockets(room, words, &count);

	if (!err && words->op == WS_TEXT)
		err = to_streams(room, words, &count);
	ouro__cast_drop(words->frame);
	ouro__cast_drop(words->chunk);
	return count || !err ? count : err;
}

int64_t ouro_room_text(ouro_room *room, ouro_str text)
{
	if (!ouro__is_utf8(text.ptr, text.len))
		return -EINVAL;
	return send_words(room, &(struct words){ .op = WS_TEXT, .text = text });
}

int64_t ouro_room_binary(ouro_room *room, ouro_str bytes)
{
	return send_words(room, &(struct words){ .op = WS_BINARY, .text = bytes });
}

int64_t ouro_room_event(ouro_room *room, const ouro_event *event)
{
	struct words words = { .op = WS_TEXT, .text = event->data, .event = event };
	int err = ouro__is_utf8(event->data.ptr, event->data.len) ? 0 : -EINVAL;

	if (!err)
		err = ouro__event_encode(event, &words.chunk); /* refused before anybody has it */
	return err ? err : send_words(room, &words);
}

size_t ouro_room_count(const ouro_room *room)
{
	return room->count;
}

uint64_t ouro_room_missed(const ouro_room *room)
{
	return room->missed;
}
