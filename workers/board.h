/* board.h -- what a runner and the loop both see of the calls on their way between them.
 *
 * The loop hands a runner a few calls at once, so that one wake-up serves them all; but a call that
 * has not begun must stay the loop's to take back: when it is cancelled, when another runner is
 * idle, when this one dies. So each call has a place on the board, and whoever changes its word from
 * SENT first has it: the runner by TAKEN, the loop by BACK. A word has the call's number in it,
 * which is never used twice, so a message about a call that was taken back matches nothing.
 *
 * Between processes a board is a page of shared memory, and what a runner puts there is only ever
 * compared or shown. When a runner has died it tells which call it died of. */
#ifndef OURO__BOARD_H
#define OURO__BOARD_H
#include <stdbool.h>
#include <stdint.h>

#define BOARD_PLACES 16
#define BOARD_PAGE   4096

enum board_state { BOARD_BACK, BOARD_SENT, BOARD_TAKEN, BOARD_DONE };

struct board_place {
	uint64_t word; /* the call's number, times 4, and its state */
	uint64_t began, ended;
};

struct board {
	struct board_place place[BOARD_PLACES];
	uint64_t cancelled; /* the number of the call that nobody waits for any more */
	uint64_t resident;  /* bytes, see limit.h */
	uint64_t id;        /* of the process or thread */
};

static inline struct board_place *board_place(struct board *board, uint64_t number)
{
	return &board->place[number % BOARD_PLACES];
}

static inline void board_send(struct board *board, uint64_t number)
{
	__atomic_store_n(&board_place(board, number)->word, number * 4 + BOARD_SENT,
			 __ATOMIC_RELEASE);
}

/* From SENT to another; false: it was not there any more. */
static inline bool board_claim(struct board *board, uint64_t number, enum board_state state)
{
	uint64_t sent = number * 4 + BOARD_SENT;

	return __atomic_compare_exchange_n(&board_place(board, number)->word, &sent,
					   number * 4 + state, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

static inline void board_done(struct board *board, uint64_t number)
{
	__atomic_store_n(&board_place(board, number)->word, number * 4 + BOARD_DONE,
			 __ATOMIC_RELEASE);
}

static inline enum board_state board_look(struct board *board, uint64_t number)
{
	uint64_t word = __atomic_load_n(&board_place(board, number)->word, __ATOMIC_ACQUIRE);

	return word / 4 == number ? (enum board_state)(word % 4) : BOARD_BACK;
}

static inline uint64_t board_read(const uint64_t *figure)
{
	return __atomic_load_n(figure, __ATOMIC_RELAXED);
}

static inline void board_write(uint64_t *figure, uint64_t value)
{
	__atomic_store_n(figure, value, __ATOMIC_RELAXED);
}
#endif
